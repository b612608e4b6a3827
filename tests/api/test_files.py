"""Artifacts are named by what is in them, whatever the network, the disk or the sender does."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from registry.db import transaction
from registry.tables import Run
from tests.api.scene import RUN, Scene, batch, report, run_id
from tests.flows.server import Server
from trackrecord.report import ArtifactReport

CONTENT = os.urandom(3_000_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
ADDRESS = f"/api/v1/artifacts/{DIGEST}"


def put(scene: Scene, content: object, address: str = ADDRESS, **headers: str) -> int:
    headers["Authorization"] = f"Bearer {scene.token['runner']}"
    return int(scene.client.put(address, content=content, headers=headers).status_code)  # type: ignore[arg-type]


def stored(scene: Scene) -> list[Path]:
    return [path for path in (scene.settings.data_dir / "artifacts").rglob("*") if path.is_file()]


def test_bytes_go_in_and_come_out(small: Scene) -> None:
    assert small.send("HEAD", ADDRESS).status_code == 404
    assert [put(small, CONTENT), put(small, CONTENT)] == [201, 200]
    assert small.send("HEAD", ADDRESS).status_code == 200
    assert small.send("GET", ADDRESS, who="reader").status_code == 404
    small.send("PUT", f"/api/v1/runs/{RUN}", report())
    model = ArtifactReport(name="model.pt", digest=DIGEST, size=len(CONTENT))
    small.send("PUT", f"/api/v1/runs/{RUN}/batches/main/0", batch(artifacts=[model]))
    answer = small.send("GET", ADDRESS, who="reader")
    assert answer.content == CONTENT
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert small.send("GET", ADDRESS, who="other").status_code == 404
    assert small.send("GET", ADDRESS, who="reader", Range="bytes=0-," + "0-," * 10_000 + "0-").content == CONTENT


def test_what_only_a_hidden_run_names_is_for_maintainers(small: Scene) -> None:
    assert put(small, CONTENT) == 201
    model = ArtifactReport(name="model.pt", digest=DIGEST, size=len(CONTENT))
    for number in (0, 1):
        small.send("PUT", f"/api/v1/runs/{run_id(number)}", report(name=f"run-{number}"))
        small.send("PUT", f"/api/v1/runs/{run_id(number)}/batches/main/0", batch(artifacts=[model]))
        with transaction(small.engine) as session:
            session.execute(sa.update(Run).values(quarantined=True))
    who = ("reader", "runner", "maintainer", "admin", "other")
    assert [small.send("GET", ADDRESS, who=each).status_code for each in who] == [404, 404, 200, 200, 404]
    with transaction(small.engine) as session:
        session.get_one(Run, run_id(1)).quarantined = False
    assert [small.send("GET", ADDRESS, who=each).status_code for each in who] == [200, 200, 200, 200, 404]


def test_other_bytes_than_the_digest_says_are_refused(small: Scene) -> None:
    assert put(small, CONTENT[:-1]) == 422
    assert put(small, b"") == 422
    assert put(small, CONTENT, **{"Content-Encoding": "gzip"}) == 415
    assert stored(small) == []


def test_pieces_without_a_length_are_taken(small: Scene) -> None:
    def pieces() -> Iterator[bytes]:
        for start in range(0, len(CONTENT), 70_001):
            yield CONTENT[start : start + 70_001]

    assert put(small, pieces()) == 201
    assert small.store.intact(DIGEST)


def test_the_limit_holds_whatever_the_length_says(small: Scene) -> None:
    object.__setattr__(small.settings, "__dict__", {**small.settings.__dict__, "max_artifact_bytes": 1_000_000})
    assert put(small, CONTENT) == 413
    assert put(small, iter([CONTENT[:600_000], CONTENT[600_000:]])) == 413
    assert stored(small) == []


@pytest.fixture
def server(small: Scene) -> Iterator[Server]:
    with Server(small.app) as running:
        yield running


def test_a_sender_that_goes_away_leaves_nothing(small: Scene, server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        head = f"PUT {ADDRESS} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {small.token['runner']}\r\n"
        connection.sendall(f"{head}Content-Length: {len(CONTENT)}\r\n\r\n".encode() + CONTENT[:1_000_000])
    server.wait_until(lambda: stored(small) == [])
    assert small.store.path(DIGEST) is None
    connection_again = http.client.HTTPConnection("127.0.0.1", server.port)
    connection_again.request("GET", "/healthz")
    assert connection_again.getresponse().status == 200


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that can be filled")
def test_a_full_disk_is_507_and_passes(small: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    write = os.write
    try:
        # The bytes go to a device that is full: the error is the system's own.
        monkeypatch.setattr("registry.artifacts.os.write", lambda _handle, data: write(full, data))
        headers = {"Authorization": f"Bearer {small.token['runner']}"}
        answer = small.client.put(ADDRESS, content=CONTENT, headers=headers)
    finally:
        os.close(full)
    assert (answer.status_code, answer.json()["error"]["passing"]) == (507, True)
    assert stored(small) == []
