"""What the script printed last: as a terminal would end up showing it, without secrets, or honestly nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.soak import count
from trackrecord.capture.console import MOST, cleaned, tail

TOKEN = "ghp_" + "a1B2" * 9
HALVES = ["-----BEGIN RSA PRIVATE KEY-----", *["MIIEowIBAAKCAQEA" + "x7Qz" * 12] * 9, "-----END RSA PRIVATE KEY-----"]
KEY = "\n".join(HALVES)
KERAS = "Epoch 1\n" + "".join(f"{step}/9" + "\b" * 3 + "\r" for step in range(1, 9)) + "9/9 - loss: 0.1\n"


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("one\ntwo", "one\ntwo\n"),
        ("windows\r\nends\r\n", "windows\nends\n"),
        ("\x1b[1;31mred\x1b[0m and \x1b]8;;http://x\x07a link\x1b]8;;\x07\n", "red and a link\n"),
        ("".join(f"\r{n}%|{'#' * n}" for n in range(0, 101, 5)) + "\n", f"100%|{'#' * 100}\n"),
        ("before\n 10%\r 50%\r100%\r", "before\n100%\n"),
        (KERAS, "Epoch 1\n9/9 - loss: 0.1\n"),
        ("wait |\b/\b-\b\\\bdone\n", "wait done\n"),
        ("nul\0 bell\x07 \u202eback\n", "nul bell back\n"),
        ("tab\tstays, ünd 模型\n\nand a blank line\n", "tab\tstays, ünd 模型\n\nand a blank line\n"),
        ("loss=0.25 max_tokens: 4096 token: hello lr 1e-3\n", "loss=0.25 max_tokens: 4096 token: hello lr 1e-3\n"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_line_is_what_a_terminal_shows(printed: str, shown: str) -> None:
    assert cleaned(printed.encode()).decode() == shown


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (f"using {TOKEN} now\n", "using [redacted: a GitHub token] now\n"),
        (f"colour \x1b[1m{TOKEN[:9]}\x1b[0m{TOKEN[9:]}\n", "colour [redacted: a GitHub token]\n"),
        ("{'HF_TOKEN': 'abcd1234efgh', 'N': '3'}\n", "{'HF_TOKEN': '[redacted: a password or key]', 'N': '3'}\n"),
        ("train.py --api-key abcd1234 --lr 0.1\n", "train.py --api-key [redacted: api-key] --lr 0.1\n"),
        ("https://ada:q8Zt3nVb@host/x\n", "https://host/x\n"),
        (f"a\n{KEY}\nb\n", "a\n[redacted: a private key]\nb\n"),
        ("\n".join(HALVES[3:]) + "\nb\n", "[redacted: a private key]\nb\n"),
        ("a\n" + "\n".join(HALVES[:5]) + "\nTraceback:\n", "a\n[redacted: a private key]\nTraceback:\n"),
        ("\n".join(f"[rank0] {line}" for line in HALVES) + "\nb\n", "[redacted: a private key]\nb\n"),
    ],
)
def test_secrets_are_taken_out(printed: str, shown: str) -> None:
    assert cleaned(printed.encode()).decode() == shown


def test_it_is_the_end_in_whole_lines_and_small() -> None:
    lines = [f"line {number} {'x' * (number % 90 + 1)}" for number in range(9_000)]
    made = cleaned("\n".join(lines).encode()).decode()
    assert MOST - 200 < len(made) <= MOST
    assert made.splitlines() == lines[-len(made.splitlines()) :]
    assert cleaned(b"y" * 3_000_000) == b"y" * 4_000 + "…\n".encode()


PIECES = st.sampled_from(
    [f" {TOKEN} ", "password = 'hunter2x'", *HALVES[:3], HALVES[-1], *"\n\r\b\x1bé…", "\x1b[2K", "\x1b]0;"]
)


@pytest.mark.soak
@settings(max_examples=count(60, 5_000), deadline=None)
@given(st.lists(st.one_of(PIECES, st.binary(max_size=8).map(lambda raw: raw.decode("latin-1"))), max_size=40))
def test_whatever_is_printed_is_clean_and_stays_so(pieces: list[str]) -> None:
    made = cleaned("".join(pieces).encode("utf-8", "surrogatepass"))
    text = made.decode()
    assert TOKEN not in text
    assert HALVES[0] not in text
    assert not any(ord(sign) < 32 and sign not in "\t\n" for sign in text)
    assert cleaned(made) == made


SCRIPT = f"""
import os, sys
from trackrecord.capture.console import tail
for step in range(3):
    print("step", step)
print("token", {TOKEN!r}, file=sys.stderr)
seen = tail(os.environ)
open(sys.argv[1], "wb").write(b"(nothing)" if seen is None else seen)
"""


def _told(tmp_path: Path, redirection: str, **variables: str) -> str:
    """What a script sees of its own output under a redirection of the shell."""
    (tmp_path / "script.py").write_text(SCRIPT)
    variables = {"PYTHONUNBUFFERED": "", **variables}  # stdout into a file is kept back until somebody flushes it
    subprocess.run(
        f"{sys.executable} script.py seen {redirection}",
        shell=True, cwd=tmp_path, env={**os.environ, **variables}, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return (tmp_path / "seen").read_text()


def test_it_is_read_where_it_goes(tmp_path: Path) -> None:
    steps, hidden = "step 0\nstep 1\nstep 2\n", "token [redacted: a GitHub token]\n"
    assert _told(tmp_path, "> slurm.out 2>&1") == hidden + steps  # as they are in the file: stderr is not buffered
    assert _told(tmp_path, "> out 2> err") == f"== stdout ==\n{steps}== stderr ==\n{hidden}"
    assert _told(tmp_path, "> out 2> /dev/null") == steps
    assert _told(tmp_path, "2>&1 | cat > /dev/null") == "(nothing)"
    assert _told(tmp_path, ">&- 2>&-") == "(nothing)"
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch/console").write_text(f"kept\n{TOKEN}\n")
    watched = _told(tmp_path, "> out 2>&1", TRACKRECORD_WATCH=str(tmp_path / "watch"))
    assert watched == "kept\n[redacted: a GitHub token]\n"


def test_a_progress_bar_in_a_file_without_line_ends_is_its_last_state(tmp_path: Path) -> None:
    (tmp_path / "console").write_bytes(b"".join(b"\r%7d/300000 [####]" % step for step in range(90_000)))
    seen = tail({"TRACKRECORD_WATCH": str(tmp_path)})
    assert seen == b"  89999/300000 [####]\n"
