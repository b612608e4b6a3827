"""A receipt, its keys and its log made by hand, without a registry: every byte of it can be another one."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from registry.facts import ArtifactFacts, failed, passed, unknown
from registry.statements import Said, Value, payload, statement
from tests.checks.sound import DATA, METRIC
from trackrecord import merkle, note
from trackrecord.keyring import KeySet, PublicKey

NOW = datetime(2026, 11, 24, 12, 0, 0, 123_456, tzinfo=UTC)
SIGNS = derive_private_key(7, SECP256R1())
LOGS = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RAW = LOGS.public_key().public_bytes_raw()
ORIGIN = "trackrecord/4f0c9d2a51b7e833"
RECORD = b'{"run":"01JD"}'
PAYLOAD_TYPE = "application/vnd.in-toto+json"

SAID = Said(
    run="01JD",
    name="brave-otter-42",
    project="milestone-1",
    number=3,
    verdict="unverified",
    record=hashlib.sha256(RECORD).hexdigest(),
    artifacts=(
        ArtifactFacts("b.pt", "b" * 64, 1, 1, True),
        ArtifactFacts("a.pt", "f" * 64, 1, None, False),
        ArtifactFacts("a.pt", "a" * 64, 1, 1, True),
        ArtifactFacts("a.pt", "a" * 64, 1, 1, True),
    ),
    commit="c" * 40,
    tree="7" * 40,
    dirty=True,
    rules="1" * 64,
    findings={
        "tree_rebuilt": passed("as it was"),
        "commit_reachable": passed("on main"),
        "data_pinned": failed("another split", "Measure again."),
        "no_secrets": unknown("no patch", "Send it."),
        "standing": passed("it stands"),
        "sealed": failed("broken", "Ask."),
    },
    asked={"tree_rebuilt", "commit_reachable", "data_pinned", "no_secrets", "zeal", "writer_known"},
    live=True,
    recomputed=True,
    value=Value(METRIC, 2, 0.1 + 0.2, 2**62, 0.25),
    tries=11,
    verifier="https://registry.example/verifier/v1",
)
STATEMENT: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [
        {"name": "run.json", "digest": {"sha256": hashlib.sha256(RECORD).hexdigest()}},
        {"name": "artifact/a.pt", "digest": {"sha256": "a" * 64}},
        {"name": "artifact/a.pt", "digest": {"sha256": "f" * 64}},
        {"name": "artifact/b.pt", "digest": {"sha256": "b" * 64}},
        {"name": "commit", "digest": {"gitCommit": "c" * 40}},
    ],
    "predicateType": "https://in-toto.io/attestation/svr/v0.2",
    "predicate": {
        "verifier": {
            "id": "https://registry.example/verifier/v1",
            "policies": [{"name": "milestone-1", "digest": {"sha256": "1" * 64}}],
        },
        "timeCreated": "2026-11-24T12:00:00.123456Z",
        "properties": [
            "TRACKRECORD_COMMIT_REACHABLE",
            "TRACKRECORD_LIVE",
            "TRACKRECORD_RECOMPUTED",
            "TRACKRECORD_TREE_REBUILT",
        ],
        "x_trackrecord": {
            "run": "01JD",
            "name": "brave-otter-42",
            "project": "milestone-1",
            "number": 3,
            "verdict": "unverified",
            "code": {"commit": "c" * 40, "tree": "7" * 40, "dirty": True},
            "metric": {
                "name": "test/accuracy",
                "version": 2,
                "split": "test",
                "dataset": "digits/test",
                "datasetDigest": DATA,
                "direction": "higher",
                "rule": "last",
                "value": "0.30000000000000004",
                "step": "4611686018427387904",
                "recomputed": "0.25",
            },
            "evidence": {"commit_reachable": "on main", "tree_rebuilt": "as it was"},
            "failed": {"data_pinned": "another split"},
            "notChecked": [
                "no_secrets: no patch",
                "writer_known: nobody has looked",
                "zeal: nobody has looked",
                "sealed: the project does not ask for it; it did not pass",
                "standing: the project does not ask for it",
                "the test set",
                "the evaluator's correctness",
                "code outside the repository",
                "initial weights",
                "runs that were never registered",
            ],
            "tries": 11,
        },
    },
}


def _der(key: Any) -> bytes:
    found: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return found


def key_of(use: str, key: Any) -> PublicKey:
    der = _der(key)
    return PublicKey(hashlib.sha256(der).hexdigest(), use, der)


RECEIPT_KEY, CHECKPOINT_KEY = key_of("receipt", SIGNS), key_of("checkpoint", LOGS)
KEYS = KeySet(ORIGIN, (RECEIPT_KEY, CHECKPOINT_KEY), "the test's")


def bundle_of(content: bytes, *, signed_as: bytes | None = None, **changes: Any) -> dict[str, Any]:
    """A bundle whose signature holds, over `signed_as` if that is given; `changes` are to its envelope."""
    over = content if signed_as is None else signed_as
    encoded = b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(over), over)
    signature = base64.b64encode(SIGNS.sign(encoded, ECDSA(SHA256()))).decode()
    envelope = {
        "payload": base64.b64encode(content).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": RECEIPT_KEY.id, "sig": signature}],
    }
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": RECEIPT_KEY.id}},
        "dsseEnvelope": {**envelope, **changes},
    }


@dataclass(frozen=True, slots=True)
class Proof:
    """A tlog-proof in its parts."""

    entry: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    def text(self) -> bytes:
        lines = ["c2sp.org/tlog-proof@v1", f"extra {_text(self.entry)}", f"index {self.index}"]
        return "\n".join([*lines, *map(_text, self.path), "", self.checkpoint]).encode()


def proof_of(entry: bytes, index: int = 3, size: int = 6, *, extension: str = "") -> Proof:
    """In a log of `size` entries that differ."""
    leaves = [merkle.leaf_hash(entry if at == index else b"%d" % at) for at in range(size)]
    path = tuple(_root(leaves[start:end]) for start, end in merkle.inclusion_ranges(index, size))
    return Proof(entry, index, path, checkpoint_of(size, _root(leaves), extension=extension))


def checkpoint_of(size: int, root: bytes, *, origin: str = ORIGIN, extension: str = "") -> str:
    text = note.body(origin, size, root) + extension
    return note.signed(text, origin, RAW, LOGS.sign(text.encode()))


def entry_of(content: bytes, said: Said = SAID, **changes: Any) -> bytes:
    """The log's entry about a receipt with that payload."""
    known: Mapping[str, Any] = {
        "kind": "verdict",
        "run": said.run,
        "receipt": hashlib.sha256(content).hexdigest(),
        "record": said.record,
        "verdict": said.verdict,
    }
    return rfc8785.dumps({**known, **changes})


def content_of(**changes: Any) -> bytes:
    return payload(statement(replace(SAID, **changes), NOW))


def as_json(data: Any) -> bytes:
    return json.dumps(data).encode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return merkle.node_hash(_root(leaves[:half]), _root(leaves[half:]))
