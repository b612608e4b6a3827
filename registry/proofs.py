"""What goes out with a receipt so that others can verify it: the public keys, and the proof that it is logged."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from registry import log
from registry.keys import Keys, publish, published
from registry.statements import written
from registry.tables import Checkpoint, LogHead, Receipt
from trackrecord import keyring
from trackrecord.errors import TrackrecordError
from trackrecord.receipt import PROOF, Verified, verify


def key_set(session: Session) -> dict[str, Any]:
    """Every key that ever signed, with its window, and the log's name: `/.well-known/trackrecord/keys.json`."""
    rows = published(session)
    return {
        "origin": session.exec(select(LogHead.origin)).one(),
        "keys": [
            {
                "id": row.id,
                "use": row.use,
                "public": row.public,
                "validFrom": written(row.valid_from),
                "validUntil": written(row.valid_until) if row.valid_until else None,
                "withdrawnAt": written(row.withdrawn_at) if row.withdrawn_at else None,
                "signedBy": row.signed_by,
                "signature": row.signature,
            }
            for row in rows
        ],
    }


def verified(session: Session, receipt: Receipt) -> Verified:
    """What the receipt says, after checking that it is what was signed. Raises TrackrecordError where it is not."""
    keys = keyring.read(json.dumps(key_set(session)).encode(), "this registry's")
    found = verify(receipt.bundle.encode(), [keys])
    if found.id != receipt.id:
        raise TrackrecordError("The kept receipt has another id than its content.", status=409)
    return found


def proof_of(session: Session, keys: Keys, receipt: Receipt, now: datetime) -> tuple[str, bytes, Checkpoint]:
    """The C2SP tlog-proof that the log has the receipt, the entry that says so, and the checkpoint it is proved by.

    Raises TrackrecordError (409) where the log is not what was signed before.
    """
    checkpoint = log.checkpoint(session, publish(session, keys, now), now)
    entry = log.entry(session, receipt.leaf)
    if entry is None:
        raise TrackrecordError(
            f"The log has no entry {receipt.leaf}.", "Tell the operator: python -m registry doctor.", status=409
        )
    path = log.inclusion(session, receipt.leaf, checkpoint.size)
    lines = [PROOF, f"extra {_base64(entry)}", f"index {receipt.leaf}", *map(_base64, path), "", checkpoint.note]
    return "\n".join(lines), entry, checkpoint


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
