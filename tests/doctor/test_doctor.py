"""The doctor on a registry that is as it was, on one from before there was a log, and the command that runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlmodel import Session, col, select

from registry import doctor, log
from registry.__main__ import main
from registry.artifacts import Store
from registry.db import connect, reading, transaction
from registry.doctor import tree
from registry.doctor.found import KINDS, Examined, written
from registry.tables import Attempt, Batch, Correction, Finding, Leaf, Project, Receipt, Run, Token
from tests.api.scene import run_id
from tests.doctor import ward
from tests.threats.office import METRIC, Office

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def small(sqlite_engine: sa.Engine, tmp_path: Path) -> tuple[Office, str]:
    return ward.make(sqlite_engine, tmp_path)


def examined(office: Office) -> Examined:
    with reading(office.scene.engine) as session:
        return doctor.examine(session, office.scene.store)


def test_an_untouched_registry_is_well(team: Office) -> None:
    found = examined(team)
    assert not found.off, [str(each) for each in found.off]
    with reading(team.scene.engine) as session:
        count = {kind: found.counts[kind] for kind in KINDS}
        assert count["leaves"] == log.size(session)
        assert count["receipts"] == len(session.exec(select(Receipt.id)).all()) >= 5
    assert (count["runs"], count["artifacts"]) == (5, 5)
    assert count["checkpoints"] >= 2
    assert str(found) == (
        f"{count['leaves']} leaves, {count['checkpoints']} checkpoints, {count['receipts']} receipts, 5 runs, "
        "5 artifacts: nothing is off"
    )


def test_everything_goes_on_and_is_still_well(small: tuple[Office, str]) -> None:
    """Looks, new rules, another main metric, a run that ends, a withdrawn key: none of it is taken for tampering."""
    office, first = small
    for metrics in ([ward.LOSS], [ward.LOSS, METRIC], [METRIC]):
        office.rules(metrics=metrics)
        assert not examined(office).off, "what was judged by the old rules is not looked at yet"
        office.look(timedelta(seconds=5))
        assert not examined(office).off, [str(each) for each in examined(office).off]
    office.again(first)
    office.rules(metrics=[METRIC], checks=["commit_reachable"], minimum="live")
    office.look(timedelta(seconds=5))
    found = examined(office)
    assert not found.off, [str(each) for each in found.off]


PLANTED = {
    "a run": ("INSERT INTO run SELECT {columns} FROM run", Run, {"id": "'01JD9999999999999999999999'"}),
    "a token": ("INSERT INTO token SELECT {columns} FROM token", Token, {"id": "99", "digest": "'x'"}),
    "a finding": ("INSERT INTO finding SELECT {columns} FROM finding", Finding, {"check_name": "'x'"}),
    "a correction": ("INSERT INTO correction SELECT {columns} FROM correction", Correction, {"id": "99"}),
    "an attempt": ("INSERT INTO attempt SELECT {columns} FROM attempt", Attempt, {"number": "3"}),
    "a project": ("INSERT INTO project SELECT {columns} FROM project", Project, {"id": "'other'"}),
    "a batch": ("INSERT INTO batch SELECT {columns} FROM batch", Batch, {"sequence": "99"}),
}


@pytest.mark.parametrize("what", PLANTED)
def test_rows_that_nobody_sent_are_found(team: Office, what: str) -> None:
    statement, table, changes = PLANTED[what]
    names = [f'"{column.name}"' for column in sa.inspect(table).local_table.c]
    columns = ", ".join(changes.get(name.strip('"'), name) for name in names)
    with Session(team.scene.engine) as session:
        session.execute(sa.text(statement.format(columns=columns) + " LIMIT 1"))
        off = doctor.examine(session, team.scene.store).off
        session.rollback()
    assert off
    assert not examined(team).off


@pytest.fixture(scope="module")
def team(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("doctor")
    file = folder / "registry.sqlite"
    file.write_bytes(_sqlite_template.read_bytes())
    engine = connect(f"sqlite:///{file}")
    yield ward.make(engine, folder)[0]
    engine.dispose()


def test_what_is_from_before_the_log_is_no_tampering(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    """A database of an earlier version: its rows have no entries, and it says how many there are of those."""
    with transaction(sqlite_engine) as session:
        session.add(Project(id="old", created_at=NOW))
        session.add(Token(digest="d", owner="ada", role="runner", created_at=NOW))
    with transaction(sqlite_engine) as session:
        log.append(session, "anything", NOW + timedelta(days=1))
    with reading(sqlite_engine) as session:
        found = doctor.examine(session, Store(tmp_path))
    assert not found.off
    assert str(found).endswith("nothing is off (2 things are from before there was a log)")


def test_an_empty_registry_is_well(engine: sa.Engine, tmp_path: Path) -> None:
    with reading(engine) as session:
        assert str(doctor.examine(session, Store(tmp_path))) == (
            "0 leaves, 0 checkpoints, 0 receipts, 0 runs, 0 artifacts: nothing is off"
        )


def test_what_is_written_meanwhile_is_not_seen(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        log.append(session, "before", NOW)
    with reading(engine) as session:
        doctor.hold_still(session)
        assert log.size(session) == 1
        with transaction(engine) as other:
            log.append(other, "meanwhile", NOW)
        assert [log.size(session), len(session.exec(select(Leaf.number)).all())] == [1, 1]


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 64, 100])
def test_a_log_of_any_length_is_read_in_parts(
    sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(tree, "ROWS", 8)
    with transaction(sqlite_engine) as session:
        for number in range(size):
            log.append(session, "x", NOW, number=number)
    with Session(sqlite_engine) as session:
        whole = Examined()
        tree.leaves(session, whole)
        assert (whole.off, whole.counts["leaves"]) == ([], size)
        for number in {0, size // 2, size - 1}:
            body = json.loads(session.exec(select(Leaf.body).where(col(Leaf.number) == number)).one())
            changed = json.dumps({**body, "number": -1})
            session.execute(sa.update(Leaf).where(col(Leaf.number) == number).values(body=changed))
            found = Examined()
            tree.leaves(session, found)
            assert any(each.where == f"entry {number} of the log" for each in found.off)
            session.rollback()


def test_the_command_says_what_is_off_and_ends_with_it(
    team: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    office, run = team, run_id(1)
    monkeypatch.setenv("TRACKRECORD_DATA_DIR", str(office.scene.settings.data_dir))
    monkeypatch.setenv("TRACKRECORD_DATABASE_URL", office.scene.engine.url.render_as_string(hide_password=False))
    monkeypatch.chdir(tmp_path)
    well = CliRunner().invoke(main, ["doctor"])
    assert (well.exit_code, well.stdout.splitlines()[-1].split(": ")[1]) == (0, "nothing is off"), well.output
    office.sql("UPDATE run SET owner = 'eve' WHERE id = :run", run=run)
    ill = CliRunner().invoke(main, ["doctor"])
    office.sql("UPDATE run SET owner = 'ada' WHERE id = :run", run=run)
    assert ill.exit_code == 1
    assert f"({run}): How it began is not what the log says." in ill.stdout
    assert "compare it with a backup" in ill.stdout
    assert ill.stdout.splitlines()[-1].endswith("off")


def test_times_are_as_the_log_writes_them() -> None:
    assert written(NOW + timedelta(microseconds=1_999)) == "2026-11-24T12:00:00.001Z"
    assert written(None) is None
