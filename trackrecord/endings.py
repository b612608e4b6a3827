"""End a run: seal it on this machine, deliver it within seconds, and say in one line what became of it."""

from __future__ import annotations

import hashlib
import os
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast, get_args

from trackrecord import journal, redact
from trackrecord.capture import console, notebook
from trackrecord.errors import TrackrecordError
from trackrecord.opening import Started
from trackrecord.params import clean
from trackrecord.report import ArtifactReport, EndState
from trackrecord.voice import Tone, say, shown

_FLUSH_S = 10.0  # for everything at the end
_VERDICT_S = 4.0  # of these, for the registry's checks
# An adapter's frame is not the script's either, also where this package is installed from its repository.
_NOT_THE_SCRIPTS = ("site-packages", "/lib/python", "<frozen ", f"{Path(__file__).parent}{os.sep}")


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
    if started.console:
        _keep_console(started)
    _keep_cells(started)
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
        why = uploader.trouble or ("Ctrl-C" if uploader.left else "it takes longer than 10 seconds")
        say(f"{started.name} {_of(ended, error)}, not delivered yet ({why}); `trackrecord sync` sends it", "warn")
        return
    now = time.monotonic()
    # Past the limit only where somebody watched an upload to its end: they see the verdict too.
    _say_verdict(started, ended, error, now + _VERDICT_S if now > until else min(until, now + _VERDICT_S))


def _keep_console(started: Started) -> None:
    """What the script printed last, where it can be seen without touching its streams."""
    try:
        _keep(started, console.NAME, console.tail(os.environ))
    except Exception as problem:  # noqa: BLE001 - the end of the run matters more than what it printed
        say(f"what the script printed is not kept ({type(problem).__name__}: {shown(problem)})", "warn")


def _keep_cells(started: Started) -> None:
    """In a notebook, what was executed."""
    assert started.journal is not None
    try:
        _keep(started, notebook.NAME, notebook.cells())
    except notebook.Refused as refused:
        started.journal.append([journal.NOTE, clean(redact.text(str(refused)), 450)])
        say(str(refused), "warn")
    except Exception as problem:  # noqa: BLE001 - as above
        say(f"the executed cells are not kept ({type(problem).__name__}: {shown(problem)})", "warn")


def _keep(started: Started, name: str, content: bytes | None) -> None:
    """A file that the client makes itself, as an artifact; nothing where there is nothing."""
    assert started.folder is not None
    assert started.journal is not None
    if content:
        digest = hashlib.sha256(content).hexdigest()
        started.folder.owe(digest, content)
        fields = ArtifactReport(name=name, digest=digest, size=len(content))
        started.journal.append([journal.ARTIFACT, asdict(fields)])


def _say_verdict(started: Started, state: str, error: str | None, until: float) -> None:
    """The last line: headline, verdict, what is missing and how to mend it."""
    assert started.uploader is not None
    head = f"{started.name} {_of(state, error)}"
    seen = _checked(started.uploader.registry, started.run_id, until)
    if seen is None:
        say(f"{head}, delivered; its checks are not through yet: `trackrecord show {started.name}`")
        return
    line, tone = verdict(seen)
    say(f"{head}. {line}", tone)


def _checked(registry: Any, run_id: str, until: float) -> Mapping[str, Any] | None:
    """The run as the registry sees it, once it is checked; None when that takes too long.

    A thread waits for it: an answer that comes byte by byte has no end that a time limit for reading would see.
    """
    found: list[Mapping[str, Any]] = []
    asking = threading.Thread(target=_ask, args=(registry, run_id, until, found), daemon=True)
    try:
        asking.start()
    except RuntimeError:  # newer Pythons start no thread once the interpreter is leaving
        return None
    asking.join(max(0.0, until - time.monotonic()))
    return found[0] if found else None


def _ask(registry: Any, run_id: str, until: float, found: list[Mapping[str, Any]]) -> None:
    try:
        while time.monotonic() < until:
            seen = registry.ask("GET", f"/api/v1/runs/{run_id}", seconds=max(0.5, until - time.monotonic()))
            if isinstance(seen, Mapping) and seen.get("checked"):
                found.append(seen)
                return
            time.sleep(0.2)
    except TrackrecordError:
        return


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
    """File and line, in the script's own code where its frames are among them or around them."""
    trace = raised.__traceback__
    if trace is None:
        return ""
    inside = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(trace)]
    above = trace.tb_frame.f_back
    around = [] if above is None else [(frame.f_code.co_filename, line) for frame, line in traceback.walk_stack(above)]
    every = [*reversed(around), *inside]
    own = [each for each in every if not any(part in each[0] for part in _NOT_THE_SCRIPTS)]
    file, line = (own or every)[-1]
    path = Path(file)
    name = path.relative_to(top).as_posix() if top is not None and path.is_relative_to(top) else path.name
    return clean(f"{name}:{line}", 300)
