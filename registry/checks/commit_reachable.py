"""Can the team get the commit? A commit that only one laptop has cannot be repeated by anybody."""

import re

from registry.facts import Facts, Finding, failed, passed, refuted, unknown
from trackrecord.report import OBJECT_ID, RunReport


def commit_reachable(report: RunReport, facts: Facts) -> Finding:
    """The commit is on an allowed branch or tag of the project's repository, as the registry's own mirror has it."""
    code, seen = report.code, facts.code
    if code.commit is None:
        return failed(
            _sentence(code.problem or "The report names no commit."), "Put the script under git, commit, push."
        )
    if not re.fullmatch(OBJECT_ID.strip("^$"), code.commit) or not code.commit.strip("0"):
        return refuted("What the report calls its commit is no full commit id.", "Report with the trackrecord client.")
    short = code.commit[:12]
    if not seen.looked:
        return unknown(
            f"Could not look for {short}: {seen.trouble}.",
            "The registry looks again by itself; if it stays so, a maintainer checks the project's repository.",
        )
    if not seen.refs:
        branch = f" (of the branch {code.branch[:80]})" if code.branch else ""
        return failed(
            f"The commit {short}{branch} is on no allowed branch or tag of the repository.",
            f"`git push`, then `trackrecord recheck {report.name}`.",
        )
    names = [ref.removeprefix("refs/heads/").removeprefix("refs/tags/") for ref in seen.refs]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return passed(f"The commit {short} is on {', '.join(names[:3])}{more}.")


def _sentence(text: str) -> str:
    return text[:300].rstrip(".") + "."
