"""The demo does what it promises, ends what it started, and says clearly when a part does not start."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import expect

from examples.demo.parts import DemoError, Parts, clean_environment, free_port
from examples.demo.stage import USUAL
from tests.demo.screenshots import ask_best, chromium_page, ready
from tests.soak import count

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def _demo(folder: Path, *words: str, module: str = "examples.demo") -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    out = folder / "said"
    command = [sys.executable, "-m", module, "--folder", str(folder), *words]
    with out.open("wb") as said:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=said, stderr=subprocess.STDOUT)
    try:
        yield process, out
    finally:
        process.kill()
        process.communicate()


@pytest.mark.timeout(600)
def test_a_newcomer_sees_the_best_run_and_every_check_is_ok(tmp_path: Path) -> None:
    """The main job on real input: training scripts, checks, both wire formats of Slack, every mouth, and the demo as
    somebody meets it: type /best in the page, see table and chart.
    """
    with _demo(tmp_path, "--once", module="tests.demo.visited") as (process, out):
        workspace, registry = ready(process, out)
        with chromium_page(width=1180, height=1000) as page:
            ask_best(page, workspace)
            run = page.locator("table.table").last.locator("tbody tr").first.locator("td").first.inner_text()
            page.goto(f"{registry}/answers/best?words=milestone-1")
            expect(page.locator("table").first).to_contain_text(run)
            expect(page.locator("img[src^='/charts/']").first).to_have_js_property("naturalWidth", 900)
        assert _started_in(tmp_path)
        process.communicate(b"\n", timeout=300)
    said = out.read_text()
    assert process.returncode == 0, said[-6000:]
    assert "FAILED" not in said
    assert said.count("      ok    ") > 40, said
    assert _gone(tmp_path)


def _addresses(out: Path) -> list[int]:
    """The ports of registry and workspace, once the demo names them."""
    end = time.monotonic() + 90
    while time.monotonic() < end:
        found = re.search(r"registry http://127\.0\.0\.1:(\d+) · workspace http://127\.0\.0\.1:(\d+)", out.read_text())
        if found:
            return [int(port) for port in found.groups()]
        time.sleep(0.1)
    raise AssertionError(out.read_text())


def _open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _usual_ports_taken() -> Iterator[None]:
    """Hold those that are free, so that the demo takes ports that nobody else wants."""
    with ExitStack() as held:
        for port in USUAL.values():
            holder = held.enter_context(socket.socket())
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                holder.bind(("127.0.0.1", port))
                holder.listen()
        yield


# A whole demo is started for each of these. What does not kill it at once ends its parts as its own end does.
_NUMBERS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]


@pytest.mark.soak
@pytest.mark.parametrize("number", _NUMBERS[: count(1, 3)], ids=lambda number: number.name)
def test_nothing_is_left_behind(tmp_path: Path, number: signal.Signals) -> None:
    with _usual_ports_taken(), _demo(tmp_path) as (process, out):
        ports = _addresses(out)
        assert all(map(_open, ports))
        command = [sys.executable, "-m", "examples.demo", "--folder", str(tmp_path)]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        assert second.returncode == 1
        assert "another demo runs" in second.stderr  # and it did not touch the folder of the first
        assert process.poll() is None
        started = _started_in(tmp_path)
        os.kill(process.pid, number)
        process.wait(30)
        assert _gone(tmp_path)
        # Their ports are closed with them; a test beside this one may have opened the same numbers since.
        assert _all_ended(started)


def _gone(folder: Path, seconds: float = 10) -> bool:
    """Whether all that the demo started ends soon; a child of a part ends a moment after its part."""
    end = time.monotonic() + seconds
    while _started_in(folder):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def _all_ended(processes: list[str], seconds: float = 10) -> bool:
    """Whether these have let go of their files: a process loses its environment a moment before its sockets."""
    end = time.monotonic() + seconds
    while any(_state(process) not in "ZX" for process in processes):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def _state(process: str) -> str:
    try:
        return Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _started_in(folder: Path) -> list[str]:
    """Processes whose environment names the folder: everything that the demo starts has a home in it."""
    return [
        entry.name
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and f"{folder}/demo/" in _environment_of(entry)
    ]


def _environment_of(entry: Path) -> str:
    try:
        return (entry / "environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def test_a_taken_port_is_not_taken() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        assert free_port(taken) != taken
    assert free_port(taken) == taken


def test_a_part_that_does_not_start_says_why(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    code = "import sys; print('the disk is full'); sys.exit(3)"
    part = parts.start("registry", [sys.executable, "-c", code], clean_environment(), cwd=tmp_path)
    with pytest.raises(DemoError, match=r"(?s)registry ended with status 3.*the disk is full"):
        part.line_with("listening", seconds=10)
    parts.stop_all()


def test_a_part_that_never_says_it_is_up_is_given_up(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    code = "import time; print('thinking', flush=True); time.sleep(60)"
    part = parts.start("bot", [sys.executable, "-c", code], clean_environment(), cwd=tmp_path)
    with pytest.raises(DemoError, match=r"(?s)bot did not say 'connected'.*thinking"):
        part.line_with("connected", seconds=2)
    parts.stop_all()
    assert part.process.poll() is not None
