"""Every receipt: its signature, the columns beside it, and the entry of the log that names it."""

from __future__ import annotations

import json
from dataclasses import replace

from sqlmodel import Session, col, select

from registry.doctor.found import Examined, each, entries, written
from registry.proofs import key_set
from registry.tables import Leaf, Receipt
from trackrecord import keyring, receipt
from trackrecord.statement import Said

_MEANS = "What the registry vouched for cannot be shown as it was."


def all_of_them(session: Session, found: Examined) -> None:
    """Also those of withdrawn keys: nobody counts on them, and yet they are what was said."""
    if session.exec(select(Receipt.id).limit(1)).first() is None:
        return
    trusted = keyring.read(json.dumps(key_set(session)).encode(), "The registry's own set of keys")
    trusted = replace(trusted, keys=tuple(replace(key, withdrawn_at=None) for key in trusted.keys))
    for row in each(session, Receipt, col(Receipt.id)):
        found.count("receipts")
        where = f"the receipt {row.id[:16]} of run {row.run_id}"
        with found.looking(where):
            bundle = row.bundle.encode()
            verified = receipt.verify(bundle, [trusted])
            key = receipt.read(bundle).key
            _same_row(row, verified, key, found, where)
            _same_entry(session, row, verified.said, found, where)


def _same_row(row: Receipt, verified: receipt.Verified, key: str, found: Examined, where: str) -> None:
    said = verified.said
    kept = (row.id, row.key_id, row.run_id, row.number, row.verdict, row.issued_at)
    signed = (verified.id, key, said.run, said.number, said.verdict, said.at)
    found.same(where, "The columns beside it are not what was signed.", kept, signed, _MEANS)


def _same_entry(session: Session, row: Receipt, said: Said, found: Examined, where: str) -> None:
    metric = said.metric
    signed = (
        "verdict",
        row.id,
        said.run,
        said.project,
        said.verdict,
        said.record,
        None if metric is None else f"{metric.name}@{metric.version}",
        None if metric is None else metric.value,
        written(said.at),
    )
    names = ("kind", "receipt", "run", "project", "verdict", "record", "metric", "headline", "at")
    logged = [entry.get(*names) for entry in entries(session, col(Leaf.number) == row.leaf)]
    found.same(where, f"Entry {row.leaf} of the log does not say so.", [signed], logged, _MEANS)
