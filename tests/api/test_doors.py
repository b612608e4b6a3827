"""Every route with every kind of credential: what is not written down here fails, and so does what is not there."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from registry.api import create_app
from tests.api.scene import OTHER, PROJECT, RULES, RUN, Scene, batch, ended, report, run_id
from trackrecord.report import CorrectionReport

NEW, FILE = run_id(77), b"weights"
DIGEST = hashlib.sha256(FILE).hexdigest()

KINDS = ("none", "wrong", "expired", "revoked", "other", "reader", "ben", "runner", "maintainer", "admin")
CLOSED = (401, 401, 401, 401)

# (method, path): (what is sent, the status for none, wrong, expired, revoked, another project's maintainer, reader,
# another runner, the run's own runner, maintainer, admin)
DOORS: dict[tuple[str, str], tuple[Any, tuple[int, ...]]] = {
    ("GET", "/healthz"): (None, (200,) * 10),
    ("GET", "/readyz"): (None, (200,) * 10),
    ("GET", "/api/openapi.json"): (None, (200,) * 10),
    ("GET", "/api/v1/whoami"): (None, (*CLOSED, *(200,) * 6)),
    ("POST", "/api/v1/tokens"): (
        b'{"owner": "eve", "role": "reader", "project": "milestone-1"}',
        (*CLOSED, 403, 403, 403, 403, 201, 201),
    ),
    ("PUT", "/api/v1/projects/{project}"): (RULES, (*CLOSED, 403, 403, 403, 403, 200, 200)),
    ("GET", "/api/v1/projects/{project}"): (None, (*CLOSED, 404, *(200,) * 5)),
    ("PUT", "/api/v1/runs/{run_id}"): (report(), (*CLOSED, 403, 403, 201, 201, 201, 201)),
    ("PUT", "/api/v1/runs/{run_id}/batches/{writer}/{sequence}"): (
        batch(),
        (*CLOSED, 404, 403, 403, 200, 403, 403),
    ),
    ("PUT", "/api/v1/runs/{run_id}/finish"): (ended(), (*CLOSED, 404, 403, 403, 200, 403, 403)),
    ("GET", "/api/v1/runs"): (None, (*CLOSED, 404, *(200,) * 5)),
    ("GET", "/api/v1/runs/{run_id}"): (None, (*CLOSED, 404, *(200,) * 5)),
    # It has ended only for the kinds that could end it above: for the others it goes on, which is 409 beyond the role.
    ("POST", "/api/v1/runs/{run_id}/corrections"): (
        CorrectionReport(what="invalidated", reason="wrong split"),
        (*CLOSED, 404, 403, 403, 201, 409, 409),
    ),
    ("GET", "/api/v1/runs/{run_id}/receipt"): (None, (*CLOSED, *(404,) * 6)),  # nobody has looked at it: it has none
    ("GET", "/.well-known/trackrecord/keys.json"): (None, (200,) * 10),
    ("POST", "/api/v1/runs/{run_id}/recheck"): (None, (*CLOSED, 404, *(202,) * 5)),
    ("GET", "/api/v1/runs/{run_id}/history"): (None, (*CLOSED, 404, *(200,) * 5)),
    ("HEAD", "/api/v1/artifacts/{digest}"): (None, (*CLOSED, 200, 403, 200, 200, 200, 200)),
    ("PUT", "/api/v1/artifacts/{digest}"): (FILE, (*CLOSED, 200, 403, 200, 200, 200, 200)),
    ("GET", "/api/v1/artifacts/{digest}"): (None, (*CLOSED, 404, *(200,) * 5)),
    ("GET", "/.well-known/trackrecord/checkpoint"): (None, (200,) * 10),
    ("GET", "/api/v1/log/checkpoint"): (None, (*CLOSED, *(200,) * 6)),
    ("GET", "/api/v1/log/consistency"): (None, (*CLOSED, *(200,) * 6)),
    ("GET", "/api/v1/log/inclusion"): (None, (*CLOSED, *(200,) * 6)),
    ("GET", "/api/v1/log/entries"): (None, (*CLOSED, *(200,) * 6)),
    ("GET", "/api/v1/answers"): (None, (*CLOSED, *(200,) * 6)),
    ("GET", "/api/v1/answers/{question}"): (None, (*CLOSED, *(200,) * 6)),
}


# Pages: nobody is signed in by a header, so every kind of credential meets the login; its cookie has tests of its own.
PAGES: dict[tuple[str, str], tuple[bytes | None, int]] = {
    ("GET", "/"): (None, 303),
    ("GET", "/ask"): (None, 303),
    ("GET", "/answers/{question}"): (None, 303),
    ("POST", "/answers/{question}"): (b"words=", 303),
    ("GET", "/runs/{run}"): (None, 303),
    ("GET", "/charts/{question}/{index}.png"): (None, 303),
    ("GET", "/static/{name}"): (None, 200),
    ("GET", "/login"): (None, 200),
    ("POST", "/login"): (b"token=trk_x", 401),
    ("POST", "/logout"): (b"", 303),
}


def routes(scene: Scene) -> set[tuple[str, str]]:
    """Every (method, path) of the application; GET stands for its HEAD. What is not a plain route has no method."""
    every: set[tuple[str, str]] = set()
    for route in iter_route_contexts(scene.app.routes):
        methods = set(route.methods or {"ANY"})
        every |= {(method, str(route.path)) for method in methods if not (method == "HEAD" and "GET" in methods)}
    return every


def furnish(scene: Scene) -> None:
    """A run with a batch and an artifact, so that there is something behind every door."""
    opening = report(code=type(report().code)(patch=DIGEST))
    assert scene.send("PUT", f"/api/v1/runs/{RUN}", opening).status_code == 201
    assert scene.send("PUT", f"/api/v1/runs/{RUN}/batches/main/0", batch()).status_code == 200
    assert scene.send("PUT", f"/api/v1/artifacts/{DIGEST}", FILE, **{"Content-Type": "x/y"}).status_code == 201
    assert scene.send("GET", "/api/v1/log/checkpoint").status_code == 200


def address(path: str) -> str:
    run = NEW if path == "/api/v1/runs/{run_id}" else RUN
    filled = path.format(
        run_id=run, project=PROJECT, digest=DIGEST, writer="main", sequence=1, question="help", index=0
    )
    queries = {
        "/api/v1/runs": f"?named={RUN}",
        "/api/v1/runs/{run_id}/history": "?metric=test/accuracy",
        "/api/v1/log/consistency": "?old=1&new=3",
        "/api/v1/log/inclusion": "?leaf=1&size=3",
    }
    return filled + queries.get(path, "")


def test_no_route_is_missing_from_the_list(small: Scene) -> None:
    assert routes(small) == {*DOORS, *PAGES}


@pytest.mark.parametrize("kind", KINDS)
def test_every_door_opens_for_whom_it_should(small: Scene, kind: str) -> None:
    furnish(small)
    for (method, path), (content, wanted) in DOORS.items():
        place = address(path)
        if (method, path) == ("GET", "/api/v1/runs/{run_id}"):
            place = f"/api/v1/runs/{RUN}"
        answer = small.send(method, place, content, who=None if kind == "none" else kind)
        assert answer.status_code == wanted[KINDS.index(kind)], (method, path, answer.text[:200])
        if answer.status_code == 401 and method != "HEAD":
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("kind", ["none", "wrong", "reader", "admin"])
def test_pages_ask_to_sign_in(small: Scene, kind: str) -> None:
    furnish(small)
    for (method, path), (content, wanted) in PAGES.items():
        place = path.format(question="help", run=RUN, index=0, name="page.css")
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if content is not None else {}
        if kind != "none":
            headers["Authorization"] = f"Bearer {small.token[kind]}"
        answer = small.client.request(method, place, content=content, headers=headers, follow_redirects=False)
        assert answer.status_code == wanted, (method, path)
        if wanted == 303:
            assert answer.headers["location"].startswith("/login")


def test_a_token_elsewhere_than_in_its_header_opens_nothing(small: Scene) -> None:
    token = small.token["admin"]
    assert small.client.get(f"/api/v1/whoami?token={token}&access_token={token}").status_code == 401
    small.client.cookies.set("token", token)
    small.client.cookies.set("authorization", f"Bearer {token}")
    assert small.client.get("/api/v1/whoami").status_code == 401


def test_nobody_gives_more_than_they_have(small: Scene) -> None:
    def give(who: str, role: str, project: str | None) -> int:
        sent = json.dumps({"owner": "eve", "role": role, "project": project})
        return int(small.send("POST", "/api/v1/tokens", sent.encode(), who=who).status_code)

    assert give("maintainer", "maintainer", PROJECT) == 201
    assert give("maintainer", "admin", PROJECT) == 403
    assert give("maintainer", "runner", None) == 403
    assert give("maintainer", "runner", OTHER) == 403
    assert give("admin", "admin", None) == 201
    assert give("admin", "runner", "milestone-3") == 404


def test_a_given_token_opens_what_it_was_given_for(small: Scene) -> None:
    sent = b'{"owner": "eve", "role": "runner", "project": "milestone-1", "label": "laptop", "days": 1}'
    token = small.send("POST", "/api/v1/tokens", sent, who="admin").json()["token"]
    small.token["eve"] = token
    assert small.send("GET", "/api/v1/whoami", who="eve").json() == {
        "owner": "eve",
        "role": "runner",
        "project": "milestone-1",
    }
    assert small.send("PUT", f"/api/v1/runs/{NEW}", report(), who="eve").status_code == 201


def test_a_maintainer_of_one_project_makes_no_other(small: Scene) -> None:
    assert small.send("PUT", "/api/v1/projects/milestone-3", RULES, who="maintainer").status_code == 403
    assert small.send("PUT", "/api/v1/projects/milestone-3", RULES, who="admin").status_code == 201


@pytest.mark.parametrize("path", ["/api/v1/whoami", "/api/v1/nothing", "/healthz"])
def test_headers_stand_around_every_answer(small: Scene, path: str) -> None:
    headers = small.send("GET", path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers
    assert (headers.get("cache-control") == "no-store") is path.startswith("/api/")


def test_only_trusted_hosts_are_answered_where_they_are_named(small: Scene) -> None:
    settings = small.settings.model_copy(update={"trusted_hosts": "registry.team, 127.0.0.1"})
    client = TestClient(create_app(small.engine, small.store, settings))
    for host, status in {"registry.team": 200, "REGISTRY.team:443": 200, "127.0.0.1:1": 200, "evil": 400}.items():
        assert client.get("/healthz", headers={"Host": host}).status_code == status


def test_bodies_and_tokens_are_described(small: Scene) -> None:
    described = small.send("GET", "/api/openapi.json", who=None).json()
    assert {"RunReport", "BatchReport", "FinishReport", "ProjectRules", "TokenRequest", "Refusal"} <= set(
        described["components"]["schemas"]
    )
    put = described["paths"]["/api/v1/runs/{run_id}"]["put"]
    assert put["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/RunReport")
    assert put["security"] == [{"token": []}]
    assert "security" not in described["paths"]["/healthz"]["get"]
