"""Metric histories: append a batch, read a series, compact tails into chunks, sum up for the checks.

A batch's points arrive as one packed tail; when enough tails wait they become chunks, one series each. The summary of a
series (`Series`) changes in the transaction that keeps its points. Writers of one run wait for each other at its row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Literal

import numpy as np
import sqlalchemy as sa
from sqlmodel import Session, col, select

from registry import log
from registry.bodies import read as read_body
from registry.facts import HistoryFacts, MetricFacts, SeriesFacts
from registry.packing import NONE, Points, pack, together, unpack
from registry.summary import Summary, merged, ordered, summarise, thin
from registry.summary import headline as headline_of
from registry.tables import Batch, Chunk, Equivocation, Run, Series
from trackrecord.errors import TrackrecordError
from trackrecord.report import BatchReport, FinishReport, PointsReport, link

__all__ = [
    "CHUNK_POINTS",
    "Points",
    "append",
    "compact",
    "digests",
    "everything",
    "facts",
    "headline",
    "read",
    "series_facts",
    "thin",
]

CHUNK_POINTS = 4_096
TAIL_ROWS = 500
TAIL_BYTES = 20_000
MOST_METRICS = 10_000  # of one run
_LOOK_EVERY = 32  # batches between two looks at how much waits
PATIENCE_ROWS = 2_000  # tails that wait for a missing batch before them, and no more

Appended = Literal["kept", "again", "other"]


def append(
    session: Session, run: Run, writer: str, sequence: int, digest: str, batch: BatchReport, now: datetime
) -> Appended:
    """Keep a batch's points and its digest.

    "kept": it is new. "again": it was here already, nothing changes. "other": the same number came with another digest
    before; that is kept as an `Equivocation`, the batch is not. Raises TrackrecordError (413) for too many metrics.
    """
    _wait_for_turn(session, run.id)
    before = session.get(Batch, (run.id, writer, sequence))
    if before is not None:
        return "again" if before.digest == digest else _keep_evidence(session, run, writer, sequence, digest, now)
    series = {points.metric: _columns(points) for points in batch.points if points.values}
    tail = pack(series) if series else None
    count = sum(len(points) for points in series.values())
    session.add(
        Batch(run_id=run.id, writer=writer, sequence=sequence, digest=digest, received_at=now, tail=tail, points=count)
    )
    _sum_up(session, run, series)
    session.flush()
    if tail is not None and ((sequence + 1) % _LOOK_EVERY == 0 or len(tail) * _LOOK_EVERY > TAIL_BYTES):
        _compact_when_grown(session, run.id)
    return "kept"


def read(session: Session, run_id: str, metric: str) -> Points:
    """The whole history of one metric, in order of step, then time; empty where there is none."""
    return ordered(_read(session, run_id, metric))


def compact(session: Session, run_id: str) -> None:
    """Turn all tails of a run into chunks: when it has ended, or when many wait."""
    _wait_for_turn(session, run_id)
    _into_chunks(session, run_id, _tails(session, run_id))


def digests(session: Session, run_id: str) -> dict[str, tuple[int, str]]:
    """Of every metric how many points it has and their SHA-256: steps, times (int64) and values (float64), by step.

    Little-endian columns one after the other; every NaN is the same NaN. Stable once the history is compact.
    """
    found = {}
    for name, parts in everything(session, run_id):
        points = ordered(together(parts))
        hashed = hashlib.sha256(points.steps.astype("<i8").tobytes() + points.times.astype("<i8").tobytes())
        hashed.update(np.where(np.isnan(points.values), np.nan, points.values).astype("<f8").tobytes())
        found[name] = (len(points), hashed.hexdigest())
    return found


def headline(session: Session, run_id: str, metric: MetricFacts) -> tuple[float | None, int | None]:
    """The value that counts by the project's rule and its step, from the kept points; (None, None): there is none."""
    found = headline_of(metric, read(session, run_id, metric.name), _rule_points(session, run_id, metric))
    return found.value, found.step


def series_facts(session: Session, run_id: str, metric: MetricFacts | None) -> dict[str, SeriesFacts]:
    """The summaries of all series. The one that the project's metric names carries the headline, from its points."""
    rows = session.exec(select(Series).where(Series.run_id == run_id).order_by(Series.metric))
    found = {row.metric: _facts_of(row) for row in rows}
    if metric is not None and metric.name in found:
        points = read(session, run_id, metric.name)
        taken, seen = headline_of(metric, points, _rule_points(session, run_id, metric)), summarise(points)
        found[metric.name] = SeriesFacts(
            metric=metric.name,
            count=seen.count,
            last_kind=seen.last_kind,
            last=seen.last,
            last_step=seen.last_step,
            headline=taken.value,
            headline_step=taken.step,
            headline_trouble=taken.trouble,
        )
    return found


def facts(session: Session, run: Run) -> HistoryFacts:
    """What arrived of a run: batches and chain head of each writer, what is missing in between, how it ended."""
    asked = select(Batch.writer, Batch.sequence, Batch.digest).where(Batch.run_id == run.id)
    digests: dict[str, dict[int, str]] = {}
    for writer, sequence, digest in session.exec(asked.order_by(Batch.writer, col(Batch.sequence))):
        digests.setdefault(writer, {})[sequence] = digest
    evidence = select(sa.func.count()).select_from(Equivocation).where(col(Equivocation.run_id) == run.id)
    finish = None if run.finish is None else read_body(run.finish.encode(), FinishReport)
    for writer in finish.writers if finish else ():
        digests.setdefault(writer, {})  # it may have had nothing to send
    return HistoryFacts(
        batches={writer: len(kept) for writer, kept in digests.items()},
        gaps=tuple(f"{writer}: {missing}" for writer, kept in digests.items() if (missing := _missing(kept))),
        heads={writer: _head(run.report_digest, kept.values()) for writer, kept in digests.items()},
        equivocations=session.exec(evidence).one(),
        finish=finish,
    )


def _wait_for_turn(session: Session, run_id: str) -> None:
    """Until this transaction ends, nobody else adds to the run. SQLite has one writer at a time anyway."""
    session.exec(select(Run.id).where(Run.id == run_id).with_for_update(key_share=True)).one()


def _keep_evidence(
    session: Session, run: Run, writer: str, sequence: int, digest: str, now: datetime
) -> Literal["other"]:
    if session.get(Equivocation, (run.id, writer, sequence, digest)) is None:
        session.add(
            Equivocation(run_id=run.id, writer=writer, sequence=sequence, digest=digest, received_at=now),
        )
        what = {"writer": writer, "sequence": sequence, "digest": digest}
        log.append(session, "equivocation", now, run=run.id, project=run.project_id, **what)
    return "other"


def _columns(points: PointsReport) -> Points:
    return Points(
        np.array(points.steps, np.int64),
        np.array(points.times, np.int64),
        np.array([float(value) for value in points.values], np.float64),
    )


def _sum_up(session: Session, run: Run, series: Mapping[str, Points]) -> None:
    names = sorted(series)
    rows = {row.metric: row for row in _series_named(session, run.id, names)}
    fresh = len(names) - len(rows)
    if fresh:
        known = session.exec(select(sa.func.count()).select_from(Series).where(col(Series.run_id) == run.id)).one()
        if known + fresh > MOST_METRICS:
            raise TrackrecordError(f"A run has at most {MOST_METRICS:,} metrics.", "Log fewer names.", status=413)
    for name in names:
        new = summarise(series[name])
        row = rows.get(name)
        if row is None:
            row = Series(run_id=run.id, project_id=run.project_id, metric=name)
            session.add(row)
        else:
            new = merged(_summary_of(row), new)
        for field in Summary.__dataclass_fields__:
            setattr(row, field, getattr(new, field))


def _series_named(session: Session, run_id: str, names: Sequence[str]) -> Iterable[Series]:
    for start in range(0, len(names), 500):  # a statement has a limited number of variables
        some = names[start : start + 500]
        yield from session.exec(select(Series).where(Series.run_id == run_id, col(Series.metric).in_(some)))


def _summary_of(row: Series) -> Summary:
    return Summary(**{field: getattr(row, field) for field in Summary.__dataclass_fields__})


def _read(session: Session, run_id: str, metric: str) -> Points:
    """Chunks first, then tails by writer and sequence: of one writer's points, the order it logged them in."""
    packed = select(Chunk.packed).join(Series, col(Series.id) == Chunk.series_id)
    chunks = session.exec(packed.where(Series.run_id == run_id, Series.metric == metric).order_by(col(Chunk.number)))
    parts = [unpack(frame)[""] for frame in chunks]
    parts += [unpack(tail).get(metric, NONE) for _, _, tail in _tails(session, run_id)]
    return together(parts)


def everything(session: Session, run_id: str) -> Iterator[tuple[str, list[Points]]]:
    """Every metric with its parts as they are kept, in their order, one metric at a time."""
    tails: dict[str, list[Points]] = {}
    for _, _, tail in _tails(session, run_id):
        for metric, points in unpack(tail).items():
            tails.setdefault(metric, []).append(points)
    chunks = select(Series.metric, Chunk.packed).join(Chunk, col(Chunk.series_id) == Series.id, isouter=True)
    rows = session.exec(chunks.where(Series.run_id == run_id).order_by(Series.metric, col(Chunk.number)))
    for metric, of_metric in groupby(rows, key=lambda row: row[0]):
        packed = [unpack(frame)[""] for _, frame in of_metric if frame is not None]
        yield metric, packed + tails.get(metric, [])


def _rule_points(session: Session, run_id: str, metric: MetricFacts) -> Points:
    return NONE if metric.rule_metric is None else read(session, run_id, metric.rule_metric)


Tail = tuple[str, int, bytes]


def _tails(session: Session, run_id: str) -> list[Tail]:
    asked = select(Batch.writer, Batch.sequence, Batch.tail).where(Batch.run_id == run_id, col(Batch.tail).is_not(None))
    rows = session.exec(asked.order_by(Batch.writer, col(Batch.sequence)))
    return [(writer, sequence, tail) for writer, sequence, tail in rows if tail is not None]


def _compact_when_grown(session: Session, run_id: str) -> None:
    asked = select(sa.func.count(), sa.func.coalesce(sa.func.sum(sa.func.length(Batch.tail)), 0)).where(
        col(Batch.run_id) == run_id, col(Batch.tail).is_not(None)
    )
    rows, size = session.exec(asked).one()
    if rows >= TAIL_ROWS or size >= TAIL_BYTES:
        tails = _tails(session, run_id)
        _into_chunks(session, run_id, tails if rows > PATIENCE_ROWS else _without_gap(session, run_id, tails))


def _without_gap(session: Session, run_id: str, tails: list[Tail]) -> list[Tail]:
    """Those with no batch missing before them: what comes late must not end up behind what was logged after it."""
    asked = select(Batch.writer, sa.func.count(), sa.func.max(Batch.sequence)).where(Batch.run_id == run_id)
    complete = {writer for writer, count, last in session.exec(asked.group_by(Batch.writer)) if last == count - 1}
    first_gap: dict[str, int] = {}
    for writer in {writer for writer, _, _ in tails} - complete:
        kept = select(Batch.sequence).where(Batch.run_id == run_id, Batch.writer == writer)
        numbers = session.exec(kept.order_by(col(Batch.sequence))).all()
        first_gap[writer] = next(at for at, number in enumerate(numbers) if at != number)
    return [tail for tail in tails if tail[0] in complete or tail[1] < first_gap[tail[0]]]


def _into_chunks(session: Session, run_id: str, tails: list[Tail]) -> None:
    if not tails:
        return
    parts: dict[str, list[Points]] = {}
    for _, _, tail in tails:
        for metric, points in unpack(tail).items():
            parts.setdefault(metric, []).append(points)
    ids = {row.metric: row.id for row in _series_named(session, run_id, sorted(parts))}
    for metric, of_metric in parts.items():
        series_id = ids[metric]
        assert series_id is not None
        _extend(session, series_id, together(of_metric))
    for writer, last in {writer: sequence for writer, sequence, _ in tails}.items():
        done = sa.update(Batch).where(col(Batch.run_id) == run_id, col(Batch.writer) == writer)
        session.exec(done.where(col(Batch.sequence) <= last).values(tail=None))
    session.flush()


def _extend(session: Session, series_id: int, points: Points) -> None:
    """Fill the last chunk up, then begin new ones."""
    last = session.exec(
        select(Chunk).where(Chunk.series_id == series_id).order_by(col(Chunk.number).desc()).limit(1)
    ).first()
    number = 0 if last is None else last.number + 1
    if last is not None and last.points < CHUNK_POINTS:
        points = together([unpack(last.packed)[""], points])
        last.packed, last.points = _packed(points[:CHUNK_POINTS])
        points = points[CHUNK_POINTS:]
    for start in range(0, len(points), CHUNK_POINTS):
        packed, count = _packed(points[start : start + CHUNK_POINTS])
        session.add(Chunk(series_id=series_id, number=number, points=count, packed=packed))
        number += 1


def _packed(points: Points) -> tuple[bytes, int]:
    return pack({"": points}), len(points)  # the series is known by its row


def _facts_of(row: Series) -> SeriesFacts:
    summary = _summary_of(row)
    return SeriesFacts(
        metric=row.metric,
        count=summary.count,
        last_kind=summary.last_kind,
        last=summary.last,
        last_step=summary.last_step,
        headline=None,
        headline_step=None,
    )


def _missing(kept: Mapping[int, str]) -> str:
    """The numbers that are not there before the last one, as "3, 5-7"."""
    spans, expected = [], 0
    for number in sorted(kept):
        if number > expected:
            spans.append(str(expected) if number == expected + 1 else f"{expected}-{number - 1}")
        expected = number + 1
    return ", ".join(spans)


def _head(report_digest: str, digests: Iterable[str]) -> str:
    head = link(None, report_digest)
    for digest in digests:
        head = link(head, digest)
    return head
