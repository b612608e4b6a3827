"""Did everything arrive that the script logged, in the order it logged it?"""

from registry.facts import Facts, Finding, HistoryFacts, failed, passed, refuted, unknown
from trackrecord.report import FinishReport, RunReport


def history_complete(report: RunReport, facts: Facts) -> Finding:
    """The run finished, nothing was dropped, and all its batches are here in an unbroken chain."""
    history, finish = facts.history, facts.history.finish
    if finish is None:
        return unknown(
            "The run has not ended.", "Wait until it has; if it was cut off, `trackrecord sync` sends the rest."
        )
    if finish.state != "finished":
        return _not_finished(finish)
    if finish.dropped:
        return failed(
            f"{finish.dropped:,} {'point was' if finish.dropped == 1 else 'points were'} logged and could not be kept "
            "on the machine that trained.",
            "Make room on its disk, then run again.",
        )
    return _batches(history, finish)


def _not_finished(finish: FinishReport) -> Finding:
    if finish.state == "killed":
        return failed("The run was killed before it finished.", "Run it to its end.")
    why = f": {finish.error[:200]}" if finish.error else ""
    return failed(f"The run ended with an error{why}.", "Mend it and run again.")


def _batches(history: HistoryFacts, finish: FinishReport) -> Finding:
    if history.gaps:
        return failed(f"Batches are missing ({'; '.join(history.gaps[:3])}).", "`trackrecord sync` sends them.")
    strangers = sorted(set(history.batches) - set(finish.writers))
    if strangers:
        return failed(
            f"The finish does not name {', '.join(strangers[:3])}, which also wrote.",
            "Finish a run once, when every process of it has ended.",
        )
    for writer, end in sorted(finish.writers.items()):
        arrived = history.batches.get(writer, 0)
        if arrived < end.batches:
            return failed(
                f"{arrived} of {end.batches} batches of {writer} arrived.", "`trackrecord sync` sends the others."
            )
        if arrived > end.batches or history.heads.get(writer) != end.head:
            return refuted(
                f"What arrived of {writer} is not what it says it sent: the chains differ.",
                "Run again: the history was changed on its way, or afterwards.",
            )
    count = sum(history.batches.values())
    whole = "The one batch" if count == 1 else f"All {count} batches"
    return passed(f"{whole} arrived, in an unbroken chain.")
