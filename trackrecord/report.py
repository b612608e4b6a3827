"""The wire shapes: what a script claims about a run. The server validates exactly these classes, strictly.

Times are integer milliseconds since 1970 by the client's clock. Digests are lower-case SHA-256 hex of the bytes.
A value that is not a finite number travels as the string "NaN", "Infinity" or "-Infinity": JSON has no such numbers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

# Read by pydantic on the server; a plain dict, so that the client needs no pydantic.
_STRICT: dict[str, Any] = {"extra": "forbid", "strict": True, "allow_inf_nan": False}

RUN_ID = r"^[0-9A-HJKMNP-TV-Z]{26}$"
DIGEST = r"^[0-9a-f]{64}$"
OBJECT_ID = r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$"
PROJECT = r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$"
METRIC = r"^[A-Za-z0-9][A-Za-z0-9_./@:-]{0,199}$"
WRITER = r"^[a-z0-9][a-z0-9-]{0,63}$"

MACHINE_USE = "system/"  # metrics with this beginning say what a run used of its machine; they are no results

Value = float | Literal["NaN", "Infinity", "-Infinity"]
EndState = Literal["finished", "failed", "killed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmoduleReport:
    """A submodule that is not just a commit of its remote: the outer tree names a commit and cannot say more.

    `path` is relative to the outer repository's top. The other fields say of it what a CodeReport says of the whole.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    path: str
    commit: str | None = None
    remote: str | None = None
    tree: str | None = None
    base: str | None = None
    patch: str | None = None
    bundle: str | None = None
    proved: bool = False
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeReport:
    """The code that ran. `tree` is its identity; `base` + the patch artifact rebuild it.

    `commit` is HEAD. `base` is the commit the patch applies to: the nearest ancestor of HEAD (or HEAD itself) that a
    remote-tracking branch contains; None where no commit is on any remote. `patch` is the digest of the artifact that
    holds the binary full-index diff base..tree (None: tree is exactly base's tree). `bundle` is the digest of a git
    bundle with HEAD, where there is no base on a remote. `problem` says why there is no code, in a sentence.
    Untracked bytecode (`__pycache__/*.pyc`) is neither in the tree nor in `left_out`: Python writes it anew.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    commit: str | None = None
    branch: str | None = None
    remote: str | None = None
    tree: str | None = None
    base: str | None = None
    patch: str | None = None
    bundle: str | None = None
    dirty: bool = False
    proved: bool = False  # restored into a scratch index at capture time and compared
    changed: list[str] = field(default_factory=list)  # paths that differ from HEAD, untracked ones included
    left_out: list[str] = field(default_factory=list)  # "path (why)": files that are not in the tree
    submodules: list[SubmoduleReport] = field(default_factory=list)  # those with changes or commits of their own
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageReport:
    """One installed distribution. `origin` is its direct URL (git, file) where it was not installed from an index."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    name: str
    version: str
    origin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuReport:
    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    name: str
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentReport:
    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    python: str  # "3.11.7"
    implementation: str = "CPython"
    packages: list[PackageReport] = field(default_factory=list)
    os: str = ""  # "Linux 6.1.0 (Debian GNU/Linux 12)"
    machine: str = ""  # "x86_64"
    cpu: str = ""
    cpu_count: int | None = None
    memory_bytes: int | None = None
    gpus: list[GpuReport] = field(default_factory=list)
    driver: str | None = None
    cuda: str | None = None
    variables: dict[str, str] = field(default_factory=dict)  # the allow-listed ones only
    lock_files: dict[str, str] = field(default_factory=dict)  # path -> digest of the artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReport:
    """How it was started. `directory` and `entry` are relative to the repository's top ("" is the top itself)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    argv: list[str] = field(default_factory=list)
    directory: str | None = None
    entry: str | None = None
    configs: list[str] = field(default_factory=list)  # files of the repository that the command line names
    launcher: dict[str, str] = field(default_factory=dict)  # SLURM_JOB_ID, RANK, WORLD_SIZE, …


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """The body of `PUT /api/v1/runs/{run_id}`: everything known when a run starts."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    project: str
    name: str
    started_ms: int
    params: dict[str, Any] = field(default_factory=dict)
    seeds: dict[str, int | str | bool | None] = field(default_factory=dict)  # as observed
    code: CodeReport = field(default_factory=CodeReport)
    environment: EnvironmentReport = field(default_factory=lambda: EnvironmentReport(python=""))
    command: CommandReport = field(default_factory=CommandReport)
    client: str = ""  # "trackrecord 0.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsReport:
    """Points of one metric as columns of equal length."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    metric: str
    steps: list[int]
    times: list[int]
    values: list[Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetReport:
    """Input data by content. `partial` says why the digest does not cover all of it (None: it does)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    name: str
    digest: str
    split: str | None = None
    size: int | None = None  # bytes
    count: int | None = None  # files, rows or examples
    partial: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactReport:
    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    name: str
    digest: str
    size: int
    step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionsReport:
    """Predictions for a metric, in an artifact; the registry computes the metric itself where the project has labels.

    `step` is the step of the metric that they belong to (None: the one that counts).
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    metric: str
    digest: str
    format: Literal["arrow", "csv", "npz"]
    step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptReport:
    """A further start of a run that was preempted and goes on; `number` counts from 2, the run's own report is 1.

    `report` is what was seen at this start: its project and name are the run's.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    number: int
    report: RunReport


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """The body of `PUT /api/v1/runs/{run_id}/batches/{writer}/{sequence}`; sequences count from 0 without gaps."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    points: list[PointsReport] = field(default_factory=list)
    datasets: list[DatasetReport] = field(default_factory=list)
    artifacts: list[ArtifactReport] = field(default_factory=list)
    predictions: list[PredictionsReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # "random was reseeded after the start"
    attempts: list[AttemptReport] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterEnd:
    """How many batches a writer sent, and the head of their chain (see `chain`)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    batches: int
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishReport:
    """The body of `PUT /api/v1/runs/{run_id}/finish`: nothing comes after it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    state: EndState
    finished_ms: int
    writers: dict[str, WriterEnd] = field(default_factory=dict)
    dropped: int = 0  # points that log() accepted and could not keep
    error: str | None = None  # "ValueError: shapes do not match (train.py:41)"


def chain(head: str | None, body: bytes) -> str:
    """The next head of a writer's chain: SHA-256 over the head so far (none at first) and the body's digest.

    Start with `chain(None, body of the RunReport)`, then once for the body of every batch, in order. `body` is the
    exact bytes sent, so that client and server agree without agreeing on a way to write JSON.
    """
    return link(head, hashlib.sha256(body).hexdigest())


def link(head: str | None, digest: str) -> str:
    """`chain` for a body of which only the digest is at hand."""
    before = bytes.fromhex(head) if head else b""
    return hashlib.sha256(before + bytes.fromhex(digest)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRules:
    """A metric as the project defines it; a run never chooses any of this.

    rule: "last" value, "best" value in the definition's direction, or "at_best_of" another metric (`rule_metric`; it is
    taken at the step where that one was best, in the same direction).
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    name: str  # what scripts log: "test/accuracy"
    split: str
    dataset: str
    dataset_digest: str
    direction: Literal["higher", "lower"] = "higher"
    rule: Literal["last", "best", "at_best_of"] = "last"
    rule_metric: str | None = None
    percent: bool = False
    decimals: int = 2
    margin: float = 0.0
    tolerance: float = 0.0
    unit: str = ""
    evaluator: str | None = None  # the file of the repository that measures, and the SHA-256 of its content
    evaluator_digest: str | None = None
    measure: str | None = None  # computed by the registry from predictions and `labels` (SHA-256 of a stored file)
    labels: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRules:
    """The body of `PUT /api/v1/projects/{project}`. The first metric is the one that is meant when none is named."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    title: str = ""
    repository: str = ""
    allowed_refs: list[str] = field(default_factory=lambda: ["refs/heads/*", "refs/tags/*"])
    metrics: list[MetricRules] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)  # those a verified run must pass; none named: every one
    dirty_trees: bool = True  # whether a run with uncommitted changes may be verified
    minimum: Literal["verified", "live", "recomputed"] = "verified"  # what a run needs to be ranked


Withdrawal = Literal["superseded", "invalidated", "deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionReport:
    """The body of `POST /api/v1/runs/{run_id}/corrections`. Runs are never edited: this is said beside them.

    superseded: `instead` names the run that counts in its place. deleted: what the run holds is removed, and a
    tombstone stays, which is counted as a try for ever.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    what: Withdrawal
    reason: str
    instead: str | None = None
