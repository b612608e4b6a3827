"""What a run reports, as rows that can be searched."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from registry.tables.base import STRICT, default, finite


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
        default=False, sa_column_kwargs=default("0")
    )  # badge: its history arrived while it ran, unbroken
    quarantined: bool = Field(
        default=False, sa_column_kwargs=default("0")
    )  # a secret was found in it: its content is hidden
    withdrawn: str = Field(
        default="", sa_column_kwargs=default("")
    )  # superseded | invalidated | deleted; "": it stands


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


class Attempt(SQLModel, table=True):
    """A further start of a run that was preempted and goes on. The first is the run's own report."""

    __table_args__ = (
        sa.CheckConstraint("number >= 2", name="number_from_two"),
        STRICT,
    )
    run_id: str = Field(primary_key=True, foreign_key="run.id")
    number: int = Field(primary_key=True)  # from 2
    writer: str  # whose batch said so
    report: str = Field(sa_type=sa.Text)  # JSON of the RunReport in one spelling (registry/params.py: canonical)
    received_at: datetime  # ours


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
