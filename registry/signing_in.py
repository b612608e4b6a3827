"""A token, pasted once into a page, becomes a signed cookie that ends with the token."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from registry import tokens
from registry.tables import Token
from registry.tokens import Caller

COOKIE = "trackrecord"
DAYS = 30
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """What cookies are signed with."""

    secret: bytes = field(repr=False)


def key_in(folder: Path) -> Key:
    """The key that lies in the data folder, readable by its owner only; made the first time."""
    file = folder / "pages.key"
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"pages.key.{secrets.token_hex(8)}"
    if not file.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(secrets.token_bytes(_KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(fresh, file)  # whole, and never over a key that is there
        fresh.unlink()
    return Key(file.read_bytes())


def cookie_for(session: Session, key: Key, token: str, now: datetime) -> str | None:
    """The cookie for whoever holds this token; None where it is not valid. The token itself is not in it."""
    caller = tokens.find(session, token, now)
    if caller is None:
        return None
    ends = int((now + timedelta(days=DAYS)).timestamp())
    return f"{caller.token_id}.{ends}.{_signature(key, caller.token_id, ends, tokens.digest_of(token))}"


def caller_of(session: Session, key: Key, cookie: str, now: datetime) -> Caller | None:
    """Who signed in with this cookie; None for one that is forged or old, or whose token no longer holds."""
    number, _, rest = cookie[:200].partition(".")
    ends, _, signature = rest.partition(".")
    if not (_is_number(number) and _is_number(ends)) or int(ends) < now.timestamp():
        return None
    row = session.get(Token, int(number))
    if row is None or row.id is None or not tokens.holds(row, now):
        return None
    if not hmac.compare_digest(_signature(key, row.id, int(ends), row.digest).encode(), signature.encode()):
        return None
    role = next((role for role in tokens.ROLES if role == row.role), None)
    return Caller(row.id, row.owner, role, row.project_id) if role else None


def _signature(key: Key, token: int, ends: int, digest: str) -> str:
    return hmac.new(key.secret, f"{token}.{ends}.{digest}".encode(), hashlib.sha256).hexdigest()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 12
