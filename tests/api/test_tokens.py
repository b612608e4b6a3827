"""Tokens: their form, what each opens, when they stop."""

from __future__ import annotations

import re
import zlib
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import select

from registry import tokens
from registry.db import transaction
from registry.tables import Project, Token
from registry.tokens import ROLES, Caller, Role
from tests.api.scene import NOW, RUN, Scene, batch, ended, report

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def test_a_token_carries_its_checksum() -> None:
    made = {tokens.make() for _ in range(200)}
    assert len(made) == 200
    for token in made:
        assert re.fullmatch(r"trk_[0-9A-Za-z]{36}", token)
        number = sum(BASE62.index(letter) * 62**place for place, letter in enumerate(reversed(token[-6:])))
        assert number == zlib.crc32(token[:-6].encode())
        assert tokens.well_formed(token)
        spoiled = token[:10] + ("a" if token[10] != "a" else "b") + token[11:]
        assert not tokens.well_formed(spoiled)


@pytest.mark.parametrize(
    "text", ["", "trk_", "trk_" + "\u0661" * 36, "x" * 40, "TRK_" + "a" * 36, "trk_" + "a" * 35 + "\n"]
)
def test_what_is_no_token(text: str) -> None:
    assert not tokens.well_formed(text)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_those_before_it_may(role: Role) -> None:
    here = Caller(1, "ada", role, "p")
    everywhere = Caller(1, "ada", role, None)
    for other in ROLES:
        enough = ROLES.index(other) <= ROLES.index(role)
        assert (here.may(other, "p"), here.may(other, "q"), here.may(other)) == (enough, False, False)
        assert (everywhere.may(other, "p"), everywhere.may(other)) == (enough, enough)


def test_only_the_digest_is_kept_and_time_decides(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        session.add(Project(id="p", created_at=NOW))
        session.flush()
        token = tokens.give(
            session, owner="ada", role="runner", project="p", label="", expires_at=NOW + timedelta(days=1), now=NOW
        )
        row = session.exec(select(Token)).one()
        assert token not in repr(row)
        assert tokens.find(session, token, NOW) == Caller(row.id or 0, "ada", "runner", "p")
        assert tokens.find(session, token, NOW + timedelta(days=1)) is None
        assert tokens.find(session, tokens.make(), NOW) is None
        row.revoked_at = NOW + timedelta(hours=1)
        session.flush()
        assert tokens.find(session, token, NOW + timedelta(minutes=59)) is not None
        assert tokens.find(session, token, NOW + timedelta(hours=1)) is None
        # What was written while it was valid was written rightly.
        assert tokens.could_write(row, "p", NOW)
        assert not tokens.could_write(row, "q", NOW)
        assert not tokens.could_write(row, "p", NOW + timedelta(hours=2))


def test_a_run_goes_on_with_another_token_of_its_owner(small: Scene) -> None:
    assert small.send("PUT", f"/api/v1/runs/{RUN}", report()).status_code == 201
    sent = b'{"owner": "ada", "role": "runner", "project": "milestone-1"}'
    small.token["second"] = small.send("POST", "/api/v1/tokens", sent, who="admin").json()["token"]
    assert small.send("PUT", f"/api/v1/runs/{RUN}/batches/main/0", batch(), who="second").status_code == 200
    assert small.send("PUT", f"/api/v1/runs/{RUN}/finish", ended(), who="second").status_code == 200
