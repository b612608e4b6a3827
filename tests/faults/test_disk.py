"""A disk that fills up: training lives, what is lost is counted, and the run says so and is never verified."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.faults import disk
from tests.faults.place import Place, seed
from tests.soak import count


@pytest.fixture(scope="module")
def mounts(tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Whether small disks can be had here."""
    return disk.may_mount(tmp_path_factory.mktemp("mount"))


def _incomplete(place: Place, run_id: str, lost: int) -> None:
    words = f"fail: {lost:,} {'point was' if lost == 1 else 'points were'} logged and could not be kept on the machine"
    verdict, reason = place.reason(run_id)
    assert verdict == "unverified"
    assert reason.startswith(words), reason
    assert reason.endswith("that trained. Make room on its disk, then run again."), reason


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_disk_that_is_full_for_a_while_costs_points_that_are_counted(place: Place, mounts: bool) -> None:
    lots = seed("disk")
    offsets = disk.offsets(lots, count(6, 50))
    hows = ["disk" if mounts and number % 2 else "limit" for number in range(len(offsets))]

    def train(number: int) -> tuple[dict[str, int], str]:
        home = place.folder / f"disk-{number}"
        with ExitStack() as stack:
            if hows[number] == "disk":
                stack.enter_context(disk.mounted(home))
            seen, said = place.train(
                "filling.py", hows[number], offsets[number], END="freed", TRACKRECORD_HOME=str(home)
            )
            assert place.sync(TRACKRECORD_HOME=str(home)).returncode == 0
            return seen, said

    with ThreadPoolExecutor(2) as pool:
        trained = list(pool.map(train, range(len(offsets))))
    lost = 0
    for seen, said in trained:
        found = place.arrived(str(seen["run"]))
        assert found is not None
        points = sum(len(steps) for steps, _, _ in found.points.values())
        dropped = found.finish["dropped"]
        assert points == seen["kept"], seen
        assert points + dropped == seen["called"], (seen, dropped)
        assert found.whole
        assert dropped > 0
        assert said.count("the disk takes no more: points are being lost and counted") == 1, said
        assert found.steps()[-1] >= 1_150  # it went on when there was room again
        lost += dropped
    for seen, _ in trained:
        found = place.arrived(str(seen["run"]))
        assert found is not None
        _incomplete(place, str(seen["run"]), found.finish["dropped"])
    print(
        f"{len(offsets)} offsets ({hows.count('disk')} on full disks, {hows.count('limit')} by a limit): {lost:,} lost"
    )


def test_a_disk_that_stays_full_to_the_end(place: Place, mounts: bool) -> None:
    """finish.json has no place: the registry hears of the end, or `sync` closes the run. It never looks complete."""
    how, home = ("disk" if mounts else "limit"), place.folder / "disk"
    with ExitStack() as stack:
        if mounts:
            stack.enter_context(disk.mounted(home))
        variables = {"TRACKRECORD_HOME": str(home), "TRACKRECORD_MODE": "offline"}
        seen, said = place.train("filling.py", how, 9 * disk.PAGE, END="full", **variables)
        assert seen["kept"] < seen["called"]
        if mounts:
            full = place.sync(TRACKRECORD_HOME=str(home))
            assert (full.returncode, "No space left on device" in full.stdout) == (1, True), full
            (home / "filler").unlink()
        done = place.sync(TRACKRECORD_HOME=str(home))
        assert done.returncode == 0, done
    found = place.arrived(str(seen["run"]))
    assert found is not None
    assert sum(len(steps) for steps, _, _ in found.points.values()) == seen["kept"]
    assert found.run.state in ("finished", "killed"), said
    assert found.finish["dropped"] >= 1
    assert place.reason(str(seen["run"]))[0] == "unverified"


def test_what_was_lost_before_a_kill_is_not_forgotten_by_the_next_attempt(place: Place, mounts: bool) -> None:
    """Full, killed without a word, started again with room on the disk: the run ends well, and is not complete."""
    how, home = ("disk" if mounts else "limit"), place.folder / "disk"
    slurm = {"SLURM_JOB_ID": "4711", "TRACKRECORD_HOME": str(home)}
    with ExitStack() as stack:
        if mounts:
            stack.enter_context(disk.mounted(home))
        with place.start("filling.py", how, 9 * disk.PAGE, END="killed", **slurm) as first:
            before = json.loads(first.communicate()[0])
        assert (first.returncode, before["kept"] < before["called"]) == (-9, True)
        (home / "filler").unlink(missing_ok=True)
        seen, _ = place.train("filling.py", how, 9 * disk.PAGE, END="well", **slurm, SLURM_RESTART_COUNT="1")
        assert place.sync(TRACKRECORD_HOME=str(home)).returncode == 0
    found = place.arrived(str(seen["run"]))
    assert found is not None
    assert (found.run.id, found.run.state) == (before["run"], "finished")
    assert found.finish["dropped"] >= 1
    assert place.reason(str(seen["run"]))[0] == "unverified"


def test_nowhere_to_keep_anything(place: Place, mounts: bool) -> None:
    """Full (or read-only) at the start: the spare folder is taken; where it cannot be, training goes on alone."""
    if not mounts:
        pytest.skip("needs small disks, which only root may mount")
    home, spare = place.folder / "disk", place.folder / "tmp"
    with disk.mounted(home):
        filler = disk.fill(home)
        variables = {"TRACKRECORD_HOME": str(home)}
        seen, said = place.train("steady.py", 20, 0.001, **variables)
        assert (
            f"journals cannot be kept in {home} (No space left on device): this one is in {spare}/trackrecord-" in said
        )
        assert seen["kept"] == 20
        with disk.mounted(spare):
            (spare / f"trackrecord-{os.getuid()}").touch()  # somebody else's: it is not taken
            alone, said = place.train("steady.py", 20, 0.001, **variables)
            assert (alone["run"], alone["kept"]) == ("", 0)
            assert "this run is not recorded (OSError: [Errno 28] No space left on device" in said
        filler.unlink()
    with disk.mounted(place.folder / "fixed", "ro"):
        variables = {"TRACKRECORD_HOME": str(place.folder / "fixed")}
        read_only, said = place.train("steady.py", 20, 0.001, **variables)
        assert "(Read-only file system): this one is in" in said
    assert os.listdir(place.folder / "fixed") == []
    assert place.sync().returncode == 0
    for each in (seen, read_only):
        found = place.arrived(each["run"])
        assert found is not None
        assert (found.steps(), found.run.state) == (list(range(20)), "finished")
