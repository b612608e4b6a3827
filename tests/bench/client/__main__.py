"""`make bench-client`: install every tool into an environment of its own, then measure without a network."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench.client.peers import ENVIRONMENTS, OURS, PEERS, Peer

ALONE = ["unshare", "--map-root-user", "--net"]  # util-linux: a network that is this process's alone


def main() -> None:
    """Two halves, because what is measured must not reach a network and what installs must."""
    given = argparse.ArgumentParser(prog="make bench-client")
    given.add_argument("--json", type=Path, help="also write everything into this file")
    given.add_argument("--quick", action="store_true", help="few calls: whether it works, not how long it takes")
    given.add_argument("--only", default="", help="tools by name, with commas between")
    given.add_argument("--problems", default="", help=argparse.SUPPRESS)
    given.add_argument("--alone", choices=["yes", "no"], help=argparse.SUPPRESS)
    told = given.parse_args()
    if told.alone:
        from tests.bench.client import measure

        problems = dict(line.split("=", 1) for line in told.problems.splitlines())
        measure.bench(told.json, told.quick, _wanted(told.only), problems, alone=told.alone == "yes")
        return
    problems = {}
    for peer in (OURS, *_wanted(told.only)):
        if peer.env not in problems and (why := _install(peer)):
            print(f"{peer.name}: not installed ({why})", file=sys.stderr)
            problems[peer.env] = why
    if OURS.env in problems:
        raise SystemExit(1)
    alone = shutil.which(ALONE[0]) is not None and subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0
    words = [sys.executable, "-m", "tests.bench.client", *sys.argv[1:], "--alone", "yes" if alone else "no"]
    words += ["--problems", "\n".join(f"{env}={why}" for env, why in problems.items())]
    words = [*(ALONE if alone else []), *words]
    os.execvp(words[0], words)


def _wanted(only: str) -> list[Peer]:
    names = only.split(",") if only else []
    return [peer for peer in PEERS if not names or peer.tool in names]


def _install(peer: Peer) -> str:
    """Into `.tools/bench/NAME`, from the package index; the reason where that did not work."""
    uv, place = shutil.which("uv") or ".tools/bin/uv", ENVIRONMENTS / peer.env
    python = str(place / "bin/python")
    fresh = ["--reinstall-package", "trackrecord"] if peer is OURS else []
    steps = [] if Path(python).exists() else [[uv, "venv", "-q", "--no-project", "-p", sys.executable, str(place)]]
    steps.append([uv, "pip", "install", "-q", "--compile-bytecode", *fresh, "-p", python, *peer.requirements])
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            return " ".join(lines[-1:])[:200] or f"exit code {done.returncode}"
    return ""


if __name__ == "__main__":
    main()
