"""A run from start to delivery: what a script hands over arrives, whole and once."""

from __future__ import annotations

import hashlib
import json
import math
import stat
import sys
import time
from pathlib import Path
from typing import Any

import numpy
import pytest

import trackrecord
from tests.client.conftest import Repository
from tests.client.wire import TOKEN, WireRegistry, wait_until
from trackrecord import names, upload


def test_a_script_with_three_lines_is_wholly_recorded(
    registry: WireRegistry, script: Any, repository: Repository, home: Path
) -> None:
    done = script(
        """
        import argparse, random, trackrecord
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float)
        parser.add_argument("--seed", type=int)
        parser.add_argument("--api-key")
        args = parser.parse_args()
        open("out.txt", "w").write("result")
        with trackrecord.run("milestone-1", params=vars(args)) as run:
            run.dataset("notes", path="notes.txt", split="test")
            for epoch in range(5):
                run.log({"train/loss": 1 / (epoch + 1), "test/accuracy": epoch / 10}, step=epoch)
            run.artifact("out.txt")
        print("the end")
        """,
        "--lr", "0.1", "--seed", "3", "--api-key", "hunter2",
        PYTHONHASHSEED="7",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "the end\n")
    assert "hunter2" not in str(registry.runs)
    run = registry.run
    run_id = next(iter(registry.runs))
    report = json.loads(run.report)
    assert report["params"] == {"lr": 0.1, "seed": 3, "api_key": "[redacted: api_key]"}
    assert report["seeds"] == {"seed": 3, "PYTHONHASHSEED": "7"}
    assert report["name"] == names.name_of(run_id)
    command = report["command"]
    assert command["argv"][1:] == ["train.py", "--lr", "0.1", "--seed", "3", "--api-key", "[redacted: api-key]"]
    assert (command["directory"], command["entry"]) == ("", "train.py")
    assert report["code"]["commit"] == repository.git("rev-parse", "HEAD")
    assert report["code"]["proved"]
    assert report["code"]["changed"] == ["out.txt"]
    assert report["code"]["patch"] in registry.artifacts
    environment = report["environment"]
    assert {"numpy", "urllib3"} <= {each["name"] for each in environment["packages"]}
    assert environment["python"] == sys.version.split()[0]
    assert environment["memory_bytes"] > 0
    assert run.points() == {
        "train/loss": [(epoch, 1 / (epoch + 1)) for epoch in range(5)],
        "test/accuracy": [(epoch, epoch / 10) for epoch in range(5)],
    }
    [dataset] = run.listed("datasets")
    digest = hashlib.sha256((repository.path / "notes.txt").read_bytes()).hexdigest()
    assert (dataset["name"], dataset["digest"], dataset["split"], dataset["size"]) == ("notes", digest, "test", 14)
    [artifact] = run.listed("artifacts")
    assert registry.artifacts[artifact["digest"]] == b"result"
    assert (artifact["name"], artifact["size"]) == ("out.txt", 6)
    assert run.ended()["state"] == "finished"
    run.check_chains()
    first, last = done.stderr.splitlines()
    assert first == f"trackrecord: {report['name']} of milestone-1 {registry.url}/runs/{run_id}"
    assert last == f"trackrecord: {report['name']} finished. verified"
    assert list((home / ".local/state/trackrecord/runs").iterdir()) == []


def test_an_exception_is_recorded_and_goes_on_to_the_script(registry: WireRegistry, tmp_path: Path) -> None:
    run = trackrecord.run("milestone-1")
    with pytest.raises(ZeroDivisionError), run:
        raise ZeroDivisionError("with ghp_" + "a1B2" * 9)
    ended = registry.run.ended()
    assert ended["state"] == "failed"
    assert ended["error"].startswith("ZeroDivisionError: with [redacted: a GitHub token] (")
    assert ended["error"].endswith(f"test_run.py:{_line('raise ZeroDivisionError')})")


@pytest.mark.parametrize(
    ("ending", "code", "state", "error"),
    [
        ("", 0, "finished", None),
        ("sys.exit(0)", 0, "finished", None),
        ("raise ValueError('no good')", 1, "failed", "ValueError: no good (train.py:5)"),
        ("run.finish()", 0, "finished", None),
        ("run.finish('failed', 'by hand')", 0, "failed", "by hand"),
    ],
)
def test_without_with_the_end_is_found(
    registry: WireRegistry, script: Any, ending: str, code: int, state: str, error: str | None
) -> None:
    done = script(f"import sys, trackrecord\nrun = trackrecord.run('milestone-1')\nrun.log({{'a': 1}})\n\n{ending}\n")
    assert done.returncode == code
    assert (registry.run.ended()["state"], registry.run.ended()["error"]) == (state, error)
    registry.run.check_chains()


@pytest.mark.parametrize(("code", "state"), [("0", "finished"), ("None", "finished"), ("3", "failed")])
def test_sys_exit_inside_with(registry: WireRegistry, code: str, state: str) -> None:
    with pytest.raises(SystemExit), trackrecord.run("milestone-1"):
        sys.exit(eval(code))
    assert registry.run.ended()["state"] == state


def test_every_number_arrives_as_it_is(registry: WireRegistry) -> None:
    values = [0.1, -0.0, 5e-324, 1.7976931348623157e308, float("nan"), float("inf"), float("-inf")]
    with trackrecord.run("milestone-1") as run:
        for value in values:
            assert run.log({"x": value})
        assert run.log({"f32": numpy.float32(0.1), "bool": True, "int": 7, "huge": 10**400, "one": numpy.array([2.5])})
        assert run.log({"train": {"loss": 0.5, "inner": {"deep": 1}}})
    points = registry.run.points()
    assert points["x"] == list(enumerate([*values[:4], "NaN", "Infinity", "-Infinity"]))
    assert math.copysign(1, points["x"][1][1]) == -1
    assert points["f32"] == [(7, float(numpy.float32(0.1)))]
    assert (points["bool"], points["int"], points["huge"], points["one"]) == (
        [(7, 1.0)],
        [(7, 7.0)],
        [(7, "Infinity")],
        [(7, 2.5)],
    )
    assert (points["train/loss"], points["train/inner/deep"]) == ([(8, 0.5)], [(8, 1.0)])


def test_names_that_the_registry_would_refuse_become_near_ones(registry: WireRegistry) -> None:
    with trackrecord.run("My Milestone!") as run:
        run.log({"val acc": 1, "val_acc": 2, "精度": 3, "損失": 4, "": 5, 6: 6, "x" * 300: 7, "$loss$": 8})
    points = registry.run.points()
    assert len(points) == 8
    assert json.loads(registry.run.report)["project"] == "my-milestone"
    assert {"val_acc", "6", "loss_"} <= set(points)


def test_offline_keeps_everything_private_and_says_so(
    registry: WireRegistry, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKRECORD_MODE", "offline")
    with trackrecord.run("milestone-1") as run:
        run.log({"loss": 1})
        run.artifact(Path(__file__))
    assert registry.requests == []
    place = home / ".local/state/trackrecord"
    assert (place / "runs" / run.id / "finish.json").is_file()
    for path in (place, *place.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert capsys.readouterr().err.splitlines() == [
        f"trackrecord: {run.name} of milestone-1, kept on this machine until `trackrecord sync`; "
        "the script is not in a git repository",
        f"trackrecord: {run.name} finished, kept on this machine: `trackrecord sync` sends it",
    ]


def test_an_unknown_project_is_said_at_the_end(registry: WireRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    start = time.monotonic()
    with trackrecord.run("nowhere") as run:
        run.log({"loss": 1})
    assert time.monotonic() - start < 8
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"{run.name} finished, not delivered yet (There is no project nowhere. Did you mean milestone-1?)" in last
    assert "`trackrecord sync`" in last


def test_the_verdict_and_the_mend_are_in_the_last_line(
    registry: WireRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.seen = {
        "verdict": "unverified",
        "headline": {"metric": "test/accuracy", "value": 0.9125, "step": 9},
        "findings": [
            {"check": "a", "outcome": "pass", "refutes": False, "reason": "Fine.", "mend": ""},
            {"check": "b", "outcome": "unknown", "refutes": False, "reason": "Could not look.", "mend": "Wait."},
            {
                "check": "c",
                "outcome": "fail",
                "refutes": False,
                "reason": "The commit is not pushed.\x1b[2J",
                "mend": "git push.",
            },
        ],
    }
    with trackrecord.run("milestone-1") as run:
        run.log({"test/accuracy": 0.9125}, step=9)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == (
        f"trackrecord: {run.name} finished. test/accuracy 0.9125 at step 9, unverified: "
        f"The commit is not pushed.\\x1b[2J git push. And 1 more: `trackrecord show {run.name}`"
    )


def test_points_arrive_while_the_run_lives(registry: WireRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "_EVERY_S", 0.05)
    with trackrecord.run("milestone-1") as run:
        run.log({"loss": 1.0})
        wait_until(lambda: bool(registry.runs) and "loss" in registry.run.points())
        assert registry.run.finish is None


def test_a_later_copy_of_an_artifact_does_not_replace_the_earlier(registry: WireRegistry, tmp_path: Path) -> None:
    model = tmp_path / "model.pt"
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner/a.txt").write_text("a")
    (folder / "b.txt").write_text("b")
    with trackrecord.run("milestone-1") as run:
        for step in range(3):
            model.write_bytes(bytes([step]) * 100_000)
            run.artifact(model, step=step)
        run.artifact(folder, name="outputs")
    named = {(each["name"], each["step"]): each["digest"] for each in registry.run.listed("artifacts")}
    for step in range(3):
        assert registry.artifacts[named["model.pt", step]] == bytes([step]) * 100_000
    assert registry.artifacts[named["outputs/inner/a.txt", None]] == b"a"
    assert registry.artifacts[named["outputs/b.txt", None]] == b"b"
    registry.run.check_chains()


def test_an_artifact_without_room_for_a_copy_is_sent_from_where_it_lies(
    registry: WireRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackrecord.files._SPARE", 1 << 40)
    (tmp_path / "same.bin").write_bytes(b"same" * 1000)
    (tmp_path / "changed.bin").write_bytes(b"before")
    monkeypatch.setattr(upload, "_EVERY_S", 60.0)
    with trackrecord.run("milestone-1") as run:
        wait_until(lambda: bool(registry.runs))
        time.sleep(0.1)
        run.artifact(tmp_path / "same.bin")
        run.artifact(tmp_path / "changed.bin")
        (tmp_path / "changed.bin").write_bytes(b"after")
    digests = {each["name"]: each["digest"] for each in registry.run.listed("artifacts")}
    assert registry.artifacts[digests["same.bin"]] == b"same" * 1000
    assert digests["changed.bin"] not in registry.artifacts
    assert registry.run.ended()["state"] == "finished"


def test_a_batch_is_never_more_than_the_registry_takes(registry: WireRegistry) -> None:
    with trackrecord.run("milestone-1") as run:
        assert run.log({f"wide/{number}": float(number) for number in range(6_000)})
        for number in range(2_500):
            run.dataset(f"shard-{number}", data=str(number).encode())
    assert len(registry.run.points()) == 6_000
    assert len(registry.run.listed("datasets")) == 2_500
    registry.run.check_chains()


def test_reseeding_is_noted(registry: WireRegistry) -> None:
    numpy.random.seed(11)
    with trackrecord.run("milestone-1") as run:
        run.log({"loss": 1.0})
        numpy.random.seed(12)
    assert json.loads(registry.run.report)["seeds"]["numpy"] == 11
    assert registry.run.listed("notes") == ["numpy was 11 at the start and 12 at the end"]


def test_the_token_stays_out_of_journals_and_reports(
    registry: WireRegistry, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKRECORD_MODE", "offline")
    with trackrecord.run("milestone-1", params={"leak": TOKEN}) as run:
        run.log({"loss": 1.0})
    for path in (home / ".local").rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes()


def _line(text: str) -> int:
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)
