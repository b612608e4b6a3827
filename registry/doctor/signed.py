"""The public keys and the log's checkpoints: who vouched for a key, and whether what was signed is the log as it is."""

from __future__ import annotations

import base64
import json
from collections import defaultdict

import sqlalchemy as sa
from sqlmodel import Session, col, select

from registry import log
from registry.doctor.found import Entry, Examined, each, entries, written
from registry.proofs import key_set
from registry.tables import Checkpoint, Leaf, LogHead, Receipt, SigningKey
from trackrecord import keyring, note

_MEANS = "Others would trust a key that nobody vouched for, or not trust one that they should."


def keys(session: Session, found: Examined) -> None:
    """Every public key against the log, against the key before it, and against the one after it."""
    rows = {row.id: row for row in session.exec(select(SigningKey).order_by(col(SigningKey.valid_from)))}
    said: dict[str, Entry] = {}
    withdrawn: dict[str, Entry] = {}
    for entry in entries(session, col(Leaf.kind).in_(("key", "key_withdrawn"))):
        (said if entry.kind == "key" else withdrawn)[str(entry.body.get("key"))] = entry
    for gone in said.keys() - rows.keys():
        found.say(f"the key {gone[:16]}", "The log has it, and its row is gone.", _MEANS)
    for row in rows.values():
        where = f"the {row.use} key {row.id[:16]}"
        with found.looking(where):
            _key(session, row, said.get(row.id), withdrawn.get(row.id), found, where)
            _vouched(row, rows, found, where)
    _followed(session, list(rows.values()), found)


def checkpoints(session: Session, found: Examined) -> None:
    """The root at its size, and the signature of a published key. Equal roots of one tree are consistent."""
    count = log.size(session)
    if session.exec(select(Checkpoint.size).limit(1)).first() is None:
        return
    trusted = keyring.read(json.dumps(key_set(session)).encode(), "The registry's own set of keys")
    origins = {f"trackrecord/{key.id[:16]}" for key in trusted.keys if key.use == "checkpoint"}
    origin = session.exec(select(LogHead.origin)).one()
    if origin not in origins:
        found.say("the log", "It has another name than any of its keys gave it.", "Its checkpoints are of another log.")
    for row in each(session, Checkpoint, col(Checkpoint.size)):
        found.count("checkpoints")
        where = f"the checkpoint of {row.size:,} entries"
        with found.looking(where):
            _checkpoint(session, row, trusted, (count, origin), found, where)


def _checkpoint(
    session: Session, row: Checkpoint, trusted: keyring.KeySet, now: tuple[int, str], found: Examined, where: str
) -> None:
    signed, (count, origin) = note.read(row.note), now
    if (signed.size, signed.root.hex(), signed.origin) != (row.size, row.root, origin):
        found.say(where, "The columns beside its note say something else.", "It would be handed out as another one.")
    if not any(keyring.signs(key, signed) for key in trusted.keys):
        found.say(where, "It is not signed by a key of this registry.", "Whoever has a copy of the true one would see.")
    if row.size > count or log.root(session, row.size) != signed.root:
        found.say(where, "The log has other entries now than were signed.", "The log's past was rewritten.")


def _key(
    session: Session, row: SigningKey, said: Entry | None, withdrawn: Entry | None, found: Examined, where: str
) -> None:
    if keyring.one(row.public, "It").id != row.id:
        found.say(where, "Its id is not that of the public key beside it.", _MEANS)
    if said is None:
        return found.say(where, "The log does not have it.", _MEANS)
    kept = (row.use, row.signed_by, written(row.valid_from))
    found.same(where, "Its row is not what the log says.", kept, said.get("use", "signed_by", "at"), _MEANS)
    at = withdrawn.body.get("at") if withdrawn else None
    found.same(where, "When it was withdrawn is not what the log says.", written(row.withdrawn_at), at, _MEANS)
    return None


def _vouched(row: SigningKey, rows: dict[str, SigningKey], found: Examined, where: str) -> None:
    """A key without a key before it is the first, or one that took over when the key before it was lost."""
    if row.signed_by is None and row.signature is None:
        return
    before = rows.get(row.signed_by or "")
    signature = base64.b64decode(row.signature or "", validate=True)
    vouching = None if before is None else keyring.one(before.public, "It")
    signed = keyring.one(row.public, "It")
    if vouching is None or vouching.use != row.use or not keyring.holds(vouching, signature, signed.der):
        found.say(where, "The key before it did not sign it.", _MEANS)


def _followed(session: Session, rows: list[SigningKey], found: Examined) -> None:
    """A key signs until the next one of its use takes over, or until the last thing that it signed."""
    by_use = defaultdict(list)
    for row in rows:
        by_use[row.use].append(row)
    for use, of_use in by_use.items():
        for row, after in zip(of_use, [*of_use[1:], None], strict=True):
            last = session.exec(select(sa.func.max(col(Receipt.issued_at))).where(Receipt.key_id == row.id)).one()
            end = None if after is None else max(after.valid_from, last or after.valid_from)
            where = f"the {use} key {row.id[:16]}"
            found.same(where, "It signed until another time than when it was followed.", row.valid_until, end, _MEANS)
