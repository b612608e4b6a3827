"""What the API answers, and how its bodies stand in the OpenAPI description."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from fastapi import FastAPI, Path
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from registry.record import LARGEST_SEQUENCE
from registry.tokens import Role
from trackrecord.report import (
    DIGEST,
    PROJECT,
    RUN_ID,
    WRITER,
    BatchReport,
    FinishReport,
    ProjectRules,
    RunReport,
    Value,
)

RunId = Annotated[str, Path(pattern=RUN_ID, description="The run's id, made by its script (a ULID).")]
ProjectId = Annotated[str, Path(pattern=PROJECT, description="The project's id.")]
Writer = Annotated[str, Path(pattern=WRITER, description="One of the run's writers, such as a rank.")]
Sequence = Annotated[int, Path(ge=0, le=LARGEST_SEQUENCE, description="The writer's batches, from 0 without gaps.")]
Digest = Annotated[str, Path(pattern=DIGEST, description="SHA-256 of the bytes, lower-case hex.")]

_REFS = "#/components/schemas/"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """The body of `POST /api/v1/tokens`. `days` None: it does not run out."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}
    owner: str
    role: Role
    project: str | None = None
    label: str = ""
    days: int | None = None


@dataclass(frozen=True, slots=True)
class NewToken:
    token: str  # shown this once


@dataclass(frozen=True, slots=True)
class Whoami:
    owner: str
    role: Role
    project: str | None


@dataclass(frozen=True, slots=True)
class Opened:
    run: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Headline:
    """The value that counts by the project's rule."""

    metric: str
    value: float
    step: int | None


@dataclass(frozen=True, slots=True)
class FindingShown:
    check: str
    outcome: str
    refutes: bool
    reason: str
    mend: str


@dataclass(frozen=True, slots=True)
class RunShown:
    run: str
    name: str
    project: str
    owner: str
    state: str
    verdict: str
    checked: bool
    url: str
    headline: Headline | None
    findings: list[FindingShown]
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class HistoryShown:
    """Columns of equal length; `count` is how many points there are in all."""

    metric: str
    steps: list[int]
    times: list[int]
    values: list[Value]
    count: int


@dataclass(frozen=True, slots=True)
class QuestionShown:
    name: str
    summary: str
    usage: str


@dataclass(frozen=True, slots=True)
class Health:
    ok: Literal[True] = True


@dataclass(frozen=True, slots=True)
class Problem:
    message: str
    hint: str
    passing: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Every answer that is not 2xx."""

    error: Problem


REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": Refusal, "description": why}
    for code, why in {
        400: "The request cannot be read.",
        401: "No token, or none that is valid now.",
        403: "The token does not open that.",
        404: "There is no such thing, or not for this token.",
        409: "Something else stands under that name.",
        413: "Too large or too many.",
        415: "Not plain JSON.",
        422: "Not in the shape or the bounds.",
        503: "Busy: try again.",
        507: "The disk is full: try again later.",
    }.items()
}


def takes(shape: type) -> dict[str, Any]:
    """The OpenAPI entry of a body that `registry.bodies` reads."""
    content = {"application/json": {"schema": {"$ref": _REFS + shape.__name__}}}
    return {"requestBody": {"required": True, "content": content}}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, with the shapes that FastAPI itself never sees."""
    if app.openapi_schema:
        return app.openapi_schema
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    adapters = [
        (shape.__name__, "validation", TypeAdapter(shape))
        for shape in (RunReport, BatchReport, FinishReport, ProjectRules, TokenRequest)
    ]
    shapes, inner = TypeAdapter.json_schemas(adapters, ref_template=_REFS + "{model}")  # type: ignore[arg-type]
    components = made.setdefault("components", {}).setdefault("schemas", {})
    components.update(inner.get("$defs", {}))
    for (name, _), shape in shapes.items():
        if shape.get("$ref") != _REFS + str(name):
            components[str(name)] = shape
    made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, methods in made["paths"].items():
        if path.startswith("/api/v1/"):
            for operation in methods.values():
                operation["security"] = [{"token": []}]
    app.openapi_schema = made
    return made
