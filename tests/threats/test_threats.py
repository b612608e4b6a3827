"""Teammates who cut corners: every row of the table is played through the API, and the answer is what the table says.

A row says what he does, whether it is caught, and by what, or what is said instead. Where it is not caught, the honest
words must stand in the answer, and nothing may claim more.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from registry.db import connect
from tests.threats import code, numbers, rewriting
from tests.threats.office import Office

pytestmark = pytest.mark.soak


Play = Callable[[Office], None]


class Row(NamedTuple):
    """A row of the table, in its words, and how it is played."""

    he: str
    caught: str
    by: str
    plays: tuple[Play, ...]


# He …, is it caught?, by what or what we say instead.
TABLE = (
    Row(
        "edits a metric afterwards (API, SQL, backup)",
        "yes",
        "sealed record, receipt, log, checkpoints",
        (rewriting.edits_through_the_api, rewriting.edits_by_sql, rewriting.edits_by_a_backup),
    ),
    Row("re-sends a step with another value", "yes", "equivocation", (rewriting.re_sends_a_step,)),
    Row("back-dates", "yes", "server clock and log order; git dates prove nothing", (rewriting.back_dates,)),
    Row(
        "types or prints a fake number",
        "no (unless recomputed or reproduced)",
        "value as reported by the run",
        (numbers.types_a_fake_number, numbers.types_a_fake_number_beside_predictions),
    ),
    Row(
        "reports the best of 500 seeds",
        "the registered ones",
        "best of 500, median …, expected best of 5 = …",
        (numbers.reports_the_best_of_many_seeds,),
    ),
    Row("deletes bad runs", "yes", "tombstones stay counted", (numbers.deletes_bad_runs,)),
    Row("trains on the test set", "no", "not checked", (numbers.trains_on_the_test_set,)),
    Row(
        "evaluates on another split or subset",
        "partly",
        "metric definition, dataset digest, example count",
        (numbers.evaluates_on_other_data,),
    ),
    Row(
        "renames the metric, flips the direction, uses look-alike letters",
        "yes",
        "definitions belong to the project; metric names are ASCII",
        (numbers.renames_the_metric,),
    ),
    Row(
        "picks the best step",
        "yes",
        "rule, step and last value shown; is the artifact from that step?",
        (numbers.picks_the_best_step,),
    ),
    Row(
        "runs a dirty tree, an untracked file",
        "yes",
        "tree rebuilt; code outside the repository: not checked",
        (code.runs_a_dirty_tree,),
    ),
    Row(
        "uses a fork's commit, force-pushes later",
        "yes",
        "reachable from an allowed ref; pinned: was reachable at T",
        (code.uses_a_forks_commit, code.force_pushes_later),
    ),
    Row(
        "improves the record by 0.00001 every hour",
        "yes",
        "minimum margin, seed noise, rate limit",
        (numbers.improves_by_a_hair_every_hour,),
    ),
    Row(
        "uses a colleague's token, posts under another name",
        "partly",
        "the token says who it is, never the report; a stolen token: no",
        (rewriting.uses_a_colleagues_name,),
    ),
    Row(
        "resumes from a better checkpoint",
        "no",
        "initial weights: not checked",
        (numbers.resumes_from_a_better_checkpoint,),
    ),
    Row("is lucky once", "no", "how far seeds spread is not known", (numbers.is_lucky_once,)),
    Row(
        "signs a false receipt as the operator", "no", "the registry's key vouches", (rewriting.signs_a_false_receipt,)
    ),
)
PLAYS = [
    pytest.param(play, id=f"{row.he} | {row.caught} | {row.by}" + (f" [{number}]" if number else ""))
    for row in TABLE
    for number, play in enumerate(row.plays)
]


@pytest.mark.parametrize("play", PLAYS)
def test_he(sqlite_engine: sa.Engine, tmp_path: Path, play: Play) -> None:
    play(Office.open(sqlite_engine, tmp_path))


def test_who_edits_by_sql_is_caught_on_postgresql_too(postgres_url: str, tmp_path: Path) -> None:
    engine = connect(postgres_url)
    rewriting.edits_by_sql(Office.open(engine, tmp_path))
    engine.dispose()
