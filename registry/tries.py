"""How a value was selected: every try of its configuration, how the values spread, what the best of a few would be.

A try is any run with the same code and the same parameters up to the seed, whatever became of it.
"""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from registry.asker import Asker
from registry.numbers import bare, counted, listed, read
from registry.ranking import Result, expected_best, spread
from registry.results import results
from registry.tables import MetricDefinition, Run

_BUDGET = 5  # the best of so many runs: what somebody with an afternoon may expect


@dataclass(frozen=True, slots=True)
class Tries:
    """How many there were, what became of them by word, and the values of those that rank."""

    total: int
    words: tuple[tuple[str, int], ...]
    results: tuple[Result, ...]


def tries(
    session: Session, project: str, config: str, metric: MetricDefinition | None, asker: Asker, now: datetime
) -> Tries:
    """Every run of the configuration. One that was withdrawn goes by that word, one that did not end well by its state,
    the others by their verdict."""
    same = (col(Run.project_id) == project, col(Run.config_digest) == config)
    silent = col(Run.heard_at) < now - timedelta(seconds=asker.silent_after_s)
    word = sa.case(
        (col(Run.withdrawn) != "", col(Run.withdrawn)),
        (sa.and_(col(Run.state) == "running", silent), "silent"),
        (col(Run.state) != "finished", col(Run.state)),
        else_=col(Run.verdict),
    ).label("word")
    each = sa.select(word).where(*same).subquery()
    query = sa.select(each.c.word, sa.func.count()).group_by(each.c.word)
    found: Counter[str] = Counter()
    for name, count in session.execute(query):
        found[name] = count
    ranked = results(session, metric, same) if metric is not None else []
    order = sorted(found.items(), key=lambda pair: (pair[0] != "verified", -pair[1], pair[0]))
    return Tries(found.total(), tuple(order), tuple(ranked))


def said(tries: Tries, metric: MetricDefinition | None, *, best: bool) -> str:
    """The selection in two sentences at most. `best`: it is said beside the value that leads."""
    if tries.total < 2:
        return (
            "This configuration (code and parameters up to the seed) was tried once: how far seeds spread is not known."
        )
    which = listed([f"{count:,} {word}" for word, count in tries.words], 8)
    text = f"{'Best' if best else 'One'} of {tries.total:,} runs of this configuration ({which})"
    values = [result.value for result in tries.results]
    if metric is None or not values:
        return f"{text}; none of them counts."
    if len(values) == 1:
        return f"{text}; one of them counts: {read(values[0], metric)}."
    text += f"; median {read(statistics.median(values), metric)}"
    expected = expected_best(values, _BUDGET, metric.direction)
    if expected is None:
        text += f"; {len(values)} values are too few to say what the best of {_BUDGET} is expected at."
    else:
        text += f"; the best of {_BUDGET} such runs is expected at {read(expected, metric)}."
    return f"{text} {_spread_words(tries, metric)}"


def _spread_words(tries: Tries, metric: MetricDefinition) -> str:
    seen = spread(tries.results)
    assert seen is not None
    assert seen.std is not None
    values = [result.value for result in tries.results]
    ends = f"from {bare(min(values), metric)} to {read(max(values), metric)}"
    mean = f"mean {bare(seen.mean, metric)} ± {bare(seen.std, metric)}"
    return f"The {counted(seen.count, 'run')} that count, over {counted(seen.seeds, 'seed')}: {mean}, {ends}."
