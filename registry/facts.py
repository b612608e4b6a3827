"""PURE: what was seen, what it means, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from trackrecord.report import FinishReport, RunReport

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
    commit_kind: str = ""  # "commit", "tag", "tree" or "blob"; "" where nobody has it
    refs: tuple[str, ...] = ()
    base_refs: tuple[str, ...] = ()
    rebuilt: str | None = None
    rebuild_trouble: str = ""
    rebuild_contradicts: bool = False  # everything was at hand, and the patch does not apply to the base
    forbidden: tuple[str, ...] = ()  # symlinks and submodules that the patch would add
    entry_in_tree: bool | None = None
    configs_missing: tuple[str, ...] = ()  # configuration files that the command line names and the tree has not
    evaluators: Mapping[str, str] = field(default_factory=dict)  # path -> SHA-256 of that file in the rebuilt tree


@dataclass(frozen=True, slots=True)
class HistoryFacts:
    """What arrived of a run's history: batches per writer, the chain heads computed here, and equivocations."""

    batches: dict[str, int] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    heads: dict[str, str] = field(default_factory=dict)
    equivocations: int = 0
    finish: FinishReport | None = None  # what the script said when it ended; None: it has not ended


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """A further start of the run, from number 2 on, and what was seen at it."""

    number: int
    report: RunReport


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
    unit: str = ""
    evaluator: str | None = None
    evaluator_digest: str | None = None
    measure: str | None = None
    labels: str | None = None


@dataclass(frozen=True, slots=True)
class RecomputedFacts:
    """What the registry itself computed from a run's predictions and the project's labels.

    `value` is None where that could not be done; `trouble` says why. `step` is the one that the run names for them.
    """

    value: float | None
    count: int = 0  # examples
    step: int | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class SealFacts:
    """The run's record in the log. `leaf` None: it is not sealed yet.

    `holds`: what is kept now is what was sealed, and a signed checkpoint covers its leaf. `trouble` says what does not.
    """

    leaf: int | None = None
    holds: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class CorrectionFacts:
    what: Literal["superseded", "invalidated", "deleted"]
    reason: str
    by: str
    instead: str | None = None  # the name of the run that counts in its place


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """What the project asks for. `checks` empty: every one there is."""

    checks: tuple[str, ...] = ()
    dirty_trees: bool = True
    minimum: Literal["verified", "live", "recomputed"] = "verified"


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
    policy: PolicyFacts = PolicyFacts()
    secrets: tuple[str, ...] = ()  # where a secret stands: "params.api_key", "train.py:41"; never the secret
    patch_bytes: int | None = 0  # of the patch that the report names; None: it is not at hand
    seal: SealFacts = SealFacts()
    corrections: tuple[CorrectionFacts, ...] = ()
    recomputed: RecomputedFacts | None = None  # None: there are no predictions, or the project pins no labels
    live: bool = False  # the history arrived while the run was running
    attempts: tuple[AttemptFacts, ...] = ()  # its further starts
    reachable_at: datetime | None = None  # when a receipt vouched last that the commit was reachable
