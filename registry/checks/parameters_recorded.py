"""Are all parameters here, as they were sent?"""

from registry.facts import Facts, Finding, failed, passed, refuted
from trackrecord.report import RunReport


def parameters_recorded(report: RunReport, facts: Facts) -> Finding:
    """The full dictionary of parameters is there, and its digest holds."""
    if not facts.params_digest_holds:
        return refuted(
            "The parameters are not the ones that were sent: their digest differs.",
            "The registry's copy was changed; ask its operator.",
        )
    if not report.params:
        return failed(
            "The run has no parameters.", f'Hand them over: trackrecord.run("{report.project}", params=vars(args)).'
        )
    count = len(report.params)
    return passed(f"{count} {'parameter is' if count == 1 else 'parameters are'} recorded.")
