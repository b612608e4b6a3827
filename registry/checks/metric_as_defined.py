"""Did the run report what the project counts, under the project's name for it?"""

from difflib import get_close_matches

from registry.facts import Facts, Finding, failed, passed, unknown
from trackrecord.report import RunReport


def metric_as_defined(report: RunReport, facts: Facts) -> Finding:
    """The run has the metric that the project defines, and the one that its rule looks at."""
    metric = facts.metric
    if metric is None:
        return unknown("The project does not say which metric counts.", "A maintainer defines one for the project.")
    wanted = [metric.name] + ([metric.rule_metric] if metric.rule_metric else [])
    for name in wanted:
        if name not in facts.series:
            return failed(f"The run has no {name}; {_has(facts)}", _mend(name, facts))
    direction = "higher is better" if metric.direction == "higher" else "lower is better"
    return passed(f"{metric.name} on {metric.split}, {direction}, as the project defines it.")


def _has(facts: Facts) -> str:
    names = sorted(facts.series)
    if not names:
        return "it logged no metrics."
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return f"it has {', '.join(names[:6])}{more}."


def _mend(name: str, facts: Facts) -> str:
    near = get_close_matches(name, facts.series, n=1)
    rename = f" ({near[0]} is near: rename it)" if near else ""
    return f"Log it under exactly this name{rename}, then run again."
