"""Receipts, and the public keys that they are verified with."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path
from sqlmodel import Session

from registry import keys, receipts, seal
from registry.api.door import Door, Doors, Who, clock
from registry.api.shapes import ReceiptShown
from registry.find import find_run
from registry.proofs import key_set, proof_of
from registry.tables import Run
from trackrecord.errors import TrackrecordError

router = APIRouter(prefix="/runs", tags=["receipts"])
open_router = APIRouter(tags=["receipts"])


@open_router.get("/.well-known/trackrecord/keys.json")
def show_keys(door: Doors) -> dict[str, Any]:
    """Every key that ever signed: who verifies later needs those that were retired, too."""
    return door.write(lambda session: _keys(session, door))


@router.get("/{run_id}/receipt")
def show_receipt(
    run_id: Annotated[str, Path(max_length=200, description="The run's id, its name or the start of its id.")],
    caller: Who,
    door: Doors,
) -> ReceiptShown:
    """The run's newest receipt with its record and the proof that it is logged. 404 until the checks have looked."""
    return door.write(lambda session: _shown(session, door, find_run(session, door.asker(caller), run_id)))


def _keys(session: Session, door: Door) -> dict[str, Any]:
    keys.publish(session, keys.load(door.settings.data_dir / "keys"), clock())
    return key_set(session)


def _shown(session: Session, door: Door, run: Run) -> ReceiptShown:
    receipt = receipts.newest(session, run.id)
    if receipt is None:
        raise TrackrecordError(
            "This run has no receipt yet.", "It gets one when it has ended and the checks have looked.", status=404
        )
    proof, entry, _ = proof_of(session, keys.load(door.settings.data_dir / "keys"), receipt, clock())
    return ReceiptShown(
        receipt=receipt.id,
        run=run.id,
        name=run.name,
        verdict=receipt.verdict,
        bundle=json.loads(receipt.bundle),
        record=None if run.withdrawn == "deleted" or run.quarantined else seal.record_of(session, run).decode(),
        proof=proof,
        entry=entry.decode(),
    )
