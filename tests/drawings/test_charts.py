"""Pictures: whatever the numbers and names are, a PNG for a phone or nothing, and never a server that hangs."""

from __future__ import annotations

import io
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from registry import charts
from trackrecord.answer import Chart, Series

STEPS = tuple(float(step) for step in range(40))


@pytest.fixture(scope="module", autouse=True)
def _no_child_is_left() -> Iterator[None]:
    yield
    charts.stop()
    assert charts._child is None


def curve(last: float, turn: float = 0.0) -> tuple[float, ...]:
    return tuple(last - 55 * math.exp(-step / 7) + 0.6 * math.sin(step + turn) * math.exp(-step / 25) for step in STEPS)


def lines(*series: Series, title: str = "Leaders of milestone-1", y_label: str = "test/accuracy (%)") -> Chart:
    return Chart(title, "line", series, "said", x_label="step", y_label=y_label)


def pixels(picture: bytes | None) -> np.ndarray:
    assert picture is not None
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)


def near(image: np.ndarray, colour: str) -> int:
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return int((np.abs(image - wanted).max(axis=2) < 12).sum())


def test_a_phone_sized_card() -> None:
    names = ["brave-otter-42", "eager-lynx-13", "calm-heron-7", "bold-raven-5", "quiet-finch-88", "shy-badger-21"]
    all_six = [Series(name, STEPS, curve(91 - place), 39) for place, name in enumerate(names)]
    picture = charts.draw(lines(*all_six))
    image = pixels(picture)
    assert image.shape == (600, 900, 3)
    assert len(picture or b"") < 200_000
    for colour in ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"):
        assert near(image, colour) > 100, f"the line in {colour} is not there"
    background = (image == 255).all(axis=2).mean()
    assert background > 0.8  # a white card, on light and dark alike


def test_nothing_leaves_the_card() -> None:
    """Names of any length end before the edge."""
    long = [Series("a-very-long-name-of-a-run-" * 3 + str(place), STEPS, curve(90 + place), 39) for place in range(6)]
    image = pixels(charts.draw(lines(*long, title="W" * 80, y_label="W" * 80)))
    edge = image[5:-5, -14:-4]
    assert (edge == 255).all()


def test_bars_are_dots_with_their_values() -> None:
    chart = Chart(
        "Leaders",
        "bar",
        (Series("test/accuracy", (0, 1, 2), (91.24, 91.02, 89.9), 0),),
        "said",
        y_label="test/accuracy (%)",
        labels=("brave-otter-42", "eager-lynx-13", "實驗-模型-3"),
    )
    image = pixels(charts.draw(chart))
    assert near(image, "#0072B2") > 300
    assert near(image, "#56B4E9") > 300


def test_the_same_numbers_give_the_same_picture() -> None:
    chart = lines(Series("a", STEPS, curve(91), 39))
    assert charts.draw(chart) == charts.draw(chart)


def test_the_best_step_is_marked() -> None:
    marked = charts.draw(lines(Series("a", STEPS, curve(91), 20)))
    assert marked != charts.draw(lines(Series("a", STEPS, curve(91), None)))


HOSTILE = [
    "$x_$",
    "\\foo{",
    "a $5_{x$ b",
    "\\frac{" * 300,
    "$" + "\\sqrt{" * 500 + "$",
    "\\alpha " * 20_000,
    "x" * 1_000_000,
    "\n" * 100_000 + "y",
    "a\x00b",
    "\ud800",
    "\u202etxt.exe",
    "שלום עולם",
    "é" + "\u0301" * 500,
    "🦦🦦🦦",
    "實驗模型",
    "",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names(name: str) -> None:
    started = time.monotonic()
    series = (Series(name, STEPS, curve(91), 39), Series(name + "2", STEPS, curve(90), 39))
    image = pixels(charts.draw(lines(*series, title=name, y_label=name)))
    assert image.shape == (600, 900, 3)
    bar = Chart(name, "bar", (Series(name, (0, 1), (1, 2)),), name, labels=(name, name))
    assert pixels(charts.draw(bar)).shape == (600, 900, 3)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("xs", "ys"),
    [
        ((0, 1), (1.7e308, -1.7e308)),
        ((0, 1, 2), (math.nan, 1.0, math.inf)),
        ((1e18, 1e18 + 1e4), (1.0, 2.0)),
        ((-1.7e308, 1.7e308), (1.0, 2.0)),
        ((0,), (5.0,)),
        ((0, 0, 0), (5.0, 5.0, 5.0)),
        ((0, 1), (0.0, 5e-324)),
        ((5, 4, 3), (1.0, 2.0, 3.0)),
        ((0, 1, 2), (-1e-300, 0.0, 1e-300)),
    ],
)
def test_hostile_numbers(xs: tuple[float, ...], ys: tuple[float, ...]) -> None:
    for best in (None, 0, 7):
        many = (Series("a", xs, ys, best), Series("b", xs, ys, best))
        assert pixels(charts.draw(lines(many[0]))).shape == (600, 900, 3)
        assert pixels(charts.draw(lines(*many))).shape == (600, 900, 3)
    bar = Chart("t", "bar", (Series("a", xs, ys, 0),), "said", labels=tuple("abcdefghi"[: len(xs)]))
    assert pixels(charts.draw(bar)).shape == (600, 900, 3)


def test_nothing_to_draw_is_none_and_the_next_one_is_drawn() -> None:
    assert charts.draw(lines()) is None
    assert charts.draw(lines(Series("a", (), ()))) is None
    assert charts.draw(lines(Series("a", (0, 1), (math.nan, math.inf), 0))) is None
    assert charts.draw(Chart("t", "bar", (Series("a", (), ()),), "said")) is None
    assert charts.draw(lines(Series("a", STEPS, curve(91)))) is not None


def test_many_series_and_points_are_cut() -> None:
    crowd = [Series(f"run-{place}", STEPS, curve(50 + place % 40)) for place in range(5_000)]
    assert charts.draw(lines(*crowd)) is not None
    long = tuple(float(step) for step in range(1_000_000))
    assert charts.draw(lines(Series("a", long, tuple(math.sin(x / 9e3) for x in long)))) is not None


def test_a_child_that_takes_too_long_is_killed_and_replaced() -> None:
    chart = lines(Series("a", STEPS, curve(91)))
    assert charts.draw(chart) is not None
    before = charts._child
    assert before is not None
    os.kill(before.process.pid, 19)  # SIGSTOP: alive, and answers nothing
    started = time.monotonic()
    assert charts.draw(chart, seconds=0.5) is None
    assert time.monotonic() - started < 5
    assert before.process.poll() is not None
    assert charts.draw(chart) is not None


def test_a_killed_child_is_replaced() -> None:
    chart = lines(Series("a", STEPS, curve(91)))
    assert charts.draw(chart) is not None
    assert charts._child is not None
    charts._child.process.kill()
    charts._child.process.wait()
    assert charts.draw(chart) is not None


def test_threads_take_turns() -> None:
    found: list[bytes | None] = []
    chart = lines(Series("a", STEPS, curve(91)))
    threads = [threading.Thread(target=lambda: found.append(charts.draw(chart))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert found[0] is not None


def test_the_server_never_loads_matplotlib_and_hands_no_environment_down() -> None:
    script = (
        "import sys\n"
        "from registry import charts, web\n"
        "from trackrecord.answer import Chart, Series\n"
        "assert charts.draw(Chart('t', 'line', (Series('a', (0, 1), (1, 2)),), 's')) is not None\n"
        "seen = open(f'/proc/{charts._child.process.pid}/environ').read()\n"
        "assert 'hunter2' not in seen, seen\n"
        "assert 'matplotlib' not in sys.modules\n"
    )
    environment = {**os.environ, "TRACKRECORD_SLACK_BOT_TOKEN": "hunter2"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=120)


def test_the_child_ends_with_its_server() -> None:
    script = (
        "import os\n"
        "from registry import charts\n"
        "from trackrecord.answer import Chart, Series\n"
        "charts.draw(Chart('t', 'line', (Series('a', (0, 1), (1, 2)),), 's'))\n"
        "print(charts._child.process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    child = int(said.stdout)
    until = time.monotonic() + 10
    while time.monotonic() < until and _lives(child):
        time.sleep(0.1)
    assert not _lives(child)


def _lives(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
