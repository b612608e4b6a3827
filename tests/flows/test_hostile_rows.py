"""Rows that no API would take, planted by SQL: whatever gets in, the best run stays the best."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from registry.db import reading, transaction
from registry.new_record import best_other
from registry.tables import Project, Run
from tests.api.scene import PROJECT, Scene
from tests.flows.boards import best, board, main, placed, run_ended

# What may be written in SQL where a number belongs.
HOSTILE = ("'NaN'", "'Infinity'", "'-Infinity'", "'zzz'", "9e999", "-9e999", "NULL")


def plant(scene: Scene, table: str, column: str, run: str, value: str) -> bool:
    """Write it past the registry, as whoever has the database's password would; False where it was refused."""
    key = "id" if table == "run" else "run_id"
    try:
        with scene.engine.begin() as connection:
            connection.exec_driver_sql(f"""UPDATE "{table}" SET {column} = {value} WHERE {key} = '{run}'""")
    except DBAPIError:
        return False
    return True


def without_checks(scene: Scene) -> None:
    """Take away what keeps such rows out."""
    if scene.engine.dialect.name == "sqlite":
        # For every connection that will be opened: those in the pool are closed.
        sa.event.listen(scene.engine, "connect", lambda raw, _: raw.execute("PRAGMA ignore_check_constraints = ON"))
        scene.engine.dispose()
        return
    with scene.engine.begin() as connection:
        for table, name in (("run", "headline"), ("placing", "headline"), ("placing", "recomputed")):
            connection.exec_driver_sql(f'ALTER TABLE "{table}" DROP CONSTRAINT ck_{table}_{name}_finite')


COLUMNS = (("run", "headline"), ("placing", "headline"), ("placing", "recomputed"))


@pytest.mark.parametrize("checked", [True, False], ids=["as it is", "without its checks"])
def test_hostile_rows_never_rank(scene: Scene, checked: bool) -> None:
    """NaN, infinity, text and NULL in every column that is ranked by, planted by SQL on a run of its own each."""
    honest = run_ended(scene, 50)
    placed(scene, honest, 0.9, recomputed=0.9)
    if not checked:
        without_checks(scene)
    got_in = set()
    for number, value in enumerate(HOSTILE):
        run = run_ended(scene, number)
        placed(scene, run, 0.1, recomputed=0.1)
        taken = [plant(scene, table, column, run, value) for table, column in COLUMNS]
        assert len(set(taken)) == 1, (value, taken)
        if taken[0]:
            got_in.add(value)
    assert got_in == IN[scene.engine.dialect.name, checked]
    for direction in ("higher", "lower"):
        with transaction(scene.engine) as session:
            main(session).direction = direction
        for minimum in ("verified", "recomputed"):
            with transaction(scene.engine) as session:
                session.get_one(Project, PROJECT).minimum = minimum
            ranked = board(scene)
            kept_out = {f"brave-otter-{number}" for number, value in enumerate(HOSTILE) if value in got_in}
            assert not kept_out & set(ranked)
            assert ("brave-otter-50" in ranked, len(ranked)) == (True, 1 + len(HOSTILE) - len(got_in))
            # Those that were refused still stand with their 0.1, which leads where lower is better.
            refused = [f"brave-otter-{number}" for number, value in enumerate(HOSTILE) if value not in got_in]
            winner = refused[0] if direction == "lower" and refused else "brave-otter-50"
            assert f"{winner} by ada has the best verified" in best(scene)
            with reading(scene.engine) as session:
                newcomer = Run(id="none", project_id=PROJECT)
                found = best_other(session, newcomer, main(session))
                assert found is not None
                assert found.name == winner


# What gets in where: SQLite writes NaN as NULL by itself and reads no such words as numbers; STRICT refuses the text.
IN = {
    ("sqlite", True): {"NULL"},
    ("postgresql", True): {"NULL"},
    ("sqlite", False): {"9e999", "-9e999", "NULL"},
    ("postgresql", False): {"'NaN'", "'Infinity'", "'-Infinity'", "NULL"},
}
