"""What was said about a run: by the checks, by a board, by people."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from registry.tables.base import STRICT, default, finite


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
    asked: bool = Field(default=True, sa_column_kwargs=default("1"))  # the project's rules ask for this check


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
