"""Histories through real databases: exact, idempotent, whatever the order of arrival and however many write."""

from __future__ import annotations

import itertools
import math
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import numpy as np
import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from registry import history
from registry.db import reading, transaction
from registry.facts import MetricFacts
from registry.tables import Batch, Chunk, Equivocation, Run, Series
from tests.storage.rows import batch_of, digest_of, make_run
from trackrecord.errors import TrackrecordError
from trackrecord.report import BatchReport, PointsReport, Value, chain, link


@pytest.fixture
def run(engine: sa.Engine, now: datetime) -> Run:
    with transaction(engine) as session:
        return make_run(session, now)


def send(
    engine: sa.Engine, run: Run, sequence: int, batch: BatchReport, now: datetime, writer: str = "main"
) -> history.Appended:
    with transaction(engine) as session:
        return history.append(session, run, writer, sequence, digest_of(batch), batch, now)


def read(engine: sa.Engine, run: Run, metric: str) -> history.Points:
    with reading(engine) as session:
        return history.read(session, run.id, metric)


def series(engine: sa.Engine, run: Run, metric: str = "loss") -> Series:
    with reading(engine) as session:
        row = session.exec(select(Series).where(Series.run_id == run.id, Series.metric == metric)).one()
        session.expunge(row)
        return row


def waiting(session: Session, run: Run) -> int:
    """Tails that are not in chunks yet."""
    return session.exec(select(sa.func.count()).where(col(Batch.run_id) == run.id, col(Batch.tail).is_not(None))).one()


def chunk_sizes(session: Session, metric: str) -> list[int]:
    asked = select(Chunk.points).join(Series, col(Series.id) == Chunk.series_id).where(Series.metric == metric)
    return list(session.exec(asked.order_by(col(Chunk.number))))


LAST = MetricFacts(
    name="test/accuracy",
    split="test",
    dataset="digits/test",
    dataset_digest="a" * 64,
    direction="higher",
    rule="last",
    rule_metric=None,
    decimals=2,
    percent=True,
    margin=0.0,
    tolerance=0.0,
)


def test_what_is_sent_is_read(engine: sa.Engine, run: Run, now: datetime) -> None:
    assert send(engine, run, 0, batch_of(loss=[0.5, "NaN", "-Infinity", -0.0, 5e-324], other=[1.0]), now) == "kept"
    points = read(engine, run, "loss")
    assert points.steps.tolist() == [0, 1, 2, 3, 4]
    assert points.times.tolist() == [1_790_000_000_000 + 1000 * step for step in range(5)]
    assert math.isnan(points.values[1])
    assert points.values[[0, 2, 3, 4]].tolist() == [0.5, -math.inf, 0.0, 5e-324]
    assert math.copysign(1, points.values[3]) == -1
    assert len(read(engine, run, "none")) == 0


def test_the_summary_follows(engine: sa.Engine, run: Run, now: datetime) -> None:
    send(engine, run, 0, batch_of(loss=[0.5, 0.25, "NaN"]), now)
    send(engine, run, 1, batch_of(start=3, loss=[0.75, "Infinity"]), now)
    row = series(engine, run)
    assert (row.count, row.not_finite, row.first_step, row.last_step) == (5, 2, 0, 4)
    assert (row.last_kind, row.last) == ("+inf", None)
    assert (row.best_high, row.best_high_step, row.best_low, row.best_low_step) == (0.75, 3, 0.25, 1)


def test_a_batch_that_comes_twice_is_one_batch(engine: sa.Engine, run: Run, now: datetime) -> None:
    assert send(engine, run, 0, batch_of(loss=[1.0]), now) == "kept"
    assert send(engine, run, 0, batch_of(loss=[1.0]), now) == "again"
    assert series(engine, run).count == 1
    assert len(read(engine, run, "loss")) == 1


def test_other_content_under_the_same_number_is_evidence(engine: sa.Engine, run: Run, now: datetime) -> None:
    send(engine, run, 0, batch_of(loss=[1.0]), now)
    for _ in range(2):
        assert send(engine, run, 0, batch_of(loss=[0.0]), now) == "other"
    with reading(engine) as session:
        evidence = session.exec(select(Equivocation)).one()
        assert evidence.digest == digest_of(batch_of(loss=[0.0]))
        facts = history.facts(session, session.get_one(Run, run.id))
        assert facts.equivocations == 1
    assert read(engine, run, "loss").values.tolist() == [1.0]


def test_many_batches_become_chunks_and_nothing_is_lost(engine: sa.Engine, run: Run, now: datetime) -> None:
    values = np.random.default_rng(1).normal(size=(520, 10))
    with transaction(engine) as session:
        for sequence in range(520):
            batch = batch_of(start=sequence * 10, loss=values[sequence].tolist(), accuracy=[0.5])
            history.append(session, run, "main", sequence, f"{sequence:064}", batch, now)
    with reading(engine) as session:
        assert 0 < waiting(session, run) < 100
        assert max(chunk_sizes(session, "loss")) <= history.CHUNK_POINTS
    points = read(engine, run, "loss")
    assert points.steps.tolist() == list(range(5_200))
    assert points.values.tobytes() == values.tobytes()
    with transaction(engine) as session:
        history.compact(session, run.id)
    with reading(engine) as session:
        assert waiting(session, run) == 0
        assert chunk_sizes(session, "loss") == [4_096, 1_104]
    assert read(engine, run, "loss").values.tobytes() == values.tobytes()
    assert series(engine, run).count == 5_200


def test_the_order_of_arrival_changes_nothing(
    engine: sa.Engine, run: Run, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "TAIL_ROWS", 20)
    # All points have the same step and time: only the writer's own order says which one is last.
    batches = [
        BatchReport(points=[PointsReport(metric="loss", steps=[7] * 40, times=[1] * 40, values=[float(n)] * 40)])
        for n in range(200)
    ]
    order = list(enumerate(batches))
    random.Random(1).shuffle(order)
    with transaction(engine) as session:
        for sequence, batch in order:
            history.append(session, run, "main", sequence, f"{sequence:064}", batch, now)
    points = read(engine, run, "loss")
    assert points.values.tolist() == [float(n) for n in range(200) for _ in range(40)]
    with transaction(engine) as session:
        history.compact(session, run.id)
    assert read(engine, run, "loss").values.tolist() == points.values.tolist()


def test_a_batch_that_is_missing_for_long_does_not_let_tails_grow(
    engine: sa.Engine, run: Run, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "TAIL_ROWS", 20)
    monkeypatch.setattr(history, "PATIENCE_ROWS", 80)
    for first, last, most in ((1, 80, 79), (80, 200, 80)):
        with transaction(engine) as session:
            for sequence in range(first, last):
                history.append(session, run, "main", sequence, f"{sequence:064}", batch_of(sequence, loss=[1.0]), now)
            assert waiting(session, run) <= most
    assert send(engine, run, 0, batch_of(loss=[2.0]), now) == "kept"
    assert read(engine, run, "loss").values.tolist() == [2.0] + [1.0] * 199


def test_writers_of_one_run_do_not_lose_each_others_points(engine: sa.Engine, run: Run, now: datetime) -> None:
    def write(writer: int) -> None:
        for sequence in range(40):
            start = sequence * 2
            metrics: dict[str, list[Value]] = {"loss": [float(writer), float(writer)], f"loss_{writer}": [1.0]}
            send(engine, run, sequence, batch_of(start=start, **metrics), now, writer=f"rank-{writer}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    row = series(engine, run)
    assert (row.count, row.first_step, row.last_step, row.best_high) == (320, 0, 79, 3.0)
    assert len(read(engine, run, "loss")) == 320
    with reading(engine) as session:
        assert len(history.series_facts(session, run.id, None)) == 5


def test_the_headline_is_taken_from_the_points(engine: sa.Engine, run: Run, now: datetime) -> None:
    send(engine, run, 1, batch_of(start=2, test__accuracy=[0.912]), now)
    send(engine, run, 0, batch_of(test__accuracy=[0.5, 0.95], loss=[1.0]), now)
    with transaction(engine) as session:  # whoever edits the summary does not edit the headline
        session.execute(sa.update(Series).values(last=0.99, best_high=0.99))
    with reading(engine) as session:
        assert history.headline(session, run.id, LAST) == (0.912, 2)
        seen = history.series_facts(session, run.id, LAST)
        assert (seen["test/accuracy"].headline, seen["test/accuracy"].last) == (0.912, 0.912)
        assert seen["loss"].headline is None


def test_a_diverged_run_has_no_headline(engine: sa.Engine, run: Run, now: datetime) -> None:
    send(engine, run, 0, batch_of(test__accuracy=[0.5, "NaN"]), now)
    with reading(engine) as session:
        assert history.headline(session, run.id, LAST) == (None, None)
        seen = history.series_facts(session, run.id, LAST)["test/accuracy"]
    assert seen.headline_trouble == "the last test/accuracy is NaN at step 1"
    assert (seen.last, seen.last_kind) == (None, "nan")


def double(engine: sa.Engine, value: str) -> str:
    if engine.dialect.name == "postgresql":
        return f"CAST({value} AS double precision)"
    return {"'Infinity'": "9e999", "'-Infinity'": "-9e999"}.get(value, value)


def refuses(engine: sa.Engine, statement: str) -> None:
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError):
        connection.exec_driver_sql(statement)


def test_no_planted_number_sorts_above_a_number(engine: sa.Engine, now: datetime) -> None:
    """NaN sorts first on PostgreSQL, NULL first on SQLite, text above all in a loose SQLite column: none gets in."""
    with transaction(engine) as session:
        honest = [make_run(session, now) for _ in range(3)]
        for run, value in zip(honest, (0.9, 0.8, 0.7), strict=True):
            run.headline = value
        planted = [make_run(session, now).id for _ in range(4)]
    for run_id, value in zip(planted, ("'NaN'", "'Infinity'", "'-Infinity'", "'0.99x'"), strict=True):
        refuses(engine, f"UPDATE run SET headline = {double(engine, value)} WHERE id = '{run_id}'")
    for run_id, number in zip(planted, (math.nan, math.inf, -math.inf, math.nan), strict=True):
        try:
            with transaction(engine) as session:
                session.execute(sa.update(Run).where(col(Run.id) == run_id).values(headline=number))
        except sa.exc.DBAPIError:
            continue
        with reading(engine) as session:  # SQLite keeps NaN as NULL
            assert session.get_one(Run, run_id).headline is None
    ranked = select(Run.headline).where(col(Run.headline).is_not(None)).order_by(col(Run.headline).desc())
    with reading(engine) as session:
        assert list(session.exec(ranked)) == [0.9, 0.8, 0.7]


def test_nothing_that_is_no_number_becomes_the_best_of_a_series(engine: sa.Engine, run: Run, now: datetime) -> None:
    send(engine, run, 0, batch_of(loss=["NaN", "Infinity", "-Infinity"]), now)
    row = series(engine, run)
    assert (row.best_high, row.best_low, row.last, row.not_finite) == (None, None, None, 3)
    for column, value in itertools.product(("best_high", "best_low"), ("'Infinity'", "'-Infinity'")):
        refuses(engine, f"UPDATE series SET {column} = {double(engine, value)}")


def test_gaps_and_heads(engine: sa.Engine, run: Run, now: datetime) -> None:
    for sequence in (0, 1, 4, 8, 9):
        send(engine, run, sequence, batch_of(start=sequence, loss=[1.0]), now)
    send(engine, run, 0, batch_of(loss=[1.0]), now, writer="rank-1")
    with transaction(engine) as session:
        session.get_one(Run, run.id).finish = (
            '{"state":"finished","finished_ms":1,"writers":{"silent":{"batches":0,"head":"%s"}}}' % ("0" * 64)
        )
    with reading(engine) as session:
        facts = history.facts(session, session.get_one(Run, run.id))
    assert facts.batches == {"main": 5, "rank-1": 1, "silent": 0}
    assert facts.gaps == ("main: 2-3, 5-7",)
    start = chain(None, b"{}")
    assert facts.heads["silent"] == start
    assert facts.heads["rank-1"] == link(start, digest_of(batch_of(loss=[1.0])))
    assert facts.finish is not None
    assert facts.finish.state == "finished"


def test_too_many_metrics_are_refused_and_nothing_is_kept(
    engine: sa.Engine, run: Run, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_METRICS", 3)
    send(engine, run, 0, batch_of(a=[1.0], b=[1.0]), now)
    with pytest.raises(TrackrecordError, match="at most 3 metrics") as caught:
        send(engine, run, 1, batch_of(a=[1.0], c=[1.0], d=[1.0]), now)
    assert caught.value.status == 413
    assert series(engine, run, "a").count == 1


def test_an_empty_batch_counts_as_a_batch(engine: sa.Engine, run: Run, now: datetime) -> None:
    assert send(engine, run, 0, BatchReport(notes=["random was reseeded"]), now) == "kept"
    with transaction(engine) as session:
        history.compact(session, run.id)
        assert history.facts(session, session.get_one(Run, run.id)).batches == {"main": 1}
