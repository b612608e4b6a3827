"""The public keys of registries: which there are, since when, and who vouched for a new one. Needs no package to read.

A machine keeps the keys that its registry showed at login. Later sets must continue the kept one: no key is gone, and a
new one is signed by one that was known. Whoever takes the registry's address over cannot show keys of their own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trackrecord import note, strict
from trackrecord.errors import TrackrecordError
from trackrecord.files import write_whole

_LARGEST = 1 << 20
_ID = re.compile(r"[0-9a-f]{64}")
_ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,80}(?:/[A-Za-z0-9][A-Za-z0-9._:-]{0,80}){0,4}")
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END PUBLIC KEY-----")
# How the DER of a public key begins: its kind, and that an uncompressed point or 32 raw bytes follow.
_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_ED25519 = bytes.fromhex("302a300506032b6570032100")
_LENGTHS = {_P256: 91, _ED25519: 44}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """`id` is the SHA-256 of `der`. `use`: receipt (ECDSA P-256) or checkpoint (Ed25519). Times None: not limited."""

    id: str
    use: str
    der: bytes
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    withdrawn_at: datetime | None = None
    signed_by: str | None = None
    signature: bytes | None = None

    @property
    def raw(self) -> bytes:
        """The 32 bytes of an Ed25519 key."""
        return self.der[len(_ED25519) :]


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of one registry. `origin` is its log's name; empty where only a key was given. `source` for people."""

    origin: str
    keys: tuple[PublicKey, ...]
    source: str

    def find(self, key_id: str) -> PublicKey | None:
        return next((key for key in self.keys if key.id == key_id), None)


class Unequipped(TrackrecordError):
    """Signatures cannot be checked on this machine."""

    def __init__(self) -> None:
        super().__init__(
            "Signatures cannot be checked here: the package cryptography is not installed.",
            "Install it: pip install 'trackrecord[verify]'.",
        )


def read(content: bytes, source: str) -> KeySet:
    """A keys.json, or public keys in PEM. Raises TrackrecordError for whatever is neither."""
    if content.lstrip()[:1] != b"{":
        return _from_pem(content, source)
    data = strict.parse(content, source, _LARGEST)
    origin, listed = data.get("origin"), data.get("keys")
    if not isinstance(origin, str) or not _ORIGIN.fullmatch(origin) or not isinstance(listed, list) or not listed:
        raise strict.refused(source, "it is no set of keys")
    keys = tuple(_key(each, source) for each in listed)
    if len({key.id for key in keys}) != len(keys):
        raise strict.refused(source, "a key is in it twice")
    return KeySet(origin, keys, source)


def moment(text: object, what: str) -> datetime:
    """An RFC 3339 time, in UTC."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) and len(text) <= 40 else None
        if found is not None and found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise strict.refused(what, "a time in it is none")


def holds(key: PublicKey, signature: bytes, content: bytes) -> bool:
    """Whether the key signed the content. Raises Unequipped where `cryptography` is not installed."""
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415
    except ImportError:
        raise Unequipped() from None
    try:
        public = load_der_public_key(key.der)
        if isinstance(public, EllipticCurvePublicKey):
            public.verify(signature, content, ECDSA(SHA256()))
        elif isinstance(public, Ed25519PublicKey):
            public.verify(signature, content)
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True


def signs(key: PublicKey, seen: note.Signed) -> bool | None:
    """Whether the key signed the checkpoint; None: no signature in there is said to be its. Raises Unequipped."""
    if key.use != "checkpoint":
        return None
    hint = note.key_hint(seen.origin, key.raw)
    own = [each for each in seen.signatures if (each.name, each.hint) == (seen.origin, hint)]
    return any(holds(key, each.signature, seen.body.encode()) for each in own) if own else None


def continues(known: KeySet, shown: KeySet) -> None:
    """Raises TrackrecordError unless `shown` is `known`, or what became of it by rotation and withdrawal."""
    if shown.origin != known.origin:
        raise _other_keys(f"its log is {shown.origin} now, and was {known.origin}")
    for old in known.keys:
        new = shown.find(old.id)
        if new is None:
            raise _other_keys(f"the {old.use} key {old.id[:16]} is gone")
        if old.valid_from != new.valid_from or _loosened(old, new):
            raise _other_keys(f"the {old.use} key {old.id[:16]} is shown with other times than before")
    vouched = {key.id: key for key in known.keys if key.withdrawn_at is None}
    waiting = [key for key in shown.keys if known.find(key.id) is None]
    while waiting:
        found = {key.id: key for key in waiting if _is_vouched_for(key, vouched)}
        if not found:
            raise _other_keys(f"no key that was known signed the new {waiting[0].use} key {waiting[0].id[:16]}")
        vouched |= found
        waiting = [key for key in waiting if key.id not in vouched]


def keep(home: Path, address: str, content: bytes, *, anew: bool = False) -> KeySet:
    """Keep the keys that the registry at `address` shows, if they continue those kept of it before.

    `anew`: the registry was set up anew, and what was kept of that address is dropped. Raises TrackrecordError.
    """
    shown = read(content, f"the keys of {address}")
    place = home / "trust" / f"{shown.origin.replace('/', '_')}.json"
    for file, at, known in _kept_files(home):
        if at != address and file != place:
            continue
        if anew:
            file.unlink()
        else:
            _continues(known, shown, file)
    write_whole(place, json.dumps({**json.loads(content), "address": address}, indent=1).encode())
    return replace(shown, source=f"kept from {address}")


def kept(home: Path) -> list[KeySet]:
    """The key sets that this machine kept."""
    return [keys for _, _, keys in _kept_files(home)]


def _continues(known: KeySet, shown: KeySet, file: Path) -> None:
    try:
        continues(known, shown)
    except TrackrecordError as problem:
        if not isinstance(problem, Unequipped):
            problem.hint += f" If it was set up anew: trackrecord login --new-registry ADDRESS. (Kept in {file}.)"
        raise


def _kept_files(home: Path) -> list[tuple[Path, str, KeySet]]:
    found = []
    for file in sorted((home / "trust").glob("[!.]*.json")):
        content = file.read_bytes()
        keys = read(content, str(file))
        address = str(json.loads(content).get("address", ""))
        found.append((file, address, replace(keys, source=f"kept from {address}")))
    return found


def _loosened(old: PublicKey, new: PublicKey) -> bool:
    """A key's end and its withdrawal may be set, and then stand."""
    ended = old.valid_until is not None and new.valid_until != old.valid_until
    return ended or (old.withdrawn_at is not None and new.withdrawn_at != old.withdrawn_at)


def _is_vouched_for(key: PublicKey, known: dict[str, PublicKey]) -> bool:
    by = known.get(key.signed_by or "")
    if by is None or by.use != key.use or key.signature is None:
        return False
    return holds(by, key.signature, key.der)


def _key(data: Any, source: str) -> PublicKey:
    if not isinstance(data, dict):
        raise strict.refused(source, "a key in it is none")
    key = one(data.get("public"), source)
    if (data.get("id"), data.get("use")) != (key.id, key.use):
        raise strict.refused(source, "a key in it does not have its own id or kind")
    times = [data.get(name) for name in ("validFrom", "validUntil", "withdrawnAt")]
    since, until, withdrawn = (None if each is None else moment(each, source) for each in times)
    by, signature = data.get("signedBy"), data.get("signature")
    if by is not None and not (isinstance(by, str) and _ID.fullmatch(by)):
        raise strict.refused(source, "a key in it is signed by nothing")
    signed = None if signature is None else strict.from_base64(signature, source)
    return PublicKey(key.id, key.use, key.der, since, until, withdrawn, by, signed)


def _from_pem(content: bytes, source: str) -> KeySet:
    text = content[:_LARGEST].decode("ascii", "replace")
    keys = tuple(one(match[0], source) for match in _PEM.finditer(text))
    if not keys:
        raise strict.refused(source, "it is neither a keys.json nor a public key in PEM")
    return KeySet("", keys, source)


def one(pem: object, source: str) -> PublicKey:
    """The one public key of a PEM, without a time. Raises TrackrecordError."""
    der = _der(pem, source)
    return PublicKey(hashlib.sha256(der).hexdigest(), "receipt" if der.startswith(_P256) else "checkpoint", der)


def _der(pem: object, source: str) -> bytes:
    match = _PEM.fullmatch(pem.strip()) if isinstance(pem, str) and len(pem) < 1_000 else None
    try:
        der = base64.b64decode("".join(match[1].split()), validate=True) if match else b""
    except (binascii.Error, ValueError):
        der = b""
    if not any(der.startswith(start) and len(der) == length for start, length in _LENGTHS.items()):
        raise strict.refused(source, "a key in it is neither ECDSA P-256 nor Ed25519")
    return der


def _other_keys(why: str) -> TrackrecordError:
    return TrackrecordError(
        f"The registry shows other keys than this machine knows, and they do not follow from them: {why}.",
        "Ask its operator, by another way than the registry, what happened.",
        status=409,
    )
