"""PURE: what was seen, what it means, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from trackrecord.report import FinishReport

Outcome = Literal["pass", "fail", "unknown"]
Verdict = Literal["verified", "unverified", "refuted"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check said. `reason` is a sentence for a researcher; `mend` says what to do, empty on a pass.

    `refutes` marks a failure that contradicts the report (other tree, digest mismatch), not one that lacks something.
    """

    outcome: Outcome
    reason: str
    mend: str = ""
    refutes: bool = False


def passed(reason: str) -> Finding:
    return Finding("pass", reason)


def failed(reason: str, mend: str) -> Finding:
    return Finding("fail", reason, mend)


def refuted(reason: str, mend: str) -> Finding:
    return Finding("fail", reason, mend, refutes=True)


def unknown(reason: str, mend: str) -> Finding:
    return Finding("unknown", reason, mend)


def verdict(findings: Iterable[Finding]) -> Verdict:
    """All must pass, and there must be some: nothing checked is not a pass, could-not-look is not a pass."""
    seen = list(findings)
    if any(finding.refutes and finding.outcome == "fail" for finding in seen):
        return "refuted"
    if seen and all(finding.outcome == "pass" for finding in seen):
        return "verified"
    return "unverified"


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """What git said about a run's code. `looked` is False when it could not be asked; `trouble` says why.

    `refs` are the allowed branches and tags that contain the commit. `rebuilt` is the tree id that base + patch give,
    None when they could not be put together (`rebuild_trouble` says why). `entry_in_tree`: None when there is no entry.
    """

    looked: bool
    trouble: str = ""
    commit_is_commit: bool = False
    refs: tuple[str, ...] = ()
    base_refs: tuple[str, ...] = ()
    rebuilt: str | None = None
    rebuild_trouble: str = ""
    rebuild_contradicts: bool = False  # everything was at hand, and the patch does not apply to the base
    forbidden: tuple[str, ...] = ()  # symlinks and submodules that the patch would add
    entry_in_tree: bool | None = None


@dataclass(frozen=True, slots=True)
class HistoryFacts:
    """What arrived of a run's history: batches per writer, the chain heads computed here, and equivocations."""

    batches: dict[str, int] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    heads: dict[str, str] = field(default_factory=dict)
    equivocations: int = 0
    finish: FinishReport | None = None  # what the script said when it ended; None: it has not ended


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """A metric's summary: how many points, the last value's kind, and the headline by the project's rule."""

    metric: str
    count: int
    last_kind: Literal["finite", "nan", "+inf", "-inf"]
    last: float | None
    last_step: int | None
    headline: float | None
    headline_step: int | None
    headline_trouble: str = ""  # why there is no headline


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    name: str
    split: str | None
    digest: str
    partial: str | None


@dataclass(frozen=True, slots=True)
class ArtifactFacts:
    """An artifact as declared, and as it stands in the store (`stored_size` None: it is not there)."""

    name: str
    digest: str
    size: int
    stored_size: int | None
    stored_intact: bool  # the file's bytes still have the digest


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """The project's metric definition that a run is judged by."""

    name: str
    split: str
    dataset: str
    dataset_digest: str
    direction: Literal["higher", "lower"]
    rule: Literal["last", "best", "at_best_of"]
    rule_metric: str | None
    decimals: int
    percent: bool
    margin: float
    tolerance: float


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the checks may look at beside the report itself."""

    owner: str
    writer_may: bool  # the token could write to the project when it wrote
    code: CodeFacts
    history: HistoryFacts
    series: dict[str, SeriesFacts]
    datasets: tuple[DatasetFacts, ...]
    artifacts: tuple[ArtifactFacts, ...]
    metric: MetricFacts | None
    params_digest_holds: bool
