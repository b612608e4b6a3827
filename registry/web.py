"""Draws any answer as a page: the same questions as everywhere, with links, pictures and a box to ask in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool

from registry import charts, signing_in
from registry.ask import ask, find_question, questions
from registry.asker import Asker
from registry.db import reading
from registry.find import find_run
from registry.retry import kept
from registry.settings import Settings
from registry.tokens import Caller
from trackrecord.answer import Answer, Chart, kind_of
from trackrecord.errors import TrackrecordError

_HERE = Path(__file__).parent
_STATIC = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "private, no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_LONGEST_FORM = 8_000

Words = Annotated[str, Query(max_length=2_000)]
Name = Annotated[str, InPath(max_length=100)]


class _SignInFirst(Exception):
    """The page needs a token."""


@dataclass(frozen=True, slots=True)
class Pages:
    """What the pages were wired with."""

    engine: sa.Engine
    settings: Settings
    templates: Environment
    key: signing_in.Key

    def caller(self, request: Request) -> Caller | None:
        cookie = request.cookies.get(signing_in.COOKIE, "")
        if not cookie:
            return None
        with reading(self.engine) as session:
            return signing_in.caller_of(session, self.key, cookie, _now())

    def asker(self, caller: Caller | None, project: str = "") -> Asker:
        """Whoever looks, as questions know them. Raises _SignInFirst where pages are not open to everybody."""
        if caller is None and not self.settings.open_pages:
            raise _SignInFirst
        alone = caller.project if caller else None
        return Asker(
            owner=caller.owner if caller else None,
            projects=None if alone is None else frozenset((alone,)),
            project=project or alone,
            base_url=self.settings.base_url,
            silent_after_s=self.settings.silent_after_s,
        )

    def page(self, template: str, /, status: int = 200, **values: Any) -> HTMLResponse:
        shown = {"questions": questions(), "signed_in": None, "asked": "", "project": "", **values}
        return HTMLResponse(self.templates.get_template(template).render(shown), status, _HEADERS)

    def draw(self, request: Request, question: str, words: str, project: str = "") -> HTMLResponse:
        """Ask and draw; a question that writes is only drawn as a button."""
        caller = self.caller(request)
        asker = self.asker(caller, project)
        asked = find_question(question, asker)
        common: dict[str, Any] = {"question": asked.name, "words": words, "project": project, "signed_in": caller}
        common["asked"] = f"{asked.name} {words}".strip()
        if asked.writes:
            return self.page("sure.html", summary=asked.summary, **common)
        with reading(self.engine) as session:
            answer = ask(session, asked.name, words, asker, _now())
        return self.page("answer.html", answer=answer, **common)

    def refusal(self, request: Request, error: TrackrecordError) -> HTMLResponse:
        return self.page("error.html", error.status, error=error, signed_in=self.caller(request))

    def guarded(self, request: Request, work: Callable[[], Response]) -> Response:
        """The page, or a page that says what was wrong, or the way to sign in."""
        try:
            return work()
        except _SignInFirst:
            return self.sign_in_first(request)
        except TrackrecordError as error:
            return self.refusal(request, error)

    def sign_in_first(self, request: Request) -> Response:
        """To the login. A browser that comes from another site leaves the strict cookie at home: it is asked again."""
        if request.headers.get("sec-fetch-site") == "cross-site":
            return self.page("again.html")
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?{urlencode({'next': here})}", 303, _HEADERS)


def pages_over(engine: sa.Engine, settings: Settings) -> Pages:
    """The pages over this database. The key that signs cookies lies in the data folder."""
    return Pages(engine, settings, _environment(), signing_in.key_in(settings.data_dir))


async def _pages_of(request: Request) -> Pages:  # async: no thread is needed to look it up
    pages = request.app.state.pages
    assert isinstance(pages, Pages)
    return pages


Shown = Annotated[Pages, Depends(_pages_of)]
router = APIRouter(include_in_schema=False)


@router.get("/")
def home(pages: Shown, request: Request) -> Response:
    return pages.guarded(request, lambda: pages.draw(request, "projects", ""))


@router.get("/answers/{question}")
def answer(pages: Shown, request: Request, question: Name, words: Words = "", project: Words = "") -> Response:
    return pages.guarded(request, lambda: pages.draw(request, question, words, project))


@router.get("/runs/{run}")
def run(pages: Shown, request: Request, run: Name) -> Response:
    return pages.guarded(request, lambda: pages.draw(request, "show", _quoted(run)))


@router.get("/ask")
def box(pages: Shown, request: Request, q: Words = "") -> Response:
    return pages.guarded(request, lambda: _to_answer(pages, request, q))


@router.post("/answers/{question}")
async def write(pages: Shown, request: Request, question: Name) -> Response:
    form = await _form(request)
    return await run_in_threadpool(
        pages.guarded, request, lambda: _write(pages, request, question, form.get("words", ""))
    )


@router.get("/charts/{question}/{index}.png")
def chart(
    pages: Shown, request: Request, question: Name, index: int, words: Words = "", project: Words = ""
) -> Response:
    return pages.guarded(request, lambda: _picture(pages, request, question, index, words, project))


@router.get("/static/{name}")
def static(name: Name) -> Response:
    if name not in _STATIC:
        raise TrackrecordError("There is nothing here.", status=404)
    headers = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}
    return FileResponse(_HERE / "static" / name, media_type=_STATIC[name], headers=headers)


@router.get("/login")
def login(pages: Shown, request: Request, next: Words = "/") -> Response:
    return pages.page("login.html", next=_inside(next), signed_in=pages.caller(request), error=None)


@router.post("/login")
async def take_token(pages: Shown, request: Request) -> Response:
    form = await _form(request)
    return await run_in_threadpool(
        pages.guarded, request, lambda: _sign_in(pages, request, form.get("token", ""), form.get("next", "/"))
    )


@router.post("/logout")
async def logout(request: Request) -> Response:
    await _form(request)
    response = RedirectResponse("/login", 303, _HEADERS)
    response.delete_cookie(signing_in.COOKIE)
    return response


def _sign_in(pages: Pages, request: Request, token: str, next: str) -> Response:
    _same_origin(request)
    with reading(pages.engine) as session:
        cookie = signing_in.cookie_for(session, pages.key, token.strip(), _now())
    if cookie is None:
        error = TrackrecordError("This token is not valid now.", "Paste it whole, with trk_ at its start.", status=401)
        return pages.page("login.html", 401, next=_inside(next), error=error)
    response = RedirectResponse(_inside(next), 303, _HEADERS)
    response.set_cookie(
        signing_in.COOKIE,
        cookie,
        max_age=signing_in.DAYS * 86_400,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https" or pages.settings.base_url.startswith("https:"),
    )
    return response


def _write(pages: Pages, request: Request, question: str, words: str) -> Response:
    """A question that writes: by a button of ours only, and not for somebody without a token."""
    _same_origin(request)
    caller = pages.caller(request)
    if caller is None:
        raise _SignInFirst
    asker = pages.asker(caller)
    asked = find_question(question, asker)
    answer = kept(pages.engine, lambda session: ask(session, asked.name, words, asker, _now()))
    return pages.page(
        "answer.html", answer=answer, question=asked.name, words=words, asked=f"{asked.name} {words}", signed_in=caller
    )


def _picture(pages: Pages, request: Request, question: str, index: int, words: str, project: str) -> Response:
    asker = pages.asker(pages.caller(request), project)
    asked = find_question(question, asker)
    if asked.writes:
        raise TrackrecordError("There is no picture here.", status=404)
    with reading(pages.engine) as session:
        answer = ask(session, asked.name, words, asker, _now())
    found = [part for part in answer.parts if isinstance(part, Chart)]
    if not 0 <= index < len(found):
        raise TrackrecordError("There is no picture here.", status=404)
    drawn = charts.draw(found[index])
    if drawn is None:
        raise TrackrecordError("The picture could not be drawn.", "Its numbers are in the answer.", status=503)
    return Response(drawn, media_type="image/png", headers={**_HEADERS, "Cache-Control": "private, max-age=30"})


def _to_answer(pages: Pages, request: Request, line: str) -> Response:
    """The box takes a question, or just the name of a run or project."""
    name, _, words = line.strip().removeprefix("/").removeprefix("trackrecord ").strip().partition(" ")
    asker = pages.asker(pages.caller(request))
    if not name:
        return RedirectResponse("/answers/help", 303, _HEADERS)
    if name.lower() not in questions() and not words:
        with reading(pages.engine) as session:
            try:
                return RedirectResponse(f"/runs/{find_run(session, asker, name).id}", 303, _HEADERS)
            except TrackrecordError as unknown:
                if unknown.status != 404:
                    raise
    asked = find_question(name, asker)
    return RedirectResponse(_url(asked.name, words.strip()), 303, _HEADERS)


def _url(question: str, words: str = "", project: str = "") -> str:
    asked = {key: value for key, value in (("words", words), ("project", project)) if value}
    return f"/answers/{quote(question, safe='')}" + (f"?{urlencode(asked)}" if asked else "")


def _picture_url(question: str, index: int, words: str, project: str) -> str:
    asked = {key: value for key, value in (("words", words), ("project", project)) if value}
    return f"/charts/{quote(question, safe='')}/{index}.png" + (f"?{urlencode(asked)}" if asked else "")


def _cell_url(column: str, cell: object) -> str:
    """Where a cell leads: runs and projects have pages."""
    text = str(cell)
    if column.endswith("run of it") or column == "run":
        return _url("show", text)
    return _url("best", text) if column == "project" else ""


def _numbered(answer: Answer) -> list[tuple[str, Any, int]]:
    """(kind, part, the how-manieth chart it is) of every part."""
    numbered, seen = [], 0
    for part in answer.parts:
        numbered.append((kind_of(part), part, seen))
        seen += isinstance(part, Chart)
    return numbered


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(url=_url, picture_url=_picture_url, cell_url=_cell_url, numbered=_numbered, safe=_safe)
    return environment


def _safe(url: str) -> str:
    """A link of an answer: a page of ours or the web; anything else leads nowhere."""
    return url if url.startswith(("https://", "http://")) or _inside(url) == url else "/"


def _inside(url: str) -> str:
    """A path on this registry, or its first page: what comes with a request must not lead away."""
    parts = urlsplit(url) if url.startswith("/") and not url.startswith(("//", "/\\")) else None
    plain = parts is not None and not parts.scheme and not parts.netloc and "\\" not in url and url.isprintable()
    return url if plain else "/"


def _quoted(run: str) -> str:
    return run if run.replace("-", "").isalnum() else f'"{run}"'


async def _form(request: Request) -> Mapping[str, str]:
    """The fields of a form, urlencoded. Raises TrackrecordError for other or larger bodies."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise TrackrecordError("A form is taken here.", status=415)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_FORM:
            raise TrackrecordError("The form is too large.", status=413)
    return {key: values[0] for key, values in parse_qs(body.decode("utf-8", "replace"), max_num_fields=20).items()}


def _same_origin(request: Request) -> None:
    """A form of another site must not act here. Browsers say where a request comes from; Strict cookies do the rest."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if site not in ("same-origin", "none") or foreign:
        raise TrackrecordError("This form came from another site.", "Open the page here and try again.", status=403)


def _now() -> datetime:
    return datetime.now(UTC)
