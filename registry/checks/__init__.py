"""One check a file: `def name(report, facts) -> Finding`. The file's name is the check's, its docstring its title.

A check is handed what was seen and says what that means; it looks at nothing itself. A check that raises is a bug and
stops the judging: nothing is kept of a judgement that was not finished.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache

from registry.facts import Facts, Finding, PolicyFacts
from registry.folder import functions_in
from trackrecord.report import RunReport

# No project can do without these: they say whether the record is the one that was handed in, of one experiment, and
# whether it stands.
_ALWAYS = frozenset(("report_well_formed", "writer_known", "attempts_agree", "sealed", "standing", "no_secrets"))

Check = Callable[[RunReport, Facts], Finding]


@cache
def checks() -> dict[str, Check]:
    """Every check of this folder, by name."""
    return functions_in(sys.modules[__name__])


def titles() -> dict[str, str]:
    """Each check in one sentence, by name."""
    return {name: (check.__doc__ or "").partition("\n")[0] for name, check in checks().items()}


def judge(report: RunReport, facts: Facts) -> dict[str, Finding]:
    """What every check says, by name."""
    return {name: check(report, facts) for name, check in checks().items()}


def asked(policy: PolicyFacts) -> frozenset[str]:
    """The checks that a verified run must pass by the project's rules; where those name none, every one."""
    return frozenset(policy.checks) & frozenset(checks()) | _ALWAYS if policy.checks else frozenset(checks())
