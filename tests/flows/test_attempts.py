"""A run that was preempted and goes on: what was seen at each start, through the API, to the verdict and its words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select

from registry import seal
from registry.db import reading
from registry.tables import Attachment, Attempt, Batch, Run
from tests.api.scene import OTHER, PROJECT, RUN, Scene, batch, body, ended, head_of, milliseconds, report
from tests.threats.office import Office
from trackrecord.report import (
    AttemptReport,
    BatchReport,
    CodeReport,
    CommandReport,
    PackageReport,
    PointsReport,
    RunReport,
    WriterEnd,
)

SECRET = "ghp_" + "a1B2" * 10
NO_NAN = 'NaN and Infinity are not JSON; a metric value may be the string "NaN", "Infinity" or "-Infinity"'
NINE = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture
def office(engine: sa.Engine, tmp_path: Path) -> Office:
    return Office.open(engine, tmp_path)


def start(office: Office, **changes: Any) -> RunReport:
    """What is seen at a start of the run that begins next."""
    named = {"name": f"brave-otter-{office.names + 1}", "code": office.repository.report()}
    return report(**{**named, **changes})


def go_on(
    office: Office,
    first: RunReport,
    again: Mapping[int, RunReport],
    last: BatchReport | None = None,
    cut_off: Sequence[int] = (),
    missing: Sequence[str] = (),
) -> str:
    """A whole run whose every further start has a writer of its own: "a2", "a3", …

    `cut_off` are starts that wrote nothing, and the end says so; `missing` are writers of which nothing arrived.
    """
    run, opening = office.opened(**{each.name: getattr(first, each.name) for each in fields(first)})
    sent = {"main": body(batch(0.5))}
    for number, seen in again.items():
        attempt = [AttemptReport(number=number, report=seen)]
        sent[f"a{number}"] = body(replace(last or batch(0.91), attempts=attempt, datasets=[]))
    for writer, content in sent.items():
        assert office.send("PUT", f"runs/{run}/batches/{writer}/0", content) == (200, {})
    ends = {writer: WriterEnd(batches=1, head=head_of(opening, content)) for writer, content in sent.items()}
    ends |= {f"a{number}": WriterEnd(batches=0, head=head_of(opening)) for number in cut_off}
    ends |= {writer: WriterEnd(batches=2, head="e" * 64) for writer in missing}
    assert office.send("PUT", f"runs/{run}/finish", ended(ends))[0] == 200
    office.look()
    return run


def rows(office: Office, run: str) -> list[Attempt]:
    with reading(office.scene.engine) as session:
        found = list(session.exec(select(Attempt).where(Attempt.run_id == run).order_by(Attempt.number)))  # type: ignore[arg-type]
        session.expunge_all()
    return found


def test_a_run_of_three_attempts_is_verified_and_says_when_it_was_started(office: Office) -> None:
    words = ["python", "train.py"]
    first = start(office, started_ms=milliseconds(NINE), command=CommandReport(argv=words, entry="train.py"))
    second = replace(
        first,
        started_ms=milliseconds(NINE + timedelta(minutes=14)),
        params={**first.params, "resume": True},
        seeds={"numpy": 4},
        command=CommandReport(argv=[*words, "--resume", "last.pt"], entry="train.py"),
    )
    run = go_on(office, first, {2: second, 3: replace(second, started_ms=milliseconds(NINE + timedelta(hours=2)))})
    assert office.verdict(run) == "verified"
    assert office.found(run, "attempts_agree").reason == (
        "3 attempts of the same tree, parameters, Python and packages; they differ in the seeds seen, resume and "
        "--resume, as they may."
    )
    assert office.found(run, "history_complete").reason == "All 3 batches arrived, in an unbroken chain."
    assert "attempts | 3 · requeued 09:14 and 11:00 UTC" in office.ask("show", "brave-otter-1")
    alone = office.train()
    office.look()
    assert office.found(alone, "attempts_agree").reason == "The run was started once."
    assert "requeued" not in office.ask("show", "brave-otter-2")
    sent = [json.dumps(json.loads(row.report)) for row in rows(office, run)]
    with reading(office.scene.engine) as session:
        sealed = [json.loads(seal.record_of(session, session.get_one(Run, each))) for each in (run, alone)]
    assert "attempts" not in sealed[1]
    assert [(each["number"], each["writer"]) for each in sealed[0]["attempts"]] == [(2, "a2"), (3, "a3")]
    assert [json.dumps(json.loads(each["report"])) for each in sealed[0]["attempts"]] == sent
    assert json.loads(sent[0])["seeds"] == {"numpy": 4}
    edit = "UPDATE attempt SET report = replace(report, '3.11.7', '3.11.8') WHERE run_id = :run"
    assert office.sql(edit, run=run) == 2
    office.again(run)
    assert (office.verdict(run), office.found(run, "sealed").refutes) == ("refuted", True)


def test_a_day_later_it_says_which_day(office: Office) -> None:
    first = start(office, started_ms=milliseconds(NINE))
    days = {day: replace(first, started_ms=milliseconds(NINE + timedelta(days=day))) for day in range(1, 21)}
    go_on(office, first, {day + 1: again for day, again in days.items()})
    said = office.ask("show", "brave-otter-1")
    assert "attempts | 21 · requeued 2026-11-25 09:00, 2026-11-26 09:00" in said
    assert "2026-11-30 09:00 and 14 more UTC" in said


def test_other_code_other_packages_or_other_parameters_are_never_verified(office: Office) -> None:
    """Not even where the project asks for nothing but its data."""
    office.rules(checks=["data_pinned"])
    tree, numpy = "1" * 40, [PackageReport(name="numpy", version="2.1")]
    said = {}
    changes: list[Callable[[RunReport], RunReport]] = [
        lambda first: replace(first, code=replace(first.code, tree=tree, dirty=True)),
        lambda first: replace(first, environment=replace(first.environment, packages=numpy)),
        lambda first: replace(first, params={**first.params, "lr": 0.2}),
    ]
    for change in changes:
        first = start(office)
        run = go_on(office, first, {2: first, 3: change(first)})
        found = office.found(run, "attempts_agree")
        assert (office.verdict(run), found.outcome, found.refutes) == ("unverified", "fail", False)
        said[run] = found.reason
    was = office.repository.report().tree or ""
    assert list(said.values()) == [
        f"Attempt 3 ran another tree (111111111111, not {was[:12]}).",
        "Attempt 3 had numpy 2.1 in place of 2.4.6.",
        "Attempt 3 had the parameter lr 0.2 in place of 0.1.",
    ]
    shown = office.ask("show", "brave-otter-2")
    assert f"attempts agree: failed. {said[list(said)[1]]} Run again and change nothing between its starts" in shown
    assert "brave-otter" not in office.leader()


def test_an_attempt_that_was_never_reported_is_never_verified(office: Office) -> None:
    first = start(office)
    run = go_on(office, first, {3: first}, missing=["a4"])
    assert office.found(run, "attempts_agree").reason == "What attempt 2 ran is not known: it was never reported."
    assert office.found(run, "history_complete").reason == "0 of 2 batches of a4 arrived."
    assert office.verdict(run) == "unverified"
    first = start(office)
    run = go_on(office, first, {3: first}, cut_off=[2])  # before it had written anything
    assert office.verdict(run) == "verified"


def test_hostile_attempts_are_refused_and_nothing_of_them_is_kept(office: Office) -> None:
    first = start(office)
    run, _ = office.opened()

    def tell(sequence: int, *attempts: AttemptReport) -> tuple[int, str]:
        status, said = office.send("PUT", f"runs/{run}/batches/a2/{sequence}", batch(attempts=list(attempts)))
        return status, said.get("error", {}).get("message", "")

    assert tell(0, AttemptReport(number=2, report=first))[0] == 200
    changed = replace(first, params={"lr": 9})
    refusals = [
        tell(1, AttemptReport(number=1, report=first)),
        tell(1, AttemptReport(number=2, report=changed)),
        tell(1, AttemptReport(number=3, report=replace(first, project=OTHER))),
        tell(1, AttemptReport(number=3, report=replace(first, name="calm-heron-7"))),
        tell(1, AttemptReport(number=3, report=replace(first, params={"lr": float("nan")}))),
        tell(1, AttemptReport(number=3, report=replace(first, code=CodeReport(commit="HEAD")))),
        tell(1, AttemptReport(number=3, report=replace(first, params={str(n): "x" * 9_999 for n in range(1_000)}))),
    ]
    assert refusals == [
        (422, "attempts.0.number: must be between 2 and 10,000: the run itself is 1."),
        (409, "Attempt 2 of the run was reported before, with other content."),
        (422, "attempts.3.report.project: must be the project of the run."),
        (422, "attempts.3.report.name: must be the name of the run."),
        (422, f"The body is refused: {NO_NAN}."),
        (422, "attempts.0.report.code.commit: must look like ^(?:[0-9a-f]{40}|[0-9a-f]{64})$."),
        (413, "The body is larger than 8,000,000 bytes."),
    ]
    other, _ = office.opened(name="calm-heron-1")
    for who, status in (("ben", 403), ("reader", 403), ("other", 404)):
        assert office.send("PUT", f"runs/{other}/batches/a2/0", batch(attempts=[]), who)[0] == status
    assert tell(1, AttemptReport(number=2, report=first))[0] == 200  # the same again is fine
    assert [(row.number, row.writer) for row in rows(office, run)] == [(2, "a2")]
    with reading(office.scene.engine) as session:
        assert sorted(session.exec(select(Batch.sequence))) == [0, 1]


def test_too_much_of_it_is_refused(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    first = start(office)
    monkeypatch.setattr("registry.attempts.MOST_LETTERS", 2_000)
    run, _ = office.opened()
    told = [
        office.send("PUT", f"runs/{run}/batches/a{n}/0", batch(attempts=[AttemptReport(number=n, report=first)]))
        for n in range(2, 6)
    ]
    assert [status for status, _ in told][-1] == 413
    assert "at most 2,000 characters" in told[-1][1]["error"]["message"]
    assert len(rows(office, run)) == [status for status, _ in told].count(200) > 0


def test_secrets_of_an_attempt_hide_the_run(office: Office) -> None:
    first = start(office)
    code, patch = office.changed("notes.txt", f"key = '{SECRET}'\n")
    digest = office.upload(patch)
    seen = replace(first, code=code, params={"api_key": SECRET}, command=CommandReport(argv=["t.py", "--token", "x"]))
    run = go_on(office, first, {2: first, 3: seen})
    assert office.found(run, "no_secrets").reason == (
        "What looks like a secret is in attempt 3: params.api_key, attempt 3: argv[2], attempt 3: patch: notes.txt:1; "
        "the run's content is hidden."
    )
    shown = office.ask("show", "brave-otter-1")
    assert "the run's content is hidden" in shown
    assert "requeued" not in shown
    assert SECRET not in shown
    with reading(office.scene.engine) as session:
        assert session.exec(select(Attachment.what).where(Attachment.digest == digest)).all() == ["patch"]
    # A patch that only an attempt names and that is not here: nobody could look into it.
    first = start(office)
    absent = hashlib.sha256(b"absent").hexdigest()
    run = go_on(office, first, {2: replace(first, code=replace(first.code, patch=absent))})
    assert office.found(run, "no_secrets").outcome == "unknown"


def machine(**values: list[float]) -> list[PointsReport]:
    return [
        PointsReport(metric=f"system/{name}", steps=[0, 5, 10], times=[milliseconds()] * 3, values=[*series])
        for name, series in values.items()
    ]


def test_what_the_machine_did_is_one_line_and_is_in_nobodys_way(office: Office) -> None:
    used = machine(
        cpu_percent=[1.0, 183.2, 190.0],
        memory_bytes=[1e9, 3.1e9, 2e9],
        machine_cpu_percent=[9.0, 9.0, 9.0],
        gpu0_percent=[0.0, 94.0, 95.0],
        gpu0_memory_bytes=[1.0, 2.0, 3.0],
        gpu10_percent=[7.0, 7.0, 7.0],
    )
    first = start(office)
    run = go_on(office, first, {2: first}, batch(0.91, points=[*batch(0.91).points, *used]))
    other = office.train(0.8)
    office.look()
    assert office.verdict(run) == "verified"
    shown = office.ask("show", "brave-otter-1")
    assert "machine use | CPU 183 % · memory up to 3.1 GB · GPU 0 94 % · GPU 10 7 %" in shown
    for answer in (shown, office.ask("compare", "brave-otter-1 brave-otter-2"), office.ask("best", PROJECT)):
        assert "system/" not in answer
        assert "test/accuracy" in answer
    assert "machine use" not in office.ask("show", "brave-otter-2")
    assert office.verdict(other) == "verified"
    _, history = office.send("GET", f"runs/{run}/history?metric=system/cpu_percent", who="reader")
    assert history["values"] == [1.0, 183.2, 190.0]
    only, _ = office.opened()
    assert office.send("PUT", f"runs/{only}/batches/main/0", batch(points=used))[0] == 200
    assert "No metric was logged." in office.ask("show", "brave-otter-3")
    assert "machine use | CPU 183 %" in office.ask("show", "brave-otter-3")


def test_a_run_that_is_heard_of_again_is_running_again(scene: Scene) -> None:
    """A stopped process that goes on after an hour (SIGSTOP, SIGCONT): silent and no other thing, then running."""
    scene.send("PUT", f"/api/v1/runs/{RUN}", report())

    def everywhere() -> list[bool]:
        """Whether it is called silent: by itself, in its page, in the count of all, among those that do not count."""
        state = scene.send("GET", f"/api/v1/runs/{RUN}", who="reader").json()["state"]
        told = [
            scene.send("GET", f"/api/v1/answers/{question}?words={words}", who="reader").text
            for question, words in (("show", RUN), ("best", PROJECT), ("recent", PROJECT))
        ]
        among = scene.send("GET", f"/api/v1/answers/unverified?words={PROJECT}", who="reader").text
        return [state == "silent", *("silent" in text for text in told), "brave-otter-42" in among]

    assert everywhere() == [False] * 5
    for sequence, content in enumerate((batch(), BatchReport())):
        with scene.engine.begin() as connection:
            connection.execute(sa.update(Run).values(heard_at=datetime.now(UTC) - timedelta(hours=1)))
        assert everywhere() == [True] * 5
        assert scene.send("PUT", f"/api/v1/runs/{RUN}/batches/main/{sequence}", content).status_code == 200
        assert everywhere() == [False] * 5
    with reading(scene.engine) as session:
        assert session.get_one(Run, RUN).state == "running"
