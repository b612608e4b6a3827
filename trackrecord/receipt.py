"""Verifies a receipt with no registry at hand: who signed it, what it says, and whether the files and the log agree.

    keys = keyring.read(Path("keys.json").read_bytes(), "keys.json")
    verified = verify(Path("brave-otter-42.receipt.sigstore.json").read_bytes(), [keys])
    print(verified.said.verdict, verified.said.metric)

Needs `pip install 'trackrecord[verify]'`. What is shown of a receipt comes out of the signed payload and from nowhere
else: the rest of a bundle, anybody could have written. Its id is the payload's SHA-256, because a signature has two
forms that both hold.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from trackrecord import merkle, note, statement, strict
from trackrecord.errors import TrackrecordError
from trackrecord.keyring import KeySet, PublicKey, holds, signs
from trackrecord.statement import Said

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
PROOF = "c2sp.org/tlog-proof@v1"

T = TypeVar("T")
_LARGEST = 24 << 20  # bytes of a bundle
_LARGEST_PROOF = 1 << 20
_OFFLINE = "whether the run or the key was withdrawn: not looked up (trackrecord receipt RUN does)"
_INDEX = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing, and how it came out, in words."""

    what: str
    how: str


@dataclass(frozen=True, slots=True)
class Verified:
    """A receipt that holds. `id` is the SHA-256 of its payload; `skipped` is what nobody looked at here, and why."""

    id: str
    said: Said
    checked: tuple[Check, ...]
    skipped: tuple[Check, ...]


class Refused(TrackrecordError):
    """The receipt does not hold, because of `what`; `checked` held before that was found."""

    def __init__(self, what: str, problem: TrackrecordError, checked: Sequence[Check]) -> None:
        super().__init__(problem.message, problem.hint, status=problem.status)
        self.what = what
        self.checked = tuple(checked)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A bundle taken apart; nothing of it is verified."""

    key: str
    payload: bytes
    signature: bytes

    @property
    def id(self) -> str:
        return hashlib.sha256(self.payload).hexdigest()


def verify(
    bundle: bytes,
    keys: Sequence[KeySet],
    *,
    record: bytes | None = None,
    proof: bytes | None = None,
    artifacts: Mapping[str, str] | None = None,
) -> Verified:
    """Check a receipt, and what is given beside it: run.json, the tlog-proof, and SHA-256 of files by their names.

    `keys` are the sets that are trusted. Raises Refused (a TrackrecordError) at the first thing that does not hold.
    """
    steps = _Steps()
    envelope = steps.do("receipt", lambda: _read(bundle))
    key, trusted = steps.do("key", lambda: _trusted(envelope.key, keys))
    steps.do("signature", lambda: _signed(envelope, key))
    said = steps.do("statement", lambda: _said(envelope.payload, key))
    if record is None:
        steps.skipped.append(Check("run record", "no run.json at hand: not compared"))
    else:
        steps.do("run record", lambda: _same_record(said, record))
    _compare(steps, said, artifacts or {})
    if proof is None:
        steps.skipped.append(Check("log", "no proof at hand: not looked up in the log"))
    else:
        _look_up(steps, said, envelope.id, proof, trusted)
    steps.skipped.append(Check("since then", _OFFLINE))
    return Verified(envelope.id, said, tuple(steps.checked), tuple(steps.skipped))


def read(bundle: bytes) -> Envelope:
    """Take a bundle apart, verifying nothing. Raises TrackrecordError for what is not exactly one receipt of ours."""
    what = "The receipt"
    data = _object(strict.parse(bundle, what, _LARGEST))
    if data.get("mediaType") != BUNDLE:
        raise strict.refused(what, "it is no Sigstore bundle v0.3")
    hint = _object(_object(data.get("verificationMaterial")).get("publicKey")).get("hint")
    envelope = _object(data.get("dsseEnvelope"))
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        raise strict.refused(what, "its payload is of another type")
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise strict.refused(what, "it does not have exactly one signature")
    signature = _object(signatures[0])
    if not isinstance(hint, str) or signature.get("keyid", hint) not in (hint, ""):
        raise strict.refused(what, "it does not name one key")
    payload = strict.from_base64(envelope.get("payload"), what)
    return Envelope(hint, payload, strict.from_base64(signature.get("sig"), what))


class _Steps:
    """What was looked at, in order."""

    def __init__(self) -> None:
        self.checked: list[Check] = []
        self.skipped: list[Check] = []

    def do(self, what: str, look: Callable[[], tuple[T, str]]) -> T:
        try:
            found, how = look()
        except TrackrecordError as problem:
            raise Refused(what, problem, self.checked) from None
        self.checked.append(Check(what, how))
        return found


def _read(bundle: bytes) -> tuple[Envelope, str]:
    envelope = read(bundle)
    return envelope, envelope.id


def _trusted(key_id: str, keys: Sequence[KeySet]) -> tuple[tuple[PublicKey, KeySet], str]:
    for each in keys:
        key = each.find(key_id)
        if key is None:
            continue
        if key.use != "receipt":
            raise _no("It is signed with a key that does not sign receipts.")
        if key.withdrawn_at is not None:
            raise _no(
                f"Its key {key.id[:16]} was withdrawn on {key.withdrawn_at:%Y-%m-%d %H:%M} UTC: what it signed does "
                "not count any more.",
                "Fetch the run's newest receipt: trackrecord receipt RUN.",
            )
        return (key, each), f"{key.id[:16]}, {each.source}"
    raise _no(
        f"It is signed with the key {_shown(key_id)}, which nobody here trusts.",
        "Give the registry's keys with --key, from where you trust, or log in to it: trackrecord login ADDRESS.",
    )


def _signed(envelope: Envelope, key: PublicKey) -> tuple[None, str]:
    text = PAYLOAD_TYPE.encode()
    encoded = b"DSSEv1 %d %b %d %b" % (len(text), text, len(envelope.payload), envelope.payload)
    if not holds(key, envelope.signature, encoded):
        raise _no("Its signature does not hold: it was changed after it was signed, or signed by somebody else.")
    return None, "holds (ECDSA P-256, DSSE)"


def _said(payload: bytes, key: PublicKey) -> tuple[Said, str]:
    said = statement.read(payload)
    if key.valid_from is not None and said.at < key.valid_from:
        raise _no("It is older than the key that it is signed with.")
    if key.valid_until is not None and said.at > key.valid_until:
        raise _no("It is younger than the time of the key that it is signed with.")
    return said, f"of {said.at:%Y-%m-%d %H:%M:%S} UTC, by {said.verifier}"


def _same_record(said: Said, record: bytes) -> tuple[None, str]:
    if hashlib.sha256(record).hexdigest() != said.record:
        raise _no("The run record is not the one that the receipt is about: its digest differs.")
    return None, f"run.json has the digest {said.record[:16]}…"


def _compare(steps: _Steps, said: Said, files: Mapping[str, str]) -> None:
    known = {digest: name for name, digests in said.artifacts.items() for digest in digests}

    def same(file: str, digest: str) -> tuple[None, str]:
        if digest not in known:
            raise _no(f"{file} is none of the {len(known)} artifacts of the receipt: its digest is not among theirs.")
        return None, f"is the artifact {known[digest]}"

    for file, digest in files.items():
        steps.do(file, lambda file=file, digest=digest: same(file, digest))  # type: ignore[misc]
    left = len(known.keys() - set(files.values()))
    if left:
        steps.skipped.append(Check("artifacts", f"{left} of {len(known)} not at hand: not compared"))


def _look_up(steps: _Steps, said: Said, receipt: str, proof: bytes, trusted: KeySet) -> None:
    entry, index, path, checkpoint = steps.do("proof", lambda: _proof(proof))
    steps.do("log entry", lambda: _names(entry, index, said, receipt))
    if not any(key.use == "checkpoint" for key in trusted.keys):
        steps.skipped.append(Check("log", "the log's key is not at hand: the checkpoint's signature was not checked"))
        return
    steps.do("checkpoint", lambda: _is_signed(checkpoint, trusted))
    steps.do("inclusion", lambda: _included(entry, index, path, checkpoint))


def _proof(proof: bytes) -> tuple[tuple[bytes, int, list[bytes], note.Signed], str]:
    what = "The log proof"
    if len(proof) > _LARGEST_PROOF:
        raise strict.refused(what, "it is too long")
    try:
        head, gap, checkpoint = proof.decode("utf-8", "strict").partition("\n\n")
    except UnicodeDecodeError:
        raise strict.refused(what, "it is not UTF-8") from None
    lines = head.split("\n")
    if not gap or len(lines) < 3 or lines[0] != PROOF or not lines[1].startswith("extra "):
        raise strict.refused(what, "it is no C2SP tlog-proof with its entry")
    index = lines[2].removeprefix("index ")
    if not lines[2].startswith("index ") or not _INDEX.fullmatch(index):
        raise strict.refused(what, "it does not say which entry it is about")
    path = [strict.from_base64(line, what) for line in lines[3:]]
    if any(len(each) != 32 for each in path):
        raise strict.refused(what, "a hash in it is none")
    entry = strict.from_base64(lines[1].removeprefix("extra "), what)
    signed = note.read(checkpoint)
    return (entry, int(index), path, signed), f"entry {index} of {signed.origin}"


def _names(entry: bytes, index: int, said: Said, receipt: str) -> tuple[None, str]:
    data = _object(strict.parse(entry, "The log entry", _LARGEST_PROOF))
    wanted = {"kind": "verdict", "run": said.run, "receipt": receipt, "record": said.record, "verdict": said.verdict}
    if {name: data.get(name) for name in wanted} != wanted:
        raise _no(f"Entry {index} of the log is about something else than this receipt.")
    return None, "names this receipt and this run record"


def _is_signed(checkpoint: note.Signed, trusted: KeySet) -> tuple[None, str]:
    if checkpoint.origin != trusted.origin and trusted.origin:
        raise _no(f"The proof is of another log ({_shown(checkpoint.origin)}) than the key's ({trusted.origin}).")
    for key in trusted.keys:
        own = signs(key, checkpoint) if key.withdrawn_at is None else None
        if own:
            return None, f"size {checkpoint.size}, root {checkpoint.root.hex()[:16]}…, signed by {key.id[:16]}"
        if own is not None:
            raise _no("The signature of the log's checkpoint does not hold.")
    raise _no("The log's checkpoint is not signed with a key that is trusted here.")


def _included(entry: bytes, index: int, path: list[bytes], checkpoint: note.Signed) -> tuple[None, str]:
    if not merkle.verify_inclusion(merkle.leaf_hash(entry), index, checkpoint.size, path, checkpoint.root):
        raise _no(f"The log's checkpoint does not have this entry as number {index}.")
    return None, f"the checkpoint covers entry {index}"


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise strict.refused("The receipt", "a part of it is missing or of the wrong kind")
    return data


def _shown(text: str) -> str:
    return text[:16] if text.isascii() and text.isprintable() else "(unreadable)"


def _no(message: str, hint: str = "") -> TrackrecordError:
    return TrackrecordError(message, hint, status=409)
