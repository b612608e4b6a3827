"""Checkpoints as signed notes: a real one of another log, ours, and everything that is almost one."""

from __future__ import annotations

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.soak import count
from trackrecord import note
from trackrecord.errors import TrackrecordError

pytestmark = pytest.mark.soak


# A checkpoint of Go's checksum database, and the key that its users are given.
GO = """go.sum database tree
15081221
BoMMe1wd25Tco0mYGROkyqxHZWx+hcSCtMV315Lu6Lg=

— sum.golang.org Az3grilD7vQqTrv66jRgKM84Y80KTprrSt4bKmiOPxgmS5ZVBTeCl6dUvjYnN13R+C8j0jGY1WnUADGMkok3U0m2Zgo=
"""
GO_KEY = base64.b64decode("Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")[1:]

# The key and the note of the reference implementation's own documentation; no checkpoint.
PETER_KEY = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
PETER_PRIVATE = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PETER = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""

ROOT = bytes(range(32))
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
ORIGIN = "trackrecord/4f0c9d2a51b7e833"
BODY = note.body(ORIGIN, 12, ROOT)
OURS = note.signed(BODY, ORIGIN, PUBLIC, KEY.sign(BODY.encode()))


def test_a_checkpoint_of_another_log_is_read_and_its_signature_holds() -> None:
    seen = note.read(GO)
    assert (seen.origin, seen.size, len(seen.root)) == ("go.sum database tree", 15_081_221, 32)
    [signature] = seen.signatures
    assert signature.name == "sum.golang.org"
    assert signature.hint == note.key_hint("sum.golang.org", GO_KEY) == bytes.fromhex("033de0ae")
    Ed25519PublicKey.from_public_bytes(GO_KEY).verify(signature.signature, seen.body.encode())
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(GO_KEY).verify(signature.signature, seen.body.replace("1", "2").encode())


def test_the_reference_note_is_signed_to_the_byte() -> None:
    text = PETER.partition("\n\n")[0] + "\n"
    key = Ed25519PrivateKey.from_private_bytes(PETER_PRIVATE)
    assert note.key_hint("PeterNeumann", PETER_KEY) == bytes.fromhex("c74f20a3")
    assert note.signed(text, "PeterNeumann", PETER_KEY, key.sign(text.encode())) == PETER
    with pytest.raises(TrackrecordError, match="origin, a size and a root"):
        note.read(PETER)


def test_what_is_written_is_read() -> None:
    seen = note.read(OURS)
    assert (seen.origin, seen.size, seen.root, seen.body) == (ORIGIN, 12, ROOT, BODY)
    KEY.public_key().verify(seen.signatures[0].signature, seen.body.encode())
    twice = note.read(OURS + OURS.rpartition("\n\n")[2].replace(ORIGIN, "someone.else/witness"))
    assert [each.name for each in twice.signatures] == [ORIGIN, "someone.else/witness"]
    assert twice.body == BODY


SIGNATURE = OURS.rpartition("\n\n")[2]


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "\n\n",
        BODY,
        OURS[:-1],
        OURS + "\n",
        OURS + "trailing\n",
        OURS.replace("\n", "\r\n"),
        OURS.replace(ORIGIN + "\n12", ORIGIN + "\n012"),
        OURS.replace("\n12\n", "\n+12\n"),
        OURS.replace("\n12\n", "\n-1\n"),
        OURS.replace("\n12\n", "\n1_2\n"),
        OURS.replace("\n12\n", "\n１２\n"),
        OURS.replace("\n12\n", "\n12 \n"),
        OURS.replace("\n12\n", f"\n{2**62 + 1}\n"),
        OURS.replace("\n12\n", "\n" + "9" * 5000 + "\n"),
        OURS.replace("\n12\n", "\n\n12\n"),
        OURS.replace("—", "--"),
        OURS.replace("— ", "—"),
        OURS.replace("— ", "—  "),
        OURS.replace("— ", "—\u00a0"),
        OURS.replace(f"— {ORIGIN}", "— a+b"),
        OURS.replace(f"— {ORIGIN}", "— a\u2003b"),
        OURS.replace(f"— {ORIGIN} ", "— "),
        OURS.replace("\n12", "\t\n12"),
        OURS.replace(ORIGIN, ORIGIN + "\x00"),
        OURS.replace(ORIGIN, ORIGIN + "\x1b[2J"),
        OURS.replace(ORIGIN, ORIGIN + "\ud800"),
        OURS.replace("=\n\n", "\n\n"),
        OURS.replace("=\n\n", "==\n\n"),
        OURS.replace("8=\n\n", "9=\n\n"),  # bits that nobody reads
        BODY.replace(base64.b64encode(ROOT).decode(), base64.b64encode(ROOT[:31]).decode()) + "\n" + SIGNATURE,
        BODY + "\n— name AAAA\n",
        BODY + "\n— name " + base64.b64encode(bytes(4)).decode() + "\n",
        BODY + "\n" + SIGNATURE * 17,
        BODY + "x" * note.LARGEST + "\n\n" + SIGNATURE,
    ],
)
def test_what_is_almost_a_checkpoint_is_refused(wrong: str) -> None:
    with pytest.raises(TrackrecordError, match="This is no checkpoint") as said:
        note.read(wrong)
    assert said.value.status == 422


def test_as_many_signatures_as_must_be_taken_and_extension_lines() -> None:
    assert len(note.read(BODY + "\n" + SIGNATURE * 16).signatures) == 16
    longer = note.read(BODY + "an extension\n\n" + SIGNATURE)
    assert (longer.size, longer.body) == (12, BODY + "an extension\n")
    assert note.read(OURS.replace("\n12\n", f"\n{2**62}\n")).size == 2**62
    assert note.read(OURS.replace("\n12\n", "\n0\n")).size == 0


@given(st.text(alphabet=st.sampled_from([*sorted(set(OURS)), "\n", "\n", "\r", "\x00", "\ud800"]), max_size=300))
@settings(max_examples=count(120, 20_000), deadline=None)
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        seen = note.read(text)
    except TrackrecordError:  # in words: anything else would end the test
        return
    assert text.startswith(seen.body + "\n— ")


@given(st.integers(0, len(OURS) - 1), st.text(max_size=2), st.integers(0, 2))
@settings(max_examples=count(120, 20_000), deadline=None)
def test_a_changed_note_is_refused_or_signed_no_more(at: int, put: str, taken: int) -> None:
    changed = OURS[:at] + put + OURS[at + taken :]
    try:
        seen = note.read(changed)
    except TrackrecordError:
        return
    hint = note.key_hint(ORIGIN, PUBLIC)
    ours = [each for each in seen.signatures if (each.name, each.hint) == (ORIGIN, hint)]
    held = 0
    for each in ours:
        try:
            KEY.public_key().verify(each.signature, seen.body.encode())
        except InvalidSignature:
            continue
        held += 1
    assert not held or (seen.body, changed) == (BODY, OURS)


@pytest.mark.parametrize(("origin", "size", "root"), [("", 1, ROOT), ("a b", 1, ROOT), ("a", -1, ROOT), ("a", 1, b"x")])
def test_no_other_checkpoint_is_ever_written(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(ValueError, match="no checkpoint"):
        note.body(origin, size, root)
