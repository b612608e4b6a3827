"""What must be installed to run it again?"""

from collections.abc import Iterator

from registry.facts import Facts, Finding, failed, passed
from trackrecord.report import EnvironmentReport, RunReport


def environment_locked(report: RunReport, facts: Facts) -> Finding:
    """Interpreter, packages with exact versions, operating system, processor, and the driver of every GPU are named."""
    environment = report.environment
    missing = list(_missing(environment))
    if missing:
        return failed(
            f"The report does not say {', '.join(missing)}.",
            "Run with the trackrecord client, inside the environment that trains.",
        )
    count, gpus = len(environment.packages), len(environment.gpus)
    packages = f"{count} {'package' if count == 1 else 'packages'}"
    also = f", {gpus} {'GPU' if gpus == 1 else 'GPUs'} with driver {environment.driver}" if gpus else ""
    return passed(f"Python {environment.python}, {packages}, {environment.os}{also}.")


def _missing(environment: EnvironmentReport) -> Iterator[str]:
    if not environment.python:
        yield "which Python"
    if not environment.packages:
        yield "which packages"
    unversioned = [package.name for package in environment.packages if not package.version]
    if unversioned:
        yield f"which version of {', '.join(unversioned[:3])}"
    if not environment.os or not environment.machine:
        yield "which operating system and processor"
    if environment.gpus and not environment.driver:
        yield "which GPU driver"
