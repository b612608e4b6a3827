"""A run in which nothing is wrong: what each test changes, it changes from here."""

from __future__ import annotations

from dataclasses import replace

from registry.facts import (
    ArtifactFacts,
    CodeFacts,
    DatasetFacts,
    Facts,
    HistoryFacts,
    MetricFacts,
    SealFacts,
    SeriesFacts,
)
from trackrecord.report import (
    CodeReport,
    CommandReport,
    EnvironmentReport,
    FinishReport,
    PackageReport,
    RunReport,
    WriterEnd,
)

COMMIT, TREE, DATA, HEAD = "c" * 40, "7" * 40, "d" * 64, "e" * 64

REPORT = RunReport(
    project="milestone-1",
    name="brave-otter-42",
    started_ms=1_790_000_000_000,
    params={"lr": 0.1, "model": {"layers": [64, 64]}},
    seeds={"python": 3},
    code=CodeReport(commit=COMMIT, branch="main", tree=TREE, base=COMMIT, proved=True),
    environment=EnvironmentReport(
        python="3.11.7", packages=[PackageReport(name="numpy", version="2.2.0")], os="Linux 6.1.0", machine="x86_64"
    ),
    command=CommandReport(argv=["train.py"], entry="train.py"),
    client="trackrecord 0.1.0",
)

METRIC = MetricFacts(
    name="test/accuracy",
    split="test",
    dataset="digits/test",
    dataset_digest=DATA,
    direction="higher",
    rule="last",
    rule_metric=None,
    decimals=2,
    percent=True,
    margin=0.0,
    tolerance=0.0,
)

ACCURACY = SeriesFacts("test/accuracy", 20, "finite", 0.912, 19, 0.912, 19)

FACTS = Facts(
    owner="ada",
    writer_may=True,
    code=CodeFacts(
        looked=True,
        commit_kind="commit",
        refs=("refs/heads/main",),
        base_refs=("refs/heads/main",),
        rebuilt=TREE,
        entry_in_tree=True,
    ),
    history=HistoryFacts(
        batches={"main": 3},
        heads={"main": HEAD},
        finish=FinishReport(
            state="finished", finished_ms=1_790_000_100_000, writers={"main": WriterEnd(batches=3, head=HEAD)}
        ),
    ),
    series={"test/accuracy": ACCURACY, "train/loss": SeriesFacts("train/loss", 20, "finite", 0.1, 19, None, None)},
    datasets=(DatasetFacts("digits/test", "test", DATA, None),),
    artifacts=(ArtifactFacts("model.pt", "a" * 64, 100, 100, True),),
    metric=METRIC,
    params_digest_holds=True,
    seal=SealFacts(leaf=7, holds=True),
    live=True,
)


def code(**changed: object) -> RunReport:
    """The sound report with another code."""
    return replace(REPORT, code=replace(REPORT.code, **changed))  # type: ignore[arg-type]


def seen(**changed: object) -> Facts:
    """The sound facts with another look at the code."""
    return replace(FACTS, code=replace(FACTS.code, **changed))  # type: ignore[arg-type]


def arrived(**changed: object) -> Facts:
    """The sound facts with another history."""
    return replace(FACTS, history=replace(FACTS.history, **changed))  # type: ignore[arg-type]


def ended(**changed: object) -> Facts:
    """The sound facts with another end."""
    assert FACTS.history.finish is not None
    return arrived(finish=replace(FACTS.history.finish, **changed))  # type: ignore[arg-type]
