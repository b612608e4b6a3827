"""`trackrecord run` on a real pseudo-terminal: the panel under the output, keys, window sizes, job control."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.client.wire import WireRegistry
from tests.client.wrapper.terminal import Terminal

PROGRAM = str(Path(sys.executable).with_name("trackrecord"))
Open = Callable[..., Terminal]


@pytest.fixture
def terminal(home: Path) -> Iterator[Open]:
    """Open a terminal with a process on it."""
    opened: list[Terminal] = []

    def start(*words: str, **options: object) -> Terminal:
        variables = options.pop("variables", {})
        assert isinstance(variables, dict)
        environ = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **variables}
        opened.append(Terminal(words, cwd=home, environ=environ, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def wrapped(home: Path, source: str) -> list[str]:
    (home / "train.py").write_text(source)
    return [PROGRAM, "run", "--", sys.executable, "train.py", "--lr", "0.1"]


TRAIN = """
import os, sys, time
print("terminals", [os.isatty(at) for at in range(3)], tuple(os.get_terminal_size(1)))
print("\\x1b[31mred\\x1b[0m 漢字", end=" ", flush=True)
print("to stderr", file=sys.stderr, flush=True)
assert input("name? ") == "ada"
for epoch in range(1, 4):
    for at in range(10):
        print(f"\\repoch {epoch} {'█' * at:9}| {at + 1}/10", end="", flush=True)
        time.sleep(0.02)
    print()
    print(f"epoch {epoch} loss={1 / epoch:.2f}", flush=True)
input()
print("x" * 250)
print("the end", end="")
"""


def test_the_panel_stands_under_the_output_and_changes_none_of_it(
    registry: WireRegistry, home: Path, terminal: Open
) -> None:
    window = terminal(*wrapped(home, TRAIN))
    window.until(lambda: window.shows("name?") and window.shows("✓ params"))
    assert (window.window.row, window.window.column) == (2, 6)  # where somebody types
    assert window.window.text[4].startswith("── trackrecord ── home ──")
    window.type("ada\n")
    window.until(lambda: window.shows("✓ metrics    loss") and window.shows("3 points"))
    window.until(lambda: window.shows("· delivered  ") or window.shows("✓ delivered  "))
    assert sum("── trackrecord ──" in line for line in window.window.text) == 1
    window.type("\n")
    assert window.wait() == 0
    text = [line for line in window.window.text if "trackrecord:" not in line]
    shown = [line for line in text if line and not line.startswith(("──", " ✓", " ·", " !", "     "))]
    assert shown[:3] == ["terminals [True, True, True] (100, 24)", "red 漢字 to stderr", "name? ada"]
    assert [line for line in shown if "epoch" in line] == [
        line
        for epoch in (1, 2, 3)
        for line in (f"epoch {epoch} █████████| 10/10", f"epoch {epoch} loss={1 / epoch:.2f}")
    ]
    assert shown[-4:] == ["x" * 100, "x" * 100, "x" * 50, "the end"]
    assert b"\x1b[31mred\x1b[0m" in window.raw
    end = window.window.text[window.window.text.index("the end") :]
    assert any(" finished. verified" in line for line in end)
    assert any(line.startswith(" ✓ delivered  everything") for line in end)
    assert sum(line.startswith("── trackrecord ──") for line in end) == 1
    assert not window.window.unknown
    assert len(registry.runs) == 1
    assert registry.run.points()["loss"] == [(1, 1.0), (2, 0.5), (3, 0.33)]


def test_ctrl_c_reaches_the_command_once(home: Path, terminal: Open) -> None:
    source = """
import os, signal, time
def caught(number, frame):
    with open("caught", "a") as file:
        file.write("once\\n")
    os.write(1, b"caught\\n")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGINT, caught)
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""
    window = terminal(*wrapped(home, source))
    window.until(lambda: window.shows("ready"))
    window.type("\x03")
    window.until(lambda: window.shows("caught"))
    window.look(0.3)
    assert (home / "caught").read_text() == "once\n"
    os.kill(window.pid, signal.SIGTERM)
    assert window.wait() == -signal.SIGTERM
    assert (home / "caught").read_text() == "once\n"


def test_another_window_size_reaches_the_command_and_the_panel(home: Path, terminal: Open) -> None:
    source = """
import os, signal, time
signal.signal(signal.SIGWINCH, lambda *_: os.write(1, f"size {tuple(os.get_terminal_size(1))}\\n".encode()))
print("half a line", end="", flush=True)
while not os.path.exists("over"):
    time.sleep(0.05)
print()
"""
    window = terminal(*wrapped(home, source))
    window.until(lambda: window.shows("half a line") and window.shows("✓ params"))
    window.resize(20, 50)
    window.until(lambda: window.shows("size (50, 20)"))
    window.until(lambda: any(line.startswith("── trackrecord") and len(line) < 50 for line in window.window.text))
    window.resize(5, 50)  # there is no room for a panel
    window.until(lambda: window.shows("size (50, 5)"))
    window.until(lambda: not any("params" in line for line in window.window.text))
    (home / "over").touch()
    assert window.wait() == 0


def test_a_child_that_moves_the_cursor_has_the_screen_until_its_end(home: Path, terminal: Open) -> None:
    source = """
import time
print("one", flush=True)
while not __import__("os").path.exists("go"):
    time.sleep(0.02)
print("\\x1b[2J\\x1b[Hclear", flush=True)
time.sleep(0.4)
print("\\x1b[5;3Hthere", end="", flush=True)
"""
    window = terminal(*wrapped(home, source))
    window.until(lambda: window.shows("one") and window.shows("✓ params"))
    (home / "go").touch()
    window.until(lambda: window.shows("clear"))
    window.until(lambda: window.shows("there"))
    assert window.window.text[:5] == ["clear", "", "", "", "  there"]
    assert window.wait() == 0
    assert window.window.text[:5] == ["clear", "", "", "", "  there"]
    assert sum(line.startswith("── trackrecord") for line in window.window.text) == 1


def test_plain_terminals_and_files_get_a_table_at_the_end(home: Path, terminal: Open, tmp_path: Path) -> None:
    words = wrapped(home, "import os; print([os.isatty(at) for at in range(3)], 'loss')\nprint('loss=1')\n")
    dumb = terminal(*words, variables={"TERM": "dumb"})
    assert dumb.wait() == 0
    assert b"\x1b" not in dumb.raw
    assert dumb.window.text[0] == "[True, True, True] 'loss'".replace("'", "")
    assert sum(line.startswith("── trackrecord") for line in dumb.window.text) == 1

    plain = terminal(*words, variables={"NO_COLOR": "1"})
    assert plain.wait() == 0
    assert b"\x1b[32m" not in plain.raw
    assert b"\x1b[1m" not in plain.raw

    with open(tmp_path / "err", "wb") as file:
        window = terminal(*words, files={2: file.fileno()})
        assert window.wait() == 0
    assert window.raw == b"[True, True, False] loss\r\nloss=1\r\n"
    assert "── trackrecord ──" in (tmp_path / "err").read_text()


@pytest.mark.skipif(shutil.which("bash") is None, reason="job control needs a shell that has it")
def test_ctrl_z_stops_both_and_fg_goes_on(home: Path, terminal: Open) -> None:
    words = wrapped(home, "import time\nprint('begun', flush=True)\ntime.sleep(1)\ninput('go on? ')\nprint('over')\n")
    shell = terminal("bash", "--norc", "--noprofile", "-i", variables={"PS1": "prompt> "})
    shell.until(lambda: shell.shows("prompt>"))
    shell.type(" ".join(words) + "\n")
    shell.until(lambda: shell.shows("begun") and shell.shows("✓ params"))
    shell.type("\x1a")
    shell.until(lambda: shell.shows("Stopped"))
    assert not shell.shows("✓ params")  # the panel does not stay where the prompt comes
    shell.type("fg\n")
    shell.until(lambda: shell.shows("go on?") and shell.shows("✓ params"))
    shell.type("\n")
    shell.until(lambda: shell.shows("over"))
    shell.until(lambda: shell.shows("! kept"))
    shell.type("exit $?\n")
    assert shell.wait() == 0
