"""The server of the tests itself: it must die with the tests, however they die, and leave nothing open."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from registry.db import connect
from tests import postgres
from tests.answers.team import make_team
from tests.shelf import Shelf, url_of

STARTER = """
import sys, time
from tests import postgres
print(postgres.start().url, flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="dying with the parent is Linux's")
def test_the_server_dies_with_tests_that_are_killed() -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert starter.stdout is not None
    folder = Path(str(sa.make_url(starter.stdout.readline().decode().strip()).query["host"]))
    pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    assert alive(pid)
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    deadline = time.monotonic() + 20
    while alive(pid):
        assert time.monotonic() < deadline, "postgres outlived the tests"
        time.sleep(0.05)
    assert folder.exists()
    postgres.start().stop()  # the next start sweeps
    assert not folder.exists()


def test_nobody_else_gets_at_it() -> None:
    server = postgres.start()
    try:
        folder = Path(str(sa.make_url(server.url).query["host"]))
        assert folder.stat().st_mode & 0o777 == 0o700
        with psycopg.connect(host=str(folder), user="trackrecord", dbname="postgres") as connection:
            listens = connection.execute("SHOW listen_addresses").fetchone()
            process = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert listens == ("",)
        assert process is not None
        if os.geteuid() == 0:
            owner = (folder / "data").stat().st_uid
            assert owner == postgres.NOBODY
    finally:
        server.stop()
    assert not folder.exists()


def test_a_database_that_is_taken_again_is_empty_and_has_another_name(
    postgres_shelf: Shelf,
) -> None:
    def number_of(name: str) -> int:
        with postgres_shelf.admin.connect() as connection:
            query = sa.text("SELECT oid FROM pg_database WHERE datname = :name").bindparams(name=name)
            return int(connection.execute(query).scalar_one())

    taken = [postgres_shelf.take() for _ in range(3)]
    left = connect(url_of(postgres_shelf.admin, taken[0]))
    make_team(left)
    forgotten = left.connect()  # somebody who never lets go
    forgotten.exec_driver_sql("LOCK TABLE run")
    known = number_of(taken[0])
    for name in taken:
        postgres_shelf.put_back(name)
    again = {number_of(name): name for name in [postgres_shelf.take() for _ in range(len(postgres_shelf.free) - 1)]}
    engine = connect(url_of(postgres_shelf.admin, again[known]))
    assert again[known] not in taken
    with engine.connect() as connection:
        names = set(sa.inspect(connection).get_table_names()) - {"alembic_version"}
        assert len(names) > 10
        for name in names:
            assert connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one() == 0, name
    make_team(engine)  # as in a new one, also where numbers are counted
    forgotten.invalidate()
    left.dispose()
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE run ADD COLUMN more integer")
    engine.dispose()
    for name in again.values():
        postgres_shelf.put_back(name)
    assert again[known] not in postgres_shelf.free  # its tables were changed
    assert len(postgres_shelf.free) >= len(again) - 1
