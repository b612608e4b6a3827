"""Projects and tokens: who may do what, and by which rules runs are judged."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from registry import tokens
from registry.addresses import trouble_with
from registry.api.door import Body, Doors, Who, clock, need
from registry.api.shapes import NewToken, ProjectId, TokenRequest, Whoami, takes
from registry.bodies import read, refused
from registry.bounds import label, matches, rules_bounds, text
from registry.projects import rules_of, set_rules
from registry.tokens import ROLES
from trackrecord.errors import TrackrecordError
from trackrecord.report import PROJECT, ProjectRules

router = APIRouter(tags=["projects"])

_LONGEST_DAYS = 3_650


@router.get("/whoami")
def whoami(caller: Who) -> Whoami:
    """Whose token this is, and what it opens."""
    return Whoami(caller.owner, caller.role, caller.project)


@router.post("/tokens", status_code=201, openapi_extra=takes(TokenRequest))
def give_token(body: Body, caller: Who, door: Doors) -> NewToken:
    """Make a token. It is shown in this answer and never again."""
    wanted = read(body, TokenRequest, _token_bounds)
    need(caller, "maintainer", wanted.project)
    if ROLES.index(wanted.role) > ROLES.index(caller.role):
        raise TrackrecordError("Nobody gives more than they have.", "Ask an admin.", status=403)
    now = clock()
    expires_at = now + timedelta(days=wanted.days) if wanted.days is not None else None
    token = door.write(
        lambda session: tokens.give(
            session,
            owner=wanted.owner,
            role=wanted.role,
            project=wanted.project,
            label=wanted.label,
            expires_at=expires_at,
            now=now,
            by=caller.owner,
        )
    )
    return NewToken(token)


@router.put("/projects/{project}", openapi_extra=takes(ProjectRules), responses={201: {"description": "It is new."}})
def put_project(project: ProjectId, body: Body, caller: Who, door: Doors, response: Response) -> dict[str, str]:
    """Make a project or change its rules. A changed metric becomes a new version; runs are judged again by it."""
    rules = read(body, ProjectRules, rules_bounds)
    trouble = trouble_with(rules.repository, door.settings.git_protocols) if rules.repository else ""
    if trouble:
        raise refused("repository", trouble)
    if door.write(lambda session: set_rules(session, caller, project, rules, clock())):
        response.status_code = 201
    return {"project": project}


@router.get("/projects/{project}", response_model=None, responses={200: {"model": ProjectRules}})
def show_project(project: ProjectId, caller: Who, door: Doors) -> JSONResponse:
    """The project's rules, in the shape they are set in."""
    rules = door.read(lambda session: rules_of(session, project)) if caller.may("reader", project) else None
    if rules is None:
        raise TrackrecordError("There is no such project.", "Ask for the list: projects.", status=404)
    return JSONResponse(asdict(rules))  # as it is: the shape is strict, FastAPI would not read it from a dict


def _token_bounds(wanted: TokenRequest) -> None:
    label(wanted.owner, "owner", 100)
    text(wanted.label, "label", 200)
    if wanted.project is not None:
        matches(wanted.project, PROJECT, "project")
    if wanted.days is not None and not 1 <= wanted.days <= _LONGEST_DAYS:
        raise refused("days", f"must be between 1 and {_LONGEST_DAYS:,}")
