"""Mutation run (`make mutate`): does a test fail for every small fault that is put into checks, receipts and log?

One fault at a time is put in: a comparison turned round, `and` for `or`, a `not` less, a number one higher, a word
changed, a statement or a format left out, None returned, `failed` for `refuted`. First all tests run once while it is
noted which lines they execute; then each mutant runs in a process forked off after the tests were loaded, against the
tests that execute its statement, fastest first, until one fails (killed) or none does (survived) or it takes far too
long (killed). Nothing is written to the tree: the new code is swapped into the loaded module. What survives is printed
with its line and the change, unless tests/mutants.txt has it: those change nothing that anybody could see, each with
the reason, and count as survived all the same.

    python -m tests.mutate                                  everything: 2 processes, some ten minutes
    python -m tests.mutate --only registry/log.py --most 50    one file, 50 mutants of it, evenly spread
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import pickle
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings

from tests.mutants import Mutant, applied, mutants

ROOT = Path(__file__).resolve().parents[1]
TARGETS = (
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "registry/checks").glob("*.py")),
    "registry/badges.py",
    "registry/receipts.py",
    "registry/statements.py",
    "registry/proofs.py",
    "trackrecord/receipt.py",
    "trackrecord/statement.py",
    "trackrecord/strict.py",
    "registry/log.py",
    "trackrecord/merkle.py",
    "trackrecord/note.py",
)
# Those that run in one process, and need no PostgreSQL and no other program.
TESTS = (
    "tests/checks/test_checks.py",
    "tests/checks/test_badges.py",
    "tests/checks/test_words.py",
    "tests/checks/test_words_of_ids.py",
    "tests/receipts/test_issue.py",
    "tests/receipts/test_refusals.py",
    "tests/receipts/test_strict.py",
    "tests/receipts/test_statements.py",
    "tests/receipts/test_verify.py",
    "tests/receipts/test_golden.py",
    "tests/log/test_log.py",
    "tests/log/test_log_words.py",
    "tests/log/test_merkle.py",
    "tests/log/test_note.py",
)
LEFT_OUT = "not postgresql and not other_three and not hostile_address and not writers_at_once"
KNOWN = ROOT / "tests" / "mutants.txt"
SURVIVED, KILLED, NOT_APPLIED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Seen:
    """What a test executed of the targets, and how long it took."""

    lines: frozenset[tuple[str, int]]
    seconds: float


class Loop:
    """Takes the place of pytest's own loop over the tests that it has loaded."""

    def __init__(self, files: Sequence[str], most: int, workers: int, folder: Path) -> None:
        self.files, self.most, self.workers, self.folder = files, most, workers, folder
        self.trees = {file: ast.parse((ROOT / file).read_text()) for file in TARGETS}
        self.modules = {file: importlib.import_module(_dotted(file)) for file in TARGETS}
        self.temporary: Any = None
        self.started: dict[int, tuple[int, float]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.temporary = session.config._tmp_path_factory  # type: ignore[attr-defined]
        _migrate(session.items)
        seen = self._seen(session.items)
        order = sorted(session.items, key=lambda item: seen[item.nodeid].seconds)
        known, total = _known(), Counter[str]()
        for file in self.files:
            source, every = (ROOT / file).read_text().splitlines(), mutants(file, self.trees[file])
            asked = every[:: -(-len(every) // self.most)] if self.most else every
            chosen = [[item for item in order if _runs(mutant, seen[item.nodeid])] for mutant in asked]
            found = self._outcomes(asked, chosen, seen)
            count = Counter({"killed": found.count(KILLED), "tried": len(found) - found.count(NOT_APPLIED)})
            total += count
            print(f"{count['killed']:5} of {count['tried']:4} killed  {file}  (there are {len(every)})", flush=True)
            for mutant, outcome, items in zip(asked, found, chosen, strict=True):
                words = f"{file} | {source[mutant.line - 1].strip()} | {mutant.change()}"
                if outcome == SURVIVED and words not in known:
                    print(f"    {words}{'' if items else '  (no test runs it)'}", flush=True)
        share = total["killed"] / max(total["tried"], 1)
        print(f"{total['killed']:5} of {total['tried']:4} killed: {share:.1%}", flush=True)
        return True

    def _seen(self, items: Sequence[pytest.Item]) -> dict[str, Seen]:
        """Each test once, watched; then once more with every module swapped for itself, which must change nothing."""
        kept = self.folder / "seen"

        def watched() -> int:
            kept.write_bytes(pickle.dumps(dict(_watched(items))))
            return SURVIVED

        def swapped() -> int:
            for file, module in self.modules.items():
                applied(None, ROOT / file, self.trees[file], module)
            return _failing(sorted(items, key=lambda item: seen[item.nodeid].seconds))

        self._fork(0, watched, 600)
        _, outcome = self._wait()
        assert outcome == SURVIVED, "a test fails without any fault"
        seen: dict[str, Seen] = pickle.loads(kept.read_bytes())
        self._fork(0, swapped, 600)
        _, outcome = self._wait()
        assert outcome == SURVIVED, "a test fails although no fault was put in"
        return seen

    def _outcomes(
        self, asked: Sequence[Mutant], chosen: Sequence[Sequence[pytest.Item]], seen: dict[str, Seen]
    ) -> list[int]:
        found = [SURVIVED] * len(asked)
        for number, (mutant, items) in enumerate(zip(asked, chosen, strict=True)):
            if not items:
                continue
            while len(self.started) >= self.workers:
                at, outcome = self._wait()
                found[at] = outcome
            limits = [2 + 3 * seen[item.nodeid].seconds for item in items]
            self._fork(number, lambda m=mutant, i=items, s=limits: self._tried(m, i, s), 10 + sum(limits))  # type: ignore[misc]
        while self.started:
            at, outcome = self._wait()
            found[at] = outcome
        return found

    def _tried(self, mutant: Mutant, items: Sequence[pytest.Item], limits: Sequence[float]) -> int:
        try:
            applied(mutant, ROOT / mutant.file, self.trees[mutant.file], self.modules[mutant.file])
        except ValueError:  # a method that uses `super()` without it is of another shape
            return NOT_APPLIED
        return _failing(items, limits)

    def _fork(self, number: int, work: Callable[[], int], limit: float) -> None:
        child = os.fork()
        if child:
            self.started[child] = number, time.monotonic() + limit
            return
        code = KILLED
        own = self.folder / str(os.getpid())
        own.mkdir()
        self.temporary._basetemp = own  # its files go when it has ended
        try:
            code = work()
        finally:
            os._exit(code)

    def _wait(self) -> tuple[int, int]:
        """The next that has ended: its number and how it came out. Whatever takes too long is ended, and so killed."""
        while True:
            for child, (number, until) in list(self.started.items()):
                done, status = os.waitpid(child, os.WNOHANG)
                if not done and time.monotonic() > until:
                    os.kill(child, signal.SIGKILL)
                    done, status = os.waitpid(child, 0)
                if done:
                    del self.started[child]
                    shutil.rmtree(self.folder / str(child), ignore_errors=True)
                    return number, os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else KILLED
            time.sleep(0.005)


def _migrate(items: Sequence[pytest.Item]) -> None:
    """Make the empty database that tests copy, once for all: by a test that needs it, before one that does not."""
    needs = [getattr(item, "fixturenames", ()) for item in items]
    first = next(item for item, names in zip(items, needs, strict=True) if "sqlite_engine" in names)
    other = next(item for item, names in zip(items, needs, strict=True) if "_sqlite_template" not in names)
    assert all(report.passed for report in _ran(first, other)), first.nodeid


def _failing(items: Sequence[pytest.Item], limits: Sequence[float] = ()) -> int:
    """Run tests until one fails. Only in a process of its own, which a test that takes too long (seconds) ends.

    Without limits nothing was put in, and what fails is shown.
    """
    if limits:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
    for at, item in enumerate(items):
        signal.setitimer(signal.ITIMER_REAL, limits[at] if limits else 0)
        for report in _ran(item, items[at + 1] if at + 1 < len(items) else None):
            if report.failed:
                if not limits:
                    print(f"{report.nodeid}\n{report.longreprtext}")
                return KILLED
    return SURVIVED


def _watched(items: Sequence[pytest.Item]) -> list[tuple[str, Seen]]:
    """What each test executes of the targets."""
    files = {str(ROOT / file): file for file in TARGETS}
    lines: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, _arg: Any) -> Any:
        file = files.get(frame.f_code.co_filename)
        if file is None:
            return None
        if event == "line":
            lines.add((file, frame.f_lineno))
        return trace

    found = []
    for at, item in enumerate(items):
        lines.clear()
        started = time.monotonic()
        threading.settrace(trace)
        sys.settrace(trace)
        reports = _ran(item, items[at + 1] if at + 1 < len(items) else None)
        sys.settrace(None)
        assert all(report.passed or report.skipped for report in reports), item.nodeid
        found.append((item.nodeid, Seen(frozenset(lines), time.monotonic() - started)))
    return found


def _ran(item: pytest.Item, following: pytest.Item | None) -> list[pytest.TestReport]:
    return runtestprotocol(item, log=False, nextitem=following)


def _runs(mutant: Mutant, seen: Seen) -> bool:
    """Whether the test executes the mutant's statement; what stands outside of functions, whoever runs the file."""
    if mutant.inside:
        return any((mutant.file, line) in seen.lines for line in mutant.lines)
    return any(file == mutant.file for file, _ in seen.lines)


def _known() -> set[str]:
    """Survivors that were read: the indented lines of mutants.txt, each group under the sentence that says why."""
    return {line.strip() for line in KNOWN.read_text().splitlines() if line.startswith("    ")}


def _dotted(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def main() -> int:
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--only", nargs="+", default=TARGETS, metavar="FILE", help="these files instead of all")
    words.add_argument("--most", type=int, default=0, help="so many mutants of a file at most, evenly spread; 0: all")
    words.add_argument("--workers", type=int, default=2, help="so many at once")
    given = words.parse_args()
    hypothesis_settings.register_profile(
        "mutants", derandomize=True, database=None, phases=(Phase.explicit, Phase.generate)
    )
    hypothesis_settings.load_profile("mutants")
    with tempfile.TemporaryDirectory() as folder:
        loop = Loop(given.only, given.most, given.workers, Path(folder))
        options = [
            "-q",
            "-s",
            "-p",
            "no:randomly",
            "-p",
            "no:xdist",
            "--timeout",
            "0",
            "--disable-warnings",
            "-k",
            LEFT_OUT,
        ]
        kept = ["--basetemp", f"{folder}/tests", "-o", "tmp_path_retention_policy=none"]
        return int(pytest.main([*options, *kept, *(str(ROOT / test) for test in TESTS)], plugins=[loop]))


if __name__ == "__main__":
    raise SystemExit(main())
