"""What happened in the workspace, in order: for tests that wait, for the page that follows live."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
Entry = dict[str, Any]


class Journal:
    """A bounded list of entries `{"n", "at", "kind", …}`. Written on the server's loop, read from any thread."""

    def __init__(self, limit: int = 5000) -> None:
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._count = 0
        self._changed = threading.Condition()
        self._listeners: set[asyncio.Queue[int]] = set()

    def add(self, kind: str, **fields: Any) -> None:
        """Keep one entry and wake everybody who waits."""
        with self._changed:
            self._count += 1
            self._entries.append({"n": self._count, "at": time.time(), "kind": kind, **fields})
            self._changed.notify_all()
        for queue in tuple(self._listeners):
            queue.put_nowait(self._count)

    def entries(self, kind: str | None = None, after: int = 0) -> list[Entry]:
        """Entries of one kind, or all, that came after number `after`."""
        with self._changed:
            return [entry for entry in self._entries if entry["n"] > after and kind in (None, entry["kind"])]

    @property
    def count(self) -> int:
        """How many entries there ever were: the revision that the page compares."""
        return self._count

    def wait_for(self, look: Callable[[], T], timeout_s: float) -> T:
        """Call `look` after every change until it returns something true; TimeoutError after `timeout_s`."""
        end = time.monotonic() + timeout_s
        with self._changed:
            while True:
                found = look()
                if found:
                    return found
                left = end - time.monotonic()
                if left <= 0:
                    last = [{k: v for k, v in entry.items() if k != "payload"} for entry in list(self._entries)[-5:]]
                    raise TimeoutError(f"nothing of that kind within {timeout_s} s; last entries: {last}")
                self._changed.wait(min(left, 0.25))

    @contextmanager
    def follow(self) -> Iterator[asyncio.Queue[int]]:
        """A queue that receives the revision after every change (server's loop only)."""
        queue: asyncio.Queue[int] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)
