"""What this machine saw of a registry's log: the last checkpoint, and what to say when the log is another one now.

`checkpoints/<address>/` in the home of the journals holds `last.note`, and a folder `evidence-…` with both notes
for everything that did not go together. The log only grows: so what was kept is read first and the registry is asked
after, and several processes at once need no lock while they ask.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from trackrecord import keyring, merkle, note, voice
from trackrecord.errors import TrackrecordError
from trackrecord.files import write_whole

_SECONDS = 10.0  # for each thing that is asked
_KEYS = "/.well-known/trackrecord/keys.json"


class Registry(Protocol):
    """What this room needs of `trackrecord.client.Client`."""

    url: str

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        *,
        seconds: float,
    ) -> Any: ...
    def text(self, path: str, *, seconds: float) -> str: ...


@dataclass(frozen=True, slots=True)
class Looked:
    """`well`: the log continues what this machine saw. `said` is one sentence without a full stop."""

    well: bool
    said: str


@dataclass(frozen=True, slots=True)
class _Kept:
    text: str
    seen: note.Signed
    at: datetime


def look(home: Path, registry: Registry) -> Looked | None:
    """Ask for the log's checkpoint, compare it with what was kept, keep it. None: a registry that never had a log.

    Raises TrackrecordError where the registry could not be asked, OSError where nothing can be kept.
    """
    place = home / "checkpoints" / _name(registry.url)
    kept = {each.parent: _read(each) for each in sorted(place.parent.glob("*/last.note"))}
    own = kept.get(place)
    try:
        text = registry.text("/api/v1/log/checkpoint", seconds=_SECONDS)
    except TrackrecordError as problem:
        if problem.passing or problem.status in (401, 403):
            raise
        if problem.status == 404:
            return None if own is None else _ill(place, own, None, "it has no log any more")
        return Looked(False, f"the registry does not stand by its own log: {problem}")
    try:
        shown = note.read(text)
    except TrackrecordError as problem:
        return Looked(False, str(problem)) if own is None else _ill(place, own, text, problem.message.rstrip("."))
    if own is not None and own.seen.origin != shown.origin:
        return _ill(place, own, text, f"it is {shown.origin} now and was {own.seen.origin}")
    for each in kept.values():
        if each is not None and each.seen.origin == shown.origin and (why := _changed(registry, each.seen, shown)):
            return _ill(place, each, text, why)
    return _signed_and_kept(place, registry, own, _Kept(text, shown, datetime.now(UTC)))


def warn(home: Path, registry: Registry) -> None:
    """Look, and say one line where the log is not as it was. Whatever stands in the way is left to `doctor`."""
    try:
        looked = look(home, registry)
        if looked is not None and not looked.well:
            voice.say(looked.said, "bad")
    except Exception:  # noqa: BLE001, S110 - a guest: neither a training nor a delivery may break on it
        pass


def forget(home: Path, url: str) -> None:
    """The registry at this address was set up anew: what was seen of the one before counts no more. Evidence stays."""
    (home / "checkpoints" / _name(url) / "last.note").unlink(missing_ok=True)


def _changed(registry: Registry, old: note.Signed, new: note.Signed) -> str:
    """In what the new log is no continuation of the old one; empty: it is one."""
    if new.size < old.size:
        return f"it has {new.size} entries now and had {old.size}"
    path: list[bytes] = []
    if 0 < old.size < new.size:
        sizes = {"old": str(old.size), "new": str(new.size)}
        try:
            said = registry.ask("GET", "/api/v1/log/consistency", query=sizes, seconds=_SECONDS)
            path = [base64.b64decode(each, validate=True) for each in said["path"]]
        except (KeyError, TypeError, ValueError):
            return "its proof cannot be read"
        except TrackrecordError as problem:
            if problem.passing:
                raise
            return f"it gives no proof ({problem.message.rstrip('.')})"
    well = merkle.verify_consistency(old.size, old.root, new.size, new.root, path)
    return "" if well else f"its first {old.size} entries are others now"


def _signed_and_kept(place: Path, registry: Registry, own: _Kept | None, new: _Kept) -> Looked:
    try:
        signed = _signature(place.parents[1], registry, new.seen)
    except TrackrecordError as problem:
        if problem.passing:
            raise
        return _ill(place, own, new.text, problem.message.rstrip("."))
    _keep(place, new)
    since = f"continues what this machine saw on {_day(own.at)}" if own else "is kept in mind from now on"
    return Looked(True, f"the registry's log has {new.seen.size} entries and {since}; {signed}")


def _signature(home: Path, registry: Registry, seen: note.Signed) -> str:
    """ "signed", or why that was not looked at. Raises TrackrecordError where no key that counts signed it."""
    try:
        keys = next((each for each in keyring.kept(home) if each.origin == seen.origin), None)
        if keys is None or not _by_one_of(seen, keys):
            served = registry.text(_KEYS, seconds=_SECONDS)
            keys = keyring.keep(home, registry.url, served.encode())
        if not _by_one_of(seen, keys):
            raise TrackrecordError("its checkpoint is signed by no key that counts", status=409)
    except keyring.Unequipped:
        return "signature not checked: pip install 'trackrecord[verify]'"
    return "signed"


def _by_one_of(seen: note.Signed, keys: keyring.KeySet) -> bool:
    """Whether a key that was not withdrawn signed it."""
    return any(keyring.signs(key, seen) for key in keys.keys if key.withdrawn_at is None)


def _keep(place: Path, new: _Kept) -> None:
    """As the last one, unless another process has seen more of the same log by now."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = place / "last.note"
    with _alone(place):
        there = _read(file)
        if there is not None and there.seen.size >= new.seen.size:
            os.utime(file)
        else:
            write_whole(file, new.text.encode())


def _ill(place: Path, old: _Kept | None, text: str | None, why: str) -> Looked:
    """Keep both notes, once for each that was kept, and say it."""
    kept = _evidence(place, old.text if old else "", text or "", why)
    seen = f"is not the one this machine saw on {_day(old.at)}" if old else "cannot be trusted"
    return Looked(
        False,
        f"the registry's log {seen} ({why}): somebody changed its past, or it was restored from an older backup; "
        f"keep {kept} and ask the operator. Only where it was set up anew: trackrecord login --new-registry ADDRESS",
    )


def _evidence(place: Path, old: str, new: str, why: str) -> Path:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = place / f"evidence-{hashlib.sha256(old.encode()).hexdigest()[:16]}"
    if not folder.exists():
        fresh = Path(tempfile.mkdtemp(prefix=".evidence-", dir=place))
        for name, content in (("seen.note", old), ("shown.note", new), ("why.txt", f"{why}\n")):
            write_whole(fresh / name, content.encode())
        try:
            fresh.rename(folder)
        except OSError:  # another process was first
            shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _read(file: Path) -> _Kept | None:
    try:
        text = file.read_text(encoding="utf-8")
        return _Kept(text, note.read(text), datetime.fromtimestamp(file.stat().st_mtime, UTC))
    except (OSError, ValueError, TrackrecordError):
        return None


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """No other process of this machine keeps a checkpoint of this registry meanwhile."""
    descriptor = os.open(place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with suppress(OSError):  # a file system without locks: an older note may be kept, which is still a true one
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _name(url: str) -> str:
    """A folder's name for an address, for people to read and never the same for two."""
    plain = re.sub(r"[^a-z0-9.]+", "-", url.partition("://")[2].lower()).strip("-.")
    return f"{plain[:60]}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def _day(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
