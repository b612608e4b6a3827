"""Would whoever reads the run read a password with it?"""

from registry.facts import Facts, Finding, failed, passed, unknown
from registry.leaks import MOST_READ
from trackrecord.report import RunReport


def no_secrets(report: RunReport, facts: Facts) -> Finding:
    """No password, token or key was found in parameters, command line, addresses or the patch."""
    places, patch = facts.secrets, facts.patch_bytes
    if places:
        left = len(places) - 3
        more = f" and {left} more {'place' if left == 1 else 'places'}" if left > 0 else ""
        return failed(
            f"What looks like a secret is in {', '.join(places[:3])}{more}; the run's content is hidden.",
            "Withdraw that secret where it was issued, keep it out of the run (environment variable), and run again.",
        )
    if patch is None:
        return unknown(
            "The patch of uncommitted changes is not in the store: nobody could look for secrets in it.",
            "`trackrecord sync` on the machine of the run sends what is still there.",
        )
    if patch > MOST_READ:
        return unknown(
            f"The patch is larger than {MOST_READ // 1_000_000} MB: it was not looked through for secrets to its end.",
            "Commit and push what is large, or keep it out of the repository (.gitignore), and run again.",
        )
    return passed("No known form of a secret in parameters, command line, addresses and the text of the patch.")
