"""Pages: any answer, escaped, for whoever may see it; a cookie nobody can forge; writes only by our own buttons."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlmodel import select

from registry import charts, signing_in, tokens
from registry.api import create_app
from registry.artifacts import Store
from registry.ask import questions
from registry.db import connect, reading, transaction
from registry.settings import Settings
from registry.tables import Run, Token
from tests.answers.team import Try, make_project, make_run, make_team, run_id

BROWSER = {"sec-fetch-site": "same-origin"}


@dataclass(frozen=True)
class Site:
    """A registry with the team's work, and somebody in front of it."""

    engine: sa.Engine
    browser: TestClient
    token: str
    folder: Path


def give(engine: sa.Engine, role: str = "reader", project: str | None = None) -> str:
    with transaction(engine) as session:
        return tokens.give(
            session,
            owner="ada",
            role=role,  # type: ignore[arg-type]
            project=project,
            label="",
            expires_at=None,
            now=datetime.now(UTC),
        )


def opened(engine: sa.Engine, folder: Path, *, open_pages: bool) -> TestClient:
    settings = Settings(data_dir=folder / "var", open_pages=open_pages)
    return TestClient(create_app(engine, Store(folder / "store"), settings), follow_redirects=False)


@pytest.fixture(scope="module")
def team_file(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the team's work, to copy."""
    file = tmp_path_factory.mktemp("pages") / "team.sqlite"
    shutil.copyfile(_sqlite_template, file)
    engine = connect(f"sqlite:///{file}")
    make_team(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
    return file


@pytest.fixture
def site(team_file: Path, tmp_path: Path) -> Iterator[Site]:
    """Pages only ask; that the answers are the same on either database, the tests of the answers say."""
    shutil.copyfile(team_file, tmp_path / "team.sqlite")
    engine = connect(f"sqlite:///{tmp_path / 'team.sqlite'}")
    with opened(engine, tmp_path, open_pages=False) as browser:
        yield Site(engine, browser, give(engine), tmp_path)
    engine.dispose()


@pytest.fixture(scope="module", autouse=True)
def _no_drawing_child_is_left() -> Iterator[None]:
    yield
    charts.stop()


def sign_in(site: Site, token: str = "") -> None:
    answer = site.browser.post("/login", data={"token": token or site.token, "next": "/"}, headers=BROWSER)
    assert answer.status_code == 303, answer.text


def test_without_a_token_there_is_only_the_login(site: Site) -> None:
    for path in ("/", "/answers/best", f"/runs/{run_id('brave-otter-42')}", "/charts/best/0.png", "/ask?q=best"):
        answer = site.browser.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login?next=%2F")
        assert "otter" not in answer.text
    assert site.browser.post("/answers/recheck", data={"words": "shy-badger-21"}).status_code == 303
    assert site.browser.get("/login").status_code == 200


def test_signing_in_goes_where_it_was_going(site: Site) -> None:
    there = site.browser.get("/answers/best?words=milestone-1").headers["location"]
    page = site.browser.get(there)
    assert 'value="/answers/best?words=milestone-1"' in page.text
    answer = site.browser.post(
        "/login", data={"token": site.token, "next": "/answers/best?words=milestone-1"}, headers=BROWSER
    )
    assert answer.headers["location"] == "/answers/best?words=milestone-1"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert site.token.lower() not in cookie
    assert "91.24 %" in site.browser.get("/answers/best?words=milestone-1").text


@pytest.mark.parametrize(
    "place", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/a\nb", "evil"]
)
def test_signing_in_never_leads_away(site: Site, place: str) -> None:
    answer = site.browser.post("/login", data={"token": site.token, "next": place}, headers=BROWSER)
    assert answer.headers["location"] == "/"


def test_a_wrong_token_is_refused_and_not_repeated(site: Site) -> None:
    for token in ("trk_" + "x" * 36, "", "hunter2", "\x00", tokens.make()):
        answer = site.browser.post("/login", data={"token": token}, headers=BROWSER)
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        assert not token or token not in answer.text


def test_a_cookie_cannot_be_forged_and_ends_with_its_token(site: Site) -> None:
    sign_in(site)
    good = site.browser.cookies[signing_in.COOKIE]
    number, ends, signature = good.split(".")
    with transaction(site.engine) as session:
        other = session.exec(select(Token).where(Token.digest == tokens.digest_of(site.token))).one().id
    give(site.engine, "admin")
    later = int(ends) + 1
    forged = (
        f"{int(number) + 1}.{ends}.{signature}",
        f"{number}.{later}.{signature}",
        f"{number}.{ends}.{'0' * 64}",
        f"{number}.{ends}.",
        "..",
        "x" * 10_000,
        f"{number}.{ends}.{signature}é",
    )
    with reading(site.engine) as session:
        key = signing_in.key_in(site.folder / "var")
        now = datetime.now(UTC)
        assert signing_in.caller_of(session, key, good, now) is not None
        assert signing_in.caller_of(session, key, good, now + timedelta(days=31)) is None
        for cookie in forged:
            assert signing_in.caller_of(session, key, cookie, now) is None
    assert site.browser.get("/").status_code == 200
    with transaction(site.engine) as session:
        session.get_one(Token, other).revoked_at = datetime.now(UTC)
    assert site.browser.get("/").status_code == 303


def test_the_key_is_the_owners_only_and_stays(site: Site) -> None:
    file = site.folder / "var" / "pages.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert signing_in.key_in(site.folder / "var") == signing_in.Key(file.read_bytes())
    assert "secret" not in repr(signing_in.key_in(site.folder / "var"))
    assert len(list(file.parent.glob("pages.key*"))) == 1


def test_signing_out(site: Site) -> None:
    sign_in(site)
    assert "Sign out" in site.browser.get("/").text
    site.browser.post("/logout", data={}, headers={**BROWSER, "content-type": "application/x-www-form-urlencoded"})
    assert site.browser.get("/").status_code == 303


def test_a_link_from_slack_asks_the_browser_again(site: Site) -> None:
    """A strict cookie stays at home when the click was on another site; a second request from here brings it."""
    answer = site.browser.get("/answers/best", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text
    assert "otter" not in answer.text


def test_every_question_has_a_page(site: Site) -> None:
    sign_in(site)
    words = {
        "compare": "brave-otter-42 bold-raven-5",
        "show": "brave-otter-42",
        "receipt": "brave-otter-42",
        "repro": "shy-badger-21",
        "claim": "91 %",
    }
    for name, question in questions().items():
        answer = site.browser.get(f"/answers/{name}", params={"words": words.get(name, "")})
        assert answer.status_code == 200, (name, answer.text)
        assert "<h1>" in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|javascript:", answer.text)
        if question.writes:
            assert "Do it" in answer.text


def test_the_best_page(site: Site) -> None:
    sign_in(site)
    page = site.browser.get("/answers/best").text
    assert "<h1>Best verified run of milestone-1: 91.24 % test/accuracy</h1>" in page
    assert 'href="/answers/show?words=eager-lynx-13"' in page
    assert 'href="/answers/compare?words=brave-otter-42+eager-lynx-13"' in page
    assert 'src="/charts/best/0.png"' in page
    assert 'alt="Line chart of test/accuracy over steps: brave-otter-42 ends at 91.24 %' in page
    picture = site.browser.get("/charts/best/0.png")
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")


def test_a_run_has_an_address(site: Site) -> None:
    sign_in(site)
    for name in (run_id("brave-otter-42"), "brave-otter-42", run_id("brave-otter-42")[:8]):
        assert "<h1>brave-otter-42: verified" in site.browser.get(f"/runs/{name}").text
    missing = site.browser.get("/runs/brave-oter-42")
    assert missing.status_code == 404
    assert "Did you mean brave-otter-42?" in missing.text


@pytest.mark.parametrize(
    ("typed", "leads"),
    [
        ("best milestone-1 top=3", "/answers/best?words=milestone-1+top%3D3"),
        ("/best milestone-1", "/answers/best?words=milestone-1"),
        ("trackrecord show x", "/answers/show?words=x"),
        ("", "/answers/help"),
        ("brave-otter-42", f"/runs/{run_id('brave-otter-42')}"),
    ],
)
def test_the_box(site: Site, typed: str, leads: str) -> None:
    sign_in(site)
    assert site.browser.get("/ask", params={"q": typed}).headers["location"] == leads


def test_what_is_wrong_is_said_on_a_page(site: Site) -> None:
    sign_in(site)
    for path, status, says in (
        ("/answers/bset", 404, "Did you mean: best"),
        ("/answers/best?words=milestone-9", 404, "Did you mean milestone-1?"),
        ("/answers/best?words=top%3D99", 400, "Write: best top=5"),
        ("/ask?q=bset+x", 404, "Did you mean: best"),
        ("/charts/best/7.png", 404, "no picture"),
        ("/charts/recheck/0.png?words=brave-otter-42", 404, "no picture"),
        ("/answers/best?words=%00%F0%9F%A6%A6", 404, "no project"),
    ):
        answer = site.browser.get(path)
        assert (answer.status_code, says in answer.text) == (status, True), path
        assert "Traceback" not in answer.text


def test_writing_takes_a_button_of_ours(site: Site) -> None:
    sign_in(site)

    def due() -> bool:
        with reading(site.engine) as session:
            return session.get_one(Run, run_id("shy-badger-21")).check_at is not None

    assert "Do it" in site.browser.get("/answers/recheck?words=shy-badger-21").text
    assert not due()
    form = {"words": "shy-badger-21"}
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
    ):
        assert site.browser.post("/answers/recheck", data=form, headers=headers).status_code == 403
    assert site.browser.post("/answers/recheck", json=form, headers=BROWSER).status_code == 415
    assert not due()
    assert "is looked at again" in site.browser.post("/answers/recheck", data=form, headers=BROWSER).text
    assert due()


def test_a_token_of_one_project_sees_that_project(site: Site) -> None:
    with transaction(site.engine) as session:
        metric = make_project(session, "hidden-2")
        make_run(session, metric, Try(name="hidden-run-1"))
    sign_in(site, give(site.engine, project="milestone-1"))
    for path in ("/", "/answers/best?words=hidden-2", "/answers/recent?project=hidden-2", "/answers/projects"):
        assert "hidden-run-1" not in site.browser.get(path).text
    assert site.browser.get("/runs/" + run_id("hidden-run-1")).status_code == 404


def test_open_pages_show_but_do_not_write(engine: sa.Engine, tmp_path: Path) -> None:
    make_team(engine)
    with opened(engine, tmp_path, open_pages=True) as browser:
        assert "milestone-1" in browser.get("/").text
        form = {"words": "shy-badger-21"}
        assert browser.post("/answers/recheck", data=form, headers=BROWSER).status_code == 303


def test_hostile_names_are_text(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    name = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    engine = sqlite_engine
    with transaction(engine) as session:
        make_run(session, make_project(session), Try(name=name, params={"<b>": "<i>{{7*7}}"}, remarks=("<u>x</u>",)))
    with opened(engine, tmp_path, open_pages=True) as browser:
        for path in (
            "/",
            "/answers/best",
            "/answers/recent",
            f"/runs/{run_id(name)}",
            f"/answers/repro?words={run_id(name)}",
        ):
            page = browser.get(path)
            assert page.status_code == 200
            assert not re.search(r"<script>alert|<img src=x|<b>|<i>|<u>x", page.text)
            assert "49" not in re.findall(r"<dd>&lt;i&gt;(.*?)</dd>", page.text)
        for page in (
            browser.get("/answers/best", params={"words": name}),
            browser.get("/login", params={"next": name}),
        ):
            assert "<script>alert" not in page.text


def test_static_files_are_these_and_no_others(site: Site) -> None:
    for name in ("page.css", "page.js", "icon.svg"):
        assert site.browser.get(f"/static/{name}").status_code == 200
    for name in ("..%2fweb.py", "web.py", "%2e%2e%2fsettings.py", "page.css%00"):
        assert site.browser.get(f"/static/{name}").status_code == 404


def test_large_forms_are_refused(site: Site) -> None:
    assert site.browser.post("/login", data={"token": "x" * 20_000}, headers=BROWSER).status_code == 413
