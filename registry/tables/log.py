"""The log and the public keys: what a stranger verifies with."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from registry.tables.base import STRICT


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
