"""Puts the HTTP edge together. What is not listed here as open needs a token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib import metadata
from threading import Event

import anyio.to_thread
import sqlalchemy as sa
from fastapi import APIRouter, Depends, FastAPI
from starlette.routing import BaseRoute

from registry import web
from registry.api import files, log, projects, questions, receipts, runs
from registry.api.door import Door, Doors, caller_of
from registry.api.errors import install
from registry.api.headers import AroundEveryRequest
from registry.api.shapes import REFUSALS, Health, describe
from registry.artifacts import Store
from registry.migrations import is_migrated
from registry.settings import Settings
from trackrecord.errors import TrackrecordError


def create_app(engine: sa.Engine, store: Store, settings: Settings) -> FastAPI:
    """The registry's HTTP edge over this database and this store. The caller has migrated the database."""

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        # As many threads as the pool has connections: a request that has a thread has a connection too.
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.threads
        yield

    app = FastAPI(
        title="trackrecord registry",
        description="No registered run, no result.",
        version=metadata.version("trackrecord"),
        routes=_routes(),
        lifespan=life,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.door = Door(engine, store, settings)
    app.state.pages = web.pages_over(engine, settings)
    app.state.stopping = Event()  # set when the server is asked to stop: whoever streams ends then
    install(app)
    app.add_middleware(AroundEveryRequest, trusted_hosts=settings.trusted_hosts)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


@cache
def _routes() -> list[BaseRoute]:
    """Made once: they know no database, a request brings what its application was wired with in `app.state`."""
    whole = APIRouter()
    for router in (_open, receipts.open_router, log.open_router):
        whole.include_router(router)
    for router in (projects.router, runs.router, receipts.router, files.router, questions.router, log.router):
        whole.include_router(router, prefix="/api/v1", dependencies=[Depends(caller_of)], responses=REFUSALS)
    whole.include_router(web.router)
    return whole.routes


_open = APIRouter(tags=["health"])


@_open.get("/healthz")
def healthz() -> Health:
    """The process answers."""
    return Health()


@_open.get("/readyz", responses={503: REFUSALS[503]})
def readyz(door: Doors) -> Health:
    """The database can be asked, and has this version's tables."""
    door.read(lambda session: session.connection().execute(sa.text("SELECT 1")).one())
    if not is_migrated(door.engine):
        raise TrackrecordError("The database is not migrated.", "Restart the registry.", status=503, passing=True)
    return Health()
