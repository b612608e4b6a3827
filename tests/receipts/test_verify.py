"""The stand-alone verifier: what it refuses and why, what it says nobody looked at; nothing makes it stumble."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry import keys
from tests.receipts.making import NOW, Made, Maker, grown
from tests.soak import count
from trackrecord import keyring, receipt
from trackrecord.errors import TrackrecordError
from trackrecord.keyring import KeySet
from trackrecord.receipt import PAYLOAD_TYPE, Refused, Verified, verify

ANY = settings(
    max_examples=count(60, 3_000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def made(shared: Maker) -> Made:
    """A verified run's receipt, with a log around it and all that goes with it."""
    with grown(shared, 11):
        shared.issue(4_000, verdict="verified")
    with grown(shared, 6):
        return shared.read(4_000)


def trusted(made: Made, **changed: Any) -> KeySet:
    """The registry's keys, the receipt key changed."""
    found = keyring.read(made.keys.encode(), "the registry's")
    changed_keys = tuple(replace(key, **changed) if key.use == "receipt" else key for key in found.keys)
    return KeySet(found.origin, changed_keys, found.source)


def looked(made: Made, keyset: KeySet | None = None, **more: Any) -> Verified:
    whole = {"record": made.record, "proof": made.proof.encode(), **more}
    return verify(made.bundle.encode(), [keyset or trusted(made)], **whole)


def refusal(made: Made, keyset: KeySet | None = None, **more: Any) -> str:
    """What does not hold, and why."""
    with pytest.raises(Refused) as refused:
        looked(made, keyset, **more)
    return f"{refused.value.what}: {refused.value.message}"


def test_what_was_looked_at_and_what_was_not_is_listed(made: Made) -> None:
    found = looked(made)
    assert [each.what for each in found.checked] == [
        "receipt",
        "key",
        "signature",
        "statement",
        "run record",
        "proof",
        "log entry",
        "checkpoint",
        "inclusion",
    ]
    alone = verify(made.bundle.encode(), [trusted(made)])
    assert alone.said == found.said
    words = [(each.what, each.how) for each in alone.skipped if each.what != "artifacts"]
    assert words == [
        ("run record", "no run.json at hand: not compared"),
        ("log", "no proof at hand: not looked up in the log"),
        ("since then", "whether the run or the key was withdrawn: not looked up (trackrecord receipt RUN does)"),
    ]


def test_files_are_compared_with_the_artifacts(shared: Maker) -> None:
    number = next(n for n in range(5_000, 5_100) if len(json.loads(shared.make(n).payload)["subject"]) > 3)
    made = shared.read(number)
    digest = hashlib.sha256(bytes([0])).hexdigest()
    found = looked(made, artifacts={"model.pt": digest})
    assert ("model.pt", "is the artifact weights/0.pt") in [(each.what, each.how) for each in found.checked]
    assert any("not at hand" in each.how for each in found.skipped)
    assert "none of the" in refusal(made, artifacts={"model.pt": "0" * 64})


def test_a_key_signs_within_its_time_and_until_it_is_withdrawn(made: Made) -> None:
    second = timedelta(seconds=1)
    at = looked(made).said.at
    assert looked(made, trusted(made, valid_from=at, valid_until=at))
    assert "older than the key" in refusal(made, trusted(made, valid_from=at + second))
    assert "younger than" in refusal(made, trusted(made, valid_until=at - second))
    assert "was withdrawn on 2026-11-24" in refusal(made, trusted(made, withdrawn_at=NOW))
    assert "nobody here trusts" in refusal(made, KeySet("", (), ""))


def test_a_checkpoint_key_signs_no_receipts(made: Made) -> None:
    (checkpoint,) = (key for key in trusted(made).keys if key.use == "checkpoint")
    bundle = json.loads(made.bundle)
    bundle["verificationMaterial"]["publicKey"]["hint"] = checkpoint.id
    bundle["dsseEnvelope"]["signatures"][0]["keyid"] = checkpoint.id
    changed = replace(made, bundle=json.dumps(bundle))
    assert "does not sign receipts" in refusal(changed)


BUNDLES: dict[str, Callable[[str], str]] = {
    "media type": lambda text: text.replace("bundle.v0.3", "bundle.v0.2"),
    "a key twice": lambda text: text.replace('"mediaType"', '"mediaType": "x", "mediaType"', 1),
    "a payload twice": lambda text: text.replace('"payload":', '"payload": "", "payload":', 1),
    "payload type": lambda text: text.replace(PAYLOAD_TYPE, "application/json"),
    "no json": lambda text: text[:-3],
    "a list": lambda _text: "[]",
    "a number": lambda _text: "1" * 5_000,
    "nan": lambda text: text.replace('"mediaType"', '"x": NaN, "mediaType"', 1),
    "deep": lambda _text: "[" * 100_000,
    "line breaks in base64": lambda text: text.replace('"payload": "', '"payload": "\\n', 1),
}


@pytest.mark.parametrize("kind", BUNDLES)
def test_what_is_not_exactly_a_receipt_is_not_read(made: Made, kind: str) -> None:
    changed = BUNDLES[kind](made.bundle)
    assert changed != made.bundle
    with pytest.raises(Refused, match="cannot be read"):
        verify(changed.encode(), [trusted(made)])


def test_bytes_that_are_no_utf8_are_not_read(made: Made) -> None:
    with pytest.raises(Refused, match="not UTF-8"):
        verify(made.bundle.encode("utf-16"), [trusted(made)])


PROOFS: dict[str, tuple[Callable[[str], str], str]] = {
    "another index": (lambda text: text.replace("\nindex ", "\nindex 1", 1), "checkpoint does not have this entry"),
    "a zero before it": (lambda text: text.replace("\nindex ", "\nindex 0", 1), "which entry"),
    "another entry": (
        lambda text: _entry(text, lambda entry: entry.replace('"verified"', '"refuted"')),
        "about something else",
    ),
    "another time": (
        lambda text: _entry(text, lambda entry: entry.replace("2026", "2025")),
        "does not have this entry",
    ),
    "no entry": (
        lambda text: "\n".join(line for line in text.split("\n") if not line.startswith("extra")),
        "tlog-proof",
    ),
    "one hash less": (lambda text: _without_line(text, 3), "does not have this entry"),
    "a hash changed": (lambda text: _hash(text), "does not have this entry"),
    "a short hash": (lambda text: text.replace("\n\n", "\nAAAA\n\n", 1), "hash in it"),
    "another log": (lambda text: text.replace("trackrecord/", "trackrecords/"), "another log"),
    "another size": (lambda text: _checkpoint(text, 1, "9"), "signature of the log's checkpoint"),
    "another root": (lambda text: _checkpoint(text, 2, base64.b64encode(bytes(32)).decode()), "signature of the log"),
    "no signature": (lambda text: text[: text.index("\u2014")], "no checkpoint"),
    "nothing": (lambda _text: "", "tlog-proof"),
    "another version": (lambda text: text.replace("@v1", "@v2", 1), "tlog-proof"),
}


@pytest.mark.parametrize("kind", PROOFS)
def test_a_proof_that_was_changed_does_not_hold(made: Made, kind: str) -> None:
    change, why = PROOFS[kind]
    changed = change(made.proof)
    assert changed != made.proof
    assert why in refusal(made, proof=changed.encode())


def test_another_receipts_proof_proves_nothing(made: Made, shared: Maker) -> None:
    assert "about something else" in refusal(made, proof=shared.make(4_001).proof.encode())


def test_with_the_receipt_key_alone_the_checkpoint_counts_as_not_checked(made: Made) -> None:
    (key,) = (key for key in trusted(made).keys if key.use == "receipt")
    found = looked(made, KeySet("", (key,), "key.pem"))
    assert "signature was not checked" in found.skipped[-2].how


def test_pem_files_are_keys_without_windows(made: Made) -> None:
    rows = json.loads(made.keys)["keys"]
    found = keyring.read("".join(row["public"] for row in rows).encode(), "keys.pem")
    assert {(key.id, key.use) for key in found.keys} == {(row["id"], row["use"]) for row in rows}
    assert looked(made, found).skipped == looked(made).skipped


SIGNED: dict[str, Callable[[dict[str, Any]], object]] = {
    "kind": lambda said: said.update(_type="https://in-toto.io/Statement/v0.1"),
    "predicate": lambda said: said.update(predicateType="https://slsa.dev/provenance/v1"),
    "no record": lambda said: said["subject"].pop(0),
    "two records": lambda said: said["subject"].append(said["subject"][0]),
    "a short digest": lambda said: said["subject"][0]["digest"].update(sha256="ab"),
    "verdict": lambda said: said["predicate"]["x_trackrecord"].update(verdict="proved"),
    "value as a number": lambda said: said["predicate"]["x_trackrecord"]["metric"].update(value=0.9),
    "tries below zero": lambda said: said["predicate"]["x_trackrecord"].update(tries=-1),
    "true as a count": lambda said: said["predicate"]["x_trackrecord"].update(tries=True),
    "no zone": lambda said: said["predicate"].update(timeCreated="2026-11-24T12:00:00"),
    "reasons that are none": lambda said: said["predicate"]["x_trackrecord"].update(evidence={"a": 1}),
    "properties": lambda said: said["predicate"].update(properties="TRACKRECORD_LIVE"),
}


def signed(shared: Maker, payload: bytes) -> tuple[bytes, KeySet]:
    """Any payload, under a signature of the registry's that holds."""
    key = keys.load(shared.folder).receipt
    envelope = key.sign(payload, PAYLOAD_TYPE).to_dict()
    bundle = {
        "mediaType": receipt.BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": key.id}},
        "dsseEnvelope": envelope,
    }
    return json.dumps(bundle).encode(), keyring.read(key.public_pem.encode(), "key.pem")


@pytest.mark.parametrize("kind", SIGNED)
def test_a_signed_statement_of_another_shape_is_not_read(made: Made, shared: Maker, kind: str) -> None:
    statement = json.loads(made.payload)
    SIGNED[kind](statement)
    bundle, keyset = signed(shared, json.dumps(statement).encode())
    with pytest.raises(Refused) as refused:
        verify(bundle, [keyset])
    assert refused.value.what == "statement"
    assert [each.what for each in refused.value.checked] == ["receipt", "key", "signature"]


def test_fields_of_a_later_version_are_ignored(made: Made, shared: Maker) -> None:
    statement = json.loads(made.payload)
    statement["predicate"]["x_trackrecord"]["later"] = {"than": "this"}
    bundle, keyset = signed(shared, json.dumps(statement).encode())
    assert verify(bundle, [keyset]).said == looked(made).said


@pytest.mark.soak
@ANY
@given(content=st.binary(max_size=400))
def test_no_bytes_make_it_stumble(made: Made, content: bytes) -> None:
    for call in (
        lambda: verify(content, [trusted(made)]),
        lambda: looked(made, proof=content),
        lambda: looked(made, record=content),
        lambda: keyring.read(content, "the keys"),
        lambda: keyring.read(b"{" + content, "the keys"),
    ):
        with pytest.raises(TrackrecordError):
            call()


@pytest.mark.soak
@ANY
@given(data=st.data())
def test_no_change_of_a_byte_makes_it_stumble_or_say_something_else(made: Made, data: st.DataObject) -> None:
    said = looked(made).said
    which = data.draw(st.sampled_from(("bundle", "proof", "keys")))
    content = bytearray(getattr(made, which).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        keyset = keyring.read(bytes(content), "") if which == "keys" else trusted(made)
        bundle = bytes(content) if which == "bundle" else made.bundle.encode()
        proof = bytes(content) if which == "proof" else made.proof.encode()
        found = verify(bundle, [keyset], record=made.record, proof=proof)
    except TrackrecordError:
        return
    assert found.said == said


@pytest.mark.soak
@ANY
@given(payload=JSON.map(lambda data: json.dumps(data).encode()) | st.binary(max_size=100))
def test_no_signed_payload_makes_it_stumble(shared: Maker, payload: bytes) -> None:
    bundle, keyset = signed(shared, payload)
    with pytest.raises(TrackrecordError):
        verify(bundle, [keyset])


@pytest.mark.soak
@ANY
@given(data=st.data(), value=JSON)
def test_no_field_of_a_signed_statement_makes_it_stumble(
    made: Made, shared: Maker, data: st.DataObject, value: Any
) -> None:
    statement = json.loads(made.payload)
    place = statement
    for _ in range(data.draw(st.integers(0, 3))):
        inner = [each for each in place.values() if isinstance(each, dict) and each]
        place = data.draw(st.sampled_from(inner)) if inner else place
    place[data.draw(st.sampled_from(sorted(place)))] = value
    bundle, keyset = signed(shared, json.dumps(statement).encode())
    try:
        found = verify(bundle, [keyset], record=made.record)
    except TrackrecordError:
        return
    assert isinstance(found.said.at, datetime)
    assert found.said.at.tzinfo is UTC


def _entry(text: str, change: Callable[[str], str]) -> str:
    lines = text.split("\n")
    entry = base64.b64decode(lines[1].removeprefix("extra ")).decode()
    lines[1] = f"extra {base64.b64encode(change(entry).encode()).decode()}"
    return "\n".join(lines)


def _without_line(text: str, number: int) -> str:
    lines = text.split("\n")
    return "\n".join(lines[:number] + lines[number + 1 :])


def _hash(text: str) -> str:
    lines = text.split("\n")
    lines[3] = base64.b64encode(bytes(32)).decode()
    return "\n".join(lines)


def _checkpoint(text: str, line: int, content: str) -> str:
    head, _, note = text.partition("\n\n")
    lines = note.split("\n")
    lines[line] = content
    return f"{head}\n\n" + "\n".join(lines)
