"""Does the run still stand, or was something said about it since?"""

from registry.facts import Facts, Finding, failed, passed
from trackrecord.report import RunReport


def standing(report: RunReport, facts: Facts) -> Finding:
    """The run was not superseded, invalidated or deleted."""
    if not facts.corrections:
        return passed("Nobody has superseded, invalidated or deleted the run.")
    said = facts.corrections[0]
    because = said.reason[:200].rstrip(".")
    match said.what:
        case "superseded":
            if said.instead is None:
                return failed(f"Superseded by another run ({said.by}: {because}).", "Ask whoever said so which one.")
            return failed(
                f"Superseded by {said.instead} ({said.by}: {because}).",
                f"`trackrecord show {said.instead}` is the later one.",
            )
        case "invalidated":
            return failed(f"Invalidated by {said.by}: {because}.", "Mend what was wrong and run again.")
        case "deleted":
            return failed(f"Deleted by {said.by}: {because}.", "Run again; the deleted run stays counted as a try.")
