"""Runs without a `with`: `start()` and `finish()` for notebooks, `@recorded` for a function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

from trackrecord.recording import Run, run
from trackrecord.voice import say

P = ParamSpec("P")
T = TypeVar("T")
_open: Run | None = None


def start(project: str, params: object = None) -> Run:
    """Start a run that goes on until `finish()`, over the cells of a notebook. It never raises.

    One that is still open is finished first, so that a cell may be run again.

        run = trackrecord.start("milestone-1", params={"lr": 0.1})
        run.log({"test/accuracy": 0.91})
        trackrecord.finish()
    """
    global _open
    if _open is not None and _open.is_open:
        say(f"{_open.name} was still open: it is finished now")
        _open.finish()
    _open = run(project, params)
    return _open


def finish(state: str = "finished", error: str | None = None) -> None:
    """End the run of `start()`: "finished", "failed" or "killed". It does nothing where none is open."""
    global _open
    if _open is not None:
        _open.finish(state, error)
    _open = None


def recorded(project: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Record every call of a function as a run; its arguments are the parameters.

    A mapping of numbers that it returns is logged. A parameter called `run` that is left out gets the run:

        @trackrecord.recorded("milestone-1")
        def train(lr: float = 0.1, epochs: int = 3, run: trackrecord.Run | None = None) -> dict[str, float]:
            return {"test/accuracy": 0.91}
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def inner(*args: P.args, **kwargs: P.kwargs) -> T:
            bound = signature.bind(*args, **kwargs)
            wants = "run" in signature.parameters and "run" not in bound.arguments
            bound.apply_defaults()
            with run(project, {name: value for name, value in bound.arguments.items() if name != "run"}) as made:
                if wants:
                    kwargs["run"] = made
                result = function(*args, **kwargs)
                if isinstance(result, Mapping):
                    made.log(result)
            return result

        return inner

    return decorate
