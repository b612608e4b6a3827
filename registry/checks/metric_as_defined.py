"""Did the run report what the project counts, under the project's name for it?"""

from difflib import get_close_matches

from registry.facts import CodeFacts, Facts, Finding, MetricFacts, failed, passed, unknown
from trackrecord.report import MACHINE_USE, RunReport


def metric_as_defined(report: RunReport, facts: Facts) -> Finding:
    """The run has the metric that the project defines, and the one that its rule looks at."""
    metric = facts.metric
    if metric is None:
        return unknown("The project does not say which metric counts.", "A maintainer defines one for the project.")
    wanted = [metric.name] + ([metric.rule_metric] if metric.rule_metric else [])
    for name in wanted:
        if name not in facts.series:
            return failed(f"The run has no {name}; {_has(facts)}", _mend(name, facts))
    if metric.evaluator is not None:
        trouble = _evaluator(metric, facts.code)
        if trouble is not None:
            return trouble
    direction = "higher is better" if metric.direction == "higher" else "lower is better"
    return passed(f"{metric.name} on {metric.split}, {direction}, as the project defines it.")


def _evaluator(metric: MetricFacts, seen: CodeFacts) -> Finding | None:
    """What is wrong with the file that measures; None: it is the project's."""
    if not seen.looked or seen.rebuilt is None:
        why = seen.trouble or seen.rebuild_trouble or "there is no tree"
        return unknown(f"Could not look at {metric.evaluator}: {why}.", "The registry looks again by itself.")
    pinned = (metric.evaluator_digest or "")[:12]
    found = seen.evaluators.get(metric.evaluator or "")
    if found is None:
        return failed(f"{metric.evaluator}, which measures, is not in the tree.", f"Use the project's ({pinned}).")
    if found != metric.evaluator_digest:
        return failed(
            f"{metric.evaluator}, which measures, is {found[:12]}; the project pins {pinned}.",
            "Measure with the project's evaluator; a new one needs a new metric definition.",
        )
    return None


def _has(facts: Facts) -> str:
    names = _names(facts)
    if not names:
        return "it logged no metrics."
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return f"it has {', '.join(names[:6])}{more}."


def _names(facts: Facts) -> list[str]:
    """What the script logged; what its machine did is no value of it."""
    return sorted(name for name in facts.series if not name.startswith(MACHINE_USE))


def _mend(name: str, facts: Facts) -> str:
    near = get_close_matches(name, _names(facts), n=1)
    rename = f" ({near[0]} is near: rename it)" if near else ""
    return f"Log it under exactly this name{rename}, then run again."
