"""What the API answers, and how its bodies stand in the OpenAPI description."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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
    CorrectionReport,
    FinishReport,
    ProjectRules,
    RunReport,
    Value,
    Withdrawal,
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
class EarlierShown:
    """The latest run of the same code, parameters and seeds. Running again is legitimate; it is good to know."""

    run: str
    name: str
    url: str
    ago: str  # "2 d ago"
    value: str  # "91.2 %"; "none" where it has none that counts
    verdict: str


@dataclass(frozen=True, slots=True)
class Opened:
    run: str
    name: str
    url: str
    earlier: EarlierShown | None = None


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
class CorrectionShown:
    """What was said about a run afterwards; `leaf` is the entry of the log that says so."""

    what: Withdrawal
    reason: str
    instead: str | None  # the run's id
    by: str
    at: datetime
    leaf: int


@dataclass(frozen=True, slots=True)
class Corrected:
    """`withdrawn` is the gravest of its corrections."""

    run: str
    withdrawn: str
    corrections: list[CorrectionShown]


@dataclass(frozen=True, slots=True)
class RunFound:
    run: str
    name: str
    project: str
    owner: str


@dataclass(frozen=True, slots=True)
class RunShown:
    """`report` is empty where the registry hides what the run holds; of a deleted run it is what its row still says."""

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
    withdrawn: str  # superseded, invalidated, deleted; "": it stands
    corrections: list[CorrectionShown]
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
class ReceiptShown:
    """`record` is the text of run.json, None where what the run holds is hidden; `entry` is the log's."""

    receipt: str
    run: str
    name: str
    verdict: str
    bundle: dict[str, Any]
    record: str | None
    proof: str
    entry: str


@dataclass(frozen=True, slots=True)
class ConsistencyShown:
    """The proof (RFC 6962) that the first `old` entries are the beginning of the first `new`; hashes in base64."""

    old: int
    new: int
    path: list[str]


@dataclass(frozen=True, slots=True)
class InclusionShown:
    """The proof (RFC 6962) that entry `leaf`, whose hash is `hash`, is one of the first `size`; hashes in base64."""

    leaf: int
    size: int
    hash: str
    path: list[str]


@dataclass(frozen=True, slots=True)
class EntryShown:
    """`entry` is the text that is hashed; None where it is about a project that the token does not open."""

    leaf: int
    hash: str
    entry: str | None


@dataclass(frozen=True, slots=True)
class EntriesShown:
    """Entries from `start` on; the log has `size` of them."""

    start: int
    size: int
    entries: list[EntryShown]


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


# By reference, and not as FastAPI's `model`: that would build the same shape anew for every code of every route.
REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"description": why, "content": {"application/json": {"schema": {"$ref": f"{_REFS}Refusal"}}}}
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
        for shape in (RunReport, BatchReport, FinishReport, CorrectionReport, ProjectRules, TokenRequest, Refusal)
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
