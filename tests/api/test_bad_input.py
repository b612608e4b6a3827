"""Whatever is sent: an answer below 500, small, quick, without a word of what came in; and nothing is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import pytest
import sqlalchemy as sa

from registry.db import reading
from registry.tables import Batch, Param, Run, Token
from tests.api import corpus
from tests.api.corpus import MARK
from tests.api.scene import OTHER, RUN, Scene, batch, body, ended, report

SMALL = 4_096


def refused(answer: Any, what: str) -> None:
    """The rules for every refusal."""
    assert 400 <= answer.status_code < 500, (what, answer.status_code, answer.text[:200])
    assert len(answer.content) <= SMALL, what
    assert MARK not in answer.text, what
    error = answer.json()["error"]
    assert set(error) == {"message", "hint", "passing"}, what
    assert error["message"], what


def send_all(scene: Scene, cases: Iterator[tuple[str, str, bytes]]) -> int:
    count = 0
    for name, address, content in cases:
        method = "POST" if address.endswith("tokens") else "PUT"
        began = time.perf_counter()
        answer = scene.send(
            method, address, content, who="admin" if method == "POST" or "projects" in address else "runner"
        )
        assert time.perf_counter() - began < 3, name
        refused(answer, name)
        count += 1
    return count


def kept(scene: Scene) -> list[int]:
    with reading(scene.engine) as session:
        return [
            session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (Run, Param, Batch, Token)
        ]


def test_the_corpus_of_bad_bodies(scene: Scene) -> None:
    assert scene.send("PUT", f"/api/v1/runs/{RUN}", report()).status_code == 201
    before = kept(scene)
    # All of it on PostgreSQL, which is the pickier one; every third on SQLite.
    every = 1 if scene.engine.dialect.name == "postgresql" else 3
    cases = chain(corpus.bad_texts(), corpus.bad_numbers(), corpus.bad_bodies(), corpus.bad_wholes())
    assert send_all(scene, islice(cases, 0, None, every)) >= 600 // every
    assert kept(scene) == before


def test_the_corpus_of_bad_addresses(scene: Scene) -> None:
    for path in corpus.PATHS:
        for method in ("GET", "PUT", "POST", "DELETE", "PATCH"):
            answer = scene.send(method, path, b"{}" if method in ("PUT", "POST", "PATCH") else None, who="admin")
            assert 300 <= answer.status_code < 500, (method, path[:80], answer.status_code)
            assert len(answer.content) <= SMALL, (method, path[:80])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Type": "application/json; charset=utf-16"}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "identity"}, 415),
        ({"Content-Type": "application/json; charset=UTF-8"}, 201),
    ],
)
def test_only_plain_json_is_taken(small: Scene, headers: dict[str, str], status: int) -> None:
    assert small.send("PUT", f"/api/v1/runs/{RUN}", report(), **headers).status_code == status


def test_a_body_that_is_too_large_is_refused_before_it_is_read_as_json(small: Scene) -> None:
    limit = small.settings.max_body_bytes
    for content in (b"[" * (limit + 1), (piece for piece in [b"[" * 1_000_000] * 9)):
        headers = {"Authorization": f"Bearer {small.token['runner']}", "Content-Type": "application/json"}
        answer = small.client.put(f"/api/v1/runs/{RUN}", content=content, headers=headers)
        refused(answer, "too large")
        assert answer.status_code == 413


def test_a_content_length_that_lies_or_is_no_number(small: Scene) -> None:
    sent = report()
    for length in ("9" * 4_000, "-1", "abc"):
        answer = small.send("PUT", f"/api/v1/runs/{RUN}", sent, **{"Content-Length": length})
        assert answer.status_code in (201, 200, 400, 413), length


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer trk_" + "a" * 36,
        "Bearer " + "x" * 20_000,
        "bearer\ttrk_x",
        "trk_x",
    ],
)
def test_what_is_no_token_opens_nothing(small: Scene, value: str) -> None:
    answer = small.client.get("/api/v1/whoami", headers={"Authorization": value})
    refused(answer, value[:40])
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("host", ["evil/?x=", "x/docs?", "a b", "", "a@b", "a\\b", "x" * 300, "[::1", "host:port"])
def test_a_malformed_host_is_refused(small: Scene, host: str) -> None:
    assert small.client.get("/healthz", headers={"Host": host}).status_code == 400


def test_good_values_at_the_edge_of_what_is_taken(scene: Scene) -> None:
    params = {
        "tiny": 5e-324,
        "minus zero": -0.0,
        "large": 1.7976931348623157e308,
        "seventeen": 0.10000000000000002,
        "whole": 2**63,
        "text": "\t漢字 🎉 e\u0301 %_\\ '\"",
        "empty": {},
        "list": [1, [2, [3]]],
        "clé": None,
    }
    sent = report(params=params, name="<!channel>", seeds={"torch": 2**64 - 1, "none": None, "flag": True})
    assert scene.send("PUT", f"/api/v1/runs/{RUN}", sent).status_code == 201
    points = batch().points[0]
    whole = type(points)(
        metric="a/B@5.x:y-z_1", steps=[0, 2**63 - 1], times=[0, 1], values=[5e-324, 1.7976931348623157e308]
    )
    address = f"/api/v1/runs/{RUN}/batches/main/{2**31 - 1}"
    assert scene.send("PUT", address, batch(points=[whole], datasets=[])).status_code == 200
    shown = scene.send("GET", f"/api/v1/runs/{RUN}").json()["report"]["params"]
    assert shown == params
    back = scene.send("GET", f"/api/v1/runs/{RUN}/history?metric=a/B@5.x:y-z_1").json()
    assert (back["steps"], back["values"]) == ([0, 2**63 - 1], [5e-324, 1.7976931348623157e308])


def test_an_unknown_question_says_what_was_meant(small: Scene) -> None:
    answer = small.send("GET", "/api/v1/answers/bets")
    assert answer.status_code == 404
    assert "best" in answer.json()["error"]["hint"]


def test_errors_name_the_field(small: Scene) -> None:
    said = small.send("PUT", f"/api/v1/runs/{RUN}", corpus.changed(report(), "code.tree", b'"HEAD"')).json()["error"]
    assert said["message"].startswith("code.tree: ")
    said = small.send("PUT", f"/api/v1/runs/{RUN}", corpus.changed(report(), "metrcs", b"1")).json()["error"]
    assert said["message"].startswith("metrcs: ")


def test_a_finish_of_another_project_is_not_found(small: Scene) -> None:
    small.send("PUT", f"/api/v1/runs/{RUN}", report(project=OTHER), who="other")
    assert small.send("PUT", f"/api/v1/runs/{RUN}/finish", body(ended())).status_code == 404
