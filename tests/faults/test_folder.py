"""What may become of a run's folder on a disk: nothing that was lost is kept quiet, and nothing else is held up."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.place import Place, seed
from tests.faults.proxy import Proxy

LOST = "the journal main is damaged at byte "


def _cut_off(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:-size])


def _torn(folder: Path) -> None:
    _cut_off(folder / "main.journal", 5)


def _zeros(folder: Path) -> None:
    with (folder / "main.journal").open("ab") as file:
        file.write(bytes(4096))


def _flipped(folder: Path) -> None:
    content = bytearray((folder / "main.journal").read_bytes())
    content[len(content) // 2] ^= 0x10
    (folder / "main.journal").write_bytes(content)


def _cuts_torn(folder: Path) -> None:
    _cut_off(folder / "main.cuts", 7)


def _cuts_zero(folder: Path) -> None:
    (folder / "main.cuts").write_bytes(bytes((folder / "main.cuts").stat().st_size))


def _cuts_gone(folder: Path) -> None:
    (folder / "main.cuts").unlink()


def _sent_torn(folder: Path) -> None:
    (folder / "sent.json").write_text('{"run": true, "writ')


def _sent_strange(folder: Path) -> None:
    (folder / "sent.json").write_text('{"run": 0, "writers": [3]}')


def _no_report(folder: Path) -> None:
    (folder / "report.json").unlink()


def _report_torn(folder: Path) -> None:
    _cut_off(folder / "report.json", 9)


def _finish_torn(folder: Path) -> None:
    _cut_off(folder / "finish.json", 9)


# fault, how the script ended, whether it is delivered, points at the registry, verdict, state
CASES: list[tuple[Callable[[Path], None], str, bool, int, str, str]] = [
    (_torn, "killed", True, 199, "unverified", "killed"),
    (_zeros, "killed", True, 200, "unverified", "killed"),
    (_flipped, "killed", True, -1, "unverified", "killed"),
    (_flipped, "finished", False, 0, "", ""),
    (_zeros, "finished", True, 200, "verified", "finished"),
    (_cuts_torn, "finished", True, 200, "verified", "finished"),
    (_cuts_zero, "finished", True, 200, "verified", "finished"),
    (_cuts_gone, "finished", True, 200, "verified", "finished"),
    (_sent_torn, "finished", True, 200, "verified", "finished"),
    (_sent_strange, "finished", True, 200, "verified", "finished"),
    (_no_report, "killed", False, 0, "", ""),
    (_report_torn, "killed", False, 0, "", ""),
    (_finish_torn, "finished", False, 0, "", ""),
]


def _make(place: Place, how: str) -> str:
    with place.start("short.py", how, TRACKRECORD_MODE="offline") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == (-9 if how == "killed" else 0), err
    return str(json.loads(out)["run"])


def test_damaged_folders_lose_nothing_quietly_and_hold_up_nobody(place: Place) -> None:
    """All of them in one home, and a sound one behind them."""
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda how: _make(place, how), [*(case[1] for case in CASES), "finished"]))
    for (fault, *_), run_id in zip(CASES, made, strict=False):
        fault(place.home / "runs" / run_id)
    done = place.sync()
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 1  # some are refused, in words
    for (fault, how, delivered, points, verdict, state), run_id in zip(CASES, made, strict=False):
        case = f"{fault.__name__} {how}: {done.stdout}"
        found = place.arrived(run_id)
        assert ((place.home / "runs" / run_id).exists(), case) == (not delivered, case)
        if not delivered:
            assert found is None or not found.finish, case
            continue
        assert found is not None, case
        seen = len(found.steps())
        assert found.steps() == list(range(seen)), case
        assert seen == points or (points == -1 and 0 < seen < 200), (seen, case)
        assert (found.run.state, found.whole) == (state, True), case
        assert place.reason(run_id)[0] == verdict, (place.reason(run_id), case)
        if how == "killed" and fault is not _torn:
            assert found.finish["dropped"] >= 1, case
            assert any(note.startswith(LOST) for note in found.notes), case
    _said_of_the_refused(done.stdout)
    sound = place.arrived(made[-1])
    assert sound is not None
    assert (len(sound.steps()), sound.run.state) == (200, "finished")


def _said_of_the_refused(said: str) -> None:
    refused = [line for line in said.splitlines() if ": refused: " in line]
    for words in ("is damaged: batch 0 is not what it was. Run it again.", "its report cannot be read"):
        assert any(words in line for line in refused), said
    assert "Nothing is left on this machine" not in said


@pytest.mark.timeout(120)
def test_two_syncs_at_once_and_one_beside_a_living_run_deliver_once(place: Place) -> None:
    lots, stop = seed("syncs"), place.folder / "stop"
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: _make(place, "finished"), range(3)))
    with place.start("lasting.py", stop) as process, Proxy(place.registry.url, lots) as proxy:
        assert process.stdout is not None
        living = process.stdout.readline().strip()
        proxy.fault = lambda _method, _path: lots.choice(("none", "none", "unanswered", "cut off"))
        both = [place.syncing(TRACKRECORD_URL=proxy.url) for _ in range(2)]
        for each in both:
            out, err = each.communicate(timeout=60)
            assert ("Traceback" in err, "still running, or being delivered by its own process" in out) == (False, True)
        while len(place.pending()) > 1:
            place.sync(TRACKRECORD_URL=proxy.url)
        stop.touch()
        process.communicate(timeout=60)
    assert place.sync().returncode == 0
    for run_id in (*made, living):
        found = place.arrived(run_id)
        assert found is not None
        assert found.steps() == list(range(len(found.steps()) if run_id == living else 200))
        assert (found.run.state, found.whole) == ("finished", True)
