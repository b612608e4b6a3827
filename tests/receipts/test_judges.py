"""Four programs that share no code agree on receipts that the registry issued, and on what was made of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from registry import keys
from tests.receipts.judges import Case, by_openssl, by_securesystemslib, by_sigstore, ours
from tests.receipts.making import Made, Maker
from tests.soak import count
from trackrecord import receipt
from trackrecord.statement import read

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


def words(cases: list[Case], folder: Path) -> list[tuple[str, str, str, str]]:
    """What each of the four says of each case; empty: it holds."""
    theirs = by_sigstore(cases)
    return [
        (ours(case), by_securesystemslib(case), by_openssl(case, folder), theirs[at]) for at, case in enumerate(cases)
    ]


@pytest.mark.soak
def test_all_four_accept_what_the_registry_issues(shared: Maker, tmp_path: Path) -> None:
    made = [shared.make(1_000 + number) for number in range(count(20, 200))]
    assert {read(each.payload).verdict for each in made} == {"verified", "unverified", "refuted"}
    for at, said in enumerate(words([Case.of(each) for each in made], tmp_path)):
        assert said == ("", "", "", ""), at


def enveloped(case: Case, change: Callable[[dict[str, Any]], object]) -> Case:
    bundle = json.loads(case.bundle)
    change(bundle["dsseEnvelope"])
    return replace(case, bundle=json.dumps(bundle))


def paid(case: Case, change: Callable[[bytes], bytes]) -> Case:
    """With another payload under the same signature."""

    def apply(envelope: dict[str, Any]) -> None:
        before = base64.b64decode(envelope["payload"])
        after = change(before)
        assert after != before
        envelope["payload"] = base64.b64encode(after).decode()

    return enveloped(case, apply)


def stated(case: Case, change: Callable[[dict[str, Any]], object]) -> Case:
    """With another statement under the same signature."""

    def apply(payload: bytes) -> bytes:
        statement = json.loads(payload)
        change(statement)
        return json.dumps(statement, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode()

    return paid(case, apply)


def signed(case: Case, change: Callable[[bytes], bytes]) -> Case:
    """With another signature over the same payload."""

    def apply(envelope: dict[str, Any]) -> None:
        before = base64.b64decode(envelope["signatures"][0]["sig"])
        envelope["signatures"][0]["sig"] = base64.b64encode(change(before)).decode()

    return enveloped(case, apply)


def with_hint(case: Case, hint: str) -> Case:
    bundle = json.loads(case.bundle)
    bundle["verificationMaterial"]["publicKey"]["hint"] = hint
    return replace(case, bundle=json.dumps(bundle))


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def other_half(signature: bytes) -> bytes:
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, ORDER - s)


def two_signatures(envelope: dict[str, Any]) -> None:
    envelope["signatures"].append({**envelope["signatures"][0], "keyid": "0" * 64})


CHANGED: dict[str, Callable[[Case, Made], Case]] = {
    "a byte of the payload": lambda case, _: paid(
        case, lambda payload: payload.replace(b'"dirty":false', b'"dirty":trve ')
    ),
    "the payload's type": lambda case, _: enveloped(case, lambda envelope: envelope.update(payloadType="text/plain")),
    "a byte of the signature": lambda case, _: signed(case, lambda signature: flipped(signature, 20)),
    "the last byte of the signature": lambda case, _: signed(
        case, lambda signature: flipped(signature, -1 % len(signature))
    ),
    "no signature": lambda case, _: enveloped(case, lambda envelope: envelope.update(signatures=[])),
    "an empty signature": lambda case, _: signed(case, lambda _: b""),
    "another receipt's signature": lambda case, other: signed(
        case, lambda _: base64.b64decode(other.envelope["signatures"][0]["sig"])
    ),
    "one signature more": lambda case, _: enveloped(case, two_signatures),
    "the record's digest": lambda case, _: stated(
        case, lambda said: said["subject"][0]["digest"].update(sha256="0" * 64)
    ),
    "the metric's value": lambda case, _: stated(
        case, lambda said: said["predicate"]["x_trackrecord"]["metric"].update(value="0.999")
    ),
    "the verdict": lambda case, _: stated(
        case, lambda said: said["predicate"]["x_trackrecord"].update(verdict="refuted")
    ),
    "a check that passed": lambda case, _: stated(
        case, lambda said: said["predicate"]["properties"].append("TRACKRECORD_NO_SECRETS")
    ),
    "the same said with spaces": lambda case, _: paid(
        case, lambda payload: json.dumps(json.loads(payload), ensure_ascii=False).encode()
    ),
    "a byte order mark": lambda case, _: paid(case, lambda payload: b"\xef\xbb\xbf" + payload),
    "the end of the bundle": lambda case, _: replace(case, bundle=case.bundle[: len(case.bundle) // 2]),
    "the name of the key": lambda case, _: with_hint(case, "0" * 64),
    "no name of a key": lambda case, _: with_hint(case, ""),
    "the record": lambda case, _: replace(case, record=case.record.replace(b"otter", b"eagle")),
}


def test_all_four_refuse_what_was_changed(shared: Maker, tmp_path: Path) -> None:
    made, other = shared.make(0), shared.make(2_000)
    case = Case.of(made)
    stranger = keys.load(tmp_path / "stranger")
    cases = {name: change(case, other) for name, change in CHANGED.items()}
    cases["another key under the same name"] = replace(case, keys=dict.fromkeys(case.keys, stranger.receipt.public_pem))
    assert words([case], tmp_path) == [("", "", "", "")]
    for name, said in zip(cases, words(list(cases.values()), tmp_path), strict=True):
        assert all(said), (name, said)


def test_what_holds_by_design_holds_for_all_four_and_says_the_same(shared: Maker, tmp_path: Path) -> None:
    """ECDSA signatures have two forms, and a bundle may have members that nobody signed."""
    made = shared.make(3_000)
    case = Case.of(made)
    cases = [
        signed(case, other_half),
        enveloped(case, lambda envelope: envelope["signatures"][0].pop("keyid")),
    ]
    added = json.loads(case.bundle)
    added["verificationMaterial"]["timestampVerificationData"] = {}
    cases.append(replace(case, bundle=json.dumps(added)))
    for at, (mine, sslib, openssl, sigstore) in enumerate(words(cases, tmp_path)):
        assert (mine, openssl, sigstore) == ("", "", ""), at
        assert bool(sslib) is (at == 1), sslib  # securesystemslib wants the key's name in the signature, too
        assert receipt.read(cases[at].bundle.encode()).id == made.id
