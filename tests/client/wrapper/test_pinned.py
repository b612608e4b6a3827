"""The panel under an output: whatever a child prints, the window ends as it would have ended without a panel."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.client.wrapper.terminal import Window
from tests.soak import count
from trackrecord.wrapper.pinned import Pinned

pytestmark = pytest.mark.soak

ROWS, COLUMNS = 12, 20


class _Window(Window):
    def feed(self, data: bytes) -> None:
        super().feed(data.replace(b"\n", b"\r\n"))  # as a terminal's settings have it


PANEL = ["── panel ──", " ✓ code", " · packages"]
PIECES = st.sampled_from(
    [
        *("a", "word ", "x" * 19, "y" * 20, "z" * 21, "w" * 45, "\n", "\r", "\r\n", "\b", "\t", "\n\n", " "),
        *("漢字", "é", "e\u0301", "█" * 7, "\x1b[32m", "\x1b[0m", "\x1b[1;31m", "\x1b[K", "\x1b[2K", "\x1b[3D"),
        *("\x1b[2C", "\x1b[5G", "\x1b[?25l", "\x1b[?25h", "\r 50%|███  |", "\rdone\n", "\a"),
    ]
)


@given(st.lists(PIECES | st.just("PANEL"), max_size=40), st.integers(1, 9))
@example(["PANEL", "x" * 20, "PANEL", "y"], 9)
@example(["x" * 21, "PANEL", "\r", "PANEL", "\n"], 9)
@example(["\n"] * 14 + ["PANEL", "bar", "PANEL", "\rbar2", "PANEL", "\n", "PANEL"], 9)
@settings(max_examples=count(100, 10_000), deadline=None)
def test_the_window_ends_as_without_a_panel(pieces: list[str], size: int) -> None:
    pinned, with_panel, without = Pinned(COLUMNS), _Window(ROWS, COLUMNS), _Window(ROWS, COLUMNS)
    panel = PANEL
    for piece in pieces:
        if piece == "PANEL":
            panel = panel[1:] or PANEL  # it grows and shrinks
            with_panel.feed(pinned.show(panel))
            continue
        data = piece.encode()
        for at in range(0, len(data), size):  # cut in the middle of signs and sequences
            with_panel.feed(pinned.output(data[at : at + size]))
        without.feed(data)
    seen = "\n".join(with_panel.text)
    with_panel.feed(pinned.hide())
    assert with_panel.text[: len(without.text)] == without.text
    assert not any(with_panel.text[len(without.text) :])
    assert (with_panel.row, with_panel.column) == (without.row, without.column)
    assert all(seen.count(line) <= 1 for line in PANEL)
    assert not pinned.cursor.lost


def test_the_panel_stands_under_an_unfinished_line_and_gives_the_colours_back() -> None:
    pinned, window = Pinned(COLUMNS), _Window(ROWS, COLUMNS)
    window.feed(pinned.show(PANEL))
    assert window.text == ["", "", *PANEL]
    window.feed(pinned.output(b"start\n\x1b[1m\x1b[32mhalf"))
    assert window.text == ["start", "half", "", *PANEL]
    assert (window.row, window.column) == (1, 4)
    assert pinned.output(b" more").endswith(b"\x1b8\x1b[1m\x1b[32m")
    assert pinned.output(b"\x1b[0m").endswith(b"\x1b8")
    assert pinned.show(PANEL) == b""
    assert pinned.show(PANEL[:2]).endswith(b"\x1b8")


@pytest.mark.parametrize("lines", [0, 20])
def test_a_line_that_somebody_types_lands_in_the_gap(lines: int) -> None:
    """The terminal echoes it without our seeing it."""
    pinned, window = Pinned(COLUMNS), _Window(ROWS, COLUMNS)
    window.feed(pinned.output(b"\n" * lines + b"name? "))
    window.feed(pinned.show(PANEL))
    window.feed(b"ada\n")
    window.feed(pinned.show(["another"]) + pinned.show(PANEL))
    window.feed(b"\n")
    window.feed(pinned.output(b"hello ada"))
    assert window.text[lines:] == ["name? ada", "", "hello ada", "", *PANEL]


@pytest.mark.parametrize(
    "steering",
    ["\x1b[A", "\x1b[2B", "\x1b[H", "\x1b[10;1f", "\x1b[J", "\x1b[2J", "\x1b[?1049h", "\x1b[r", "\x1b7", "\x1b8",
     "\x1bM", "\x1bPq#0~\x1b\\", "\x1b_Gf=100;\x1b\\", "\x1b[s", "\x1b[S", "\x1bc", "\x1b[5X", "\x1b[2P"],
)  # fmt: skip
def test_a_child_that_moves_the_cursor_has_the_screen_for_itself(steering: str) -> None:
    pinned, window = Pinned(COLUMNS), _Window(ROWS, COLUMNS)
    window.feed(pinned.output(b"one\n"))
    window.feed(pinned.show(PANEL))
    data = steering.encode()
    out = pinned.output(data[:2]) + pinned.output(data[2:] + b"two")
    assert pinned.cursor.lost
    assert out.endswith(data[2:] + b"two")
    window.feed(out)
    assert not any("panel" in line for line in window.text)
    assert pinned.show(PANEL) == pinned.hide() == b""
    assert pinned.output(b"x\n\x1b[Hy") == b"x\n\x1b[Hy"
