"""Checkpoints of the log as C2SP signed notes: a text that anybody can keep, post and compare. Checks no signature.

    trackrecord/4f0c9d2a51b7e833
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — trackrecord/4f0c9d2a51b7e833 Az3grlgtzPIC…

Line by line: the log's name (its origin), how many entries it has, the root of its tree, signatures over all of that.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from trackrecord.errors import TrackrecordError

LARGEST = 64 * 1024  # characters of a note
LARGEST_SIZE = 2**62
MOST_SIGNATURES = 16
_DASH = "\u2014 "
_ED25519 = b"\x01"
_NAME = re.compile(r"[^\s+]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Signature:
    """`hint` tells which of the name's keys signed: 4 bytes that prove nothing."""

    name: str
    hint: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint that was read. `body` is the text that the signatures are over; none of them is checked yet."""

    origin: str
    size: int
    root: bytes
    body: str
    signatures: tuple[Signature, ...]


def read(note: str) -> Signed:
    """Take a signed checkpoint apart. Raises TrackrecordError for whatever is not exactly one."""
    if len(note) > LARGEST:
        raise _no("it is too long")
    if _CONTROL.search(note) or not _encodable(note):
        raise _no("it has characters that no note may have")
    text, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise _no("it is not a text, an empty line and signatures, to the end of the last line")
    lines = text.split("\n")
    if len(lines) < 3 or not all(lines):
        raise _no("it does not have an origin, a size and a root")
    origin, size, root = lines[:3]
    if not _SIZE.fullmatch(size) or int(size) > LARGEST_SIZE:
        raise _no("its size is no count")
    digest = _base64(root)
    if digest is None or len(digest) != 32:
        raise _no("its root is no SHA-256 in base64")
    signatures = tail[:-1].split("\n")
    if len(signatures) > MOST_SIGNATURES:
        raise _no(f"it has more than {MOST_SIGNATURES} signatures")
    return Signed(origin, int(size), digest, text + "\n", tuple(_signature(line) for line in signatures))


def body(origin: str, size: int, root: bytes) -> str:
    """The text of a checkpoint, which is what is signed (as UTF-8)."""
    if not _NAME.fullmatch(origin) or not 0 <= size <= LARGEST_SIZE or len(root) != 32:
        raise ValueError(f"no checkpoint: {origin!r}, {size}, {root!r}")
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def key_hint(name: str, public: bytes) -> bytes:
    """The 4 bytes that name an Ed25519 key (32 bytes) in a signature line."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def signed(body: str, name: str, public: bytes, signature: bytes) -> str:
    """The note: the text with one Ed25519 signature (64 bytes) under it."""
    return f"{body}\n{_DASH}{name} {base64.b64encode(key_hint(name, public) + signature).decode()}\n"


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    found = _base64(encoded)
    if not line.startswith(_DASH) or not _NAME.fullmatch(name) or found is None or len(found) < 5:
        raise _no("a signature line of it cannot be read")
    return Signature(name, found[:4], found[4:])


def _base64(text: str) -> bytes | None:
    """Standard base64 with its padding, in the one way to write it."""
    try:
        found = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if base64.b64encode(found).decode() == text else None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return False
    return True


def _no(why: str) -> TrackrecordError:
    return TrackrecordError(f"This is no checkpoint: {why}.", "Fetch it again, or ask who gave it to you.", status=422)
