"""Is the script that ran part of the code that can be put together again, and its configuration with it?"""

from registry.facts import Facts, Finding, failed, passed, unknown
from trackrecord.report import RunReport


def entry_in_tree(report: RunReport, facts: Facts) -> Finding:
    """The entry point and the configuration files that the command line names are files of the rebuilt tree."""
    entry, seen = report.command.entry, facts.code
    if not seen.looked or seen.rebuilt is None:
        why = seen.trouble or seen.rebuild_trouble or "there is no tree"
        return unknown(f"Could not look for the script in the code: {why}.", "The registry looks again by itself.")
    if entry is None:
        return failed(
            "The report names no script inside the repository: a notebook, `python -c`, or a program from elsewhere.",
            "Put what trains into a file of the repository and start that.",
        )
    if not seen.entry_in_tree:
        return failed(
            f"{entry[-200:]} ran, and it is not in the tree.",
            "Take it out of .gitignore, or make it smaller, and run again.",
        )
    if seen.configs_missing:
        return failed(
            f"The command line names {', '.join(seen.configs_missing[:3])}, which is not in the tree.",
            "Take it out of .gitignore and run again.",
        )
    configs = len(report.command.configs)
    also = f" with {configs} configuration {'file' if configs == 1 else 'files'}" if configs else ""
    return passed(f"{entry[-200:]} is a file of the tree{also}.")
