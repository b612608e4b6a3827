"""Metric histories: the batches that arrived, their points in chunks, a summary for each series."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from registry.tables.base import STRICT, finite


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
