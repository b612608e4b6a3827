"""The run that an adapter writes to: one that the script opened, or one that opens with the training."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec

from trackrecord import params, session
from trackrecord.recording import Run
from trackrecord.voice import say, shown

P = ParamSpec("P")


class RunHolder:
    """Made with a project's name or a run; `run` is None until the training has begun."""

    def __init__(self, where: Run | str, given: object = None) -> None:
        self.owned = not isinstance(where, Run)
        self.run = where if isinstance(where, Run) else None
        self.project = where.project if isinstance(where, Run) else str(where)
        self._given = given

    def open(self, found: Mapping[str, Any]) -> Run:
        """The run; opened now, with the parameters that the script gave and those that the framework knows."""
        if self.run is None:
            given, _ = params.plain(self._given)
            self.run = session.start(self.project, {**found, **given})
        return self.run


def guest(method: Callable[P, None]) -> Callable[P, None]:
    """A hook of a framework that warns instead of raising: the training goes on."""

    @functools.wraps(method)
    def quiet(*words: P.args, **named: P.kwargs) -> None:
        try:
            method(*words, **named)
        except Exception as problem:  # noqa: BLE001 - a guest must not break the training
            say(f"{method.__qualname__}() could not record ({type(problem).__name__}: {shown(problem)})", "warn")

    return quiet


def missing(adapter: str, package: str) -> ImportError:
    """What importing an adapter says where its framework is not installed."""
    return ImportError(f"trackrecord.adapters.{adapter} needs {package}, which is not installed here", name=package)
