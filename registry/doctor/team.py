"""Projects, their metrics and the tokens: what stands in the rows against what the log says was set and given."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlmodel import Session, col, select

from registry.doctor.found import Entry, Examined, each, entries, log_began, written
from registry.projects import as_rules, digest_of, rules_of
from registry.tables import Leaf, MetricDefinition, Project, Token
from registry.tokens import digest_of_row

_RULES = "Runs would be judged or ranked by rules that nobody set."
_TOKENS = "Somebody may write, or not write, against what the log says."


def projects(session: Session, found: Examined) -> None:
    """Rules against the newest entry about them; each version of a metric against its own."""
    rules: dict[str, list[Entry]] = defaultdict(list)
    metrics: dict[tuple[Any, ...], Entry] = {}
    for entry in entries(session, col(Leaf.kind).in_(("rules", "metric"))):
        if entry.kind == "rules":
            rules[entry.body["project"]].append(entry)
        else:
            metrics[entry.get("project", "name", "version")] = entry
    for row in each(session, Project, col(Project.id)):
        with found.looking(f"the project {row.id}"):
            _project(session, row, rules.pop(row.id, []), found)
    for gone in rules:
        found.say(f"the project {gone}", "The log has it, and its row is gone.", _RULES)
    began = log_began(session)
    for metric in each(session, MetricDefinition, col(MetricDefinition.id)):
        where = f"{metric.name}@{metric.version} of {metric.project_id}"
        with found.looking(where):
            _metric(metric, metrics.pop((metric.project_id, metric.name, metric.version), None), began, found, where)
    for project, name, version in metrics:
        found.say(f"{name}@{version} of {project}", "The log has it, and its row is gone.", _RULES)


def tokens(session: Session, found: Examined) -> None:
    """Whom each token was given to and what it opens, and whether it was revoked."""
    given: dict[int, Entry] = {}
    revoked: dict[int, Entry] = {}
    for entry in entries(session, col(Leaf.kind).in_(("token_given", "token_revoked"))):
        (given if entry.kind == "token_given" else revoked).setdefault(entry.body["token"], entry)
    began = log_began(session)
    for row in each(session, Token, col(Token.id)):
        where = f"the token {row.id} of {row.owner}"
        with found.looking(where):
            _token(row, given.pop(row.id, None), revoked.get(row.id), began, found, where)
    for number in given:
        found.say(f"the token {number}", "The log says that it was given, and its row is gone.", _TOKENS)


def _project(session: Session, row: Project, rules: list[Entry], found: Examined) -> None:
    where, began = f"the project {row.id}", log_began(session)
    created = written(row.created_at) or ""
    if not rules:
        if row.rules_digest or created >= began:
            found.say(where, "The log does not have its rules.", _RULES)
        found.early += 1
        return
    newest = rules[-1].body
    now = rules_of(session, row.id)
    made = digest_of(now) if now is not None else None
    found.same(where, "Its rules are not those in the log.", (row.rules_digest, made), (newest["digest"],) * 2, _RULES)
    if created != rules[0].body["at"] and created >= began:
        found.say(where, "It was made at another time than the log says.", _RULES)
    query = select(MetricDefinition).where(MetricDefinition.project_id == row.id)
    standing = [metric for metric in session.exec(query) if metric.current or metric.main]
    kept = sorted((not metric.main, metric.current, metric.name) for metric in standing)
    said = [metric["name"] for metric in newest["rules"]["metrics"]]
    wanted = sorted((number > 0, True, name) for number, name in enumerate(said))
    found.same(where, "Other metrics count than the log says.", kept, wanted, _RULES)


def _metric(row: MetricDefinition, said: Entry | None, began: str, found: Examined, where: str) -> None:
    created = written(row.created_at) or ""
    if said is None:
        if created >= began:
            found.say(where, "The log does not have it.", _RULES)
        found.early += 1
        return
    kept = (row.id, digest_of(as_rules(row)), row.created_by, created)
    found.same(where, "It is not what the log says.", kept, said.get("number", "digest", "by", "at"), _RULES)


def _token(row: Token, given: Entry | None, revoked: Entry | None, began: str, found: Examined, where: str) -> None:
    at = revoked.body.get("at") if revoked else None
    if given is None:
        if (written(row.created_at) or "") >= began:
            found.say(where, "The log does not say that it was given.", _TOKENS)
        found.early += 1
    else:
        kept = (row.owner, row.role, row.project_id, written(row.created_at), digest_of_row(row))
        said = given.get("owner", "role", "project", "at", "row")
        found.same(where, "It is not as it was given.", kept, said, _TOKENS)
    if given is not None or revoked is not None:
        found.same(where, "Whether it is revoked is not what the log says.", written(row.revoked_at), at, _TOKENS)
