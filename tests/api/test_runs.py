"""Reports go in once, come back as they were sent, and whoever contradicts themselves leaves evidence."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from registry.db import reading
from registry.tables import Attachment, Batch, Dataset, Equivocation, Param, Run
from tests.api.scene import OTHER, PROJECT, RUN, Scene, batch, body, ended, milliseconds, report, run_id
from trackrecord.report import ArtifactReport, CodeReport

OPEN = f"/api/v1/runs/{RUN}"
BATCH = f"{OPEN}/batches/main/0"


def rows(scene: Scene, table: Any) -> list[Any]:
    with reading(scene.engine) as session:
        found = list(session.exec(select(table)))
        session.expunge_all()
        return found


def test_a_run_is_opened_once_and_told_so_again(scene: Scene) -> None:
    sent = report()
    first = scene.send("PUT", OPEN, sent)
    assert (first.status_code, first.json()["name"]) == (201, "brave-otter-42")
    assert first.json()["url"].endswith(f"/runs/{RUN}")
    again = scene.send("PUT", OPEN, sent)
    assert (again.status_code, again.json()) == (200, first.json())
    other = scene.send("PUT", OPEN, report(params={"lr": 0.2}))
    assert other.status_code == 409
    (run,) = rows(scene, Run)
    assert (run.owner, run.state, run.verdict, run.seed, run.late) == ("ada", "running", "unverified", "seed=3", False)
    assert run.report.encode() == body(sent)


def test_parameters_are_searchable_by_their_flat_names(scene: Scene) -> None:
    scene.send("PUT", OPEN, report())
    found = {param.key: (param.kind, param.number, param.text) for param in rows(scene, Param)}
    assert found == {
        "lr": ("number", 0.1, "0.1"),
        "optimizer.name": ("text", None, "adam"),
        "optimizer.betas": ("text", None, "[0.9, 0.999]"),
        "seed": ("number", 3.0, "3"),
        "debug": ("bool", None, "false"),
        "tag": ("null", None, "null"),
    }


def test_very_long_parameters_differ_where_they_differ(scene: Scene) -> None:
    params = {"a": "x" * 9_000 + "1", "b": "x" * 9_000 + "2", "é" * 200: "漢" * 9_000}
    assert scene.send("PUT", OPEN, report(params=params)).status_code == 201
    found = {param.key: param.text for param in rows(scene, Param)}
    assert found["a"] != found["b"]
    assert all(len(text) <= 400 for text in found.values())


@pytest.mark.parametrize(("change", "equal"), [({"seed": 4}, True), ({"lr": 0.2}, False)])
def test_siblings_differ_in_the_seed_only(scene: Scene, change: dict[str, Any], equal: bool) -> None:
    sent = report()
    scene.send("PUT", OPEN, sent)
    scene.send("PUT", f"/api/v1/runs/{run_id(1)}", report(params={**sent.params, **change}))
    one, two = rows(scene, Run)
    assert one.params_digest != two.params_digest
    assert (one.config_digest == two.config_digest) is equal


def test_other_code_is_another_configuration(scene: Scene) -> None:
    scene.send("PUT", OPEN, report())
    scene.send("PUT", f"/api/v1/runs/{run_id(1)}", report(code=CodeReport(commit="a" * 40, tree="c" * 40)))
    one, two = rows(scene, Run)
    assert (one.params_digest == two.params_digest, one.config_digest == two.config_digest) == (True, False)


def test_a_batch_is_kept_once_and_a_contradiction_is_evidence(scene: Scene) -> None:
    scene.send("PUT", OPEN, report())
    sent = batch()
    assert [scene.send("PUT", BATCH, sent).status_code for _ in range(3)] == [200, 200, 200]
    other = scene.send("PUT", BATCH, batch(value=0.99))
    assert other.status_code == 409
    third = batch(value=0.98)
    assert [scene.send("PUT", BATCH, third).status_code for _ in range(2)] == [409, 409]
    assert len(rows(scene, Batch)) == 1
    assert len(rows(scene, Dataset)) == 1
    assert len({row.digest for row in rows(scene, Equivocation)}) == len(rows(scene, Equivocation)) == 2
    history = scene.send("GET", f"{OPEN}/history?metric=test/accuracy", who="reader").json()
    assert (history["count"], history["values"][-1]) == (3, 0.91)


def test_batches_arrive_in_any_order_and_nothing_comes_after_the_end(scene: Scene) -> None:
    scene.send("PUT", OPEN, report())
    for sequence in (2, 0, 1):
        assert scene.send("PUT", f"{OPEN}/batches/main/{sequence}", batch()).status_code == 200
    end = ended()
    assert [scene.send("PUT", f"{OPEN}/finish", end).status_code for _ in range(2)] == [200, 200]
    assert scene.send("PUT", f"{OPEN}/finish", ended(state="failed")).status_code == 409
    sent = batch()
    assert scene.send("PUT", f"{OPEN}/batches/main/3", sent).status_code == 409
    (run,) = rows(scene, Run)
    assert (run.state, run.sealed_at is not None, run.check_at == run.sealed_at) == ("finished", True, True)


def test_what_was_sent_before_the_end_is_answered_after_it(scene: Scene) -> None:
    scene.send("PUT", OPEN, report())
    sent = batch()
    scene.send("PUT", BATCH, sent)
    scene.send("PUT", f"{OPEN}/finish", ended())
    assert scene.send("PUT", BATCH, sent).status_code == 200
    with reading(scene.engine) as session:
        due = session.get_one(Run, RUN).check_at
    assert scene.send("PUT", BATCH, batch(value=0.5)).status_code == 409
    (run,) = rows(scene, Run)
    assert len(rows(scene, Equivocation)) == 1
    assert run.check_at > due


def test_somebody_elses_run_is_not_written_to(scene: Scene) -> None:
    scene.send("PUT", OPEN, report())
    assert scene.send("PUT", OPEN, report(), who="ben").status_code == 409
    assert scene.send("PUT", OPEN, report(project=OTHER), who="other").status_code == 409
    assert scene.send("PUT", BATCH, batch(), who="ben").status_code == 403
    assert scene.send("PUT", f"{OPEN}/finish", ended(), who="ben").status_code == 403
    assert scene.send("PUT", BATCH, batch(), who="other").status_code == 404
    assert scene.send("PUT", OPEN, report(project=OTHER)).status_code == 403
    assert rows(scene, Batch) == []


def test_an_unknown_project_or_run_is_named_with_what_to_do(scene: Scene) -> None:
    missing = scene.send("PUT", OPEN, report(project="milestone-3"), who="admin").json()["error"]
    assert "milestone-1" in missing["hint"]
    assert scene.send("PUT", BATCH, batch()).status_code == 404
    assert scene.send("GET", OPEN, who="reader").status_code == 404


def test_a_run_is_shown_as_it_stands(scene: Scene) -> None:
    sent = report()
    scene.send("PUT", OPEN, sent)
    scene.send("PUT", BATCH, batch())
    shown = scene.send("GET", OPEN, who="reader").json()
    assert shown["report"]["params"] == sent.params
    assert (shown["state"], shown["verdict"], shown["checked"], shown["headline"], shown["findings"]) == (
        "running",
        "unverified",
        False,
        None,
        [],
    )
    assert scene.send("POST", f"{OPEN}/recheck", who="reader").status_code == 202
    (run,) = rows(scene, Run)
    assert run.check_at is not None


def test_a_silent_run_is_called_so(scene: Scene) -> None:
    scene.send("PUT", OPEN, report())
    with scene.engine.begin() as connection:
        connection.execute(Run.__table__.update().values(heard_at=datetime.now(UTC) - timedelta(hours=1)))
    assert scene.send("GET", OPEN, who="reader").json()["state"] == "silent"


@pytest.mark.parametrize(("ago", "late"), [(timedelta(minutes=1), False), (timedelta(days=2), True)])
def test_a_run_that_is_sent_afterwards_is_late(scene: Scene, ago: timedelta, late: bool) -> None:
    scene.send("PUT", OPEN, report(started_ms=milliseconds(datetime.now(UTC) - ago)))
    (run,) = rows(scene, Run)
    assert run.late is late


def test_a_day_that_arrives_within_a_second_is_late_by_any_clock(scene: Scene) -> None:
    tomorrow = milliseconds(datetime.now(UTC) + timedelta(days=1))
    scene.send("PUT", OPEN, report())
    scene.send("PUT", f"{OPEN}/finish", ended(finished_ms=tomorrow))
    (run,) = rows(scene, Run)
    assert run.late


def test_values_that_are_no_numbers_are_kept_and_come_back(scene: Scene) -> None:
    scene.send("PUT", OPEN, report())
    sent = body(batch()).replace(b"0.91]", b'"NaN"]').replace(b"0.9,", b'"-Infinity",')
    assert b"NaN" in sent
    assert scene.send("PUT", BATCH, sent).status_code == 200
    values = scene.send("GET", f"{OPEN}/history?metric=test/accuracy", who="reader").json()["values"]
    assert values[-1] == "NaN"


def test_a_long_history_is_thinned_and_keeps_its_ends(scene: Scene) -> None:
    scene.send("PUT", OPEN, report())
    scene.send("PUT", BATCH, batch(steps=5_000))
    shown = scene.send("GET", f"{OPEN}/history?metric=test/accuracy&points=100", who="reader").json()
    assert shown["count"] == 5_000
    assert len(shown["steps"]) == len(shown["times"]) == len(shown["values"]) <= 210
    assert (shown["steps"][0], shown["steps"][-1], shown["values"][-1]) == (0, 4_999, 0.91)
    assert scene.send("GET", f"{OPEN}/history?metric=nothing", who="reader").status_code == 404


def test_files_of_the_report_are_attached(scene: Scene) -> None:
    patch, lock = "1" * 64, "2" * 64
    sent = report(code=CodeReport(patch=patch), environment=report().environment)
    raw = body(sent).replace(b'"lock_files": {}', b'"lock_files": {"uv.lock": "' + lock.encode() + b'"}')
    assert scene.send("PUT", OPEN, raw).status_code == 201
    assert {row.digest: row.what for row in rows(scene, Attachment)} == {patch: "patch", lock: "lock file"}


def test_the_same_artifact_declared_again_is_one(scene: Scene) -> None:
    scene.send("PUT", OPEN, report())
    model = ArtifactReport(name="model.pt", digest="e" * 64, size=3, step=1)
    for sequence in range(3):
        sent = batch(artifacts=[model, model], notes=["reseeded", "reseeded"])
        assert scene.send("PUT", f"{OPEN}/batches/main/{sequence}", sent).status_code == 200


def test_many_at_once_keep_one_run_and_every_batch_once(scene: Scene) -> None:
    opening, batches = body(report()), [body(batch(value=0.5 + number / 100)) for number in range(6)]
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: scene.send("PUT", OPEN, opening).status_code, range(8)))
        asked = [number for number in range(6) for _ in range(3)]
        kept = list(pool.map(lambda n: scene.send("PUT", f"{OPEN}/batches/main/{n}", batches[n]).status_code, asked))
        end = body(ended())
        ends = list(pool.map(lambda _: scene.send("PUT", f"{OPEN}/finish", end).status_code, range(4)))
    assert sorted(opened) == [200] * 7 + [201]
    assert set(kept) == {200}
    assert set(ends) == {200}
    assert sorted(row.sequence for row in rows(scene, Batch)) == list(range(6))
    assert scene.send("GET", f"{OPEN}/history?metric=test/accuracy", who="reader").json()["count"] == 18


def test_two_stories_at_once_leave_one_and_the_evidence(scene: Scene) -> None:
    scene.send("PUT", OPEN, report())
    stories = [body(batch(value=0.5 + number / 100)) for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda story: scene.send("PUT", BATCH, story).status_code, stories))
    assert sorted(answers) == [200] + [409] * 5
    assert len(rows(scene, Batch)) == 1
    assert len(rows(scene, Equivocation)) == 5


def test_the_project_of_a_run_is_its_own(scene: Scene) -> None:
    scene.send("PUT", OPEN, report())
    assert scene.send("GET", OPEN, who="other").status_code == 404
    assert scene.send("GET", OPEN, who="admin").json()["project"] == PROJECT
