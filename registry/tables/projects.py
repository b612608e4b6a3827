"""A team's projects, its definitions of metrics, and the keys to the API."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from registry.tables.base import STRICT, default


class Project(SQLModel, table=True):
    """What a team works on, with its rules."""

    __table_args__ = (STRICT,)
    id: str = Field(primary_key=True, max_length=64)  # "milestone-1"
    title: str = ""
    repository: str = ""  # URL that the registry mirrors; from maintainers only
    allowed_refs: list[str] = Field(default_factory=list, sa_type=sa.JSON)  # ["refs/heads/*", "refs/tags/*"]
    created_at: datetime
    checks: list[str] = Field(default_factory=list, sa_type=sa.JSON, sa_column_kwargs=default("[]"))  # []: every one
    dirty_trees: bool = Field(
        default=True, sa_column_kwargs=default("1")
    )  # runs with uncommitted changes may be verified
    minimum: str = Field(
        default="verified", sa_column_kwargs=default("verified")
    )  # for /best: verified | live | recomputed
    rules_digest: str = Field(
        default="", sa_column_kwargs=default("")
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
    unit: str = Field(default="", sa_column_kwargs=default(""))  # "ms", shown behind the value; not with percent
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
