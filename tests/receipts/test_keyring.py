"""Which keys a machine trusts: those of its first login, and what follows from them; nothing else is taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry import keys
from registry.db import transaction
from registry.proofs import key_set
from tests.receipts.making import NOW, Maker
from trackrecord import keyring
from trackrecord.errors import TrackrecordError

HERE = "https://registry.example"


def shown(maker: Maker, days: int = 0) -> bytes:
    """What the registry's /.well-known/trackrecord/keys.json is now."""
    with transaction(maker.engine) as session:
        keys.publish(session, keys.load(maker.folder), NOW + timedelta(days=days))
        return json.dumps(key_set(session)).encode()


def rotate(maker: Maker, use: keys.Use, days: int) -> None:
    with transaction(maker.engine) as session:
        keys.rotate(session, maker.folder, use, NOW + timedelta(days=days))


def changed(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    data = json.loads(content)
    change(data)
    return json.dumps(data).encode()


def test_a_set_is_kept_and_found_again(small: Maker, tmp_path: Path) -> None:
    keyring.keep(tmp_path, HERE, shown(small))
    (found,) = keyring.kept(tmp_path)
    assert found.origin.startswith("trackrecord/")
    assert found.source == f"kept from {HERE}"
    assert {key.id for key in found.keys} == {row["id"] for row in json.loads(shown(small))["keys"]}
    assert (tmp_path / "trust" / f"{found.origin.replace('/', '_')}.json").is_file()


def test_rotations_and_withdrawals_are_followed(small: Maker, tmp_path: Path) -> None:
    """Also several at once, seen for the first time after a long while."""
    keyring.keep(tmp_path, HERE, shown(small))
    for day, use in enumerate((*keys.USES, *keys.USES), start=1):
        rotate(small, use, day)
    with transaction(small.engine) as session:
        first = keys.published(session)[0].id
        keys.withdraw(session, first, NOW + timedelta(days=9), small.folder)
    keyring.keep(tmp_path, HERE, shown(small))
    (found,) = keyring.kept(tmp_path)
    assert len(found.keys) == 6
    assert [key.id for key in found.keys if key.withdrawn_at] == [first]
    keyring.keep(tmp_path, HERE, shown(small))


FORGED: dict[str, Callable[[dict[str, Any]], object]] = {
    "a key is gone": lambda data: data["keys"].pop(0),
    "longer valid": lambda data: next(each for each in data["keys"] if each["validUntil"]).update(
        validUntil="2030-01-01T00:00:00Z"
    ),
    "valid from earlier": lambda data: data["keys"][0].update(validFrom="2020-01-01T00:00:00Z"),
    "another log": lambda data: data.update(origin="trackrecord/0000000000000000"),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_set_that_does_not_follow_is_not_kept(small: Maker, tmp_path: Path, kind: str) -> None:
    rotate(small, "receipt", 0)
    rotate(small, "checkpoint", 0)
    keyring.keep(tmp_path, HERE, shown(small))
    before = keyring.kept(tmp_path)
    with pytest.raises(TrackrecordError, match="shows other keys") as refused:
        keyring.keep(tmp_path, HERE, changed(shown(small), FORGED[kind]))
    assert "--new-registry" in refused.value.hint
    assert keyring.kept(tmp_path) == before


def test_a_withdrawal_is_not_taken_back(small: Maker, tmp_path: Path) -> None:
    gone = keys.load(small.folder).receipt.id
    with transaction(small.engine) as session:
        keys.publish(session, keys.load(small.folder), NOW)
        keys.withdraw(session, gone, NOW, small.folder)
    keyring.keep(tmp_path, HERE, shown(small))

    def back(data: dict[str, Any]) -> None:
        next(each for each in data["keys"] if each["id"] == gone)["withdrawnAt"] = None

    with pytest.raises(TrackrecordError, match="other times"):
        keyring.keep(tmp_path, HERE, changed(shown(small), back))


@pytest.mark.parametrize("change", ["nobody", "itself", "bytes", "the other use"])
def test_a_new_key_needs_the_word_of_a_known_one(small: Maker, tmp_path: Path, change: str) -> None:
    keyring.keep(tmp_path, HERE, shown(small))
    rotate(small, "receipt", 1)

    def forge(data: dict[str, Any]) -> None:
        new = next(each for each in data["keys"] if each["signedBy"])
        checkpoint = next(each for each in data["keys"] if each["use"] == "checkpoint")
        by = {"nobody": None, "itself": new["id"], "bytes": new["signedBy"], "the other use": checkpoint["id"]}
        new["signedBy"] = by[change]
        if change == "bytes":
            new["signature"] = f"AA{new['signature'][2:]}"

    with pytest.raises(TrackrecordError, match="no key that was known signed"):
        keyring.keep(tmp_path, HERE, changed(shown(small), forge))


def test_another_registry_at_a_known_address_is_refused_until_it_is_said_so(small: Maker, tmp_path: Path) -> None:
    keyring.keep(tmp_path, HERE, shown(small))
    stranger = keys.load(tmp_path / "stranger")
    with transaction(small.engine) as session:
        for row in keys.published(session):
            session.delete(row)
        session.flush()
        keys.publish(session, stranger, NOW)
        shown_there = {**key_set(session), "origin": f"trackrecord/{stranger.checkpoint.id[:16]}"}
        other = json.dumps(shown_there).encode()
    with pytest.raises(TrackrecordError, match="shows other keys"):
        keyring.keep(tmp_path, HERE, other)
    keyring.keep(tmp_path, "https://elsewhere.example", other)
    assert len(keyring.kept(tmp_path)) == 2
    keyring.keep(tmp_path, HERE, other, anew=True)
    (found,) = keyring.kept(tmp_path)
    assert found.find(stranger.receipt.id)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["keys"][0].update(id="0" * 64),
        lambda data: data["keys"][0].update(use="anything"),
        lambda data: data["keys"][0].update(public="-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
        lambda data: data["keys"][0].update(validFrom="yesterday"),
        lambda data: data["keys"].append(data["keys"][0]),
        lambda data: data.update(keys=[]),
        lambda data: data.update(keys=[1]),
        lambda data: data.update(origin="../../etc"),
    ],
)
def test_what_is_no_key_set_is_not_kept(
    small: Maker, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(TrackrecordError, match="cannot be read"):
        keyring.keep(tmp_path, HERE, changed(shown(small), change))
    assert keyring.kept(tmp_path) == []
