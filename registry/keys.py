"""LOOK at key files: one key signs receipts, another the log's checkpoints. The private halves are files that only the
registry reads; the public ones are rows.

`receipt.current` names the file of the key that signs now. It is made by `link`, which one process wins, so that
several that start at once agree; rotation replaces it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

import sqlalchemy as sa
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]  # it names no exports
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from registry import log
from registry.tables import LogHead, Receipt, Run, SigningKey
from trackrecord.errors import TrackrecordError

Use = Literal["receipt", "checkpoint"]
USES: tuple[Use, ...] = get_args(Use)

Private = EllipticCurvePrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class ReceiptKey:
    """ECDSA P-256. `id` is the SHA-256 of the public key in DER."""

    id: str
    public_pem: str
    _private: EllipticCurvePrivateKey

    def sign(self, payload: bytes, payload_type: str) -> Envelope:
        """A DSSE envelope with one signature, under this key's id."""
        public = SSlibKey.from_crypto(self._private.public_key(), keyid=self.id)
        envelope = Envelope(payload, payload_type, {})
        envelope.sign(CryptoSigner(self._private, public))
        return envelope


@dataclass(frozen=True, slots=True)
class CheckpointKey:
    """Ed25519. `public` are its 32 raw bytes."""

    id: str
    public_pem: str
    public: bytes
    _private: Ed25519PrivateKey

    def sign(self, text: bytes) -> bytes:
        return self._private.sign(text)


@dataclass(frozen=True, slots=True)
class Keys:
    """The two keys that sign now, as the files say it."""

    receipt: ReceiptKey
    checkpoint: CheckpointKey
    folder: Path

    def id_of(self, use: Use) -> str:
        return self.receipt.id if use == "receipt" else self.checkpoint.id


def load(folder: Path) -> Keys:
    """The keys that sign now; makes what is not there (mode 0600). Cheap: read anew for each piece of work.

    Raises TrackrecordError where a key file is missing or is no key.
    """
    receipt, checkpoint = _current(folder, "receipt"), _current(folder, "checkpoint")
    if not isinstance(receipt, EllipticCurvePrivateKey) or not isinstance(checkpoint, Ed25519PrivateKey):
        raise _broken(folder, "a key of another kind is in the place of one of ours")
    raw = checkpoint.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Keys(
        ReceiptKey(_id(receipt), _pem(receipt), receipt),
        CheckpointKey(_id(checkpoint), _pem(checkpoint), raw, checkpoint),
        folder,
    )


def publish(session: Session, keys: Keys, now: datetime, *, lost: bool = False) -> Keys:
    """Keep both public keys where they are not kept yet, the new one signed by the one before it; the keys that count.

    Those are `keys`, unless another process has rotated meanwhile: then they are read again. `lost`: the key before is
    gone, and the new one stands without its signature. Raises TrackrecordError where the files are not this registry's.
    """
    for use in USES:
        row = _locked(session, keys.id_of(use))
        if row is not None and row.valid_until is not None:
            keys = load(keys.folder)
            row = _locked(session, keys.id_of(use))
            if row is not None and row.valid_until is not None:
                raise _broken(keys.folder, f"the {use} key there was retired; a newer one has taken over")
        if row is None:
            _take_over(session, keys, use, now, lost)
    return keys


def rotate(session: Session, folder: Path, use: Use, now: datetime, *, lost: bool = False) -> Keys:
    """A new key signs from now on; what the old one signed stays valid. Where this is not kept, `publish` does it."""
    if not lost:
        publish(session, load(folder), now)
    _make(folder, use, first=False)
    return publish(session, load(folder), now, lost=lost)


def withdraw(session: Session, key_id: str, now: datetime, folder: Path | None = None) -> SigningKey:
    """Nothing that the key signed counts any more; the runs whose newest receipt it signed are looked at again.

    `key_id` may be its start. A key that signs now is rotated first, for which `folder` is needed.
    """
    row = _found(session, key_id)
    if row.withdrawn_at is not None:
        raise TrackrecordError(f"The key {row.id[:16]} was withdrawn already.", status=409)
    if row.valid_until is None:
        if folder is None:
            raise TrackrecordError(f"The key {row.id[:16]} signs now.", "Rotate it first.", status=409)
        rotate(session, folder, "receipt" if row.use == "receipt" else "checkpoint", now)
    row.withdrawn_at = now
    session.add(row)
    session.flush()
    later = aliased(Receipt)
    newer = sa.exists().where(col(later.run_id) == col(Receipt.run_id), col(later.number) > col(Receipt.number))
    signed = sa.select(col(Receipt.run_id)).where(col(Receipt.key_id) == row.id, ~newer)
    again = sa.update(Run).where(col(Run.id).in_(signed)).values(check_at=now)
    session.execute(again.execution_options(synchronize_session=False))
    log.append(session, "key_withdrawn", now, key=row.id)
    return row


def published(session: Session) -> list[SigningKey]:
    """Every key that ever signed, the oldest first."""
    return list(session.exec(select(SigningKey).order_by(col(SigningKey.valid_from), col(SigningKey.id))))


def _take_over(session: Session, keys: Keys, use: Use, now: datetime, lost: bool) -> None:
    of_use = select(SigningKey).where(SigningKey.use == use, col(SigningKey.valid_until).is_(None))
    before = session.exec(of_use.with_for_update()).one_or_none()
    key = keys.receipt if use == "receipt" else keys.checkpoint
    row = SigningKey(id=key.id, use=use, public=key.public_pem, valid_from=now)
    if before is not None:
        old = _read(keys.folder / _file_name(use, before.id))
        if old is None and not lost:
            raise _broken(keys.folder, f"the {use} key {before.id[:16]} that this registry signs with is not there")
        newest = session.exec(select(sa.func.max(col(Receipt.issued_at))).where(Receipt.key_id == before.id)).one()
        before.valid_until = max(now, newest) if newest is not None else now
        session.add(before)
        if old is not None:
            row.signed_by, row.signature = before.id, _over(old, _der(key._private))
    session.add(row)
    session.flush()
    log.append(session, "key", now, key=row.id, use=use, signed_by=row.signed_by)
    if use == "checkpoint":  # the first one names the log for ever
        nameless = sa.update(LogHead).where(col(LogHead.origin) == "").values(origin=f"trackrecord/{row.id[:16]}")
        session.execute(nameless.execution_options(synchronize_session=False))


def _locked(session: Session, key_id: str) -> SigningKey | None:
    """The row, kept from being retired until this transaction ends."""
    query = select(SigningKey).where(SigningKey.id == key_id).with_for_update(read=True)
    return session.exec(query.execution_options(populate_existing=True)).one_or_none()


def _found(session: Session, key_id: str) -> SigningKey:
    fits = [row for row in published(session) if len(key_id) >= 8 and row.id.startswith(key_id.lower())]
    if len(fits) != 1:
        raise TrackrecordError(
            f"{len(fits)} keys start with that.", "List them: python -m registry keys.", status=404 if not fits else 409
        )
    return session.exec(select(SigningKey).where(SigningKey.id == fits[0].id).with_for_update()).one()


def _current(folder: Path, use: Use) -> Private:
    pointer = folder / f"{use}.current"
    if not pointer.exists():
        _make(folder, use, first=True)
    key = _read(folder / Path(pointer.read_text(encoding="ascii", errors="replace").strip() or "nothing").name)
    if key is None:
        raise _broken(folder, f"{pointer.name} names a key that is not there")
    return key


def _make(folder: Path, use: Use, *, first: bool) -> None:
    """A new key of this use. `first`: only where there is none yet, and whoever comes second takes the winner's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key: Private = generate_private_key(SECP256R1()) if use == "receipt" else Ed25519PrivateKey.generate()
    name = _file_name(use, _id(key))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(folder / name, pem).replace(folder / name)
    pointer = folder / f"{use}.current"
    fresh = _write(pointer, f"{name}\n".encode())
    if not first:
        fresh.replace(pointer)
    else:
        try:
            os.link(fresh, pointer)
        except FileExistsError:
            (folder / name).unlink()
        finally:
            fresh.unlink()
    _to_disk(folder)


def _write(path: Path, content: bytes) -> Path:
    """The content in a file beside `path`, on the disk, readable by this user only."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return fresh


def _to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> Private | None:
    """The private key in that file; None where there is no such file."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise _broken(path.parent, f"{path.name} cannot be read ({type(error).__name__})") from None
    if not isinstance(key, EllipticCurvePrivateKey | Ed25519PrivateKey):
        raise _broken(path.parent, f"{path.name} is a key of another kind")
    return key


def _file_name(use: str, key_id: str) -> str:
    return f"{use}-{key_id[:16]}.pem"


def _der(key: Private) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _pem(key: Private) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _id(key: Private) -> str:
    return hashlib.sha256(_der(key)).hexdigest()


def _over(old: Private, content: bytes) -> str:
    """The old key's word for the new one, base64."""
    signature = old.sign(content) if isinstance(old, Ed25519PrivateKey) else old.sign(content, ECDSA(hashes.SHA256()))
    return base64.b64encode(signature).decode()


def _broken(folder: Path, why: str) -> TrackrecordError:
    hint = "Restore that folder from a backup. If there is none: python -m registry rotate-key receipt --lost "
    hint += "(or checkpoint)."
    return TrackrecordError(f"The signing keys in {folder} cannot be used: {why}.", hint, status=500)
