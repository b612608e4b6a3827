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
        return refuted(
            f"What the report calls its commit is no full commit id: it is {_instead(code.commit)}.",
            "Report with the trackrecord client.",
        )
    short = code.commit[:12]
    if not seen.looked:
        return unknown(
            f"Could not look for {short}: {seen.trouble}.",
            "The registry looks again by itself; if it stays so, a maintainer checks the project's repository.",
        )
    if seen.commit_kind in ("tag", "tree", "blob"):
        return refuted(f"{short} is a {seen.commit_kind}, not a commit.", "Report with the trackrecord client.")
    if not seen.refs and facts.reachable_at is not None:
        return failed(
            f"The commit {short} is on no allowed branch or tag any more; it was reachable at "
            f"{facts.reachable_at:%Y-%m-%d %H:%M} UTC, and the registry keeps it.",
            f"Push it again, to a branch or as a tag, then `trackrecord recheck {report.name}`.",
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


def _instead(value: str) -> str:
    """What somebody wrote where a full id belongs, in words."""
    if not value.strip():
        return "empty"
    if value == "HEAD":
        return "HEAD, which is wherever one stands"
    if any(sign in value for sign in ("~", "^", "@{", ":")):
        return "a path from one commit to another, not an id"
    if value != value.strip():
        return "an id with a blank or a line break beside it"
    if re.fullmatch("[0-9a-fA-F]+", value):
        return _hexadecimal(value)
    return "a name, which can move to another commit"


def _hexadecimal(value: str) -> str:
    if not value.strip("0"):
        return f"{len(value)} zeros, which is how git writes none at all"
    if value != value.lower():
        return "in capitals, and git writes ids in small letters"
    return f"{len(value)} characters long, and a short id can come to mean another commit"


def _sentence(text: str) -> str:
    return text[:300].rstrip(".") + "."
