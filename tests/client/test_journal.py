"""A journal gives back every entry that was accepted, and stops before the first torn one."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackrecord import journal
from trackrecord.journal import Journal, frames


def _entries(path: Path) -> list[list[object]]:
    return [entry for _, entry in frames(path)]


def test_entries_come_back_with_every_kind_of_number(tmp_path: Path) -> None:
    writing = Journal(tmp_path / "main.journal")
    values = {"a": 0.1, "b": float("inf"), "c": -0.0, "d": 5e-324, "e": 1.7976931348623157e308}
    assert writing.append([journal.POINTS, 1, 2, values], 5)
    assert writing.append([journal.POINTS, 1, 3, {"nan": float("nan")}], 1)
    assert writing.append([journal.NOTE, "übung 模型 \n"])
    first, second, third = _entries(tmp_path / "main.journal")
    assert first == [journal.POINTS, 1, 2, values]
    assert str(first[3]["c"]) == "-0.0"  # type: ignore[index]
    assert second[3]["nan"] != second[3]["nan"]  # type: ignore[index]
    assert third == [journal.NOTE, "übung 模型 \n"]
    assert (tmp_path / "main.journal").stat().st_mode & 0o777 == 0o600


@settings(deadline=None, max_examples=60)
@given(cut=st.integers(0, 400), flip=st.one_of(st.none(), st.integers(0, 399)))
def test_a_torn_or_damaged_tail_ends_it(tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int | None) -> None:
    path = tmp_path_factory.mktemp("journal") / "main.journal"
    writing = Journal(path)
    written = [[journal.POINTS, number, number, {"loss": number / 7}] for number in range(12)]
    for entry in written:
        assert writing.append(entry, 1)
    whole = path.read_bytes()
    ends = [end for end, _ in frames(path)]
    torn = bytearray(whole[:cut])
    if flip is not None and flip < len(torn):
        torn[flip] ^= 0x40
    path.write_bytes(torn)
    kept = _entries(path)
    good = min(cut, flip if flip is not None and flip < cut else cut)
    assert kept[: sum(end <= good for end in ends)] == written[: sum(end <= good for end in ends)]
    assert kept == written[: len(kept)]


def test_threads_share_it_without_a_scratch(tmp_path: Path) -> None:
    writing = Journal(tmp_path / "main.journal")
    threads = [
        threading.Thread(
            target=lambda at=at: [writing.append([journal.POINTS, at, n, {"x": 1.0}], 1) for n in range(500)]
        )
        for at in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = sorted((entry[1], entry[2]) for entry in _entries(tmp_path / "main.journal"))
    assert seen == [(at, n) for at in range(8) for n in range(500)]


def test_a_full_disk_is_counted_and_what_was_kept_stays_readable(tmp_path: Path) -> None:
    """A limit on the file's size is a disk that is full for this file, in the middle of a frame, too."""
    path = tmp_path / "main.journal"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    writing = Journal(path)
    kept = 0
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, before[1]))
        for number in range(300):
            kept += writing.append([journal.POINTS, number, number, {"loss": 0.5}], 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert 0 < kept < 300
    assert writing.dropped == 300 - kept
    assert len(_entries(path)) == kept
    assert writing.append([journal.POINTS, 300, 300, {"loss": 0.5}], 1)  # there is room again
    assert _entries(path)[-1] == [journal.DROPPED, 300 - kept]
    assert writing.dropped == 0


def test_a_device_that_takes_nothing_is_counted() -> None:
    if not Path("/dev/full").exists():
        pytest.fail("/dev/full is missing: these tests run on Linux")
    before = Path("/dev/full").stat().st_mode
    writing = Journal(Path("/dev/full"))
    assert not writing.append([journal.POINTS, 1, 1, {"loss": 0.5, "accuracy": 0.1}], 2)
    assert writing.dropped == 2
    assert Path("/dev/full").stat().st_mode == before  # the mark for what was dropped is for journals alone


def test_nothing_is_written_beyond_the_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "CAP", 1_000)
    writing = Journal(tmp_path / "main.journal")
    kept = sum(writing.append([journal.POINTS, n, n, {"loss": 0.5}], 1) for n in range(100))
    assert writing.dropped == 100 - kept
    assert (tmp_path / "main.journal").stat().st_size <= 1_000


def test_append_takes_microseconds(tmp_path: Path) -> None:
    writing = Journal(tmp_path / "main.journal")
    times = []
    for number in range(5_000):
        start = time.perf_counter_ns()
        writing.append([journal.POINTS, number, number, {"train/loss": 0.5, "val/accuracy": 0.9}], 2)
        times.append(time.perf_counter_ns() - start)
    # The median: the machine of the tests is shared, its 99th percentile says more about its neighbours.
    assert sorted(times)[len(times) // 2] < 100_000
    assert os.path.getsize(tmp_path / "main.journal") > 5_000 * 40


def _filled(path: Path, number: int = 12) -> list[int]:
    """A journal with so many entries; where each ends."""
    writing = Journal(path)
    for step in range(number):
        assert writing.append([journal.POINTS, step, step, {"loss": step / 7}], 1)
    writing.close()
    return [end for end, _ in frames(path)]


@settings(deadline=None, max_examples=60)
@given(cut=st.integers(0, 600))
def test_a_torn_tail_is_no_damage(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("journal") / "main.journal"
    ends = _filled(path)
    os.truncate(path, min(cut, ends[-1]))
    end = max((end for end in ends if end <= cut), default=0)
    assert not journal.is_damaged(path, end)


@settings(deadline=None, max_examples=150)
@given(at=st.integers(0, 10_000), mask=st.integers(1, 255))
def test_a_changed_byte_is_damage_unless_it_stands_in_the_last_entry(
    tmp_path_factory: pytest.TempPathFactory, at: int, mask: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "main.journal"
    ends = _filled(path)
    content = bytearray(path.read_bytes())
    at %= ends[-2]
    content[at] ^= mask
    path.write_bytes(content)
    last = max((end for end, _ in frames(path)), default=0)
    assert last <= at
    assert journal.is_damaged(path, last)


def test_zeros_that_a_power_cut_left_are_damage_and_no_entries(tmp_path: Path) -> None:
    ends = _filled(tmp_path / "main.journal")
    with (tmp_path / "main.journal").open("ab") as file:
        file.write(bytes(500))
    assert [end for end, _ in frames(tmp_path / "main.journal")] == ends
    assert journal.is_damaged(tmp_path / "main.journal", ends[-1])


def test_a_long_journal_keeps_fewer_steps_and_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "CAP", 80_000)
    writing = Journal(tmp_path / "main.journal")
    called, kept = 3_000, 0
    for step in range(0, 2 * called, 2):  # even steps only: it counts steps, it does not read their numbers
        for metric in ("a", "b"):
            if not writing.thins(step, 1):
                kept += writing.append([journal.POINTS, 1, step, {metric: 0.5}], 1)
    assert writing.keeps_every >= 16
    writing.close()
    assert (tmp_path / "main.journal").stat().st_size <= 80_000
    entries = _entries(tmp_path / "main.journal")
    points = [entry for entry in entries if entry[0] == journal.POINTS]
    assert len(points) == kept
    assert kept + sum(entry[1] for entry in entries if entry[0] == journal.DROPPED) == 2 * called
    steps = [entry[2] for entry in points]
    torn = [step for step in set(steps) if steps.count(step) != 2]
    assert len(torn) <= 1, "a step is kept whole or not at all, but for the one in which it began"
    assert steps[:200] == [step for step in range(0, 200, 2) for _ in "ab"], "the first half of the room keeps all"
