"""Metric histories against the layout that everybody has (a row per point), on the same database in the same run."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session

from registry import history
from registry.db import connect, reading, transaction
from registry.migrations import migrate
from registry.tables import Project, Run, Token
from tests.bench.clock import measured, table
from trackrecord.report import BatchReport, PointsReport

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
METRICS = [f"metric/{n}" for n in range(5)]
STEPS = 20_000  # of each metric, in one run
BATCH = 200  # steps that one batch carries
REPEATS = 3

_ROWS = sa.Table(
    "bench_point",
    sa.MetaData(),
    sa.Column("run_id", sa.String(32), primary_key=True),
    sa.Column("metric", sa.String(250), primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True),
    sa.Column("time", sa.BigInteger, primary_key=True),
    sa.Column("value", sa.Double),
)


def value(metric: int, step: int) -> float:
    return math.exp(-step / 5_000) * (1 + 0.1 * math.sin(step * 1.7 + metric))


def batches() -> list[BatchReport]:
    """The run's points as a client sends them."""
    found = []
    for start in range(0, STEPS, BATCH):
        steps = list(range(start, start + BATCH))
        times = [1_700_000_000_000 + step * 37 for step in steps]
        points = [
            PointsReport(metric=name, steps=steps, times=times, values=[value(n, step) for step in steps])
            for n, name in enumerate(METRICS)
        ]
        found.append(BatchReport(points=points))
    return found


def run_row(session: Session, run_id: str) -> Run:
    if session.get(Project, "bench") is None:
        session.add(Project(id="bench", created_at=NOW))
        session.add(Token(id=1, digest="0" * 64, owner="ada", role="runner", created_at=NOW))
        session.flush()
    run = Run(
        id=run_id, project_id="bench", name="bench", owner="ada", token_id=1, report="{}", report_digest="0" * 64,
        params_digest="0" * 64, config_digest="0" * 64, started_at=NOW, received_at=NOW, heard_at=NOW,
    )  # fmt: skip
    session.add(run)
    session.flush()
    return run


def fill_chunks(engine: sa.Engine, run_id: str, sent: list[BatchReport]) -> None:
    with transaction(engine) as session:
        run_row(session, run_id)
    for sequence, batch in enumerate(sent):
        digest = hashlib.sha256(json.dumps(sequence).encode()).hexdigest()
        with transaction(engine) as session:
            run = session.get(Run, run_id)
            assert run is not None
            history.append(session, run, "bench", sequence, digest, batch, NOW)
    with transaction(engine) as session:
        history.compact(session, run_id)


def fill_rows(engine: sa.Engine, run_id: str, sent: list[BatchReport]) -> None:
    for batch in sent:
        rows = [
            {"run_id": run_id, "metric": points.metric, "step": step, "time": time, "value": number}
            for points in batch.points
            for step, time, number in zip(points.steps, points.times, points.values, strict=True)
        ]
        with transaction(engine) as session:
            session.connection().execute(_ROWS.insert(), rows)


def size(engine: sa.Engine, file: Path | None) -> int:
    """Bytes of the whole database."""
    with engine.connect() as connection:
        if file is None:
            return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    return file.stat().st_size


def compare(name: str, url: str, file: Path | None) -> list[list[str]]:
    """Rows of the table for one database."""
    engine = connect(url)
    migrate(engine)
    _ROWS.create(engine)
    sent, points, found = batches(), STEPS * len(METRICS), []
    for layout, fill in (("row per point", fill_rows), ("tail + chunk", fill_chunks)):
        before, counter = size(engine, file), iter(range(100))
        insert = measured(lambda fill=fill, counter=counter: fill(engine, f"{next(counter):026d}", sent), REPEATS)
        grown = (size(engine, file) - before) / (points * (REPEATS + 1))

        def read(layout: str = layout) -> int:
            with reading(engine) as session:
                if layout == "tail + chunk":
                    return len(history.read(session, "0" * 26, METRICS[0]))
                asked = sa.select(_ROWS.c.step, _ROWS.c.time, _ROWS.c.value).where(
                    _ROWS.c.run_id == "0" * 26, _ROWS.c.metric == METRICS[0]
                )
                return len(session.connection().execute(asked.order_by(_ROWS.c.step)).all())

        assert read() == STEPS
        found.append([name, layout, insert.rate(points), f"{grown:.1f}", measured(read, 9).ms()])
    engine.dispose()
    return found


def bench(sqlite: Path, postgres_url: str) -> None:
    rows = compare("SQLite, synchronous=FULL", f"sqlite:///{sqlite}", sqlite) + compare(
        "PostgreSQL", postgres_url, None
    )
    columns = ["database", "layout", "points/s kept", "bytes/point", f"read {STEPS:,} points, ms"]
    table(f"Metric histories, {STEPS * len(METRICS):,} points a run in batches of {BATCH} steps", columns, rows)
