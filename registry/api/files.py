"""Artifacts by their digest: streamed in, hashed while they arrive, streamed out as downloads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
from anyio import from_thread, to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from sqlmodel import Session, col, select

from registry.api.door import Doors, Who, need
from registry.api.shapes import Digest
from registry.tables import Artifact, Attachment, MetricDefinition, Run
from registry.tokens import Caller
from trackrecord.errors import TrackrecordError

router = APIRouter(prefix="/artifacts", tags=["artifacts"])

_PIECE = 1 << 20
_uploads = anyio.CapacityLimiter(8)  # beside the threads that answer, so that uploads never take them all

_RAW: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.head("/{digest}")
def has_artifact(digest: Digest, caller: Who, door: Doors) -> Response:
    """Whether the bytes are here already: 200 or 404."""
    need(caller, "runner", caller.project)
    if door.store.size(digest) is None:
        raise TrackrecordError("There is no such artifact.", status=404)
    return Response()


@router.put("/{digest}", openapi_extra=_RAW, responses={201: {"description": "It was not here before."}})
async def put_artifact(
    digest: Digest, request: Request, caller: Who, door: Doors, response: Response
) -> dict[str, int]:
    """Store the bytes. The registry hashes what arrives; other bytes than the digest says are refused."""
    need(caller, "runner", caller.project)
    if "content-encoding" in request.headers:
        raise TrackrecordError("An encoded body is not taken.", "Send it without Content-Encoding.", status=415)
    limit = door.settings.max_artifact_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:30]) > limit:
        raise TrackrecordError(f"An artifact has at most {limit:,} bytes.", status=413)
    known = await to_thread.run_sync(door.store.size, digest)
    stream = request.stream()

    async def piece() -> bytes:
        return await anext(stream, b"")

    def pieces() -> Iterator[bytes]:
        # In the thread that writes: the event loop hands over one piece at a time, so a slow disk slows the sender.
        while arrived := from_thread.run(piece):
            yield arrived

    size = await to_thread.run_sync(lambda: door.store.put(pieces(), digest, limit), limiter=_uploads)
    response.status_code = 201 if known is None else 200
    return {"size": size}


@router.get("/{digest}", response_class=StreamingResponse)
def get_artifact(digest: Digest, caller: Who, door: Doors) -> StreamingResponse:
    """The bytes, for whoever may read a run that names them. Labels that a metric is measured by, and what only runs
    with hidden content name: for maintainers."""
    path = door.store.path(digest) if door.read(lambda session: _is_named(session, caller, digest)) else None
    if path is None:
        raise TrackrecordError("There is no such artifact.", status=404)
    return StreamingResponse(
        _read(path),
        media_type="application/octet-stream",
        headers={
            "Content-Length": str(path.stat().st_size),
            "Content-Disposition": f'attachment; filename="{digest}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


def _is_named(session: Session, caller: Caller, digest: str) -> bool:
    # Whoever knows a digest can name it in a run, or pin it in a project of his own: labels go by all who pinned them.
    pinning = select(MetricDefinition.project_id).where(MetricDefinition.labels == digest).distinct()
    projects = session.exec(pinning).all()
    if projects:
        return all(caller.may("maintainer", project) for project in projects)
    for table in (Artifact, Attachment):
        naming = select(Run.project_id, Run.quarantined).join(table, col(table.run_id) == Run.id)
        for project, hidden in session.exec(naming.where(table.digest == digest).distinct()):
            if caller.may("maintainer" if hidden else "reader", project):
                return True
    return False


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
