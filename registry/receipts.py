"""Receipts: what the registry vouches for about a run, signed, logged and kept.

A receipt says what was checked and what was not; a refuted run has one too. Its id is the SHA-256 of the payload, never
of the signature: an ECDSA signature has two forms that both hold.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # it names no exports
from sqlmodel import Session, col, select

from registry import log
from registry.badges import agrees
from registry.facts import Facts, Finding, Verdict
from registry.keys import Keys, ReceiptKey, publish
from registry.projects import digest_of as rules_digest
from registry.projects import rules_of
from registry.statements import (
    Said,
    Value,
    decimal,
    digest_of,
    payload,
    same_but_for_when,
    statement,
)
from registry.tables import MetricDefinition, Project, Receipt, Run, SigningKey
from trackrecord.errors import TrackrecordError
from trackrecord.receipt import BUNDLE, PAYLOAD_TYPE
from trackrecord.report import RunReport


def issue(
    session: Session,
    keys: Keys,
    run: Run,
    *,
    record: bytes,
    report: RunReport,
    facts: Facts,
    findings: Mapping[str, Finding],
    asked: Collection[str],
    metric: MetricDefinition | None,
    verdict: str,
    tries: int,
    base_url: str,
    now: datetime,
    places: Sequence[Mapping[str, str | None]] = (),
) -> Receipt | None:
    """Sign what holds of the run now, log it and keep it. None: its newest receipt says the same, nothing is written.

    `asked` are the checks that the project asks for; `findings` may have others. `record` are the bytes of run.json.
    `places` are its places on boards, which the log keeps.
    """
    keys = publish(session, keys, now)
    before = newest(session, run.id)
    said = Said(
        run=run.id,
        name=run.name,
        project=run.project_id,
        number=1 if before is None else before.number + 1,
        verdict=cast(Verdict, verdict),
        record=hashlib.sha256(record).hexdigest(),
        artifacts=facts.artifacts,
        commit=report.code.commit,
        tree=report.code.tree,
        dirty=report.code.dirty,
        rules=_rules_digest(session, run.project_id),
        findings=findings,
        asked=asked,
        live=run.live,
        recomputed=agrees(facts),
        value=_value(facts, metric),
        tries=tries,
        verifier=f"{base_url}/verifier/v1",
    )
    key = session.get_one(SigningKey, keys.receipt.id)
    content = statement(said, max(now, key.valid_from))  # an issuer whose clock is behind signs within the key's time
    beside = {"findings": digest_of(said.findings), **({"places": list(places)} if places else {})}
    if before is not None and _stands(session, before, content, beside):
        return None
    signed = payload(content)
    bundle = _signed(keys.receipt, key.public, signed)
    return _kept(session, said, key.id, bundle, signed, beside, max(now, key.valid_from))


def newest(session: Session, run_id: str) -> Receipt | None:
    """The receipt that counts; None: there is none yet."""
    return session.exec(select(Receipt).where(Receipt.run_id == run_id).order_by(col(Receipt.number).desc())).first()


def reachable_at(session: Session, run_id: str) -> datetime | None:
    """When a receipt vouched last that the run's commit was reachable; None: none did."""
    issued = select(Receipt).where(Receipt.run_id == run_id).order_by(col(Receipt.number).desc())
    for receipt in session.exec(issued):
        if "TRACKRECORD_COMMIT_REACHABLE" in statement_of(receipt)["predicate"]["properties"]:
            return receipt.issued_at
    return None


def statement_of(receipt: Receipt) -> dict[str, Any]:
    """What the receipt says, as it was signed."""
    content: dict[str, Any] = json.loads(payload_of(receipt))
    return content


def payload_of(receipt: Receipt) -> bytes:
    """The bytes that were signed."""
    return base64.b64decode(json.loads(receipt.bundle)["dsseEnvelope"]["payload"])


def _stands(session: Session, before: Receipt, content: dict[str, Any], beside: dict[str, Any]) -> bool:
    key = session.get_one(SigningKey, before.key_id)
    entry = json.loads(log.entry(session, before.leaf) or b"{}")
    if {name: entry.get(name) for name in beside} != beside:
        return False
    return key.withdrawn_at is None and same_but_for_when(statement_of(before), json.loads(payload(content)))


def _signed(key: ReceiptKey, public: str, content: bytes) -> str:
    """The Sigstore bundle, read back and verified with the public key that is published."""
    envelope = key.sign(content, PAYLOAD_TYPE)
    bundle = {
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": key.id}, "tlogEntries": []},
        "dsseEnvelope": envelope.to_dict(),
    }
    text = json.dumps(bundle, indent=1)
    if not _holds(text, key.id, public, content):
        raise TrackrecordError(
            "A receipt that was just signed does not verify; nothing is kept.",
            "Look at the machine's memory and disk, and at data_dir/keys.",
            status=500,
        )
    return text


def _holds(bundle: str, key_id: str, public: str, content: bytes) -> bool:
    envelope = Envelope.from_dict(json.loads(bundle)["dsseEnvelope"])
    key = SSlibKey.from_crypto(load_pem_public_key(public.encode()), keyid=key_id)
    try:
        envelope.verify([key], 1)
    except VerificationError:
        return False
    return envelope.payload == content


def _kept(
    session: Session, said: Said, key_id: str, bundle: str, content: bytes, beside: dict[str, Any], now: datetime
) -> Receipt:
    """`beside` is what the log keeps that the receipt does not say itself."""
    made = Receipt(
        id=hashlib.sha256(content).hexdigest(),
        run_id=said.run,
        number=said.number,
        verdict=said.verdict,
        key_id=key_id,
        bundle=bundle,
        issued_at=now,
        leaf=-1,
    )
    value = said.value
    made.leaf = log.append(
        session,
        "verdict",
        now,
        run=said.run,
        project=said.project,
        verdict=said.verdict,
        record=said.record,
        receipt=made.id,
        metric=None if value is None else f"{value.metric.name}@{value.version}",
        headline=None if value is None else decimal(value.value),
        **beside,
    )
    session.add(made)
    session.flush()
    return made


def _value(facts: Facts, metric: MetricDefinition | None) -> Value | None:
    if metric is None or facts.metric is None:
        return None
    series = facts.series.get(metric.name)
    return Value(
        facts.metric,
        metric.version,
        series.headline if series else None,
        series.headline_step if series else None,
        facts.recomputed.value if facts.recomputed else None,
    )


def _rules_digest(session: Session, name: str) -> str:
    """Of the rules as the log has them; of a project from before there was a log, as they stand."""
    project = session.get_one(Project, name)
    if project.rules_digest:
        return project.rules_digest
    rules = rules_of(session, name)
    assert rules is not None
    return rules_digest(rules)
