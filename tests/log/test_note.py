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


CHARACTERS = "it has characters that no note may have"
PARTS = "it is not a text, an empty line and signatures, to the end of the last line"
HEAD, LINE = "it does not have an origin, a size and a root", "a signature line of it cannot be read"
SIZE, HASH = "its size is no count", "its root is no SHA-256 in base64"


def longest(more: int) -> str:
    """A note of as many characters as one may have, and so many more."""
    return BODY + "x" * (note.LARGEST - len(OURS) - 1 + more) + "\n\n" + SIGNATURE


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (longest(1), "it is too long"),
        *((OURS.replace(ORIGIN, ORIGIN + sign), CHARACTERS) for sign in "\x00\x09\x0b\x0d\x1f\ud800"),
        ("", PARTS),
        (BODY, PARTS),
        (OURS[:-1], PARTS),
        (f"{ORIGIN}\n12\n\n{SIGNATURE}", HEAD),
        (f"{ORIGIN}\n\n12\nx\n\n{SIGNATURE}", HEAD),
        (OURS.replace("\n12\n", "\n012\n"), SIZE),
        (OURS.replace("\n12\n", f"\n{2**62 + 1}\n"), SIZE),
        (OURS.replace("\n12\n", "\n" + "1" * 20 + "\n"), SIZE),
        (OURS.replace("=\n\n", "\n\n"), HASH),
        (BODY.replace("=", "") + "\n" + SIGNATURE, HASH),
        (f"{ORIGIN}\n12\n{base64.b64encode(bytes(33)).decode()}\n\n{SIGNATURE}", HASH),
        (BODY + "\n" + SIGNATURE * 17, "it has more than 16 signatures"),
        (BODY + "\n" + SIGNATURE.removeprefix("\u2014 "), LINE),
        (BODY + "\n\u2014 a+b AAAAAAAA\n", LINE),
        (BODY + "\n\u2014 a AAAA=\n", LINE),
        (BODY + "\n\u2014 a " + base64.b64encode(bytes(4)).decode() + "\n", LINE),
    ],
)
def test_it_is_refused_in_whole_sentences(wrong: str, why: str) -> None:
    with pytest.raises(TrackrecordError) as said:
        note.read(wrong)
    assert said.value.message == f"This is no checkpoint: {why}."
    assert (said.value.hint, said.value.status) == ("Fetch it again, or ask who gave it to you.", 422)


def test_at_every_limit_it_is_still_read() -> None:
    assert len(longest(0)) == 64 * 1024
    assert note.read(longest(0)).size == 12
    short = note.read(BODY + "\n\u2014 a " + base64.b64encode(b"hint!").decode() + "\n")
    assert short.signatures == (note.Signature("a", b"hint", b"!"),)
    assert note.read(OURS.replace(ORIGIN, ORIGIN + "\x7f")).origin == ORIGIN + "\x7f"


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


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 1, ROOT), ("a b", 1, ROOT), ("a+b", 1, ROOT), ("a", -1, ROOT), ("a", 2**62 + 1, ROOT), ("a", 1, b"x")],
)
def test_no_other_checkpoint_is_ever_written(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(ValueError, match="no checkpoint") as said:
        note.body(origin, size, root)
    assert str(said.value) == f"no checkpoint: {origin!r}, {size}, {root!r}"


@pytest.mark.parametrize("size", [0, 2**62])
def test_the_smallest_and_the_largest_are_written(size: int) -> None:
    assert note.body("a", size, ROOT) == f"a\n{size}\n{base64.b64encode(ROOT).decode()}\n"
