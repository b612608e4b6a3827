"""Every refusal as the same small JSON: no trace, no echo of what came in, and whether it passes by itself."""

from __future__ import annotations

import errno
import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from registry.bodies import clean_path
from registry.retry import is_full, passes
from trackrecord.errors import TrackrecordError

_log = logging.getLogger("registry")

DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)

_SAID = {
    400: "The request cannot be read.",
    404: "There is nothing here.",
    405: "This address does not take that method.",
    413: "The body is too large.",
    415: "The body must be JSON.",
}


def answer(error: TrackrecordError, headers: dict[str, str] | None = None) -> JSONResponse:
    """The error as a response."""
    extra = dict(headers or {})
    if error.status == 401:
        extra["WWW-Authenticate"] = "Bearer"
    if error.passing:
        extra["Retry-After"] = "1"
    return JSONResponse(error.as_json(), status_code=error.status, headers=extra)


def install(app: FastAPI) -> None:
    """Put the handlers in the place of FastAPI's own: those repeat the input, and fail on NaN."""
    app.add_exception_handler(TrackrecordError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(SQLAlchemyError, _database)
    app.add_exception_handler(OSError, _disk)
    app.add_exception_handler(Exception, _unforeseen)


async def _ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TrackrecordError)
    return answer(error)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    where = clean_path(tuple(error.errors()[0]["loc"][1:]))
    return answer(TrackrecordError(f"{where}: is not what is taken here.", "See /api/openapi.json.", status=422))


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    said = _SAID.get(error.status_code, "The request is refused.")
    return answer(TrackrecordError(said, status=error.status_code), dict(error.headers or {}))


async def _gone(_request: Request, _error: Exception) -> JSONResponse:
    return answer(TrackrecordError("The body ended too early.", status=400))


async def _database(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SQLAlchemyError)
    if is_full(error):
        _log.error("the database's disk is full")
        return answer(TrackrecordError("The registry's disk is full.", "Try again later.", status=507, passing=True))
    if passes(error):
        _log.warning("the database could not be asked: %s", type(error).__name__)
        return answer(TrackrecordError("The registry is busy.", "Try again in a moment.", status=503, passing=True))
    return await _unforeseen(_request, error)


async def _disk(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError)
    if error.errno in DISK_IS_FULL:
        _log.error("the disk is full")
        return answer(TrackrecordError("The registry's disk is full.", "Try again later.", status=507, passing=True))
    return await _unforeseen(request, error)


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    """A mistake of ours. The log has it; whoever asked only learns that it was not theirs."""
    _log.error("a %s request failed", request.method, exc_info=error)
    return answer(TrackrecordError("The registry made a mistake; its log says which.", status=500))
