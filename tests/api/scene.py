"""A registry with its HTTP edge, a project, and a token of every kind, for the tests of this folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI
from starlette.testclient import TestClient

from registry import tokens
from registry.api import create_app
from registry.artifacts import Store
from registry.db import transaction
from registry.projects import set_rules
from registry.settings import Settings
from registry.tables import Token
from registry.tokens import Caller
from trackrecord.report import (
    BatchReport,
    CodeReport,
    CommandReport,
    DatasetReport,
    EnvironmentReport,
    FinishReport,
    MetricRules,
    PackageReport,
    PointsReport,
    ProjectRules,
    RunReport,
    WriterEnd,
    chain,
)

PROJECT = "milestone-1"
OTHER = "milestone-2"
RUN = "01JD0000000000000000000000"
DATA = "d" * 64
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

RULES = ProjectRules(
    title="Milestone 1",
    metrics=[
        MetricRules(
            name="test/accuracy", split="test", dataset="digits/test", dataset_digest=DATA, rule="last", percent=True
        )
    ],
)


def milliseconds(at: datetime | None = None) -> int:
    return int((at or datetime.now(UTC)).timestamp() * 1000)


def run_id(number: int) -> str:
    return f"01JD{number:022d}"


def report(**changes: Any) -> RunReport:
    """A report that a client would send."""
    whole = RunReport(
        project=PROJECT,
        name="brave-otter-42",
        started_ms=milliseconds(),
        params={
            "lr": 0.1,
            "optimizer": {"name": "adam", "betas": [0.9, 0.999]},
            "seed": 3,
            "debug": False,
            "tag": None,
        },
        seeds={"numpy": 3},
        code=CodeReport(commit="a" * 40, branch="main", tree="b" * 40, base="a" * 40, proved=True),
        environment=EnvironmentReport(
            python="3.11.7", packages=[PackageReport(name="numpy", version="2.4.6")], os="Linux", machine="x86_64"
        ),
        command=CommandReport(argv=["train.py"], entry="train.py"),
        client="trackrecord 0.1.0",
    )
    return replace(whole, **changes)


def batch(value: float = 0.91, steps: int = 3, **changes: Any) -> BatchReport:
    points = PointsReport(
        metric="test/accuracy",
        steps=list(range(steps)),
        times=[milliseconds() + step for step in range(steps)],
        values=[value - 0.01 * (steps - 1 - step) for step in range(steps)],
    )
    whole = BatchReport(points=[points], datasets=[DatasetReport(name="digits/test", digest=DATA, split="test")])
    return replace(whole, **changes)


def ended(writers: dict[str, WriterEnd] | None = None, **changes: Any) -> FinishReport:
    return replace(FinishReport(state="finished", finished_ms=milliseconds(), writers=writers or {}), **changes)


def body(shape: Any) -> bytes:
    """The bytes that are sent for a report."""
    return json.dumps(asdict(shape)).encode()


def head_of(opening: bytes, *batches: bytes) -> str:
    head = chain(None, opening)
    for sent in batches:
        head = chain(head, sent)
    return head


@dataclass
class Scene:
    """What a test of the edge needs at hand. `send` speaks HTTP to the real application."""

    engine: sa.Engine
    store: Store
    settings: Settings
    app: FastAPI
    client: TestClient
    token: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, content: Any = None, who: str | None = "runner", **headers: str) -> Any:
        """`content` is a report, bytes or None; `who` a kind of token (see `with_tokens`) or None."""
        if content is not None and not isinstance(content, bytes):
            content = body(content)
        if content is not None:
            headers.setdefault("Content-Type", "application/json")
        if who is not None:
            headers["Authorization"] = f"Bearer {self.token[who]}"
        return self.client.request(method, path, content=content, headers=headers)


def make_scene(engine: sa.Engine, folder: Path, **settings: Any) -> Scene:
    """Wire a registry in `folder`; two projects and the tokens."""
    chosen = Settings(_env_file=None, data_dir=folder / "data", **settings)
    store = Store(folder / "data" / "artifacts")
    app = create_app(engine, store, chosen)
    client = TestClient(app, base_url="http://127.0.0.1:8321", raise_server_exceptions=False)
    scene = Scene(engine, store, chosen, app, client)
    with_tokens(scene)
    return scene


def with_tokens(scene: Scene) -> None:
    """none of them expires but `expired`; `other` is a maintainer of another project, `ben` a second runner."""
    now = datetime.now(UTC)
    kinds: dict[str, tuple[tokens.Role, str | None]] = {
        "admin": ("admin", None),
        "maintainer": ("maintainer", PROJECT),
        "runner": ("runner", PROJECT),
        "ben": ("runner", PROJECT),
        "reader": ("reader", PROJECT),
        "other": ("maintainer", OTHER),
        "expired": ("admin", None),
        "revoked": ("admin", None),
    }
    with transaction(scene.engine) as session:
        scene.token["admin"] = tokens.give(
            session, owner="root", role="admin", project=None, label="", expires_at=None, now=now
        )
        admin = tokens.find(session, scene.token["admin"], now)
        assert admin is not None
        for name in (PROJECT, OTHER):
            set_rules(session, admin, name, RULES, now)
        for kind, (role, project) in kinds.items():
            if kind == "admin":
                continue
            past = now - timedelta(days=1) if kind == "expired" else None
            owner = {"runner": "ada", "ben": "ben"}.get(kind, f"someone-{kind}")
            scene.token[kind] = tokens.give(
                session, owner=owner, role=role, project=project, label=kind, expires_at=past, now=now
            )
        revoked = session.execute(sa.select(Token).where(Token.label == "revoked")).scalar_one()
        revoked.revoked_at = now
    scene.token["wrong"] = tokens.make()


def caller(scene: Scene, who: str) -> Caller:
    """The token as the flows are handed it."""
    with transaction(scene.engine) as session:
        found = tokens.find(session, scene.token[who], datetime.now(UTC))
    assert found is not None
    return found
