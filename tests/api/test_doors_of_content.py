"""Who gets what behind the doors: signed-in pages, labels, hidden and deleted content, receipts, other projects."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from registry.ask import questions
from registry.examine import examine_due
from registry.tables import Token
from tests.api.scene import PROJECT, RULES, RUN, Scene, batch, body, ended, head_of, report
from tests.api.test_doors import CLOSED, DOORS, KINDS, PAGES, address, furnish
from trackrecord.report import CommandReport, WriterEnd

SECRET = "ghp_" + "a1B2" * 10
PATCH = f"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n+{SECRET}\n".encode()
LABELS = b"label\n0\n1\n"
MEMBERS = ("reader", "ben", "runner", "maintainer", "admin")
TO_NOBODY, TO_MAINTAINERS = (*CLOSED, *(404,) * 6), (*CLOSED, *(404,) * 4, 200, 200)
TO_MEMBERS = (*CLOSED, 404, *(200,) * 5)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def judged(scene: Scene, **changes: Any) -> None:
    """A run that has ended, and that the checks have looked at."""
    sent = [body(report(**changes)), body(batch())]
    assert scene.send("PUT", f"/api/v1/runs/{RUN}", sent[0]).status_code == 201
    assert scene.send("PUT", f"/api/v1/runs/{RUN}/batches/main/0", sent[1]).status_code == 200
    end = ended({"main": WriterEnd(batches=1, head=head_of(*sent))})
    assert scene.send("PUT", f"/api/v1/runs/{RUN}/finish", end).status_code == 200
    assert examine_due(scene.engine, scene.store, scene.settings, datetime.now(UTC)) == 1


def with_a_secret(scene: Scene) -> None:
    """A run that gives a secret away in its patch, its parameters and its command line."""
    upload(scene, PATCH)
    code = replace(report().code, patch=digest(PATCH), dirty=True)
    command = CommandReport(argv=["train.py", "--token", SECRET], entry="train.py")
    judged(scene, code=code, command=command, params={"api_key": SECRET, "lr": 0.1})


def upload(scene: Scene, content: bytes, who: str = "runner") -> None:
    put = {"Content-Type": "application/octet-stream"}
    assert scene.send("PUT", f"/api/v1/artifacts/{digest(content)}", content, who, **put).status_code == 201


def statuses(scene: Scene, path: str) -> tuple[int, ...]:
    """Of a GET, for every kind of credential."""
    return tuple(scene.send("GET", path, who=None if kind == "none" else kind).status_code for kind in KINDS)


def test_what_is_behind_a_door_opens_by_role(small: Scene) -> None:
    with_a_secret(small)
    upload(small, LABELS, "maintainer")
    pinned = replace(RULES, metrics=[replace(RULES.metrics[0], measure="accuracy", labels=digest(LABELS))])
    assert small.send("PUT", f"/api/v1/projects/{PROJECT}", pinned, "maintainer").status_code == 200
    labels, patch = (f"/api/v1/artifacts/{digest(content)}" for content in (LABELS, PATCH))
    run, receipt = f"/api/v1/runs/{RUN}", f"/api/v1/runs/{RUN}/receipt"
    assert {path: statuses(small, path) for path in (labels, patch, run, receipt)} == {
        labels: TO_MAINTAINERS,
        patch: TO_MAINTAINERS,  # so that somebody can see what has to be withdrawn
        run: TO_MEMBERS,
        receipt: TO_MEMBERS,
    }
    assert small.send("GET", receipt, who="admin").json()["record"] is None
    said = b'{"what": "deleted", "reason": "a secret"}'
    assert small.send("POST", f"{run}/corrections", said, "maintainer").status_code == 201
    assert statuses(small, patch) == TO_NOBODY
    assert statuses(small, run) == TO_MEMBERS


def test_a_secret_is_shown_to_nobody_at_any_door(small: Scene) -> None:
    with_a_secret(small)
    for kind in ("reader", "admin"):
        asked = {address(path) for method, path in DOORS if method == "GET" and "artifacts" not in path}
        asked |= {f"/api/v1/runs/{RUN}"}
        for name in questions():
            asked |= {f"/api/v1/answers/{name}?words={words}" for words in (PROJECT, RUN)}
        for path in asked:
            assert SECRET not in small.send("GET", path, who=kind).text, (kind, path)
    with signed_in(small, "admin") as browser:
        for path in ("/", f"/runs/{RUN}", f"/answers/best?words={PROJECT}", f"/answers/unverified?words={PROJECT}"):
            assert SECRET not in browser.get(path).text


def test_another_project_is_not_there_for_any_question(small: Scene) -> None:
    judged(small)
    names = ("brave-otter-42", RUN, "test/accuracy 91")
    for name in questions():
        for words in ("", PROJECT, RUN, "brave-otter-42", f"brave-otter-42 {RUN}"):
            answer = small.send("GET", f"/api/v1/answers/{name}?words={words}&project={PROJECT}", who="other")
            said = answer.text
            for word in words.split():
                said = said.replace(word, "")  # what was asked may be said again
            assert not [each for each in names if each in said], (name, words)


def test_a_method_that_is_not_written_down_is_refused(small: Scene) -> None:
    furnish(small)
    written: dict[str, set[str]] = {}
    for method, path in (*DOORS, *PAGES):
        written.setdefault(path, set()).add(method)
    for path, methods in written.items():
        place = address(path.replace("{run}", "{run_id}").replace("{name}", "page.css"))
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - methods:
            answer = small.send(method, place, who="admin")
            beside_get = method == "HEAD" and "GET" in methods
            assert answer.status_code == 405 or (beside_get and answer.status_code == 200), (method, path)
            assert method != "HEAD" or not answer.content


# What each page answers to whom is signed in as another project's maintainer, reader, another runner, runner,
# maintainer, admin; what stands behind the question mark is of the one run there is.
SIGNED_IN: dict[tuple[str, str], tuple[str, str | None, tuple[int, ...]]] = {
    ("GET", "/"): ("/", None, (200,) * 6),
    ("GET", "/ask"): (f"/ask?q={RUN}", None, (404, *(303,) * 5)),
    ("GET", "/answers/{question}"): (f"/answers/show?words={RUN}", None, (404, *(200,) * 5)),
    ("POST", "/answers/{question}"): ("/answers/recheck", f"words={RUN}", (404, *(200,) * 5)),
    ("GET", "/runs/{run}"): (f"/runs/{RUN}", None, (404, *(200,) * 5)),
    ("GET", "/charts/{question}/{index}.png"): (f"/charts/show/0.png?words={RUN}", None, (404, *(200,) * 5)),
    ("GET", "/static/{name}"): ("/static/page.css", None, (200,) * 6),
    ("GET", "/login"): ("/login", None, (200,) * 6),
    ("POST", "/login"): ("/login", "token=trk_x", (401,) * 6),
    ("POST", "/logout"): ("/logout", "", (303,) * 6),
}


def signed_in(scene: Scene, kind: str) -> TestClient:
    """A browser, after its user has pasted that kind of token."""
    browser = TestClient(scene.app, base_url="http://127.0.0.1:8321", follow_redirects=False)
    browser.status = send(browser, "POST", "/login", f"token={scene.token[kind]}")  # type: ignore[attr-defined]
    return browser


def send(browser: TestClient, method: str, path: str, form: str | None) -> int:
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
    return browser.request(method, path, content=form, headers=headers).status_code


def test_no_page_is_missing_from_the_list() -> None:
    assert set(SIGNED_IN) == set(PAGES)


@pytest.mark.parametrize("kind", KINDS[4:])
def test_every_page_opens_for_whom_it_should(small: Scene, kind: str) -> None:
    judged(small)
    with signed_in(small, kind) as browser:
        for page, (path, form, wanted) in SIGNED_IN.items():
            assert send(browser, page[0], path, form) == wanted[KINDS[4:].index(kind)], page


@pytest.mark.parametrize("kind", KINDS[1:4])
def test_a_token_that_does_not_hold_signs_nobody_in(small: Scene, kind: str) -> None:
    with signed_in(small, kind) as browser:
        assert browser.status == 401  # type: ignore[attr-defined]
        assert not browser.cookies
        assert send(browser, "GET", "/", None) == 303


def test_a_cookie_ends_with_its_token(small: Scene) -> None:
    with signed_in(small, "reader") as browser:
        assert send(browser, "GET", "/", None) == 200
        with small.engine.begin() as connection:
            connection.execute(sa.update(Token).where(Token.label == "reader").values(revoked_at=datetime.now(UTC)))  # type: ignore[arg-type]
        assert send(browser, "GET", "/", None) == 303
