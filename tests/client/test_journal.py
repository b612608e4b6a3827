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
    writing = Journal(Path("/dev/full"))
    assert not writing.append([journal.POINTS, 1, 1, {"loss": 0.5, "accuracy": 0.1}], 2)
    assert writing.dropped == 2


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
