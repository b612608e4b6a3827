"""A project of five developers with every kind of run there is, in real rows with real packed histories."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from registry import facts, history
from registry.db import transaction
from registry.kept import metric_facts
from registry.params import config_digest, params_digest, searchable, seed_shown
from registry.tables import Artifact, Dataset, Finding, MetricDefinition, Param, Placing, Project, Remark, Run, Token
from trackrecord.report import (
    BatchReport,
    CodeReport,
    CommandReport,
    EnvironmentReport,
    GpuReport,
    PackageReport,
    PointsReport,
    RunReport,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DIGITS = hashlib.sha256(b"digits/test").hexdigest()
OTHER = hashlib.sha256(b"digits/validation").hexdigest()
CHECKS = (
    "report_well_formed",
    "writer_known",
    "history_complete",
    "headline_recomputed",
    "parameters_recorded",
    "commit_reachable",
    "tree_rebuilt",
    "environment_locked",
    "metric_as_defined",
    "data_pinned",
    "artifacts_intact",
    "entry_in_tree",
    "no_secrets",
    "sealed",
    "standing",
    "attempts_agree",
)
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def object_id(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


def run_id(name: str) -> str:
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16]) >> 3
    return "0" + "".join(LETTERS[number >> shift & 31] for shift in range(120, -1, -5))


@dataclass(kw_only=True)
class Try:
    """What a developer did. `last` is the final accuracy; `bad` are findings that are not a pass."""

    name: str
    owner: str = "ada"
    last: float = 0.9
    minutes: int = 60  # before NOW
    params: Mapping[str, Any] = field(default_factory=lambda: {"lr": 0.01, "batch": 32, "optimizer": {"name": "sgd"}})
    seed: int = 0
    state: str = "finished"
    error: str | None = None
    bad: Mapping[str, facts.Finding] = field(default_factory=dict)
    metrics: tuple[str, ...] = ("test/accuracy", "val/accuracy", "train/loss")
    diverges: bool = False
    steps: int = 30
    code: CodeReport | None = None
    packages: Mapping[str, str] = field(default_factory=lambda: {"numpy": "2.4.1", "scikit-learn": "1.8.0"})
    environment: Mapping[str, Any] = field(default_factory=dict)
    command: CommandReport | None = None
    dataset: str = DIGITS
    remarks: tuple[str, ...] = ()
    heard_minutes: int | None = None


NOT_PUSHED = facts.unknown(
    "its commit was never pushed: no allowed branch of the repository contains it",
    "git push, then ask for a recheck",
)
TEAM = (
    Try(name="brave-otter-42", owner="ada", last=0.9124, minutes=300, seed=1),
    Try(name="calm-heron-7", owner="ada", last=0.9061, minutes=280, seed=2),
    Try(name="eager-lynx-13", owner="ada", last=0.9102, minutes=260, seed=3),
    Try(name="quiet-finch-88", owner="ben", last=0.8987, minutes=240, params={"lr": 0.1, "batch": 64}),
    Try(
        name="bold-raven-5",
        owner="chen",
        last=0.9033,
        minutes=200,
        params={"lr": 0.003, "batch": 32, "optimizer": {"name": "adam", "beta": 0.9}},
        packages={"numpy": "2.4.1", "scikit-learn": "1.7.2", "scipy": "1.17.0"},
    ),
    Try(
        name="shy-badger-21",
        owner="dana",
        last=0.9215,
        minutes=150,
        params={"lr": 0.02, "batch": 32},
        bad={"commit_reachable": NOT_PUSHED},
    ),
    Try(
        name="wild-gecko-3",
        owner="emre",
        last=0.9710,
        minutes=140,
        params={"lr": 0.02, "batch": 16},
        dataset=OTHER,
        bad={
            "data_pinned": facts.failed(
                "it was measured on digits/validation, and test/accuracy is defined on digits/test",
                "Measure on digits/test and declare it",
            )
        },
    ),
    Try(
        name="lost-moose-9",
        owner="ben",
        minutes=130,
        diverges=True,
        params={"lr": 5.0, "batch": 64},
        bad={"headline_recomputed": facts.failed("test/accuracy ends as NaN", "Lower the learning rate")},
    ),
    Try(
        name="tired-crane-14",
        owner="chen",
        last=0.88,
        minutes=120,
        state="killed",
        error="SIGTERM",
        steps=11,
        params={"lr": 0.004, "batch": 32},
    ),
    Try(
        name="sly-weasel-66",
        owner="emre",
        last=0.9502,
        minutes=110,
        params={"lr": 0.05, "batch": 8},
        bad={
            "tree_rebuilt": facts.refuted(
                "base and patch give tree 1111, the run reported tree 2222", "Run again from a clean checkout"
            )
        },
    ),
    Try(name="young-panda-77", owner="dana", state="running", minutes=20, steps=9, heard_minutes=1),
    Try(name="deaf-mole-31", owner="emre", state="running", minutes=400, steps=4, heard_minutes=390),
)


def make_project(session: Session, project: str = "milestone-1", **metric: Any) -> MetricDefinition:
    """The project with its main metric and a token."""
    session.add(
        Project(
            id=project,
            title="Digits, the first milestone",
            repository="https://git.example/team/digits.git",
            allowed_refs=["refs/heads/*"],
            created_at=NOW - timedelta(days=9),
        )
    )
    session.add(Token(digest=f"{project}-token", owner="lead", role="runner", created_at=NOW - timedelta(days=9)))
    session.flush()
    rules = {
        "name": "test/accuracy",
        "split": "test",
        "dataset": "digits/test",
        "dataset_digest": DIGITS,
        "direction": "higher",
        "rule": "last",
        "percent": True,
        "main": True,
        "tolerance": 0.0001,
        **metric,
    }
    definition = MetricDefinition(project_id=project, created_at=NOW, created_by="lead", **rules)
    session.add(definition)
    session.flush()
    return definition


def report_of(a_try: Try, project: str) -> RunReport:
    return RunReport(
        project=project,
        name=a_try.name,
        started_ms=int((NOW - timedelta(minutes=a_try.minutes)).timestamp() * 1000),
        params={**a_try.params, "seed": a_try.seed},
        seeds={"numpy": a_try.seed, "PYTHONHASHSEED": "0"},
        code=a_try.code
        or CodeReport(
            commit=object_id("commit"),
            branch="main",
            remote="https://git.example/team/digits.git",
            tree=object_id("tree"),
            base=object_id("commit"),
            proved=True,
        ),
        environment=EnvironmentReport(
            python="3.11.7",
            packages=[PackageReport(name=name, version=version) for name, version in a_try.packages.items()],
            os="Linux 6.1.0",
            machine="x86_64",
            cpu="EPYC 7763",
            cpu_count=16,
            memory_bytes=64_000_000_000,
            gpus=[GpuReport(name="NVIDIA L4", memory_bytes=24_000_000_000)],
            driver="550.54",
            cuda="12.4",
            variables={"OMP_NUM_THREADS": "4", "PYTHONHASHSEED": "0"},
            **a_try.environment,
        ),
        command=a_try.command
        or CommandReport(argv=["python", "train.py", "--seed", str(a_try.seed)], directory="", entry="train.py"),
        client="trackrecord 0.1.0",
    )


def curve(metric: str, last: float, steps: int, seed: int, diverges: bool) -> list[float]:
    """A history that ends at exactly `last`; losses fall, the others rise."""
    values = []
    for step in range(steps):
        left = math.exp(-step / max(2, steps / 6))
        wobble = 0.004 * math.sin(step * 1.7 + seed * 2.1) * left
        values.append(2.3 * left + 0.2 - wobble * 9 if "loss" in metric else last - 0.55 * left + wobble)
    if "loss" not in metric:
        values[-1] = last
    if diverges:
        values[steps // 3 :] = [math.nan] * (steps - steps // 3)
    return values


def wire(value: float) -> Any:
    return "NaN" if math.isnan(value) else ("Infinity" if value == math.inf else value)


def make_run(session: Session, metric: MetricDefinition, a_try: Try) -> Run:
    """The run with parameters, history, dataset, findings, verdict and headline."""
    report = report_of(a_try, metric.project_id)
    body = json.dumps(asdict(report))
    started = NOW - timedelta(minutes=a_try.minutes)
    ended = started + timedelta(minutes=10)
    running = a_try.state == "running"
    run = Run(
        id=run_id(a_try.name),
        project_id=metric.project_id,
        name=a_try.name,
        owner=a_try.owner,
        token_id=1,
        state=a_try.state,
        error=a_try.error,
        report=body,
        report_digest=hashlib.sha256(body.encode()).hexdigest(),
        params_digest=params_digest(report.params),
        config_digest=config_digest(report),
        commit_id=report.code.commit,
        tree=report.code.tree,
        dirty=report.code.dirty,
        seed=seed_shown(report),
        started_at=started,
        finished_at=None if running else ended,
        received_at=started,
        heard_at=ended if a_try.heard_minutes is None else NOW - timedelta(minutes=a_try.heard_minutes),
        sealed_at=None if running else ended,
    )
    session.add(run)
    session.flush()
    for param in searchable(report.params):
        session.add(Param(run_id=run.id, project_id=run.project_id, **asdict(param)))
    _keep_history(session, run, a_try)
    name = "digits/test" if a_try.dataset == DIGITS else "digits/validation"
    session.add(Dataset(run_id=run.id, name=name, digest=a_try.dataset, split="test", size=57_600, count=360))
    session.add(Artifact(run_id=run.id, name="model.npz", digest=hashlib.sha256(b"w").hexdigest(), size=5_321, step=29))
    session.add_all(Remark(run_id=run.id, text=text) for text in a_try.remarks)
    if not running:
        _judge(session, run, metric, a_try)
    session.flush()
    return run


def _keep_history(session: Session, run: Run, a_try: Try) -> None:
    half = a_try.steps // 2 or 1
    for sequence, (start, end) in enumerate(((0, half), (half, a_try.steps))):
        points = []
        for name in a_try.metrics:
            last = a_try.last if name == "test/accuracy" else a_try.last - 0.011
            values = curve(name, last, a_try.steps, a_try.seed, a_try.diverges)[start:end]
            steps = list(range(start, end))
            times = [int(run.started_at.timestamp() * 1000) + step * 1000 for step in steps]
            points.append(PointsReport(metric=name, steps=steps, times=times, values=[wire(v) for v in values]))
        batch = BatchReport(points=points)
        digest = hashlib.sha256(f"{run.id}/{sequence}".encode()).hexdigest()
        history.append(session, run, "main", sequence, digest, batch, run.heard_at)


def _judge(session: Session, run: Run, metric: MetricDefinition, a_try: Try) -> None:
    findings = {name: a_try.bad.get(name, facts.passed(f"{name} holds")) for name in CHECKS}
    run.verdict = facts.verdict(findings.values())
    run.checked_at = run.sealed_at
    run.metric_id = metric.id
    run.headline, run.headline_step = history.headline(session, run.id, metric_facts(metric))
    place(session, run, metric, run.headline, run.headline_step)
    for name, finding in findings.items():
        session.add(
            Finding(
                run_id=run.id,
                check_name=name,
                outcome=finding.outcome,
                refutes=finding.refutes,
                reason=finding.reason,
                mend=finding.mend,
                at=run.sealed_at or NOW,
            )
        )


def place(session: Session, run: Run, metric: MetricDefinition, value: float | None, step: int | None = None) -> None:
    """The run's place on the board of a definition, as a judgement keeps it."""
    assert metric.id is not None
    at = run.sealed_at or NOW
    row = Placing(run_id=run.id, metric_id=metric.id, verdict=run.verdict, headline=value, headline_step=step, at=at)
    session.add(row)


def make_team(engine: sa.Engine) -> None:
    """The whole team's work in `milestone-1`."""
    with transaction(engine) as session:
        metric = make_project(session)
        for a_try in TEAM:
            make_run(session, metric, a_try)
