"""Are the files that the run named here, byte for byte?"""

from registry.facts import Facts, Finding, failed, passed, refuted
from trackrecord.report import RunReport


def artifacts_intact(report: RunReport, facts: Facts) -> Finding:
    """Every artifact is in the store now, with the size and SHA-256 that the run named."""
    for artifact in facts.artifacts:
        if artifact.stored_size is not None and not (artifact.stored_intact and artifact.stored_size == artifact.size):
            return refuted(
                f"{artifact.name} in the store is not the file that the run named ({artifact.digest[:12]}).",
                "Send it again: `trackrecord sync`; if it stays so, ask the registry's operator.",
            )
    absent = [artifact.name for artifact in facts.artifacts if artifact.stored_size is None]
    if absent:
        more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
        return failed(f"Not in the store yet: {', '.join(absent[:3])}{more}.", "`trackrecord sync` sends them.")
    count = len(facts.artifacts)
    if not count:
        return passed("The run named no artifacts.")
    return passed(f"{count} {'artifact is' if count == 1 else 'artifacts are'} in the store, byte for byte.")
