"""`python -m examples.demo [--once]`: from five training scripts to verified answers in Slack, on this machine."""

from __future__ import annotations

import argparse
import fcntl
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from examples.demo import once, stage, team, transcript
from examples.demo.parts import DemoError, Parts
from examples.demo.runs import PLAN, Done, describe, train_all
from examples.demo.stage import BOT_USER, CHANNEL, Stage, wait_for

TOP = Path(__file__).resolve().parents[2]
_begin = time.monotonic()


def tell(text: str) -> None:
    """A line of progress with the seconds since the start."""
    print(f"[{time.monotonic() - _begin:5.1f} s] {text}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="ask every command, check the answers, and leave")
    parser.add_argument("--folder", type=Path, default=TOP / ".var", help="where demo/ is made, anew each time")
    args = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts it in the background ignores it
    try:
        with only_one(args.folder.absolute()) as folder:
            return run(folder, once_only=args.once)
    except DemoError as error:
        print(f"\nThe demo cannot go on: {error}\nLogs: {args.folder}/demo/logs", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0 if not args.once else 130


def _leave(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


@contextmanager
def only_one(var: Path) -> Iterator[Path]:
    """A fresh folder .var/demo for one demo at a time."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoError("another demo runs in this folder; end it first") from None
        shutil.rmtree(var / "demo", ignore_errors=True)
        (var / "demo").mkdir()
        yield var / "demo"


def run(folder: Path, *, once_only: bool) -> int:
    parts = Parts(folder)
    try:
        tell("1  starting registry (SQLite), stand-in Slack workspace and bot")
        here = stage.build(parts, folder)
        tell(f"   registry {here.registry} · workspace {here.workspace} · bot in Socket Mode")
        tell("2  a repository from examples/digits, a bare origin, a clone and a token for each of five developers")
        developers = stage.open_project(here, team.make_origin(folder))
        trainings = sum(len(plan) for plan in PLAN.values())
        tell(f"3  {trainings} trainings, two at a time")
        begin = time.monotonic()
        runs = train_all(
            developers, lambda done: tell(f"   {describe(done)}"), lambda done: stage.known_to_registry(here, done.run)
        )
        tell(f"   {len(runs)} runs in {time.monotonic() - begin:.1f} s; waiting for their checks")
        facts = {done.run: _checked(here, done) for done in runs}
        verdicts = [fact["verdict"] for fact in facts.values()]
        tell(f"   {verdicts.count('verified')} verified of {len(verdicts)}")
        boast, reply = _boast(here, facts)
        tell(f"4  emre in #milestone-1: {boast}")
        print(transcript.indent(transcript.message(reply, here.workspace)))
        if once_only:
            return once.check_all(once.Scene(here, developers, runs, facts, boast, reply), tell)
        _show(here, developers, runs)
        tell("Ctrl-C ends everything.")
        signal.pause()
        return 0
    finally:
        parts.stop_all()


def _checked(here: Stage, done: Done) -> dict[str, Any]:
    """The run as the registry keeps it, once it was checked."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = here.api(f"runs/{done.run}")
        return found if found["checked"] else None

    return wait_for(f"the check of {done.name}", look)


def _boast(here: Stage, facts: dict[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Emre claims a number that no run has, in no metric; the bot's answer in the thread comes back with it."""
    taken = {f"{headline['value']:.1%}"[:-1] for fact in facts.values() if (headline := fact["headline"])}
    number = next(text for text in ("93.4", "93.6", "93.9", "94.6", "95.7") if text not in taken)
    boast = f"{number} % with my new model"
    ts = here.say("message", user="UEMRE", channel=CHANNEL, text=boast)["ts"]
    reply = wait_for(
        "the bot's answer to the boast",
        lambda: next((m for m in here.messages("UEMRE") if m.get("thread_ts") == ts and m["user"] == BOT_USER), None),
        seconds=30,
    )
    return boast, reply


def _show(here: Stage, developers: list[team.Developer], runs: list[Done]) -> None:
    """Where to look and what to type."""
    by_kind = {done.kind: done.name for done in runs}
    first, second = runs[0].name, by_kind["dirty"]
    tell("5  ready")
    print(f"""
  In Slack's place   {here.workspace}/
  The same as pages  {here.registry}/

  Try in #milestone-1:
    /best milestone-1
    /compare {first} {second}
    /repro {second}              the dirty tree, rebuilt byte for byte
    /show {by_kind["unpushed"]}              why it is not verified
    /unverified      /recent      /help
    @trackrecord best milestone-1
  and post a boast of your own, such as: 97.1 % test accuracy!

  The same in a terminal: trackrecord best milestone-1
""")
    print(transcript.indent(developers[0].trackrecord("best", team.PROJECT)))
    print()


if __name__ == "__main__":
    sys.exit(main())
