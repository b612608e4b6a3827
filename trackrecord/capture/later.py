"""Look at several things at the same time: most looks wait for git or for the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Later(Generic[T]):
    """What a function returns, worked out in a thread of its own from now on."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._value: list[T] = []
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="trackrecord-look", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads for this user: then at once, in this one
            self._run()

    def get(self) -> T:
        """Wait for it. Raises what the function raised."""
        if self._thread.ident is not None:
            self._thread.join()
        if self._problem is not None:
            raise self._problem
        return self._value[0]

    def _run(self) -> None:
        try:
            self._value.append(self._function())
        except BaseException as problem:  # noqa: BLE001 - it is raised where the value is asked for
            self._problem = problem


def afterwards(function: Callable[[], object]) -> None:
    """Do what nobody waits for; the process does not end before it is done."""
    try:
        threading.Thread(target=function, name="trackrecord-afterwards").start()
    except RuntimeError:
        function()
