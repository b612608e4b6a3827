"""Keys to the API: made here, found by their digest, and what each of them opens."""

from __future__ import annotations

import hashlib
import secrets
import string
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import rfc8785
from sqlalchemy import func
from sqlmodel import Session, select

from registry import log
from registry.tables import Project, Token
from trackrecord.errors import TrackrecordError

Role = Literal["reader", "runner", "maintainer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)  # each may do what those before it may
OPERATOR = "the operator"  # whoever has a shell where the registry runs

_PREFIX = "trk_"
_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM = 30  # base62 letters: 178 bits, so that a plain digest of them cannot be searched through
_CHECK = 6  # base62 letters of the CRC32: a scanner for leaked tokens needs no call to be sure
_LENGTH = len(_PREFIX) + _RANDOM + _CHECK


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever holds the token that a request came with. `project` None: every project."""

    token_id: int
    owner: str
    role: Role
    project: str | None

    def may(self, role: Role, project: str | None = None) -> bool:
        """Whether the token opens what `role` opens, in `project` (None: in every project)."""
        return ROLES.index(self.role) >= ROLES.index(role) and self.project in (None, project)


def make() -> str:
    """A new token: `trk_` + 30 random base62 letters + 6 of checksum."""
    body = _PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM))
    return body + _checksum(body)


def well_formed(token: str) -> bool:
    """Whether this can be a token at all; says nothing about whether anybody was given it."""
    return (
        len(token) == _LENGTH
        and token.isascii()
        and token.startswith(_PREFIX)
        and _checksum(token[:-_CHECK]) == token[-_CHECK:]
    )


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def digest_of_row(row: Token) -> str:
    """SHA-256 over what is kept of a token and does not change: what the log keeps of the rest of it."""
    until = None if row.expires_at is None else row.expires_at.isoformat()
    return hashlib.sha256(rfc8785.dumps([row.digest, row.label, row.created_at.isoformat(), until])).hexdigest()


def give(
    session: Session,
    *,
    owner: str,
    role: Role,
    project: str | None,
    label: str,
    expires_at: datetime | None,
    now: datetime,
    by: str = OPERATOR,
) -> str:
    """Keep a new token and hand it out: this once. Raises TrackrecordError for a project that does not exist."""
    if project is not None and session.get(Project, project) is None:
        raise TrackrecordError("There is no such project.", "Make it first, or give the token no project.", status=404)
    token = make()
    row = Token(
        digest=digest_of(token),
        owner=owner,
        label=label,
        role=role,
        project_id=project,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    about: dict[str, Any] = {"token": row.id, "owner": owner, "role": role, "by": by, "row": digest_of_row(row)}
    log.append(session, "token_given", now, project=project, **about)
    return token


def revoke(session: Session, number: int, now: datetime, by: str = OPERATOR) -> None:
    """Make the token of that number open nothing any more. Raises TrackrecordError (404) where there is none."""
    row = session.exec(select(Token).where(Token.id == number).with_for_update()).one_or_none()
    if row is None:
        raise TrackrecordError(f"There is no token {number}.", "List them: python -m registry tokens.", status=404)
    if row.revoked_at is None:
        row.revoked_at = now
        session.add(row)
        log.append(session, "token_revoked", now, project=row.project_id, token=number, by=by)


def any_given(session: Session) -> bool:
    """Whether any token was ever made: the first one is printed when the registry starts."""
    return bool(session.exec(select(func.count()).select_from(Token)).one())


def find(session: Session, token: str, now: datetime) -> Caller | None:
    """Whoever was given this token; None for one that was never given, has expired or was revoked."""
    if not well_formed(token):
        return None
    row = session.exec(select(Token).where(Token.digest == digest_of(token))).one_or_none()
    if row is None or row.id is None or not holds(row, now):
        return None
    role = next((role for role in ROLES if role == row.role), None)
    return Caller(row.id, row.owner, role, row.project_id) if role else None


def holds(row: Token, now: datetime) -> bool:
    """Whether the token opens anything at this time."""
    return (row.expires_at is None or now < row.expires_at) and (row.revoked_at is None or now < row.revoked_at)


def could_write(row: Token, project: str, at: datetime) -> bool:
    """Whether the token could write to the project at that time."""
    return holds(row, at) and row.role in ROLES[ROLES.index("runner") :] and row.project_id in (None, project)


def _checksum(body: str) -> str:
    rest, letters = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK):
        rest, digit = divmod(rest, len(_LETTERS))
        letters = _LETTERS[digit] + letters
    return letters
