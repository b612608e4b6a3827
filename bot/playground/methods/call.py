"""One call of a Web API method: its arguments, read the way Slack reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.playground.errors import SlackError
from bot.playground.workspace import BOT_USER, Channel, Workspace

if TYPE_CHECKING:
    from bot.playground.sockets import Sockets


@dataclass(frozen=True, slots=True)
class Call:
    """`args` hold what came as form fields, JSON or query; nested values may still be JSON strings."""

    workspace: Workspace
    sockets: Sockets
    args: dict[str, Any]
    base_url: str

    def string(self, name: str, default: str | None = None) -> str:
        """A string argument; without a default a missing one is `invalid_arguments`."""
        value = self.args.get(name)
        if value is None or value == "":
            if default is None:
                raise SlackError("invalid_arguments", [f"[ERROR] missing required field: {name}"])
            return default
        return value if isinstance(value, str) else str(value)

    def nested(self, name: str, error: str) -> Any:
        """An argument that is JSON: parsed when it came as a string, None when it is missing."""
        value = self.args.get(name)
        if isinstance(value, str):
            if not value:
                return None
            try:
                return json.loads(value)
            except ValueError as cause:
                raise SlackError(error) from cause
        return value

    def flag(self, name: str) -> bool:
        """A boolean argument: true, "true", 1 or "1"."""
        return self.args.get(name) in (True, 1, "1", "true", "True")

    def number(self, name: str, default: int, most: int) -> int:
        """An integer between 1 and `most`."""
        try:
            value = int(self.args.get(name) or default)
        except (TypeError, ValueError) as cause:
            raise SlackError("invalid_limit") from cause
        if not 1 <= value <= most:
            raise SlackError("invalid_limit")
        return value

    def channel(self, *, member: bool = True) -> Channel:
        """The channel named by the argument `channel`: an id; the id of a user means the direct message."""
        wanted = self.string("channel")
        found = self.workspace.channels.get(wanted) or self.workspace.dm(wanted)
        if found is None:
            raise SlackError("channel_not_found")
        if member and BOT_USER not in found.members:
            raise SlackError("not_in_channel")
        return found


@dataclass(frozen=True, slots=True)
class Method:
    """A Web API method; one of `scopes` must be granted. `app_token`: takes the xapp token instead."""

    name: str
    scopes: tuple[str, ...]
    run: Callable[[Call], dict[str, Any]]
    app_token: bool = False
