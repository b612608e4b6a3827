"""The process as it is deployed: first start, real port, commands, a graceful stop, and clear words when it cannot."""

from __future__ import annotations

import http.client
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from registry.__main__ import run
from registry.db import connect
from registry.tokens import well_formed
from tests.flows.process import Registry


@pytest.fixture
def fresh(tmp_path: Path) -> Registry:
    """A registry that was never started: no file, no table."""
    return Registry(connect(f"sqlite:///{tmp_path / 'data' / 'registry.sqlite'}"), tmp_path)


def test_the_first_token_is_printed_exactly_once(fresh: Registry) -> None:
    with fresh as registry:
        token = registry.admin_token
        assert well_formed(token)
        assert registry.lines[0] == f"admin token: {token}"
        assert registry.send("GET", "/api/v1/whoami", token) == (
            200,
            {"owner": "admin", "role": "admin", "project": None},
        )
        assert registry.send("GET", "/readyz", token)[0] == 200
        said = registry.stop()
        registry.start()
        assert registry.admin_token_printed == 1
        assert registry.send("GET", "/api/v1/whoami", token)[0] == 200
        assert token not in said + registry.stop()


def test_a_token_that_is_revoked_opens_nothing_at_once(fresh: Registry) -> None:
    with fresh as registry:
        registry.make_project(registry.admin_token)
        made = registry.command(
            "token", "--owner", "ada", "--role", "runner", "--project", "milestone-1", "--days", "3"
        )
        token = made.stdout.strip()
        assert (made.returncode, well_formed(token)) == (0, True), made.stderr
        assert registry.send("GET", "/api/v1/whoami", token)[1]["owner"] == "ada"
        assert registry.command("revoke", "2").returncode == 0
        assert registry.send("GET", "/api/v1/whoami", token)[0] == 401


def test_it_stops_at_once_beside_connections_that_are_open(fresh: Registry) -> None:
    with fresh as registry:
        address = urlsplit(registry.url)
        assert address.hostname is not None
        assert address.port not in (None, 0)
        kept = http.client.HTTPConnection(address.hostname, address.port)
        kept.request("GET", "/healthz")
        assert kept.getresponse().read()
        with socket.create_connection((address.hostname, address.port or 0)):
            began = time.monotonic()
            said = registry.stop()
        assert time.monotonic() - began < 8
        assert "Traceback" not in said


class Command:
    """`python -m registry …` in this process, as far as it ends by itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        monkeypatch.setenv("TRACKRECORD_DATA_DIR", str(folder / "data"))

    def __call__(self, *words: str, **settings: str) -> tuple[int, str, str]:
        """Its exit status, and what it said on either stream."""
        for name, value in settings.items():
            self._monkeypatch.setenv(f"TRACKRECORD_{name.upper()}", value)
        self._monkeypatch.setattr("sys.argv", ["registry", *words])
        with pytest.raises(SystemExit) as ended:
            run()
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err
        return int(ended.value.code or 0), said.out, said.err


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return Command(monkeypatch, capsys, tmp_path)


def test_tokens_are_listed_without_themselves(command: Command) -> None:
    token = command("token", "--owner", "ada", "--role", "reader")[1].strip()
    assert well_formed(token)
    listed = command("tokens")[1]
    assert listed == "1\tada\treader\tevery project\tvalid\t\n"
    assert command("revoke", "1")[0] == 0
    assert "not valid any more" in command("tokens")[1]


@pytest.mark.parametrize(
    "words", [("revoke", "999"), ("token", "--owner", "ada", "--project", "milestone-9"), ("token",), ("nothing",)]
)
def test_a_command_that_cannot_be_done_says_so(command: Command, words: tuple[str, ...]) -> None:
    status, out, err = command(*words)
    assert status in (1, 2)
    assert (out, err != "") == ("", True)


def test_a_port_that_is_taken_is_said_in_a_sentence(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, _, err = command(port=str(taken.getsockname()[1]))
    assert status == 1
    assert "cannot be listened on" in err


@pytest.mark.parametrize(
    ("name", "value"), [("port", "many"), ("threads", "0"), ("database_url", "postgresql://nowhere:1/x")]
)
def test_settings_that_cannot_be_are_said_in_a_sentence(command: Command, name: str, value: str) -> None:
    status, _, err = command("tokens", **{name: value})
    assert status == 1
    assert err.startswith("registry: ")


def test_a_database_that_goes_away_is_busy_and_comes_back(engine: sa.Engine, tmp_path: Path) -> None:
    with Registry(engine, tmp_path) as registry:
        token = registry.admin_token
        if engine.dialect.name == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            assert registry.send("GET", "/api/v1/whoami", token)[0] == 200
        else:
            with engine.connect() as connection:  # BEGIN IMMEDIATE: everybody else waits
                connection.exec_driver_sql("SELECT 1")
                assert registry.send("GET", "/api/v1/whoami", token)[0] == 200
                connection.rollback()
        registry.make_project(token)
        assert "Traceback" not in registry.stop()
