"""`trackrecord run` as a program, with pipes: the command is what it would be without it, and it is a run."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.client.conftest import Repository
from tests.client.wire import WireRegistry, wait_until

PROGRAM = str(Path(sys.executable).with_name("trackrecord"))
Done = subprocess.CompletedProcess[bytes]


def wrapped(cwd: Path, *words: str, options: Sequence[str] = (), feed: bytes = b"", **variables: str) -> Done:
    return subprocess.run(
        [PROGRAM, "run", *options, "--", *words],
        cwd=cwd,
        input=feed,
        env={**os.environ, "COLUMNS": "100", **variables},
        capture_output=True,
        timeout=60,
        check=False,
    )


def started(cwd: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([PROGRAM, "run", "--", *words], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


TRAIN = """
import sys
print("reading the data")
for epoch in range(1, 4):
    print(f"Epoch {epoch}/3 - loss: {1 / epoch:.4f} - val_accuracy: {epoch * 30}%")
print("thanks to", sys.stdin.read(), file=sys.stderr)
if "--break" in sys.argv:
    raise ValueError("shapes do not match")
"""


def test_a_script_without_a_line_of_ours_is_a_run(registry: WireRegistry, repository: Repository) -> None:
    repository.write("train.py", TRAIN)
    repository.push()
    repository.write("model/more.py", "1\n")
    words = [sys.executable, "-u", "train.py", "--lr", "0.1", "--api-key", "12345678", "-b=32", "--break", "data/"]
    done = wrapped(repository.path, *words, feed=b"you", TRACKRECORD_CONSOLE="1")
    assert done.returncode == 1
    assert done.stdout.decode().split("\n")[0] == "reading the data"
    assert b"thanks to you\nTraceback" in done.stderr

    report = json.loads(registry.run.report)
    assert report["project"] == "work"
    assert report["params"] == {
        "lr": 0.1, "api_key": "[redacted: api-key]", "b": 32, "break": "data/"
    }  # fmt: skip
    assert report["command"]["entry"] == "train.py"
    assert report["command"]["argv"][1:5] == ["-u", "train.py", "--lr", "0.1"]
    assert "12345678" not in json.dumps(report)
    assert report["code"]["proved"]
    assert report["code"]["changed"] == ["model/more.py"]
    assert "hypothesis" in {each["name"] for each in report["environment"]["packages"]}
    run = registry.run
    assert run.points()["loss"] == [(1, 1.0), (2, 0.5), (3, 0.3333)]
    assert run.points()["val_accuracy"] == [(1, 0.3), (2, 0.6), (3, 0.9)]
    assert run.listed("notes") == ["its numbers were read from what the script printed"]
    assert run.ended()["state"] == "failed"
    assert run.ended()["error"] == "ValueError: shapes do not match (train.py:8)"
    console = next(each for each in run.listed("artifacts") if each["name"] == "console.txt")
    assert b"Epoch 2/3 - loss: 0.5000" in registry.artifacts[console["digest"]]
    run.check_chains()

    said = done.stderr.decode()
    assert f"trackrecord: {report['name']} of work {registry.url}/runs/" in said
    assert f"── trackrecord ── {report['name']} of work ──" in said
    assert f" ✓ code       {report['code']['commit'][:10]} main + 1 changed file, tree " in said
    assert " ✓ params     4, no seed among them: lr=0.1 api_key=[redacted: api-key] b=32 break=data/\n" in said
    assert " ✓ metrics    val_accuracy  0.9       best 0.9       ▁▄█                  3 points\n" in said
    assert " ! notes      its numbers were read from what the script printed\n" in said
    assert " ✓ delivered  everything" in said
    assert "\x1b" not in said


def test_data_and_files_are_named_beside_the_command(registry: WireRegistry, repository: Repository) -> None:
    repository.write("data/test.npy", b"pictures")
    repository.write("train.py", "open('model.pt', 'wb').write(b'weights')\nprint('accuracy=0.9')\n")
    own = ["--dataset", "digits/test=data/test.npy", "--artifact", "model.pt", "--artifact", "none.pt"]
    done = wrapped(repository.path, sys.executable, "train.py", options=own)
    assert done.returncode == 0
    run = registry.run
    [data] = run.listed("datasets")
    assert (data["name"], data["digest"]) == ("digits/test", hashlib.sha256(b"pictures").hexdigest())
    [model] = run.listed("artifacts")
    assert registry.artifacts[model["digest"]] == b"weights"
    assert b"the artifact none.pt is not recorded (FileNotFoundError" in done.stderr
    wrong = wrapped(repository.path, sys.executable, "train.py", options=["--dataset", "data/test.npy"])
    assert wrong.returncode == 2
    assert b"'data/test.npy' is not NAME=PATH" in wrong.stderr

    repository.write("train.py", "import trackrecord\ntrackrecord.run('milestone-1').finish()\n")
    other = wrapped(repository.path, sys.executable, "train.py", options=own)
    assert b"--dataset and --artifact are not used" in other.stderr


def test_a_run_that_the_script_makes_itself_is_the_run(registry: WireRegistry, repository: Repository) -> None:
    repository.write(
        "train.py",
        """
        import trackrecord
        print("before", flush=True)
        with trackrecord.run("milestone-1", params={"lr": 3}) as run:
            print("step=1 loss=0.5", flush=True)
            run.log({"loss": 0.25}, step=1)
        """.replace("\n        ", "\n"),
    )
    repository.push()
    done = wrapped(
        repository.path, sys.executable, "train.py", "--lr", "0.1", options=["-p", "other"], TRACKRECORD_CONSOLE="1"
    )
    assert (done.returncode, done.stdout) == (0, b"before\nstep=1 loss=0.5\n")
    report = json.loads(registry.run.report)
    assert (report["project"], report["params"]) == ("milestone-1", {"lr": 3})
    assert registry.run.points()["loss"] == [(1, 0.25)]
    console = next(each for each in registry.run.listed("artifacts") if each["name"] == "console.txt")
    kept = registry.artifacts[console["digest"]]
    assert kept.startswith(b"before\n")
    assert kept.endswith(b"\nstep=1 loss=0.5\n")  # printed just before its end
    said = done.stderr.decode()
    assert f"── trackrecord ── {report['name']} of milestone-1 ──" in said
    assert "loss  0.25" in said
    assert "were read" not in said


def test_a_run_of_ours_gives_way_to_one_that_the_script_makes_later(
    registry: WireRegistry, repository: Repository
) -> None:
    source = """
    import time, trackrecord
    from pathlib import Path
    print("step=1 loss=0.5", flush=True)
    while not list((Path.home() / ".local/state/trackrecord/runs").glob("*/main.journal")):
        time.sleep(0.1)
    with trackrecord.run("milestone-1") as run:
        run.log({"loss": 0.25})
    """
    repository.write("train.py", source.replace("\n    ", "\n"))
    repository.push()
    assert wrapped(repository.path, sys.executable, "train.py").returncode == 0
    by_project = {json.loads(run.report)["project"]: run for run in registry.runs.values()}
    assert set(by_project) == {"work", "milestone-1"}
    name = json.loads(by_project["milestone-1"].report)["name"]
    assert f"the script made a run itself: {name} is the run of this command" in by_project["work"].listed("notes")
    assert by_project["work"].ended()["state"] == by_project["milestone-1"].ended()["state"] == "finished"


BINARY = """
import os, sys
for at in range(64):
    os.write(1, bytes(range(256)) * 64)
    os.write(2, b"\\r\\x1b[A\\xff\\n" + bytes([at]))
os.write(1, b"no end")
"""


def test_every_byte_comes_through_and_the_streams_stay_apart(home: Path) -> None:
    done = wrapped(home, sys.executable, "-c", BINARY)
    assert done.stdout == bytes(range(256)) * 64 * 64 + b"no end"
    errors = b"".join(b"\r\x1b[A\xff\n" + bytes([at]) for at in range(64))
    assert done.stderr.startswith(errors)
    both = subprocess.run(
        [PROGRAM, "run", "--", sys.executable, "-c", BINARY],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
    )
    order = b"".join(bytes(range(256)) * 64 + b"\r\x1b[A\xff\n" + bytes([at]) for at in range(64))
    assert both.stdout.startswith(order + b"no end")


def test_exit_codes_and_commands_that_cannot_be_run(home: Path) -> None:
    (home / "text").write_text("#!/nowhere/python\n")
    (home / "plain").write_text("no program\n")
    for name in ("text", "plain"):
        (home / name).chmod(0o755)
    for words, code, said in (
        (["sh", "-c", "exit 42"], 42, ""),
        (["nowhere"], 127, "There is no program nowhere.\nIs its environment active? The command stands after --: "),
        (["./text"], 126, "./text names a program in its first line that is not there.\n"),
        (["./plain"], 126, "./plain cannot be run: Exec format error.\nA script needs a first line such as #!"),
    ):
        for disabled in ("", "1") if words == ["nowhere"] else ("",):
            done = wrapped(home, *words, TRACKRECORD_DISABLED=disabled)
            assert (done.returncode, done.stdout) == (code, b"")
            assert said in done.stderr.decode()
            assert "Traceback" not in done.stderr.decode()


def test_disabled_it_just_runs(registry: WireRegistry, home: Path) -> None:
    done = wrapped(home, "sh", "-c", "echo out; echo $PPID >&2; exit 3", TRACKRECORD_DISABLED="1")
    assert (done.returncode, done.stdout) == (3, b"out\n")
    assert done.stderr == f"{os.getpid()}\n".encode()  # not even a process in between
    assert registry.runs == {}


SIGNALLED = """
import os, signal, sys, time
caught = []
for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGCONT, signal.SIGWINCH):
    # Not print(): a second signal may come while it still writes.
    signal.signal(number, lambda number, _: os.write(1, f"caught {signal.Signals(number).name}\\n".encode()))
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""


def test_signals_reach_the_command_and_its_death_is_ours(registry: WireRegistry, home: Path) -> None:
    running = started(home, sys.executable, "-c", SIGNALLED)
    assert running.stdout is not None
    assert running.stdout.readline() == b"ready\n"
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGCONT, signal.SIGWINCH):
        running.send_signal(number)
        assert running.stdout.readline() == f"caught {number.name}\n".encode()
    running.send_signal(signal.SIGTERM)
    out, _ = running.communicate(timeout=30)
    assert (out, running.returncode) == (b"", -signal.SIGTERM)
    assert registry.run.ended()["state"] == "killed"
    assert registry.run.ended()["error"] == "killed by SIGTERM"


def test_a_child_that_is_killed_or_interrupted_takes_us_with_it(home: Path) -> None:
    for line, code in (("kill -9 $$", -9), ("kill -SEGV $$", -11)):
        assert wrapped(home, "sh", "-c", line).returncode == code
    # Without a terminal in the foreground nobody else brings SIGINT to the command.
    running = subprocess.Popen(
        [PROGRAM, "run", "--", sys.executable, "-c", SIGNALLED],
        cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert running.stdout is not None
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=30)
    assert running.returncode == -signal.SIGINT
    assert b"KeyboardInterrupt" in errors


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        (0, b"the command is not recorded: the temporary folder takes nothing ("),
        (1, b"this run is not recorded (OSError"),
    ],
)
def test_a_disk_that_takes_nothing_costs_the_record_and_not_the_command(home: Path, blocks: int, said: bytes) -> None:
    line = f'ulimit -f {blocks}; "{PROGRAM}" run -- sh -c "echo loss=1; echo more >&2; exit 4"'
    done = subprocess.run(["sh", "-c", line], cwd=home, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (4, b"loss=1\n")
    assert b"more\n" in done.stderr
    assert b"trackrecord: " + said in done.stderr
    assert b"Traceback" not in done.stderr


def test_streams_that_are_closed_stay_closed(home: Path) -> None:
    source = """
    import os, sys
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            open(f"closed-{number}", "w")
    sys.exit(6)
    """
    (home / "look.py").write_text(source.replace("\n    ", "\n"))
    line = f'"{PROGRAM}" run -- "{sys.executable}" look.py <&- >&-'
    done = subprocess.run(["sh", "-c", line], cwd=home, capture_output=True, check=False)
    assert done.returncode == 6
    assert sorted(path.name for path in home.glob("closed-*")) == ["closed-0", "closed-1"]
    assert b"not whole" not in done.stderr


def test_pipes_that_are_closed_or_held_open_hold_nobody_up(home: Path) -> None:
    """The child closes its streams and works on; it leaves a process behind that holds them; our reader goes away."""
    source = "import os, time; os.write(1, b'one'); os.close(1); os.close(2); time.sleep(1); os._exit(5)"
    done = wrapped(home, sys.executable, "-c", source)
    assert (done.returncode, done.stdout) == (5, b"one")

    began = time.monotonic()
    done = wrapped(home, "sh", "-c", "sleep 30 & echo $!")
    assert done.returncode == 0
    assert time.monotonic() - began < 15
    os.kill(int(done.stdout), signal.SIGKILL)

    running = started(home, "sh", "-c", "while echo y; do :; done; exit 7")
    assert running.stdout is not None
    assert running.stdout.read(2) == b"y\n"
    running.stdout.close()
    assert running.stderr is not None
    running.stderr.read()
    assert running.wait(timeout=30) == -signal.SIGPIPE


LAUNCHER = """
import os, subprocess, sys
ranks = [subprocess.Popen([sys.executable, *sys.argv[3:]], env={**os.environ, "RANK": str(rank)}) for rank in range(2)]
sys.exit(max(each.wait() for each in ranks))
"""


def test_ranks_behind_a_launcher_are_one_run(registry: WireRegistry, repository: Repository) -> None:
    (repository.path / "launch").write_text(f"#!{sys.executable}\n{LAUNCHER}")
    (repository.path / "launch").chmod(0o755)
    repository.write(
        "train.py",
        "import os\nif os.environ['RANK'] == '0':\n    print('{\\'loss\\': 0.5, \\'step\\': 1}')\n",
    )
    done = wrapped(repository.path, "./launch", "--nproc", "2", "train.py", "--lr", "0.1")
    assert done.returncode == 0, done.stderr.decode()
    report = json.loads(registry.run.report)
    assert (report["params"], report["command"]["entry"]) == ({"lr": 0.1}, "train.py")
    assert registry.run.points()["loss"] == [(1, 0.5)]


def test_without_a_registry_it_is_kept_and_nothing_is_left_in_the_temporary_folder(home: Path) -> None:
    scratch = home / "tmp"
    scratch.mkdir()
    done = wrapped(home, "echo", "hello", TMPDIR=str(scratch))
    assert done.returncode == 0
    assert "kept on this machine" in done.stderr.decode()
    assert " ! kept       on this machine; `trackrecord sync` delivers it\n" in done.stderr.decode()
    assert (
        " ! notes      no numbers were read in what the script printed: a line that says nothing but"
        in done.stderr.decode()
    )
    assert list(scratch.iterdir()) == []


def test_nobody_has_to_wait_for_a_registry_that_does_not_answer(registry: WireRegistry, home: Path) -> None:
    registry.fault = lambda _method, _path: (503, b"{}")
    running = subprocess.Popen(
        [PROGRAM, "run", "--", "sh", "-c", "echo loss=1; exit 4"],
        cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    wait_until(lambda: bool(registry.requests))
    running.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, errors = running.communicate(timeout=40)
    assert (running.returncode, out) == (4, b"loss=1\n")
    assert time.monotonic() - began < 5
    assert "waiting for the registry; all is kept on this machine" in errors.decode()


def test_a_command_is_needed(home: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "run", "--project", "p", "--"], cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Usage: trackrecord run [OPTIONS] -- COMMAND" in done.stderr


@pytest.mark.skipif("TRACKRECORD_SOAK" not in os.environ, reason="soak: it waits for half a minute")
@pytest.mark.soak
def test_a_script_that_says_nothing_has_its_run_after_half_a_minute(registry: WireRegistry, home: Path) -> None:
    running = started(home, "sleep", "300")
    began = time.monotonic()
    wait_until(lambda: bool(registry.runs), 60)
    assert 29 < time.monotonic() - began < 50
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)
    assert registry.run.ended()["state"] == "killed"
