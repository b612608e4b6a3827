"""The sealed record of a run: everything the registry keeps of it, in one spelling, with its digest in the log.

What is kept later can be held against it: the record is made again from the rows, and its digest must be the leaf's.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

import rfc8785
from sqlmodel import Session, col, select

from registry import attempts, history, log
from registry.facts import SealFacts
from registry.keys import Keys
from registry.tables import Artifact, Attachment, Batch, Checkpoint, Dataset, Prediction, Remark, Run
from trackrecord import merkle

VERSION = "trackrecord.run/1"


def record_of(session: Session, run: Run) -> bytes:
    """The record of a run that has ended, as RFC 8785 JSON: `run.json` of a receipt.

    Report and finish stand in it as the texts that were sent: their digests are what the chain of batches begins with.
    What happens later is not in it: verdicts, corrections and contradicting batches have leaves of their own.
    """
    assert run.sealed_at is not None
    record: dict[str, Any] = {
        "version": VERSION,
        "run": run.id,
        "project": run.project_id,
        "name": run.name,
        "owner": run.owner,
        "token": run.token_id,
        "received": run.received_at.isoformat(),
        "sealed": run.sealed_at.isoformat(),
        "state": run.state,
        "late": run.late,
        "report": run.report,
        "finish": run.finish,
        "writers": _writers(session, run),
        "series": [
            {"metric": metric, "points": count, "digest": digest}
            for metric, (count, digest) in sorted(history.digests(session, run.id).items())
        ],
        "datasets": _rows(session, Dataset, run.id, "name", "digest", "split", "size", "count", "partial"),
        "artifacts": _rows(session, Artifact, run.id, "name", "digest", "size", "step"),
        "predictions": _rows(session, Prediction, run.id, "metric", "digest", "format", "step"),
        "attachments": _rows(session, Attachment, run.id, "digest", "what"),
        "remarks": sorted(session.exec(select(Remark.text).where(Remark.run_id == run.id))),
    }
    started_again = _attempts(session, run.id)
    if started_again:  # only where there are some: records of before keep their bytes
        record["attempts"] = started_again
    return rfc8785.dumps(record)


def digest_of(record: bytes) -> str:
    return hashlib.sha256(record).hexdigest()


def seal(session: Session, run: Run, record: bytes, now: datetime) -> None:
    """Put the record's digest into the log: once, when the run has ended and its history is compact."""
    run.record_digest = digest_of(record)
    run.sealed_leaf = log.append(
        session,
        "run_sealed",
        now,
        run=run.id,
        project=run.project_id,
        record=run.record_digest,
        writers=writers_digest(session, run),
    )
    session.add(run)


def writers_digest(session: Session, run: Run) -> str:
    """SHA-256 over what came of each writer, and when: what can still be looked at when the run is deleted."""
    return hashlib.sha256(rfc8785.dumps(_writers(session, run))).hexdigest()


def facts(session: Session, keys: Keys, run: Run, record: bytes | None, now: datetime) -> SealFacts:
    """Whether `record`, what is kept of a run, is what was sealed, and whether a signed checkpoint covers that."""
    if record is None or run.record_digest is None or run.sealed_leaf is None:
        return SealFacts()
    trouble = _trouble(session, run, record) or _not_covered(
        session, run.sealed_leaf, log.checkpoint(session, keys, now)
    )
    return SealFacts(run.sealed_leaf, not trouble, trouble)


def _trouble(session: Session, run: Run, record: bytes) -> str:
    assert run.sealed_leaf is not None
    if digest_of(record) != run.record_digest:
        return "what the registry keeps of the run is not what was sealed"
    entry = json.loads(log.entry(session, run.sealed_leaf) or b"{}")
    if (entry.get("kind"), entry.get("run"), entry.get("record")) != ("run_sealed", run.id, run.record_digest):
        return f"leaf {run.sealed_leaf} of the log does not say that this record was sealed"
    return ""


def _not_covered(session: Session, leaf: int, checkpoint: Checkpoint) -> str:
    entry = log.entry(session, leaf)
    path = log.inclusion(session, leaf, checkpoint.size)
    root = bytes.fromhex(checkpoint.root)
    if entry is None or not merkle.verify_inclusion(merkle.leaf_hash(entry), leaf, checkpoint.size, path, root):
        return f"the log's checkpoint of {checkpoint.size} leaves does not cover leaf {leaf}"
    return ""


def _writers(session: Session, run: Run) -> dict[str, dict[str, Any]]:
    """Of each writer how many batches came, when, and the head of their chain; also of one that sent none."""
    seen, arrivals = history.facts(session, run), _arrivals(session, run.id)
    return {
        writer: {"batches": count, "head": seen.heads[writer], "arrivals": arrivals.get(writer)}
        for writer, count in sorted(seen.batches.items())
    }


def _arrivals(session: Session, run_id: str) -> dict[str, str]:
    """Of every writer the SHA-256 of when which batch came, and how many points were in it."""
    asked = select(Batch.writer, Batch.sequence, Batch.received_at, Batch.points).where(Batch.run_id == run_id)
    found: dict[str, Any] = {}
    for writer, sequence, at, points in session.exec(asked.order_by(Batch.writer, col(Batch.sequence))):
        line = f"{sequence} {at.isoformat()} {points}\n"
        found.setdefault(writer, hashlib.sha256()).update(line.encode())
    return {writer: digest.hexdigest() for writer, digest in found.items()}


def _attempts(session: Session, run_id: str) -> list[dict[str, Any]]:
    return [
        {"number": row.number, "writer": row.writer, "received": row.received_at.isoformat(), "report": row.report}
        for row in attempts.rows_of(session, run_id)
    ]


def _rows(session: Session, table: Any, run_id: str, *columns: str) -> list[dict[str, Any]]:
    rows = session.exec(select(table).where(col(table.run_id) == run_id))
    return sorted(
        ({column: _spelled(getattr(row, column)) for column in columns} for row in rows),
        key=lambda row: [str(value) for value in row.values()],
    )


def _spelled(value: Any) -> Any:
    """RFC 8785 has no whole numbers beyond what a double holds: those are written as text."""
    return str(value) if isinstance(value, int) and abs(value) >= 2**53 else value
