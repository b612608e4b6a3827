"""An upload on a real terminal, over a slow line: what stands there, who waits how long, and that nothing is lost."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import trackrecord
from tests.client.wire import TOKEN, WireRegistry, wait_until
from tests.soak import count
from trackrecord.progress import Line, Sending, drawn

MODEL = os.urandom(1 << 20) * 8
# The limit of 10 s is made shorter: what it bounds is the same.
SCRIPT = """
import trackrecord, trackrecord.endings
trackrecord.endings._FLUSH_S = 1.2
with trackrecord.run("milestone-1") as run:
    run.artifact("model.pt")
    run.artifact("small.txt")
print("the script went on")
"""
SHOWN = re.compile(
    r"uploading (?:\d of \d files|1 file), [\d.]+ of 8\.4 MB ▕[█▏▎▍▌▋▊▉]* *▏ [\d.]+ [kM]B/s, \d+ s left "
    r"\(Ctrl-C: `trackrecord sync` sends the rest\)"
)


class SlowLine:
    """Between the client and the registry: what the client sends comes through at so many bytes a second, or not."""

    def __init__(self, port: int, pace: float) -> None:
        self.pace, self._to = pace, port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                threading.Thread(target=self._pump, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._pump, args=(far, near, False), daemon=True).start()

    def _pump(self, source: socket.socket, to: socket.socket, slowly: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 15):
                if slowly and len(piece) > 8192:  # a file; what is said around it is quick
                    while not self.pace:
                        time.sleep(0.05)
                    time.sleep(len(piece) / self.pace)
                to.sendall(piece)
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_WR)


@pytest.fixture
def line(registry: WireRegistry, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowLine]:
    """A line of 4 MB/s, and the files of SCRIPT."""
    slow = SlowLine(registry.port, 4e6)
    monkeypatch.setenv("TRACKRECORD_URL", slow.url)
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    (home / "model.pt").write_bytes(MODEL)
    (home / "small.txt").write_text("small")
    yield slow
    slow.close()


def on_a_terminal(words: list[str], seen: Callable[[str, int], None] = lambda _text, _pid: None) -> tuple[str, int]:
    """Run a program whose stderr is a terminal of 120 columns: what stood there, and its exit code."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=slave) as program:
        os.close(slave)
        text, until = b"", time.monotonic() + 60
        while time.monotonic() < until:
            if select.select([master], [], [], 0.05)[0]:
                try:
                    piece = os.read(master, 1 << 16)
                except OSError:  # its last writer is gone
                    break
                text += piece
                seen(text.decode(errors="replace"), program.pid)
        program.kill()
        assert program.stdout is not None
        said = program.stdout.read().decode()
    os.close(master)
    assert program.returncode is not None
    return text.decode() + said, program.returncode


def test_a_terminal_shows_the_upload_and_waits_for_its_end(registry: WireRegistry, line: SlowLine) -> None:
    text, code = on_a_terminal(["-c", SCRIPT])
    assert code == 0
    lines = SHOWN.findall(text)
    assert len(set(lines)) > 5, text  # it moves
    assert "finished" in text.splitlines()[-2]  # the line is gone before the last word
    assert re.search(r"\r {60,}\r[^\r]*trackrecord:", text), text[-400:]
    assert "verified" in text
    assert text.endswith("the script went on\n")
    assert registry.artifacts[hashlib.sha256(MODEL).hexdigest()] == MODEL
    assert registry.run.finish is not None


def test_ctrl_c_leaves_the_upload_and_sync_sends_the_rest(registry: WireRegistry, line: SlowLine) -> None:
    pressed = []

    def press(text: str, pid: int) -> None:
        if SHOWN.search(text) and not pressed:
            pressed.append(text)
            os.kill(pid, signal.SIGINT)

    text, code = on_a_terminal(["-c", SCRIPT], press)
    assert code == 0
    assert "not delivered yet (Ctrl-C); `trackrecord sync` sends it" in text
    assert text.endswith("the script went on\n")
    digest = hashlib.sha256(MODEL).hexdigest()
    assert digest not in registry.artifacts
    text, code = on_a_terminal(["-c", "from trackrecord.cli import main; main()", "sync"])
    assert code == 0, text
    assert SHOWN.search(text), text
    assert "of milestone-1: delivered, finished" in text
    assert registry.artifacts[digest] == MODEL
    registry.run.check_chains()


def test_without_a_terminal_the_limit_holds_and_nothing_is_drawn(registry: WireRegistry, line: SlowLine) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    assert "not delivered yet (it takes longer than 10 seconds); `trackrecord sync` sends it" in done.stderr
    assert "uploading" not in done.stderr
    assert "\r" not in done.stderr
    assert done.stdout == "the script went on\n"


def test_a_terminal_does_not_wait_for_a_registry_that_takes_nothing(registry: WireRegistry, line: SlowLine) -> None:
    line.pace = 0
    begun = time.monotonic()
    text, code = on_a_terminal(["-c", SCRIPT])
    assert code == 0
    assert time.monotonic() - begun < 20
    assert "not delivered yet" in text
    line.pace = 1e9


@pytest.mark.soak
def test_a_large_file_is_not_in_memory(home: Path) -> None:
    size = count(200, 500) << 20
    with (home / "large").open("wb") as file:
        file.truncate(size)
    source = f"""
import pathlib, re, sys
from trackrecord import config
from trackrecord.client import Client
told = []
Client(config.load()).put("0" * 64, pathlib.Path("large"), told.append)
peak = int(re.search("VmHWM:\\\\s+(\\\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
assert told == sorted(told) and told[0] == 0 and told[-1] == {size}, (told[:3], told[-3:])
print(peak)
"""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        env = {**os.environ, "TRACKRECORD_URL": url, "TRACKRECORD_TOKEN": TOKEN}
        with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, env=env, text=True) as program:
            near, _ = listening.accept()
            with near:
                buffer, taken = bytearray(1 << 20), b""
                while b"\r\n\r\n" not in taken:
                    taken += near.recv(1 << 16)
                left = size - len(taken.partition(b"\r\n\r\n")[2])
                while left:
                    taken_now = near.recv_into(buffer)
                    assert taken_now, "the client went away"
                    left -= taken_now
                near.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")
                said, _ = program.communicate(timeout=60)
    assert program.returncode == 0
    assert int(said) < 64 << 10, f"{said} kB"


@pytest.mark.parametrize(
    ("sending", "rate", "columns", "blocks", "said"),
    [
        (
            Sending("d", 2, 3, 120_000_000, 400_000_000),
            31e6,
            200,
            True,
            "uploading 2 of 3 files, 120 of 400 MB ▕███▌        ▏ 31 MB/s, 9 s left "
            "(Ctrl-C: `trackrecord sync` sends the rest)",
        ),
        (
            Sending("d", 1, 1, 500, 1000),
            0.5e3,
            90,
            False,
            "uploading 1 file, 0.5 of 1 kB [######      ] 0.5 kB/s, 1 s left (Ctrl-C: later)",
        ),
        (
            Sending("d", 2, 3, 0, 4_000_000_000),
            2e6,
            80,
            True,
            "uploading 2 of 3 files, 0 of 4 GB, 2 MB/s, 33 min left (Ctrl-C: later)",
        ),
        (
            Sending("d", 1, 1, 99, 99),
            7.0,
            80,
            True,
            "uploading 1 file, 99 of 99 bytes, waiting for the registry (Ctrl-C: later)",
        ),
        (Sending("d", 1, 1, 0, 99), 0.0, 20, True, "uploading 1 file, 0"),
        (Sending("d", 1, 1, 0, 0), 0.0, 40, True, "uploading 1 file, 0 of 0 bytes"),
        (
            Sending("d", 1, 2, 10**9, 10**12),
            1e6,
            100,
            False,
            "uploading 1 of 2 files, 1 of 1000 GB [            ] 1 MB/s, 278 h left (Ctrl-C: later)",
        ),
    ],
)
def test_the_words_of_the_line(sending: Sending, rate: float, columns: int, blocks: bool, said: str) -> None:
    assert drawn(sending, rate, columns, blocks) == said


def test_a_terminal_that_goes_away_is_not_waited_for() -> None:
    master, slave = pty.openpty()
    stream = os.fdopen(slave, "w")
    line = Line(stream)
    line._begun -= 2
    line._drawn -= 2
    line.show(Sending("d", 1, 1, 5, 10))
    assert line.standing
    assert line.watched
    assert line.moved > 0
    os.close(master)
    time.sleep(0.12)
    line.show(Sending("d", 1, 1, 6, 10))
    assert not line.watched
    assert line.moved < 0
    line.clear()
    with contextlib.suppress(OSError):
        stream.close()
    assert not Line(None).watched


def test_what_is_logged_during_a_long_upload_arrives_during_it(
    line: SlowLine, registry: WireRegistry, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackrecord.upload._BESIDE_S", 0.2)
    with trackrecord.run("milestone-1") as run:
        run.artifact(home / "model.pt")  # takes two seconds
        wait_until(lambda: run._started.uploader is not None and run._started.uploader.sending is not None)
        run.log({"loss": 0.25})
        wait_until(lambda: "loss" in registry.run.points())
        assert registry.artifacts == {}, "the file is still on its way"
    assert len(registry.artifacts) == 1
    registry.run.check_chains()
