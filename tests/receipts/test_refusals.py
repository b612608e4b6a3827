"""Everything that the verifier says, in whole sentences, about a receipt that was made by hand."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.receipts import by_hand
from tests.receipts.by_hand import (
    CHECKPOINT_KEY,
    KEYS,
    NOW,
    ORIGIN,
    RECEIPT_KEY,
    RECORD,
    SAID,
    as_json,
    bundle_of,
    checkpoint_of,
    content_of,
    entry_of,
    proof_of,
)
from trackrecord import note, receipt
from trackrecord.errors import TrackrecordError
from trackrecord.keyring import KeySet, PublicKey
from trackrecord.receipt import Refused, Verified, verify
from trackrecord.statement import read

CONTENT = content_of()
BUNDLE = as_json(bundle_of(CONTENT))
PROOF = proof_of(entry_of(CONTENT))
AGAIN = "Fetch it again: trackrecord receipt RUN."
OFFLINE = ("since then", "whether the run or the key was withdrawn: not looked up (trackrecord receipt RUN does)")
SHORT, ID = RECEIPT_KEY.id[:16], hashlib.sha256(CONTENT).hexdigest()


def keys(*, origin: str = ORIGIN, **changed: Any) -> KeySet:
    """The receipt key changed."""
    return KeySet(origin, (replace(RECEIPT_KEY, **changed), CHECKPOINT_KEY), "the test's")


def refused(
    bundle: bytes = BUNDLE, keyset: KeySet = KEYS, status: int = 409, **more: Any
) -> tuple[str, str, str, list[str]]:
    """At which step, why, what to do, and what held before."""
    with pytest.raises(Refused) as found:
        verify(bundle, [keyset], **{"proof": PROOF.text(), **more})
    value = found.value
    assert value.status == status
    return value.what, value.message, value.hint, [each.what for each in value.checked]


def pairs(checks: tuple[receipt.Check, ...]) -> list[tuple[str, str]]:
    return [(each.what, each.how) for each in checks]


def test_what_held_is_told_step_by_step() -> None:
    artifacts = {"model.pt": "a" * 64, "other.pt": "f" * 64}
    found = verify(BUNDLE, [KeySet("", (), "empty"), KEYS], record=RECORD, proof=PROOF.text(), artifacts=artifacts)
    root = note.read(PROOF.checkpoint).root.hex()
    assert (found.id, found.said) == (ID, read(CONTENT))
    assert pairs(found.checked) == [
        ("receipt", ID),
        ("key", f"{SHORT}, the test's"),
        ("signature", "holds (ECDSA P-256, DSSE)"),
        ("statement", "of 2026-11-24 12:00:00 UTC, by https://registry.example/verifier/v1"),
        ("run record", f"run.json has the digest {SAID.record[:16]}…"),
        ("model.pt", "is the artifact a.pt"),
        ("other.pt", "is the artifact a.pt"),
        ("proof", f"entry 3 of {ORIGIN}"),
        ("log entry", "names this receipt and this run record"),
        ("checkpoint", f"size 6, root {root[:16]}…, signed by {CHECKPOINT_KEY.id[:16]}"),
        ("inclusion", "the checkpoint covers entry 3"),
    ]
    assert pairs(found.skipped) == [("artifacts", "1 of 3 not at hand: not compared"), OFFLINE]


def test_what_nobody_looked_at_is_told() -> None:
    found = verify(BUNDLE, [KeySet("", (RECEIPT_KEY,), "key.pem")])
    assert pairs(found.skipped) == [
        ("run record", "no run.json at hand: not compared"),
        ("artifacts", "3 of 3 not at hand: not compared"),
        ("log", "no proof at hand: not looked up in the log"),
        OFFLINE,
    ]
    half = verify(BUNDLE, [KeySet("", (RECEIPT_KEY,), "key.pem")], record=RECORD, proof=PROOF.text())
    assert pairs(half.skipped)[1:] == [
        ("log", "the log's key is not at hand: the checkpoint's signature was not checked"),
        OFFLINE,
    ]
    assert [each.what for each in half.checked][-2:] == ["proof", "log entry"]
    whole = {"a": "a" * 64, "b": "b" * 64, "f": "f" * 64}
    assert [each.what for each in verify(BUNDLE, [KEYS], artifacts=whole).skipped] == [
        "run record",
        "log",
        "since then",
    ]


def test_a_bundle_taken_apart() -> None:
    found = receipt.read(BUNDLE)
    assert (found.key, found.payload, found.id) == (RECEIPT_KEY.id, CONTENT, ID)
    assert receipt.read(BUNDLE.ljust(24 << 20)) == found


Change = Callable[[dict[str, Any]], object]
BUNDLES: list[tuple[str, Change]] = [
    ("it is no Sigstore bundle v0.3", lambda data: data.update(mediaType="x")),
    ("a part of it is missing or of the wrong kind", lambda data: data.pop("verificationMaterial")),
    ("a part of it is missing or of the wrong kind", lambda data: data.update(verificationMaterial={"publicKey": 1})),
    ("a part of it is missing or of the wrong kind", lambda data: data.pop("dsseEnvelope")),
    ("its payload is of another type", lambda data: data["dsseEnvelope"].update(payloadType="x")),
    ("it does not have exactly one signature", lambda data: data["dsseEnvelope"].update(signatures=[])),
    ("it does not have exactly one signature", lambda data: data["dsseEnvelope"].update(signatures={"a": 1})),
    ("it does not have exactly one signature", lambda data: data["dsseEnvelope"]["signatures"].append({})),
    ("a part of it is missing or of the wrong kind", lambda data: data["dsseEnvelope"].update(signatures=["x"])),
    ("it does not name one key", lambda data: data["verificationMaterial"].update(publicKey={})),
    ("it does not name one key", lambda data: data["verificationMaterial"].update(publicKey={"hint": 7})),
    ("it does not name one key", lambda data: data["dsseEnvelope"]["signatures"][0].update(keyid="x")),
    ("a part of it is not base64", lambda data: data["dsseEnvelope"].update(payload="x")),
    ("a part of it is not base64", lambda data: data["dsseEnvelope"]["signatures"][0].update(sig="x")),
]


@pytest.mark.parametrize(("why", "change"), BUNDLES)
def test_a_bundle_of_another_shape_is_refused_in_words(why: str, change: Change) -> None:
    data = json.loads(BUNDLE)
    change(data)
    assert refused(as_json(data), status=422) == ("receipt", f"The receipt cannot be read: {why}.", AGAIN, [])


def test_a_bundle_that_is_no_object_or_too_long_is_refused_in_words() -> None:
    for content, why in (
        (b"[]", "a part of it is missing or of the wrong kind"),
        (BUNDLE.ljust((24 << 20) + 1), "it is larger than 25,165,824 bytes"),
    ):
        assert refused(content, status=422) == ("receipt", f"The receipt cannot be read: {why}.", AGAIN, [])


@pytest.mark.parametrize("keyid", ["", None])
def test_a_signature_need_not_name_its_key_again(keyid: str | None) -> None:
    data = json.loads(BUNDLE)
    (signature,) = data["dsseEnvelope"]["signatures"]
    signature.pop("keyid")
    if keyid is not None:
        signature["keyid"] = keyid
    assert verify(as_json(data), [KEYS]).id == ID


def test_whose_key_it_is() -> None:
    before = ["receipt"]
    nobody = "Give the registry's keys with --key, from where you trust, or log in to it: trackrecord login ADDRESS."
    trusted = f"It is signed with the key {SHORT}, which nobody here trusts."
    assert refused(keyset=KeySet("", (CHECKPOINT_KEY,), "")) == ("key", trusted, nobody, before)
    for hint, shown in (
        ("\x1b[2J", "(unreadable)"),
        ("ключ", "(unreadable)"),
        ("0123456789abcdefg", "0123456789abcdef"),
    ):
        data = json.loads(BUNDLE)
        data["verificationMaterial"]["publicKey"]["hint"] = hint
        data["dsseEnvelope"]["signatures"][0]["keyid"] = hint
        message = f"It is signed with the key {shown}, which nobody here trusts."
        assert refused(as_json(data)) == ("key", message, nobody, before)
    other = keys(use="checkpoint")
    assert refused(keyset=other) == ("key", "It is signed with a key that does not sign receipts.", "", before)
    gone = f"Its key {SHORT} was withdrawn on 2026-11-24 12:00 UTC: what it signed does not count any more."
    newest = "Fetch the run's newest receipt: trackrecord receipt RUN."
    assert refused(keyset=keys(withdrawn_at=NOW)) == ("key", gone, newest, before)


def test_what_was_signed_and_when() -> None:
    forged = as_json(bundle_of(CONTENT, signed_as=CONTENT + b" "))
    changed = "Its signature does not hold: it was changed after it was signed, or signed by somebody else."
    assert refused(forged) == ("signature", changed, "", ["receipt", "key"])
    before, step = ["receipt", "key", "signature"], timedelta(microseconds=1)
    assert verify(BUNDLE, [keys(valid_from=NOW, valid_until=NOW)]).id == ID
    older = "It is older than the key that it is signed with."
    assert refused(keyset=keys(valid_from=NOW + step)) == ("statement", older, "", before)
    younger = "It is younger than the time of the key that it is signed with."
    assert refused(keyset=keys(valid_until=NOW - step)) == ("statement", younger, "", before)


def test_another_record_and_another_file() -> None:
    before = ["receipt", "key", "signature", "statement"]
    record = "The run record is not the one that the receipt is about: its digest differs."
    assert refused(record=RECORD + b" ") == ("run record", record, "", before)
    stranger = "x.pt is none of the 3 artifacts of the receipt: its digest is not among theirs."
    artifacts = {"model.pt": "b" * 64, "x.pt": "0" * 64}
    assert refused(artifacts=artifacts) == ("x.pt", stranger, "", [*before, "model.pt"])


def lines(change: Callable[[list[str]], object]) -> bytes:
    """The proof, its head's lines changed."""
    head, _, tail = PROOF.text().decode().partition("\n\n")
    found = head.split("\n")
    change(found)
    return ("\n".join(found) + "\n\n" + tail).encode()


NO_PROOF, WHICH = "it is no C2SP tlog-proof with its entry", "it does not say which entry it is about"
READABLE: list[tuple[str, bytes]] = [
    (NO_PROOF, b""),
    (NO_PROOF, PROOF.text().replace(b"\n\n", b"\n")),
    (NO_PROOF, lines(lambda head: head.__setitem__(0, "c2sp.org/tlog-proof@v2"))),
    (NO_PROOF, lines(lambda head: head.__setitem__(1, head[1].replace("extra ", "extras ")))),
    (NO_PROOF, b"c2sp.org/tlog-proof@v1\nextra QQ==\n\n"),
    (WHICH, lines(lambda head: head.__setitem__(2, "3"))),
    (WHICH, lines(lambda head: head.__setitem__(2, "index 03"))),
    (WHICH, lines(lambda head: head.__setitem__(2, "index " + "1" * 20))),
    ("a part of it is not base64", lines(lambda head: head.__setitem__(1, "extra x"))),
    ("a part of it is not base64", lines(lambda head: head.append("x"))),
    ("a hash in it is none", lines(lambda head: head.append(base64.b64encode(bytes(31)).decode()))),
    ("a hash in it is none", lines(lambda head: head.append(base64.b64encode(bytes(33)).decode()))),
    ("it is not UTF-8", PROOF.text() + b"\xff"),
    ("it is too long", PROOF.text().ljust((1 << 20) + 1)),
]


@pytest.mark.parametrize(("why", "proof"), READABLE)
def test_a_proof_of_another_shape_is_refused_in_words(why: str, proof: bytes) -> None:
    before = ["receipt", "key", "signature", "statement"]
    assert refused(proof=proof, status=422) == ("proof", f"The log proof cannot be read: {why}.", AGAIN, before)


def test_a_proof_may_be_as_long_as_it_may_be() -> None:
    short = proof_of(entry_of(CONTENT, more="x" * 780_000), extension="-\n")
    rest = (1 << 20) - len(short.text())
    entry = entry_of(CONTENT, more="x" * (780_000 + rest // 4 * 3))
    found = proof_of(entry, extension="-" * (1 + rest % 4) + "\n")
    assert len(found.text()) == 1 << 20
    assert verify(BUNDLE, [KEYS], proof=found.text()).checked[-1].what == "inclusion"


@pytest.mark.parametrize("field", ["kind", "run", "receipt", "record", "verdict"])
def test_an_entry_about_something_else_proves_nothing(field: str) -> None:
    before = ["receipt", "key", "signature", "statement", "proof"]
    proof = proof_of(entry_of(CONTENT, SAID, **{field: "x"})).text()
    other = "Entry 3 of the log is about something else than this receipt."
    assert refused(proof=proof) == ("log entry", other, "", before)


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (4, 5)])
def test_in_a_log_of_few_entries(index: int, size: int) -> None:
    proof = proof_of(entry_of(CONTENT), index, size).text()
    assert verify(BUNDLE, [KEYS], proof=proof).checked[-1].how == f"the checkpoint covers entry {index}"


def test_an_entry_that_is_none_proves_nothing() -> None:
    for entry, message in (
        (b"[]", "The receipt cannot be read: a part of it is missing or of the wrong kind."),
        (b"x", "The log entry cannot be read: at character 0 it is not JSON."),
    ):
        assert refused(proof=proof_of(entry).text(), status=422)[:2] == ("log entry", message)


def test_whose_checkpoint_it_is() -> None:
    before = ["receipt", "key", "signature", "statement", "proof", "log entry"]
    root = note.read(PROOF.checkpoint).root
    other = replace(PROOF, checkpoint=checkpoint_of(6, root, origin="somebody/else"))
    message = f"The proof is of another log (somebody/else) than the key's ({ORIGIN})."
    assert refused(proof=other.text()) == ("checkpoint", message, "", before)
    assert verify(BUNDLE, [keys(origin="")], proof=other.text()).checked[-1].what == "inclusion"
    untrusted = "The log's checkpoint is not signed with a key that is trusted here."
    for gone in (replace(CHECKPOINT_KEY, withdrawn_at=NOW), by_hand.key_of("checkpoint", by_hand.SIGNS)):
        keyset = KeySet(ORIGIN, (RECEIPT_KEY, gone), "")
        assert refused(keyset=keyset) == ("checkpoint", untrusted, "", before)
    forged = PROOF.checkpoint.replace("\n6\n", "\n7\n")
    broken = "The signature of the log's checkpoint does not hold."
    assert refused(proof=replace(PROOF, checkpoint=forged).text()) == ("checkpoint", broken, "", before)


def test_a_checkpoint_may_have_other_signatures_and_other_keys_beside() -> None:
    witness = PROOF.checkpoint.rpartition("\n\n")[2].replace(ORIGIN, "a.witness/x")
    text, _, ours = PROOF.checkpoint.rpartition("\n\n")
    first = replace(PROOF, checkpoint=f"{text}\n\n{witness}{ours}")
    keyset = KeySet(ORIGIN, (_of_another_log(), RECEIPT_KEY, CHECKPOINT_KEY), "")
    assert verify(BUNDLE, [keyset], proof=first.text()).checked[-2].what == "checkpoint"
    alone = replace(PROOF, checkpoint=f"{text}\n\n{witness}")
    assert "trusted here" in refused(proof=alone.text())[1]


def _of_another_log() -> PublicKey:
    return by_hand.key_of("checkpoint", Ed25519PrivateKey.from_private_bytes(bytes(32)))


@pytest.mark.parametrize("index", [2, 6, 10**18])
def test_an_entry_that_stands_elsewhere_is_not_covered(index: int) -> None:
    before = ["receipt", "key", "signature", "statement", "proof", "log entry", "checkpoint"]
    proof = replace(PROOF, index=index).text()
    message = f"The log's checkpoint does not have this entry as number {index}."
    assert refused(proof=proof) == ("inclusion", message, "", before)


def test_a_refusal_is_an_error_in_words() -> None:
    with pytest.raises(TrackrecordError, match="cannot be read"):
        receipt.read(b"{}")
    assert issubclass(Refused, TrackrecordError)
    assert isinstance(verify(BUNDLE, [KEYS]), Verified)
