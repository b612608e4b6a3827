"""Which runs are known to have run the same code, parameters and seeds before."""

from __future__ import annotations

from registry.db import reading, transaction
from registry.earlier import earlier
from registry.tables import Run
from tests.api.scene import Scene
from tests.flows.boards import run_ended


def found(scene: Scene, run: str) -> list[tuple[str, bool | None]]:
    with reading(scene.engine) as session:
        return [(each.run.name, each.same_data) for each in earlier(session, session.get_one(Run, run))]


def test_the_same_run_before_is_found_the_latest_first(scene: Scene) -> None:
    runs = [run_ended(scene, number) for number in (1, 2, 3)]
    other = run_ended(scene, 4, seeds={"seed": 99})
    with transaction(scene.engine) as session:
        for run in (*runs, other):
            session.get_one(Run, run).tree = "a" * 40
    assert found(scene, runs[0]) == []
    assert [name for name, _ in found(scene, runs[2])] == ["brave-otter-2", "brave-otter-1"]
    assert found(scene, other) == []
    with transaction(scene.engine) as session:
        session.get_one(Run, runs[0]).withdrawn = "deleted"
        session.get_one(Run, runs[1]).quarantined = True
    assert found(scene, runs[2]) == []
    with transaction(scene.engine) as session:
        session.get_one(Run, runs[1]).quarantined = False
        session.get_one(Run, runs[2]).tree = None
    assert found(scene, runs[2]) == []
