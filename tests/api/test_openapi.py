"""The description is followed by a machine that makes requests up: no answer is ours to be ashamed of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.scene import RUN, Scene, batch, ended, make_scene, report
from tests.soak import count

BASE = "http://127.0.0.1:8321"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """One registry for all requests, on SQLite; what one example leaves behind, the next one meets."""
    from registry.db import connect
    from registry.migrations import migrate

    folder: Path = tmp_path_factory.mktemp("openapi")
    engine: sa.Engine = connect(f"sqlite:///{folder / 'registry.sqlite'}")
    migrate(engine)
    scene = make_scene(engine, folder)
    for path, content in (("", report()), ("/batches/main/0", batch()), ("/finish", ended())):
        assert scene.send("PUT", f"/api/v1/runs/{RUN}{path}", content).status_code in (200, 201)
    return scene


def _exercise(made: Scene, operation: Any) -> None:
    """Requests of one operation, good and bad by its own description."""

    @settings(
        max_examples=count(15, 200),
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def one(case: Any) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {made.token['admin']}"}, base_url=BASE)
        case.validate_response(answer, checks=CHECKS)
        assert len(answer.content) < 200_000

    one()


@pytest.mark.soak
def test_requests_that_are_made_up(made: Scene) -> None:
    described = schemathesis.openapi.from_asgi("/api/openapi.json", made.app)
    operations = [found.ok() for found in described.get_all_operations()]
    assert len(operations) >= 17
    for operation in operations:
        _exercise(made, operation)
