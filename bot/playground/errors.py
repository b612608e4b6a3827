"""A refusal in Slack's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class SlackError(Exception):
    """`{"ok": false, "error": code}`; `messages` land in response_metadata, `more` beside the code."""

    def __init__(
        self, code: str, messages: Sequence[str] = (), *, status: int = 200, retry_after: int | None = None, **more: Any
    ) -> None:
        super().__init__(code)
        self.code = code
        self.messages = tuple(messages)
        self.status = status
        self.retry_after = retry_after
        self.more = more

    def as_json(self) -> dict[str, Any]:
        """The body of the refusal."""
        body: dict[str, Any] = {"ok": False, "error": self.code, **self.more}
        if self.messages:
            body["response_metadata"] = {"messages": list(self.messages)}
            if self.code.startswith("invalid_"):
                body["errors"] = [message.removeprefix("[ERROR] ") for message in self.messages]
        return body
