"""The log's addresses: whoever has a token can check all of it, and reads nothing of closed projects."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from registry import log, tokens
from registry.db import reading, transaction
from registry.tables import Leaf, LogNode, Token
from tests.api.scene import PROJECT, RUN, Scene, batch, ended, report, run_id
from trackrecord import merkle, note


def checkpoint(scene: Scene) -> note.Signed:
    answer = scene.send("GET", "/api/v1/log/checkpoint", who="reader")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    return note.read(answer.text)


def entries(scene: Scene, who: str, **asked: int) -> Any:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    answer = scene.send("GET", f"/api/v1/log/entries?{query}", who=who)
    assert answer.status_code == 200, answer.text
    return answer.json()


def path_of(answer: Any) -> list[bytes]:
    return [base64.b64decode(each, validate=True) for each in answer["path"]]


def test_what_happens_is_in_the_log(scene: Scene) -> None:
    start = checkpoint(scene).size
    opening, finish, first, other = report(), ended(), batch(), batch(0.99)
    assert scene.send("PUT", f"/api/v1/runs/{RUN}", opening).status_code == 201
    assert scene.send("PUT", f"/api/v1/runs/{RUN}", opening).status_code == 200, "again: no second entry"
    assert scene.send("PUT", f"/api/v1/runs/{RUN}/batches/main/0", first).status_code == 200
    for _ in range(2):
        assert scene.send("PUT", f"/api/v1/runs/{RUN}/batches/main/0", other).status_code == 409
    for _ in range(2):
        assert scene.send("PUT", f"/api/v1/runs/{RUN}/finish", finish).status_code in (200, 201)
    sent = b'{"owner": "eve", "role": "reader", "project": "milestone-1"}'
    assert scene.send("POST", "/api/v1/tokens", sent, who="maintainer").status_code == 201
    with transaction(scene.engine) as session:
        number = session.exec(select(Token.id).where(Token.owner == "eve")).one()
        assert number is not None
        for _ in range(2):
            tokens.revoke(session, number, datetime.now(UTC))
    found = [json.loads(each["entry"]) for each in entries(scene, "admin", start=start)["entries"]]
    by_kind: dict[str, Any] = {each["kind"]: each for each in found if each["kind"] not in ("run_sealed", "verdict")}
    assert list(by_kind) == ["run_opened", "equivocation", "run_finished", "token_given", "token_revoked"]
    opened, twice, finished, given, revoked = by_kind.values()
    assert (opened["run"], opened["project"], opened["owner"], len(opened["report"])) == (RUN, PROJECT, "ada", 64)
    assert (twice["run"], twice["writer"], twice["sequence"], len(twice["digest"])) == (RUN, "main", 0, 64)
    assert (finished["run"], finished["state"], len(finished["finish"])) == (RUN, "finished", 64)
    assert {key: given[key] for key in ("owner", "role", "project", "token", "by")} == {
        "owner": "eve", "role": "reader", "project": PROJECT, "token": number, "by": "someone-maintainer",
    }  # fmt: skip
    assert (revoked["token"], revoked["by"]) == (number, "the operator")
    assert len([each for each in found if each["kind"] == "equivocation"]) == 1
    assert not any("trk_" in json.dumps(each) for each in found)


def test_the_well_known_checkpoint_is_the_newest_and_needs_no_token(small: Scene) -> None:
    place = "/.well-known/trackrecord/checkpoint"
    missing = small.send("GET", place, who=None)
    assert (missing.status_code, missing.json()["error"]["message"]) == (404, "No checkpoint was signed yet.")
    seen = checkpoint(small)
    shown = small.send("GET", place, who=None)
    assert (shown.status_code, note.read(shown.text)) == (200, seen)


def test_anybody_recomputes_the_root_and_reads_only_what_is_theirs(scene: Scene) -> None:
    for number in range(3):
        assert scene.send("PUT", f"/api/v1/runs/{run_id(number)}", report()).status_code == 201
    seen = checkpoint(scene)
    for who in ("admin", "reader", "other"):
        listed = entries(scene, who, start=0, count=1000)
        assert (listed["start"], listed["size"]) == (0, seen.size)
        assert [each["leaf"] for each in listed["entries"]] == list(range(seen.size))
        hashes = [base64.b64decode(each["hash"]) for each in listed["entries"]]
        for each, digest in zip(listed["entries"], hashes, strict=True):
            assert each["entry"] is None or merkle.leaf_hash(each["entry"].encode()) == digest
        assert root(hashes) == seen.root
        kinds = [json.loads(each["entry"]) for each in listed["entries"] if each["entry"]]
        assert all(
            each["kind"] == "key" or each.get("project") == scene_project(who) for each in kinds if who != "admin"
        )
        assert (len(kinds) == seen.size) is (who == "admin")
        assert sum(each["kind"] == "run_opened" for each in kinds) == (0 if who == "other" else 3)
        assert sum(each["kind"] == "key" for each in kinds) == 2


def scene_project(who: str) -> str:
    return "milestone-2" if who == "other" else PROJECT


def root(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return merkle.node_hash(root(hashes[:half]), root(hashes[half:]))


def test_proofs_hold(scene: Scene) -> None:
    old = checkpoint(scene)
    for number in range(6):
        assert scene.send("PUT", f"/api/v1/runs/{run_id(number)}", report()).status_code == 201
    new = checkpoint(scene)
    assert new.size == old.size + 6
    answer = scene.send("GET", f"/api/v1/log/consistency?old={old.size}&new={new.size}", who="reader").json()
    assert merkle.verify_consistency(old.size, old.root, new.size, new.root, path_of(answer))
    for leaf in range(new.size):
        answer = scene.send("GET", f"/api/v1/log/inclusion?leaf={leaf}&size={new.size}", who="other").json()
        digest = base64.b64decode(answer["hash"])
        assert merkle.verify_inclusion(digest, leaf, new.size, path_of(answer), new.root)


REFUSED = [
    ("consistency?old=3&new=2", 422, "old is larger than new."),
    ("consistency?old=0&new=9999", 404, "The log has "),
    (f"consistency?old=0&new={2**62}", 404, "The log has "),
    (f"consistency?old=0&new={2**62 + 1}", 422, "new: "),
    (f"consistency?old=0&new={10**400}", 422, "new: "),
    ("consistency?old=-1&new=1", 422, "old: "),
    ("consistency?old=1.5&new=2", 422, "old: "),
    ("consistency?new=1", 422, "old: "),
    ("inclusion?leaf=2&size=2", 422, "leaf is not among"),
    ("inclusion?leaf=0&size=0", 422, "leaf is not among"),
    ("inclusion?leaf=0&size=9999", 404, "The log has "),
    (f"inclusion?leaf={2**62}&size={2**62}", 422, "leaf: "),
    ("inclusion?leaf=x&size=2", 422, "leaf: "),
    ("entries?count=1001", 422, "count: "),
    ("entries?count=0", 422, "count: "),
    ("entries?start=-1", 422, "start: "),
    (f"entries?start={2**63}", 422, "start: "),
]


def test_numbers_that_cannot_be_are_refused_in_words(small: Scene) -> None:
    for query, status, said in REFUSED:
        answer = small.send("GET", f"/api/v1/log/{query}", who="reader")
        assert (answer.status_code, answer.json()["error"]["message"][: len(said)]) == (status, said), query


def test_pages_of_entries(scene: Scene) -> None:
    size = checkpoint(scene).size
    assert [each["leaf"] for each in entries(scene, "admin", start=1, count=2)["entries"]] == [1, 2]
    assert [each["leaf"] for each in entries(scene, "admin", start=size - 1, count=9)["entries"]] == [size - 1]
    assert entries(scene, "admin", start=size) == {"start": size, "size": size, "entries": []}
    assert entries(scene, "admin", start=2**62 - 1)["entries"] == []


def test_a_changed_log_is_not_signed_over_http(scene: Scene) -> None:
    checkpoint(scene)
    with transaction(scene.engine) as session:
        session.execute(sa.update(LogNode).where(col(LogNode.number) == 0).values(hash="0" * 64))
    answer = scene.send("GET", "/api/v1/log/checkpoint", who="reader")
    assert answer.status_code == 409
    assert "not the one that was signed before" in answer.json()["error"]["message"]
    with transaction(scene.engine) as session:
        session.execute(sa.delete(LogNode).where(col(LogNode.level) == 0))
        session.execute(sa.delete(Leaf).where(col(Leaf.number) == 1))
    assert scene.send("GET", "/api/v1/log/consistency?old=1&new=3", who="reader").status_code == 409
    assert scene.send("GET", "/api/v1/log/inclusion?leaf=1&size=3", who="reader").status_code == 409


def test_nothing_else_in_the_log_is_written_by_reading(scene: Scene) -> None:
    checkpoint(scene)
    with reading(scene.engine) as session:
        before = log.size(session)
    for _ in range(3):
        checkpoint(scene)
        entries(scene, "reader", start=0)
    with reading(scene.engine) as session:
        assert log.size(session) == before
