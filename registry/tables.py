"""The rows: the only place with SQLModel classes. Shapes that come over the wire are in `trackrecord.report`.

Written for SQLite (STRICT tables) and PostgreSQL alike: no native enums, no JSON operators, no sequences as public ids.
JSON columns are for showing; whatever is filtered or sorted by stands in a column of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlmodel import Field, SQLModel

# Names by rule, so that a migration can name what it drops, on either database.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

# A STRICT table knows five type names; what SQLAlchemy would write instead is refused by SQLite.
_STRICT_NAMES = {
    sa.String: "TEXT",
    sa.DateTime: "TEXT",
    sa.JSON: "TEXT",
    sa.Boolean: "INTEGER",
    sa.BigInteger: "INTEGER",
    sa.Double: "REAL",
}
for _type, _name in _STRICT_NAMES.items():
    compiles(_type, "sqlite")(lambda _element, _compiler, _name=_name, **_: _name)

STRICT = {"sqlite_strict": True}


def _default(value: str) -> dict[str, Any]:
    """For columns that came later: what rows of before have in them."""
    return {"server_default": value}


def finite(column: str) -> sa.CheckConstraint:
    """No NaN and no infinity in a column that is ranked by: PostgreSQL would sort NaN above every number."""
    return sa.CheckConstraint(
        f"{column} IS NULL OR ({column} = {column} AND abs({column}) <= 1.7976931348623157e308)",
        name=f"{column}_finite",
    )


class Project(SQLModel, table=True):
    """What a team works on, with its rules."""

    __table_args__ = (STRICT,)
    id: str = Field(primary_key=True, max_length=64)  # "milestone-1"
    title: str = ""
    repository: str = ""  # URL that the registry mirrors; from maintainers only
    allowed_refs: list[str] = Field(default_factory=list, sa_type=sa.JSON)  # ["refs/heads/*", "refs/tags/*"]
    created_at: datetime
    checks: list[str] = Field(default_factory=list, sa_type=sa.JSON, sa_column_kwargs=_default("[]"))  # []: every one
    dirty_trees: bool = Field(
        default=True, sa_column_kwargs=_default("1")
    )  # runs with uncommitted changes may be verified
    minimum: str = Field(
        default="verified", sa_column_kwargs=_default("verified")
    )  # for /best: verified | live | recomputed
    rules_digest: str = Field(
        default="", sa_column_kwargs=_default("")
    )  # of the rules as they stand, as the log has them


class MetricDefinition(SQLModel, table=True):
    """Name + split + dataset digest + direction + which value counts. Changing one makes a new version."""

    __tablename__ = "metric_definition"
    __table_args__ = (sa.UniqueConstraint("project_id", "name", "version"), STRICT)
    id: int | None = Field(default=None, primary_key=True)
    project_id: str = Field(foreign_key="project.id")
    name: str  # the key that scripts log: "test/accuracy"
    version: int = 1
    main: bool = False  # the one that /best means when none is named
    split: str
    dataset: str
    dataset_digest: str
    direction: str  # higher | lower
    rule: str  # last | best | at_best_of
    rule_metric: str | None = None  # with at_best_of: the metric whose best step counts
    percent: bool = False  # 0.912 is shown as 91.2 %
    decimals: int = 2  # shown, after the percent
    margin: float = Field(default=0.0, sa_type=sa.Double)  # a new best must be better by so much to be announced
    tolerance: float = Field(default=0.0, sa_type=sa.Double)  # two values this close are equal
    created_at: datetime
    created_by: str
    current: bool = True
    unit: str = Field(default="", sa_column_kwargs=_default(""))  # "ms", shown behind the value; not with percent
    evaluator: str | None = None  # the file of the repository that measures
    evaluator_digest: str | None = None  # SHA-256 of that file
    measure: str | None = None  # what the registry computes itself from predictions: "accuracy", "f1-macro", …
    labels: str | None = None  # SHA-256 of the stored labels that predictions are measured against


class Token(SQLModel, table=True):
    """A key to the API. Only its SHA-256 is kept: the token itself has 178 random bits."""

    __table_args__ = (STRICT,)
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True, max_length=64)
    owner: str  # the person
    label: str = ""
    role: str  # reader | runner | maintainer | admin
    project_id: str | None = Field(default=None, foreign_key="project.id")  # None: every project
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class Run(SQLModel, table=True):
    """What the registry keeps of a run. `report` is the body as it arrived; the columns are what is searched."""

    __table_args__ = (
        sa.Index(None, "project_id", "received_at"),
        sa.Index(None, "project_id", "name"),
        sa.Index(None, "check_at"),
        sa.Index(None, "project_id", "metric_id", "verdict", "headline"),
        sa.Index(None, "project_id", "params_digest", "tree"),
        finite("headline"),
        STRICT,
    )
    id: str = Field(primary_key=True, max_length=26)
    project_id: str = Field(foreign_key="project.id")
    name: str
    owner: str
    token_id: int = Field(foreign_key="token.id")
    state: str = "running"  # running | finished | failed | killed
    error: str | None = None
    report: str = Field(sa_type=sa.Text)  # JSON, the bytes that were sent
    report_digest: str
    params_digest: str  # all parameters
    config_digest: str  # code + parameters without seeds: equal for siblings
    commit_id: str | None = None
    tree: str | None = None
    dirty: bool = False
    seed: str | None = None  # for reading: "seed=3"
    started_at: datetime  # the client's clock
    finished_at: datetime | None = None  # the client's clock
    received_at: datetime  # ours
    heard_at: datetime  # ours: the last time it wrote
    finish: str | None = Field(default=None, sa_type=sa.Text)  # JSON of the FinishReport as it arrived
    finish_digest: str | None = None
    sealed_at: datetime | None = None  # ours: when it ended
    late: bool = False  # its points did not arrive while it ran
    verdict: str = "unverified"
    check_at: datetime | None = None  # ours: when the checks are due (again); None: not
    checked_at: datetime | None = None
    metric_id: int | None = Field(default=None, foreign_key="metric_definition.id")
    headline: float | None = Field(default=None, sa_type=sa.Double)  # finite or NULL
    headline_step: int | None = Field(default=None, sa_type=sa.BigInteger)
    record_digest: str | None = None  # SHA-256 of the sealed record (registry/seal.py); set once
    sealed_leaf: int | None = Field(default=None, sa_type=sa.BigInteger)  # the leaf of the log that has the record
    live: bool = Field(
        default=False, sa_column_kwargs=_default("0")
    )  # badge: its history arrived while it ran, unbroken
    quarantined: bool = Field(
        default=False, sa_column_kwargs=_default("0")
    )  # a secret was found in it: its content is hidden
    withdrawn: str = Field(
        default="", sa_column_kwargs=_default("")
    )  # superseded | invalidated | deleted; "": it stands


class Placing(SQLModel, table=True):
    """A run's place on a board: what it came to by one definition of a metric. Old boards stay readable."""

    __table_args__ = (
        sa.Index(None, "metric_id", "verdict", "headline"),
        finite("headline"),
        finite("recomputed"),
        STRICT,
    )
    run_id: str = Field(primary_key=True, foreign_key="run.id")
    metric_id: int = Field(primary_key=True, foreign_key="metric_definition.id")
    verdict: str
    headline: float | None = Field(default=None, sa_type=sa.Double)  # finite or NULL
    headline_step: int | None = Field(default=None, sa_type=sa.BigInteger)
    recomputed: float | None = Field(
        default=None, sa_type=sa.Double
    )  # badge: the registry's own value, from predictions
    at: datetime


class Correction(SQLModel, table=True):
    """What was said about a run afterwards. Runs are never edited."""

    __table_args__ = (sa.Index(None, "run_id"), STRICT)
    id: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(foreign_key="run.id")
    what: str  # superseded | invalidated | deleted
    reason: str
    instead: str | None = None  # the run that supersedes it
    by: str  # the person
    at: datetime
    leaf: int = Field(sa_type=sa.BigInteger)  # the leaf of the log that says so


class Param(SQLModel, table=True):
    """One parameter, flat: `optimizer.lr`. `kind` says which column holds it."""

    __table_args__ = (
        sa.Index(None, "project_id", "key", "number"),
        sa.Index(None, "project_id", "key", "text"),
        STRICT,
    )
    run_id: str = Field(primary_key=True, foreign_key="run.id")
    key: str = Field(primary_key=True)
    project_id: str
    kind: str  # number | text | bool | null
    number: float | None = Field(default=None, sa_type=sa.Double)
    text: str | None = None  # always there, for showing


class Series(SQLModel, table=True):
    """The summary of one metric of one run; kept in the transaction that keeps its points."""

    __table_args__ = (
        sa.UniqueConstraint("run_id", "metric"),
        sa.Index(None, "project_id", "metric", "best_high", "run_id"),
        finite("best_high"),
        finite("best_low"),
        STRICT,
    )
    id: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(foreign_key="run.id")
    project_id: str
    metric: str
    count: int = 0
    first_step: int | None = Field(default=None, sa_type=sa.BigInteger)
    last_step: int | None = Field(default=None, sa_type=sa.BigInteger)
    last_time: int | None = Field(default=None, sa_type=sa.BigInteger)  # the client's clock, ms
    last_kind: str = "finite"  # finite | nan | +inf | -inf
    last: float | None = Field(default=None, sa_type=sa.Double)  # NULL unless finite
    best_high: float | None = Field(default=None, sa_type=sa.Double)  # largest finite value
    best_high_step: int | None = Field(default=None, sa_type=sa.BigInteger)
    best_low: float | None = Field(default=None, sa_type=sa.Double)  # smallest finite value
    best_low_step: int | None = Field(default=None, sa_type=sa.BigInteger)
    not_finite: int = 0  # how many points are NaN or infinite


class Batch(SQLModel, table=True):
    """One received batch: its digest for ever, its packed points until they are compacted into chunks."""

    __table_args__ = (STRICT,)
    run_id: str = Field(primary_key=True, foreign_key="run.id")
    writer: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True)
    digest: str
    received_at: datetime
    tail: bytes | None = None  # NULL once compacted
    points: int = 0


class Equivocation(SQLModel, table=True):
    """Evidence: the same batch number came again with other content."""

    __table_args__ = (STRICT,)
    run_id: str = Field(primary_key=True, foreign_key="run.id")
    writer: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    received_at: datetime


class Chunk(SQLModel, table=True):
    """Up to 4,096 points of one series, packed."""

    __table_args__ = (STRICT,)
    series_id: int = Field(primary_key=True, foreign_key="series.id")
    number: int = Field(primary_key=True)
    points: int
    packed: bytes


class Dataset(SQLModel, table=True):
    """A dataset that a run declared."""

    __table_args__ = (STRICT,)
    run_id: str = Field(primary_key=True, foreign_key="run.id")
    name: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    split: str | None = None
    size: int | None = Field(default=None, sa_type=sa.BigInteger)
    count: int | None = Field(default=None, sa_type=sa.BigInteger)
    partial: str | None = None


class Artifact(SQLModel, table=True):
    """A file that a run named. The bytes are in the store under their digest."""

    __table_args__ = (sa.Index(None, "digest"), STRICT)
    run_id: str = Field(primary_key=True, foreign_key="run.id")
    name: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    size: int = Field(sa_type=sa.BigInteger)
    step: int | None = Field(default=None, sa_type=sa.BigInteger)


class Prediction(SQLModel, table=True):
    """A run's predictions for one metric: the registry computes the metric from them itself."""

    __table_args__ = (sa.Index(None, "digest"), STRICT)
    run_id: str = Field(primary_key=True, foreign_key="run.id")
    metric: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    format: str  # arrow | csv | npz
    step: int | None = Field(default=None, sa_type=sa.BigInteger)


class Attachment(SQLModel, table=True):
    """A stored file that a report itself rests on: the code's patch or bundle, a lock file."""

    __table_args__ = (sa.Index(None, "digest"), STRICT)
    run_id: str = Field(primary_key=True, foreign_key="run.id")
    digest: str = Field(primary_key=True)
    what: str  # "patch" | "bundle" | "lock file"


class Remark(SQLModel, table=True):
    """A note of the client about a run: something reseeded, points were thinned."""

    __table_args__ = (STRICT,)
    run_id: str = Field(primary_key=True, foreign_key="run.id")
    text: str = Field(primary_key=True)


class Finding(SQLModel, table=True):
    """What a check said last about a run."""

    __table_args__ = (STRICT,)
    run_id: str = Field(primary_key=True, foreign_key="run.id")
    check_name: str = Field(primary_key=True)
    outcome: str  # pass | fail | unknown
    refutes: bool = False
    reason: str
    mend: str = ""
    at: datetime
    asked: bool = Field(default=True, sa_column_kwargs=_default("1"))  # the project's rules ask for this check


class Receipt(SQLModel, table=True):
    """A signed statement about a run, as a Sigstore bundle. The latest one of a run counts."""

    __table_args__ = (sa.UniqueConstraint("run_id", "number"), STRICT)
    id: str = Field(primary_key=True)  # SHA-256 of the signed payload: signatures are malleable, payloads are not
    run_id: str = Field(foreign_key="run.id")
    number: int  # 1, 2, … of the run
    verdict: str
    key_id: str = Field(foreign_key="signing_key.id")
    bundle: str = Field(sa_type=sa.Text)  # JSON
    issued_at: datetime
    leaf: int = Field(sa_type=sa.BigInteger)  # the leaf of the log that has this receipt's id


class SigningKey(SQLModel, table=True):
    """A public key of this registry. The private one is a file that only the registry reads."""

    __tablename__ = "signing_key"
    __table_args__ = (STRICT,)
    id: str = Field(primary_key=True)  # SHA-256 of the public key in DER
    use: str  # receipt | checkpoint
    public: str = Field(sa_type=sa.Text)  # PEM
    valid_from: datetime
    valid_until: datetime | None = None  # set when another one takes over; what it signed before stays valid
    withdrawn_at: datetime | None = None  # nothing that it signed counts any more
    signed_by: str | None = None  # the key before it
    signature: str | None = None  # of the DER of this public key, base64


class Leaf(SQLModel, table=True):
    """One entry of the log: what happened. `body` is the exact JSON that is hashed."""

    __table_args__ = (sa.Index(None, "run_id"), STRICT)
    number: int = Field(primary_key=True, sa_type=sa.BigInteger, sa_column_kwargs={"autoincrement": False})
    kind: str
    run_id: str | None = None
    project_id: str | None = None
    body: str = Field(sa_type=sa.Text)
    at: datetime


class LogNode(SQLModel, table=True):
    """A hash of a complete subtree of the log: 2**level leaves, the `number`-th such subtree."""

    __tablename__ = "log_node"
    __table_args__ = (STRICT,)
    level: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    number: int = Field(primary_key=True, sa_type=sa.BigInteger, sa_column_kwargs={"autoincrement": False})
    hash: str  # hex


class LogHead(SQLModel, table=True):
    """How long the log is: one row, which whoever appends locks."""

    __tablename__ = "log_head"
    __table_args__ = (STRICT,)
    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    size: int = Field(default=0, sa_type=sa.BigInteger)
    origin: str  # the log's name in checkpoints, for ever


class Checkpoint(SQLModel, table=True):
    """A signed size and root of the log, as a C2SP note."""

    __table_args__ = (STRICT,)
    size: int = Field(primary_key=True, sa_type=sa.BigInteger, sa_column_kwargs={"autoincrement": False})
    root: str  # hex
    note: str = Field(sa_type=sa.Text)
    at: datetime


class Outgoing(SQLModel, table=True):
    """A message we owe: kept until it is sent. `key` makes owing twice one message."""

    __table_args__ = (sa.Index(None, "sent_at", "id"), STRICT)
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)  # "new_best/milestone-1/<run id>"
    kind: str  # the announcement's file name
    project_id: str
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)
    created_at: datetime
    channel: str | None = None  # set when it is claimed for a channel
    claimed_until: datetime | None = None
    attempts: int = 0
    sending: bool = False  # handed to Slack, outcome not known yet: look before sending again
    sent_at: datetime | None = None
    ts: str | None = None  # Slack's name of the message
    dead_at: datetime | None = None  # given up
    last_error: str | None = None


class SlackChannel(SQLModel, table=True):
    """A channel bound to a project: answers there need no project, announcements go there."""

    __tablename__ = "slack_channel"
    __table_args__ = (STRICT,)
    team_id: str = Field(primary_key=True)
    channel_id: str = Field(primary_key=True)
    project_id: str = Field(foreign_key="project.id")
    announcements: bool = True
    claims: bool = False  # opted in to claim checks


class Seen(SQLModel, table=True):
    """An event of Slack that was taken: a second delivery is acknowledged and dropped."""

    __table_args__ = (sa.Index(None, "at"), STRICT)
    key: str = Field(primary_key=True)
    at: datetime
