"""Who wrote it, might they, and did they say one thing only?"""

from registry.facts import Facts, Finding, failed, passed, refuted
from trackrecord.report import RunReport


def writer_known(report: RunReport, facts: Facts) -> Finding:
    """The token that wrote could write to the project, and no batch came twice with other content."""
    if facts.history.equivocations:
        times = "once" if facts.history.equivocations == 1 else f"{facts.history.equivocations} times"
        return refuted(
            f"A batch that was already here came again with other content, {times}.",
            "Run again: this history was sent in two versions.",
        )
    if not facts.writer_may:
        return failed(
            f"The token of {facts.owner} could not write to {report.project} when it wrote.",
            "Ask a maintainer for a runner's token for the project, then run again.",
        )
    return passed(f"Written by {facts.owner}, who may write to {report.project}.")
