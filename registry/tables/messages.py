"""What is owed to Slack, where it goes, and what came from there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from registry.tables.base import STRICT


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
