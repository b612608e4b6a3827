"""Is what the registry keeps of the run what it sealed when the run ended?"""

from registry.facts import Facts, Finding, passed, refuted, unknown
from trackrecord.report import RunReport


def sealed(report: RunReport, facts: Facts) -> Finding:
    """The run's record is a leaf of the log, a signed checkpoint covers it, and what is kept is that record."""
    seal = facts.seal
    if seal.leaf is None:
        return unknown("The run is not sealed: it has not ended.", "Wait until it has.")
    if not seal.holds:
        return refuted(
            f"The seal is broken: {seal.trouble}.",
            "Ask the registry's operator to run `python -m registry doctor`; what was changed has to be run again.",
        )
    return passed(f"The record is leaf {seal.leaf} of the log, under a signed checkpoint.")
