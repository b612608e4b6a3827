"""Would whoever reads the run read a password with it?"""

from registry.facts import Facts, Finding, failed, passed
from trackrecord.report import RunReport


def no_secrets(report: RunReport, facts: Facts) -> Finding:
    """No password, token or key was found in parameters, command line, addresses or the patch."""
    places = facts.secrets
    if not places:
        return passed("No known form of a secret in parameters, command line, addresses and patch.")
    more = f" and {len(places) - 3} more places" if len(places) > 3 else ""
    return failed(
        f"What looks like a secret is in {', '.join(places[:3])}{more}; the run's content is hidden.",
        "Withdraw that secret where it was issued, keep it out of the run (an environment variable), and run again.",
    )
