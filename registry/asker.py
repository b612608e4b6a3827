"""PURE: who asks, from where, and how a command is written there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asker:
    """Whoever asks a question, as the edge that took it knows them.

    `projects` are the ones they may ask about (None: all). `project` is meant when none is named: the channel's or the
    page's. `prefix` stands before a question's name in hints: "/" in Slack, "trackrecord " in a terminal, "" elsewhere.
    """

    owner: str | None = None
    projects: frozenset[str] | None = None
    project: str | None = None
    base_url: str = ""
    prefix: str = ""
    silent_after_s: int = 900  # a run that was not heard of for so many seconds is called silent

    def may_see(self, project: str) -> bool:
        return self.projects is None or project in self.projects

    def command(self, question: str, words: str = "") -> str:
        """The line to type here: `/best milestone-1`."""
        return f"{self.prefix}{question} {words}".rstrip()
