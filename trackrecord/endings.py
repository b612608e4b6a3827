"""End a run: seal it on this machine, deliver it within seconds, and say in one line what became of it."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

from trackrecord import redact
from trackrecord.errors import TrackrecordError
from trackrecord.params import clean
from trackrecord.report import EndState
from trackrecord.opening import Started
from trackrecord.voice import Tone, say, shown

_FLUSH_S = 10.0  # for everything at the end
_VERDICT_S = 4.0  # of these, for the registry's checks


def of_exception(raised: BaseException | None, top: Path | None) -> tuple[EndState, str | None]:
    """The state and the error of a script that ends with `raised`: "ValueError: shapes do not match (train.py:41)"."""
    if raised is None or (isinstance(raised, SystemExit) and raised.code in (None, 0)):
        return "finished", None
    kind, said = type(raised).__name__, shown(raised)
    where = _place(raised, top)
    return "failed", f"{kind}: {clean(redact.text(said), 1000)}".removesuffix(": ") + (f" ({where})" if where else "")


def end(started: Started, state: str, error: str | None) -> None:
    """Seal, deliver, say. What does not arrive now stays in the folder for `trackrecord sync`."""
    until = time.monotonic() + _FLUSH_S
    assert started.journal is not None
    assert started.batches is not None
    started.journal.close()
    ended = cast(EndState, state) if state in get_args(EndState) else "finished" if state == "success" else "failed"
    error = None if error is None else clean(redact.text(shown(error)), 1500)
    now_ms = time.time_ns() // 1_000_000
    started.batches.seal(ended, now_ms, error, started.journal.dropped)
    uploader = started.uploader
    if uploader is None:
        if started.lock is not None:
            os.close(started.lock)
        say(f"{started.name} {_of(ended, error)}, kept on this machine: `trackrecord sync` sends it", "plain")
        return
    if not uploader.finish(until - time.monotonic()):
        why = uploader.trouble or "it takes longer than 10 seconds"
        say(f"{started.name} {_of(ended, error)}, not delivered yet ({why}); `trackrecord sync` sends it", "warn")
        return
    _say_verdict(started, ended, error, min(until, time.monotonic() + _VERDICT_S))


def _say_verdict(started: Started, state: str, error: str | None, until: float) -> None:
    """The last line: headline, verdict, what is missing and how to mend it."""
    assert started.uploader is not None
    head = f"{started.name} {_of(state, error)}"
    try:
        seen = _checked(started.uploader.registry, started.run_id, until)
    except TrackrecordError:
        seen = None
    if seen is None:
        say(f"{head}, delivered; its checks are not through yet: `trackrecord show {started.name}`")
        return
    line, tone = verdict(seen)
    say(f"{head}. {line}", tone)


def _checked(registry: Any, run_id: str, until: float) -> Mapping[str, Any] | None:
    """The run as the registry sees it, once it is checked; None when that takes too long."""
    while True:
        seen = registry.ask("GET", f"/api/v1/runs/{run_id}", seconds=max(0.5, until - time.monotonic()))
        if isinstance(seen, Mapping) and seen.get("checked"):
            return seen
        if time.monotonic() > until:
            return None
        time.sleep(0.2)


def verdict(seen: Mapping[str, Any]) -> tuple[str, Tone]:
    """A checked run in a sentence: "test/accuracy 0.912 at step 9, verified"."""
    headline = seen.get("headline")
    number = f"{headline['metric']} {headline['value']:.6g} at step {headline['step']}, " if headline else ""
    word = str(seen.get("verdict", "unverified"))
    open_ = [each for each in seen.get("findings") or () if each.get("outcome") != "pass"]
    # What contradicts comes first, then what fails, then what could not be looked at.
    open_.sort(key=lambda each: (not each.get("refutes"), each.get("outcome") != "fail"))
    if word == "verified" or not open_:
        return f"{number}{word}", "good" if word == "verified" else "warn"
    why = " ".join(str(open_[0].get(part) or "").strip() for part in ("reason", "mend")).strip()
    more = f" And {len(open_) - 1} more: `trackrecord show {seen.get('name', '')}`" if len(open_) > 1 else ""
    return f"{number}{word}: {why}{more}", "bad" if word == "refuted" else "warn"


def _of(state: str, error: str | None) -> str:
    return f"{state} ({error})" if error else state


def _place(raised: BaseException, top: Path | None) -> str:
    """File and line, in the script's own code where its frames are among them."""
    frames = traceback.extract_tb(raised.__traceback__)
    if not frames:
        return ""
    own = [frame for frame in frames if "site-packages" not in frame.filename and "/lib/python" not in frame.filename]
    last = (own or frames)[-1]
    path = Path(last.filename)
    name = path.relative_to(top).as_posix() if top is not None and path.is_relative_to(top) else path.name
    return clean(f"{name}:{last.lineno}", 300)
