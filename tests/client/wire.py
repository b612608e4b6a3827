"""A small registry over real HTTP, in memory: the wire API of the registry, kept strictly, with faults on request.

It reads every body with the registry's own readers and bounds, so that what it takes the registry takes.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from registry.bodies import read
from registry.bounds import batch_bounds, finish_bounds, rules_bounds, run_bounds
from trackrecord.answer import Answer, Note
from trackrecord.errors import TrackrecordError
from trackrecord.report import DIGEST, RUN_ID, WRITER, BatchReport, FinishReport, ProjectRules, RunReport, chain

TOKEN = "trk_" + "A1b2C3" * 6


@dataclass
class WireRun:
    """What was taken of one run: the bytes that arrived."""

    report: bytes
    batches: dict[tuple[str, int], bytes] = field(default_factory=dict)
    finish: bytes | None = None

    def points(self) -> dict[str, list[tuple[int, Any]]]:
        """Every metric's points in the order of their batches: (step, value)."""
        found: dict[str, list[tuple[int, Any]]] = {}
        for key in sorted(self.batches):
            for column in json.loads(self.batches[key])["points"]:
                pairs = list(zip(column["steps"], column["values"], strict=True))
                found.setdefault(column["metric"], []).extend(pairs)
        return found

    def listed(self, what: str) -> list[Any]:
        """Datasets, artifacts, notes or attempts of all batches."""
        return [each for key in sorted(self.batches) for each in json.loads(self.batches[key]).get(what, ())]

    def ended(self) -> dict[str, Any]:
        assert self.finish is not None, "the run has not been finished"
        return dict(json.loads(self.finish))

    def check_chains(self) -> None:
        """The finish names exactly what arrived: every writer, its count and the head of its chain."""
        writers = self.ended()["writers"]
        assert set(writers) == {writer for writer, _ in self.batches}
        for writer, end in writers.items():
            sequences = sorted(sequence for name, sequence in self.batches if name == writer)
            assert sequences == list(range(end["batches"]))
            head = chain(None, self.report)
            for sequence in sequences:
                head = chain(head, self.batches[writer, sequence])
            assert head == end["head"]


class WireRegistry:
    """Listens on a free port of this machine. `fault` may answer a request in its place: return (status, body)."""

    def __init__(self) -> None:
        self.runs: dict[str, WireRun] = {}
        self.artifacts: dict[str, bytes] = {}
        self.projects: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.answer = Answer("best", "There is one.", (Note("There is one."),))
        self.seen: dict[str, Any] = {}  # merged into GET /runs/{id}
        self.fault: Callable[[str, str], tuple[int, bytes] | str | None] = lambda _method, _path: None
        self.lock = threading.RLock()
        self._start(0)

    def _start(self, port: int) -> None:
        registry = self

        class Handler(_Handler):
            owner = registry

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def start_again(self) -> None:
        self._start(self.port)

    @property
    def run(self) -> WireRun:
        """The only run there is."""
        assert len(self.runs) == 1, f"there are {len(self.runs)} runs"
        return next(iter(self.runs.values()))


class _Handler(BaseHTTPRequestHandler):
    owner: WireRegistry
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, *_: Any) -> None:
        return

    def do_GET(self) -> None:
        self._serve()

    do_PUT = do_HEAD = do_POST = do_GET

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        with self.owner.lock:
            self.owner.requests.append((self.command, parts.path))
            fault = self.owner.fault(self.command, parts.path)
            if fault == "drop":  # before anything is kept
                self.close_connection = True
                return
            if isinstance(fault, tuple):
                self._reply(*fault)
                return
            try:
                status, content = self._route(parts.path, parse_qs(parts.query), body)
            except TrackrecordError as problem:
                status, content = problem.status, json.dumps(problem.as_json()).encode()
            if fault == "keep and drop":  # kept, but the answer is lost
                self.close_connection = True
                return
        self._reply(status, content)

    def _reply(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0" if self.command == "HEAD" else str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _route(self, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, bytes]:
        if path in ("/healthz", "/readyz"):
            return 200, b"{}"
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise TrackrecordError("The token is not known.", "Run `trackrecord login`.", status=401)
        words = [unquote(word) for word in path.removeprefix("/api/v1/").split("/")]
        match [self.command, *words]:
            case ["GET", "whoami"]:
                return 200, b'{"owner": "ada", "role": "maintainer", "project": null}'
            case ["PUT", "runs", run_id]:
                return self._open(run_id, body)
            case ["GET", "runs", run_id]:
                return self._show(run_id)
            case ["PUT", "runs", run_id, "batches", writer, sequence]:
                return self._batch(run_id, writer, int(sequence), body)
            case ["PUT", "runs", run_id, "finish"]:
                return self._finish(run_id, body)
            case ["HEAD", "artifacts", digest]:
                return (200 if digest in self.owner.artifacts else 404), b""
            case ["PUT", "artifacts", digest]:
                return self._artifact(digest, body)
            case ["GET", "artifacts", digest] if digest in self.owner.artifacts:
                return 200, self.owner.artifacts[digest]
            case ["PUT", "projects", project]:
                read(body, ProjectRules, rules_bounds)
                self.owner.projects[project] = body
                return 200, body
            case ["GET", "answers", question]:
                return self._answer(question, query)
        raise TrackrecordError("There is nothing at this address.", status=404)

    def _open(self, run_id: str, body: bytes) -> tuple[int, bytes]:
        assert re.fullmatch(RUN_ID.strip("^$"), run_id), run_id
        report = read(body, RunReport, run_bounds)
        if report.project == "nowhere":
            raise TrackrecordError("There is no project nowhere.", "Did you mean milestone-1?", status=404)
        known = self.owner.runs.setdefault(run_id, WireRun(body))
        if known.report != body:
            raise TrackrecordError("The run was registered with another report.", status=409)
        return 201, json.dumps({"run": run_id, "name": report.name, "url": "x"}).encode()

    def _batch(self, run_id: str, writer: str, sequence: int, body: bytes) -> tuple[int, bytes]:
        read(body, BatchReport, batch_bounds)
        assert re.fullmatch(WRITER.strip("^$"), writer), writer
        run = self._known(run_id)
        if run.finish is not None and (writer, sequence) not in run.batches:
            raise TrackrecordError("The run has ended.", status=409)
        if run.batches.setdefault((writer, sequence), body) != body:
            raise TrackrecordError("This batch was sent before with other content.", status=409)
        return 200, b"{}"

    def _finish(self, run_id: str, body: bytes) -> tuple[int, bytes]:
        read(body, FinishReport, finish_bounds)
        run = self._known(run_id)
        if run.finish not in (None, body):
            raise TrackrecordError("The run has ended already, in another way.", status=409)
        run.finish = body
        return 200, b"{}"

    def _artifact(self, digest: str, body: bytes) -> tuple[int, bytes]:
        if not re.fullmatch(DIGEST.strip("^$"), digest) or hashlib.sha256(body).hexdigest() != digest:
            raise TrackrecordError("The bytes have another digest.", status=422)
        self.owner.artifacts[digest] = body
        return 201, b"{}"

    def _known(self, run_id: str) -> WireRun:
        run = self.owner.runs.get(run_id)
        if run is None:
            raise TrackrecordError("There is no such run.", status=404)
        return run

    def _show(self, run_id: str) -> tuple[int, bytes]:
        run = self._known(run_id)
        report = json.loads(run.report)
        shown = {
            "run": run_id,
            "name": report["name"],
            "state": "finished",
            "verdict": "verified",
            "checked": run.finish is not None,
            "headline": None,
            "findings": [],
        }
        return 200, json.dumps(shown | self.owner.seen).encode()

    def _answer(self, question: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        if question not in ("best", "help", "show", "compare", "repro"):
            hint = "Did you mean: trackrecord best"
            raise TrackrecordError(f'There is no question "{question}".', hint, status=404)
        self.owner.asked = (question, query.get("words", [""])[0])  # type: ignore[attr-defined]
        return 200, json.dumps(self.owner.answer.as_json()).encode()


def wait_until(what: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something that another thread does; fails when it does not come."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)
