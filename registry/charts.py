"""Numbers in, PNG out: hands charts to a child process that can be killed, and waits for it no longer than it may.

The picture itself is made in `registry.drawing`, which only that child imports: matplotlib never loads in a server.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import struct
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from trackrecord.answer import Chart

SECONDS = 10.0  # for one picture, once the child is ready
START_SECONDS = 60.0  # loading matplotlib on a slow, busy machine, its font list for the first time
_PICTURES = 500  # after so many the child is replaced: what leaks, leaks for a while
_MOST_SERIES = 20
_MOST_POINTS = 20_000  # of one series, on the way to the child; it thins them again
_LENGTH = struct.Struct("<I")
_CHILD = "import sys; sys.path[:] = sys.argv[1:]; from registry.drawing import serve; serve()"


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    to: IO[bytes]
    back: IO[bytes]
    pictures: int = 0


_turn = threading.Lock()
_child: _Child | None = None


def draw(chart: Chart, *, seconds: float = SECONDS) -> bytes | None:
    """A PNG that is readable on a phone; None when there is nothing to draw or it took too long."""
    global _child
    with _turn:
        try:
            if _child is not None and _child.process.poll() is not None:
                _stop()  # somebody ended it
            child = _child = _child if _child is not None else _start()
            picture = _ask(child, json.dumps(_within_bounds(chart)).encode(), seconds)
        except (OSError, EOFError, ValueError):
            _stop()
            return None
        child.pictures += 1
        if child.pictures >= _PICTURES:
            _stop()
        return picture or None


def stop() -> None:
    """End the child; the next picture starts a new one."""
    with _turn:
        _stop()


def _stop() -> None:
    global _child
    child, _child = _child, None
    if child is not None:
        _end(child)


def _end(child: _Child) -> None:
    child.process.kill()
    child.process.wait()
    for pipe in (child.to, child.back):
        with contextlib.suppress(OSError):  # what could not be written is lost
            pipe.close()


atexit.register(_stop)


def _start() -> _Child:
    """The child gets no environment but a home for its font list: no secret of ours is in there."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"HOME": str(Path.home()), "OPENBLAS_NUM_THREADS": "1"},
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    child = _Child(process, process.stdin, process.stdout)
    try:
        _ask(child, None, START_SECONDS)
    except (OSError, EOFError):
        _end(child)
        raise
    return child


def _ask(child: _Child, message: bytes | None, seconds: float) -> bytes:
    """Write, and read one reply. A timer kills the child when the time is up: then the pipe ends. Raises EOFError."""
    timer = threading.Timer(seconds, child.process.kill)
    timer.daemon = True
    timer.start()
    try:
        if message is not None:
            child.to.write(_LENGTH.pack(len(message)) + message)
            child.to.flush()
        (length,) = _LENGTH.unpack(_exactly(child.back, _LENGTH.size))
        return _exactly(child.back, length)
    finally:
        timer.cancel()


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    read = pipe.read(count)
    if len(read) < count:
        raise EOFError
    return read


def _within_bounds(chart: Chart) -> dict[str, object]:
    data = asdict(chart)
    data["series"] = [
        {**line, "name": line["name"][:400], "xs": line["xs"][:_MOST_POINTS], "ys": line["ys"][:_MOST_POINTS]}
        for line in data["series"][:_MOST_SERIES]
    ]
    data["labels"] = [label[:400] for label in data["labels"][:_MOST_SERIES]]
    return {**data, **{key: data[key][:400] for key in ("title", "alt", "x_label", "y_label")}}
