"""The plan of an afternoon: who trains what, and the ways in which it goes wrong."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from threading import Event
from typing import Literal

from examples.demo import team
from examples.demo.parts import DemoError, call, spawn
from examples.demo.team import Developer

Kind = Literal["plain", "wrapped", "dirty", "unpushed", "nan", "killed", "other split", "other data"]

ABOUT: dict[Kind, str] = {
    "plain": "",
    "wrapped": "trackrecord run -- a script that knows nothing of trackrecord",
    "dirty": "uncommitted work, a changed binary and an untracked module",
    "unpushed": "a commit that was never pushed",
    "nan": "a learning rate that diverges to NaN",
    "killed": "SIGKILL in mid-training",
    "other split": "measured on val, where the number is higher",
    "other data": "measured on easier test pictures",
}


@dataclass(frozen=True)
class Training:
    """One start of a script by one developer, and what is done in the clone before."""

    words: str
    kind: Kind = "plain"
    before: Callable[[Developer], None] | None = None


@dataclass(frozen=True)
class Done:
    """A run as the developer saw it: name and id from what the client said, and the last line of the script's own."""

    owner: str
    kind: Kind
    words: str
    run: str
    name: str
    said: str
    seconds: float


PLAN: dict[str, tuple[Training, ...]] = {
    "ada": (
        Training("--lr 0.1 --seed 0"),
        Training("--lr 0.1 --seed 1"),
        Training("--lr 0.1 --seed 2"),
        Training("--lr 0.3 --seed 0"),
    ),
    "ben": (
        Training("--blur 0.3", "wrapped"),
        Training("--hidden 12 --lr 0.1 --seed 0"),
        Training("--hidden 12 --lr 0.2 --seed 1"),
        Training("--hidden 12 --lr 1000 --seed 0", "nan"),
        Training("--hidden 24 --lr 0.2 --seed 0", "other data", team.easier_test),
    ),
    "chen": (
        Training("--hidden 32 --lr 0.05 --seed 0"),
        Training("--lr 0.1 --seed 1", "plain", team.push_a_change),
        Training("--lr 0.3 --seed 1 --split val", "other split"),
    ),
    "dana": (
        Training("--hidden 24 --lr 0.2 --seed 0"),
        Training("--hidden 24 --lr 0.2 --seed 1"),
        Training("--hidden 24 --lr 0.2 --seed 2"),
        Training("--hidden 28 --lr 0.05 --seed 1", "dirty", team.new_best_module),
    ),
    "emre": (
        Training("--hidden 8 --lr 0.3 --seed 1"),
        Training("--hidden 64 --lr 0.1 --epochs 1000000 --seed 1", "killed"),
        Training("--lr 0.3 --seed 0", "unpushed", team.commit_only),
    ),
}
_WRAPPED = (
    "trackrecord", "run", "-p", team.PROJECT, "--dataset", "digits/test=data/test.npy", "--", "python", "baseline.py",
)  # fmt: skip
# The client's first line on stderr: "trackrecord: brave-otter-42 of milestone-1 http://…/runs/01M8…".
_FIRST = re.compile(r"^trackrecord: (\S+) of \S+ \S+/runs/([0-9A-Z]{26})\b", re.MULTILINE)


def train_all(
    developers: Iterable[Developer], say: Callable[[Done], None], started: Callable[[Done], bool]
) -> list[Done]:
    """Every training of the plan, two developers at a time; each developer's one after the other.

    `started` says whether the registry has heard of a run: the one to be killed is killed only then.
    """
    stop = Event()
    done: list[Done] = []

    def afternoon(developer: Developer) -> None:
        for training in PLAN[developer.name]:
            if stop.is_set():
                return
            ended = _train(developer, training, started, stop)
            done.append(ended)
            say(ended)

    with ThreadPoolExecutor(2) as pool:
        try:
            for future in as_completed([pool.submit(afternoon, developer) for developer in developers]):
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return done


def _train(developer: Developer, training: Training, started: Callable[[Done], bool], stop: Event) -> Done:
    begin = time.monotonic()
    if training.before:
        training.before(developer)
    argv = [*(_WRAPPED if training.kind == "wrapped" else ("python", "train.py")), *training.words.split()]
    if training.kind == "killed":
        said = _train_and_kill(developer, training, argv, started, stop)
    else:
        process = call(argv, developer.environment, developer.clone)
        said = process.stderr + process.stdout
    return _read(developer, training, said, time.monotonic() - begin)


def _train_and_kill(
    developer: Developer, training: Training, argv: list[str], started: Callable[[Done], bool], stop: Event
) -> str:
    log = developer.clone.parent / "killed.log"
    with log.open("wb") as output:
        process = spawn(argv, developer.environment, developer.clone, output)
    try:
        end = time.monotonic() + 60
        while not (_FIRST.search(log.read_text()) and started(_read(developer, training, log.read_text(), 0))):
            if process.poll() is not None or time.monotonic() > end or stop.is_set():
                raise DemoError(f"the training that was to be killed did not get going:\n{log.read_text()[-3000:]}")
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    said = developer.trackrecord("sync")
    return f"{log.read_text()}\nkilled; `trackrecord sync` says: {said.splitlines()[0] if said else ''}"


def _read(developer: Developer, training: Training, said: str, seconds: float) -> Done:
    found = _FIRST.search(said)
    if not found:
        raise DemoError(f"{developer.name}'s training did not name its run:\n{said[-3000:]}")
    last = next((line for line in reversed(said.splitlines()) if line.strip() and "trackrecord: " not in line), "")
    return Done(developer.name, training.kind, training.words, found[2], found[1], last, seconds)


def describe(done: Done) -> str:
    """A line of progress."""
    about = ABOUT[done.kind]
    return f"{done.owner:5} {done.name:22} {done.said}{f' · {about}' if about else ''}"
