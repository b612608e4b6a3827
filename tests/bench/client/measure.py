"""Start the processes, one after the other and every tool in turn, so that a noisy minute hits all of them."""

from __future__ import annotations

import array
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.client import report
from tests.bench.client.peers import ENVIRONMENTS, FLOOR, OURS, Peer

FILES = 2_000  # in the repository that the script lies in
SMALL = 10  # calls in the process that shows what start and finish cost
SCALARS = 5
LIMIT_S = 900

IMPORT = """
import sys, time
before = time.perf_counter()
{statement}
after = time.perf_counter()
with open("/proc/self/status") as status:
    peak = next(line for line in status if line.startswith("VmHWM"))
with open(sys.argv[1], "w") as said:
    said.write(f"{{after - before}} {{int(peak.split()[1]) * 1024}}")
"""


class Failed(Exception):
    """A tool could not be measured; the row says why."""


@dataclass
class Row:
    """What was measured of one tool: for every measure, a value of each process."""

    peer: Peer
    version: str = ""
    problem: str = ""
    values: dict[str, list[float]] = field(default_factory=dict)
    spent: array.array[int] = field(default_factory=lambda: array.array("q"))  # ns of every call of log()

    def add(self, measure: str, value: float) -> None:
        self.values.setdefault(measure, []).append(value)


@dataclass(frozen=True)
class Scratch:
    """Folders of the bench: a home for everybody, the repository, and a store for each row."""

    path: Path

    def of(self, peer: Peer) -> Path:
        return self.path / "stores" / "".join(each for each in peer.name if each.isalnum())

    def environment(self, peer: Peer, port: int) -> dict[str, str]:
        """Nothing of the person who measures; a proxy that is not there, in case there is a network after all."""
        variables = {name: value.format(store=self.of(peer), port=port) for name, value in peer.variables.items()}
        nowhere = "http://127.0.0.1:9"
        return {
            "PATH": f"{ENVIRONMENTS / peer.env / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.path / "home"),
            "TMPDIR": str(self.path / "tmp"),
            "LC_ALL": "C.UTF-8",
            "http_proxy": nowhere,
            "https_proxy": nowhere,
            "no_proxy": "127.0.0.1,localhost",
            "GIT_CONFIG_NOSYSTEM": "1",
            **variables,
        }


def bench(out: Path | None, quick: bool, peers: list[Peer], problems: dict[str, str], *, alone: bool) -> None:
    """Measure everything, print the table, and write JSON where that is asked for."""
    if alone:
        _raise_loopback()
    imports, turns, share = (3, 2, 20) if quick else (15, 5, 1)
    rows = [Row(peer, problem=problems.get(peer.env, "")) for peer in (OURS, *peers, FLOOR)]
    bare, urllib = (
        Row(Peer("floor: `python -c pass`, all of it", "", OURS.env)),
        Row(Peer("floor: `import urllib3`", "", OURS.env, statement="import urllib3")),
    )
    before = report.facts(alone)
    with tempfile.TemporaryDirectory(prefix="bench-client-") as folder:
        scratch = Scratch(Path(folder))
        _repository(scratch.path)
        for row in (*rows, bare, urllib):
            scratch.of(row.peer).mkdir(parents=True)
            row.version = row.problem or _version(row.peer)
        for number in range(imports + 1):
            _imports(scratch, [bare, *rows, urllib], warm=number == 0)
        for number in range(turns + 1):
            for row in rows:
                _say(f"{row.peer.name}, turn {number} of {turns}")
                _guarded(row, lambda row=row, number=number: _turn(scratch, row, share, warm=number == 0))
    report.show([*rows, urllib, bare], {**before, "load at the end": report.load()}, out)


def _imports(scratch: Scratch, rows: list[Row], warm: bool) -> None:
    """One process each; the first round only warms the caches."""
    for row in rows:
        if row.peer.statement or not row.peer.tool:
            _guarded(row, lambda row=row: _import(scratch, row, warm))


def _import(scratch: Scratch, row: Row, warm: bool) -> None:
    said = scratch.path / "said"
    source = IMPORT.format(statement=row.peer.statement or "pass")
    _process(scratch, row.peer, ["-c", source, str(said)], 0)
    seconds, peak = said.read_text().split()
    begun = time.perf_counter()
    if not row.peer.statement:
        _process(scratch, row.peer, ["-c", "pass"], 0)
        seconds = str(time.perf_counter() - begun)  # the whole process
    if not warm:
        row.add("import_s", float(seconds))
        row.add("import_bytes", float(peak))


def _turn(scratch: Scratch, row: Row, share: int, warm: bool) -> None:
    """A short process for start and finish, a long one for log()."""
    port = _free_port()
    calls = max(SMALL * 2, (row.peer.calls if not warm else 0) // share)
    with _server(scratch, row.peer, port):
        small = _run(scratch, row.peer, SMALL, port)
        large = _run(scratch, row.peer, calls, port)
    if warm:
        return
    row.add("start_s", small.start)
    row.add("finish_s", small.finish)
    row.add("run_bytes", small.peak)
    row.spent.extend(large.spent)
    ordered = sorted(large.spent)
    for name, quantile in report.QUANTILES.items():
        row.add(name, ordered[min(len(ordered) - 1, int(quantile * len(ordered)))] / 1e9)
    row.add("calls_per_s", calls / (sum(ordered) / 1e9 + large.finish))
    row.add("bytes_per_point", (large.grown - small.grown) / ((calls - SMALL) * SCALARS))


@dataclass(frozen=True)
class _Ran:
    start: float
    finish: float
    peak: int
    spent: array.array[int]
    grown: int


def _run(scratch: Scratch, peer: Peer, calls: int, port: int) -> _Ran:
    said, before = scratch.path / "said", _size(scratch.of(peer))
    _process(scratch, peer, ["train.py", peer.tool, str(calls), str(said)], port)
    spent = array.array("q")
    spent.frombytes((scratch.path / "said.calls").read_bytes())
    found = json.loads(said.read_text())
    said.unlink()
    return _Ran(found["start"], found["finish"], found["peak"], spent, _size(scratch.of(peer)) - before)


def _process(scratch: Scratch, peer: Peer, words: list[str], port: int) -> None:
    python = str(ENVIRONMENTS / peer.env / "bin/python")
    place, env = scratch.path / "repository", scratch.environment(peer, port)
    try:
        done = subprocess.run([python, *words], cwd=place, env=env, capture_output=True, text=True, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        raise Failed(f"it took longer than {LIMIT_S} s") from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise Failed((lines[-1] if lines else f"exit code {done.returncode}")[:200])


@contextmanager
def _server(scratch: Scratch, peer: Peer, port: int) -> Iterator[None]:
    if not peer.server:
        yield
        return
    program, *words = (word.format(store=scratch.of(peer), port=port) for word in peer.server)
    path = str(ENVIRONMENTS / peer.env / "bin" / program)
    with (scratch.path / "server.txt").open("wb") as said:
        env = scratch.environment(peer, port)
        server = subprocess.Popen(
            [path, *words], cwd=scratch.path, env=env, stdout=said, stderr=said, start_new_session=True
        )
    try:
        until = time.monotonic() + 180
        while not _listens(port):
            if server.poll() is not None or time.monotonic() > until:
                raise Failed("its server does not start")
            time.sleep(0.1)
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _guarded(row: Row, what: Callable[[], None]) -> None:
    """A tool that fails once is out, with its reason."""
    if row.problem:
        return
    try:
        what()
    except Failed as problem:
        row.problem = str(problem)
        _say(f"{row.peer.name}: {problem}")


def _repository(scratch: Path) -> None:
    """2,000 files of code in 40 folders, committed and pushed to an origin beside it; the script among them."""
    place = scratch / "repository"
    for each in ("home", "tmp", "repository"):
        (scratch / each).mkdir()
    for number in range(FILES - 1):
        file = place / f"package{number % 40:02}" / f"module{number:04}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f'"""Module {number}."""\n' + "".join(f"VALUE_{n} = {n * number}\n" for n in range(60)))
    (place / "train.py").write_text((Path(__file__).parent / "subject.py").read_text())
    env = {"PATH": os.environ["PATH"], "HOME": str(scratch / "home"), "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for words in (
        ["init", "-q", "--bare", "-b", "main", str(scratch / "origin.git")],
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        [*who, "commit", "-qm", "the code"],
        ["remote", "add", "origin", str(scratch / "origin.git")],
        ["push", "-q", "-u", "origin", "main"],
    ):
        subprocess.run(["git", *words], cwd=place, env=env, check=True)


def _version(peer: Peer) -> str:
    names = {"": "urllib3" if peer.statement else "", "write": ""}
    name = names.get(peer.tool, peer.tool)
    if not name:
        return ""
    source = f"import importlib.metadata as m; print(m.version({name!r}))"
    python = str(ENVIRONMENTS / peer.env / "bin/python")
    return subprocess.run([python, "-c", source], capture_output=True, text=True).stdout.strip()


def _size(place: Path) -> int:
    return sum(each.stat().st_size for each in place.rglob("*") if each.is_file() and not each.is_symlink())


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _raise_loopback() -> None:
    """A network of one's own begins with its loopback down."""
    with socket.socket() as any_:
        fcntl.ioctl(any_, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up and running


def _say(line: str) -> None:
    print(f"· {line}", file=sys.stderr, flush=True)
