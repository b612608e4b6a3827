"""Was it the same experiment at every start? A run that is preempted and started again goes on as the same run."""

from __future__ import annotations

import re

from registry.facts import Facts, Finding, failed, passed
from registry.numbers import listed
from registry.same_start import differences, left_aside
from trackrecord.report import RunReport

_WRITER = re.compile(r"a([1-9][0-9]{0,5})")  # of a further start: "a2", "a3", …

_WITHOUT_GIT = "Put the script under git, commit, and run again: without a tree nobody can tell what ran."
_MEND = (
    "Run again and change nothing between its starts: a worktree and an environment of its own keep both as they are."
)


def attempts_agree(report: RunReport, facts: Facts) -> Finding:
    """Every start of the run had the same tree, parameters, Python and packages."""
    unknown = _not_reported(facts)
    if unknown is not None:
        return failed(
            f"What attempt {unknown} ran is not known: it was never reported.",
            "`trackrecord sync` on the machine of the run sends what is still there; else run again.",
        )
    if not facts.attempts:
        return passed("The run was started once.")
    attempts = sorted(facts.attempts, key=lambda each: each.number)
    wrong = [f"attempt {each.number} {said}" for each in attempts for said in differences(report, each.report)]
    if wrong:
        left = len(wrong) - 2
        more = f"; {left} more {'difference' if left == 1 else 'differences'}" if left > 0 else ""
        said = "; ".join(wrong[:2])
        return failed(f"{said[0].upper()}{said[1:]}{more}.", _WITHOUT_GIT if report.code.tree is None else _MEND)
    aside = list(dict.fromkeys(name for each in attempts for name in left_aside(report, each.report)))
    also = f"; they differ in {listed(aside, 3)}, as they may" if aside else ""
    return passed(f"{len(attempts) + 1} attempts of the same tree, parameters, Python and packages{also}.")


def _not_reported(facts: Facts) -> int | None:
    """The first attempt that is not known, where a later one is or something of it arrived; None: there is none.

    One that the end names with nothing in its journal ran nothing: it was stopped before it began.
    """
    known = {each.number for each in facts.attempts if each.number > 1}
    wrote: dict[int, int] = {}
    for writer, count in facts.history.batches.items():
        found = _WRITER.fullmatch(writer)
        if found and found[1] != "1":
            wrote[int(found[1])] = count
    expected = 2
    for number in sorted(known | wrote.keys()):
        if number != expected:
            return expected
        if number not in known and wrote[number]:
            return number
        expected += 1
    return None
