"""Was it measured on the data that the project means?"""

from registry.facts import DatasetFacts, Facts, Finding, MetricFacts, failed, passed, unknown
from trackrecord.report import RunReport


def data_pinned(report: RunReport, facts: Facts) -> Finding:
    """The dataset that the metric definition names was declared, with the pinned digest of all its content."""
    metric = facts.metric
    if metric is None:
        return unknown("The project does not say on which data.", "A maintainer defines a metric for the project.")
    named = [dataset for dataset in facts.datasets if dataset.name == metric.dataset]
    if not named:
        return _not_declared(metric, facts)
    others = [dataset for dataset in named if dataset.digest != metric.dataset_digest]
    if others:
        return failed(
            f"{metric.dataset} was {others[0].digest[:12]}, the project pins {metric.dataset_digest[:12]}: "
            "another split or version, this number cannot be compared.",
            "Measure on the pinned data and run again; new data needs a new metric definition.",
        )
    return _as_a_whole(metric, named)


def _not_declared(metric: MetricFacts, facts: Facts) -> Finding:
    declared = ", ".join(sorted({dataset.name for dataset in facts.datasets})[:5])
    return failed(
        f"The run did not declare {metric.dataset}; it declared {declared or 'no data'}.",
        f'Declare it: run.dataset("{metric.dataset}", path=…, split="{metric.split}").',
    )


def _as_a_whole(metric: MetricFacts, named: list[DatasetFacts]) -> Finding:
    partial = next((dataset.partial for dataset in named if dataset.partial), None)
    if partial:
        return failed(
            f"The digest of {metric.dataset} does not cover all of it: {partial}.", "Let the client read all of it."
        )
    split = next((dataset.split for dataset in named if dataset.split not in (None, metric.split)), None)
    if split:
        return failed(
            f"{metric.dataset} was declared as the split {split}, the project means {metric.split}.",
            f'Declare it with split="{metric.split}" and run again.',
        )
    return passed(f"{metric.dataset} was declared with the pinned digest {metric.dataset_digest[:12]}.")
