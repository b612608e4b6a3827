"""Which value counts? The registry takes it from the history itself; what a script calls its best is not asked."""

from registry.badges import agrees, belongs
from registry.facts import Facts, Finding, MetricFacts, SeriesFacts, failed, passed, refuted, unknown
from trackrecord.report import RunReport


def headline_recomputed(report: RunReport, facts: Facts) -> Finding:
    """The registry took the headline value from the history by the project's rule, and it is a finite number."""
    metric = facts.metric
    if metric is None:
        return unknown("The project does not say which metric counts.", "A maintainer defines one for the project.")
    series = facts.series.get(metric.name)
    if series is None:
        return failed(f"The run has no {metric.name}.", f'Log it: run.log({{"{metric.name}": value}}, step=step).')
    if series.headline is None:
        said = series.headline_trouble or f"{metric.name} has no value that counts"
        return failed(f"{said[0].upper()}{said[1:]}.", "A run counts when this value is a finite number.")
    return _beside_own(metric, series, facts)


def _beside_own(metric: MetricFacts, series: SeriesFacts, facts: Facts) -> Finding:
    """The same beside what the registry itself computed from the run's predictions, where there are any."""
    own, taken = facts.recomputed, _taken(metric, series)
    if own is None:
        return passed(taken)
    if own.value is None:
        return passed(f"{taken} The predictions were of no use: {own.trouble}.")
    if not belongs(facts):
        return passed(f"{taken} The predictions are of step {own.step}, not of the one that counts.")
    said = f"the registry computes {own.value:.6g} from the predictions of {own.count:,} examples"
    if not agrees(facts):
        return refuted(
            f"The run reports {series.headline:.6g}, {said}.",
            "Log what the evaluation gives, hand in the predictions it was computed from, and run again.",
        )
    return passed(f"{taken} {said[0].upper()}{said[1:]}.")


def _taken(metric: MetricFacts, series: SeriesFacts) -> str:
    rule = {"last": "the last value", "best": "the best value", "at_best_of": f"where {metric.rule_metric} is best"}
    said = f"{metric.name} is {series.headline:.6g} at step {series.headline_step}, {rule[metric.rule]}"
    if series.headline_step == series.last_step:
        return f"{said} of {series.count}."
    last = series.last_kind if series.last is None else f"{series.last:.6g}"
    return f"{said}; the last of {series.count} is {last} at step {series.last_step}."
