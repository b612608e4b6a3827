"""What the panel says, and that it fits; how a command ended; what is followed of a run's folder."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackrecord import journal
from trackrecord.folder import Folder, make
from trackrecord.text import columns_of
from trackrecord.wrapper import ending
from trackrecord.wrapper.follow import Follower, Metric, Trace
from trackrecord.wrapper.panel import draw
from trackrecord.wrapper.rows import size

REPORT: dict[str, Any] = {
    "code": {
        "commit": "3f2a91c" + "0" * 33, "branch": "main", "tree": "ab" * 20, "changed": ["a", "b"], "proved": True,
    },
    "environment": {
        "python": "3.11.7", "implementation": "CPython", "packages": [{}] * 132, "lock_files": {"uv.lock": "x"},
        "cpu_count": 16, "memory_bytes": 64 * 10**9, "gpus": [{"name": "NVIDIA H100"}] * 2,
    },
    "params": {"lr": 0.1, "model": {"depth": 3}, "seed": 0},
    "seeds": {"seed": 0},
}  # fmt: skip


def trace() -> Trace:
    made = Trace("brave-otter-42", "milestone-1", "https://registry.example.org/runs/01J", REPORT, known=True)
    made.take([journal.DATASET, {"name": "digits/train", "digest": "a211d66f" * 8, "size": 9900, "partial": None}])
    for step in range(1000):
        made.take([journal.POINTS, 0, step, {"train/loss": 1 / (step + 1), "val/accuracy": step / 1000, "lr": 0.1}])
    made.take(
        [journal.POINTS, 0, 5, {"system/cpu_percent": 230.0, "system/gpu0_percent": 80.0, "system/gpu1_percent": 90.0}]
    )
    made.take([journal.ARTIFACT, {"name": "model.pt", "digest": "", "size": 3_200_000}])
    made.batches, made.confirmed = 44, 41
    return made


def lines(made: Trace, **other: Any) -> list[str]:
    return draw(made, **{"width": 100, "height": 20, "colour": False, "seconds": 83, "ended": False} | other)


def test_the_panel_says_what_is_recorded_and_how_it_stands() -> None:
    made = trace()
    assert lines(made) == [
        f"── trackrecord ── brave-otter-42 of milestone-1 {'─' * 44} 1:23 ──",
        " ✓ code       3f2a91c000 main + 2 changed files, tree ababababab, proved",
        " ✓ packages   132 of CPython 3.11.7, uv.lock",
        " ✓ hardware   2 × NVIDIA H100, 16 CPUs, 64.0 GB; in use 230 % CPU, 85 % GPU",
        " ✓ params     3: lr=0.1 model.depth=3 seed=0",
        " ✓ data       digits/train a211d66f (9.9 kB)",
        " ✓ metrics    val/accuracy  0.999     best 0.999     ▁▁▁▂▂▂▃▃▄▄▅▅▆▆▇▇▇███ 1000 points",
        "              train/loss    0.001     best 0.001     █▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁ 1000 points",
        "              lr            0.1                      ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄ 1000 points",
        " ✓ artifacts  model.pt (3.2 MB)",
        " · delivered  41 of 44 batches  https://registry.example.org/runs/01J",
    ]
    ten = lines(made, height=10)
    assert len(ten) == 10
    assert not any("lr  " in line for line in ten)
    assert "(and 1 more)" in ten[7]
    assert [line[3:13].strip() for line in lines(made, height=5)][1:] == ["code", "data", "metrics", "delivered"]


@pytest.mark.parametrize(
    ("changes", "ended", "said"),
    [
        ({"confirmed": 44}, False, " ✓ delivered  44 of 44 batches"),
        ({"confirmed": 1, "batches": 1, "files_owed": 1}, False, " · delivered  1 of 1 batch, 1 file to upload"),
        ({"files_owed": 2}, True, " ! delivered  41 of 44 batches, 2 files to upload"),
        ({"gone": True}, True, " ✓ delivered  everything  https://registry.example.org/runs/01J"),
        ({"known": False}, False, " ! delivery   waiting for the registry; all is kept on this machine"),
        ({"url": None}, False, "   kept       on this machine; `trackrecord sync` delivers it"),
        ({"name": ""}, False, " · run        begins with the first number, after 30 s, or at the end"),
        ({"notes": ["one", "two"]}, False, " ! notes      two (and 1 more)"),
        ({"url": "https://x.org/" + "y" * 60}, True, f"   page       https://x.org/{'y' * 60}"),
        ({"report": {}}, False, " · code       looking"),
        ({"report": REPORT | {"seeds": {}}}, False, " ✓ params     3, no seed among them: lr=0.1 model.depth=3 seed=0"),
        (
            {"report": REPORT | {"code": {"problem": "git is not installed"}}},
            False,
            " ! code       git is not installed",
        ),
    ],
)
def test_each_state_has_its_words(changes: dict[str, Any], ended: bool, said: str) -> None:
    made = trace()
    for name, value in changes.items():
        setattr(made, name, value)
    assert any(line.startswith(said) for line in lines(made, ended=ended)), "\n".join(lines(made, ended=ended))


@settings(deadline=None, max_examples=50)
@given(st.integers(40, 130), st.integers(4, 14), st.text(max_size=80), st.floats(), st.booleans())
def test_it_fits_into_any_window(width: int, height: int, name: str, value: float, colour: bool) -> None:
    made = Trace(report=REPORT, known=True)
    made.name, made.project, made.url = name, name[::-1], f"https://x.org/{name}"
    for text in (name, name + "loss"):
        made.take([journal.POINTS, 0, 1, {text: value}])
        made.take([journal.ARTIFACT, {"name": text, "digest": "", "size": 1}])
    made.notes = [name]
    drawn = lines(made, width=width, height=height, seconds=10**6)
    assert len(drawn) <= height
    assert all(columns_of(line) <= width for line in drawn)
    assert not any(ord(sign) < 32 for line in drawn for sign in line)
    assert len(lines(made, width=width, height=height, colour=True)) == len(drawn)


def test_a_metric_keeps_its_shape_and_knows_its_direction() -> None:
    falling, rising, other = Metric("val_loss"), Metric("test/f1"), Metric("lr")
    for step in range(100_000):
        for each in (falling, rising, other):
            each.add(abs(step - 50_000) / 1000 if step != 7 else float("nan"))
    assert (falling.best, rising.best, other.best) == (0.0, 50.0, None)
    assert falling.count == 100_000
    assert 100 < len(falling.curve) <= 256
    assert falling.curve[0] > falling.curve[len(falling.curve) // 2] < falling.curve[-1]


def test_what_was_written_before_the_folder_went_is_still_seen(tmp_path: Path) -> None:
    place = make(tmp_path, "0" * 26, b'{"params": {}}', {})
    own = place.journal("main")
    follower = Follower(Folder(place.path), "n", "p", None)
    assert own.append([journal.POINTS, 0, 0, {"loss": 1.0}], 1)
    assert follower.look().metrics["loss"].count == 1
    assert own.append([journal.POINTS, 0, 1, {"loss": 0.5}], 1)
    assert own.append([journal.NOTE, "late"])
    place.remove()
    seen = follower.look()
    assert (seen.gone, seen.metrics["loss"].last, seen.notes) == (True, 0.5, ["late"])
    assert follower.look().metrics["loss"].count == 2
    follower.close()


TRACEBACK = """
Traceback (most recent call last):
  File "/home/ada/work/train.py", line 41, in <module>
    main()
  File "/opt/lib/python3.11/site-packages/numpy/core.py", line 9, in dot
    raise ValueError(
ValueError: shapes do not match
""".strip().split("\n")


@pytest.mark.parametrize(
    ("status", "said", "state", "error"),
    [
        (0, TRACEBACK, "finished", None),
        (1 << 8, TRACEBACK, "failed", "ValueError: shapes do not match (train.py:41)"),
        (1 << 8, [*TRACEBACK, "During handling", *TRACEBACK[:-1], "KeyError"], "failed", "KeyError (train.py:41)"),
        (1 << 8, ["Traceback (most recent call last):", "  cut"], "failed", "exit code 1"),
        (3 << 8, ["nothing"], "failed", "exit code 3"),
        (137 << 8, [], "failed", "exit code 137, as after SIGKILL"),
        (signal.SIGTERM, TRACEBACK, "killed", "killed by SIGTERM"),
    ],
)  # fmt: skip
def test_how_a_command_ended(status: int, said: list[str], state: str, error: str | None) -> None:
    assert ending.of_status(status, said) == (state, error)


def test_sizes_are_said_as_people_say_them() -> None:
    assert [size(count) for count in (0, 999, 1000, 25_300, 999_000, 3_200_000, 64e9, 5e13)] == [
        "0 bytes", "999 bytes", "1.0 kB", "25.3 kB", "999 kB", "3.2 MB", "64.0 GB", "50.0 TB"
    ]  # fmt: skip
