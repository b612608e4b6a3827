"""Finds what people name: projects, runs, metrics; says what they may have meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from registry.asker import Asker
from registry.numbers import clean, listed
from registry.tables import MetricDefinition, Project, Run
from trackrecord.errors import TrackrecordError

_SHORTEST_PREFIX = 6
_ID_LETTERS = re.compile(r"[0-9A-HJKMNP-TV-Z]{6,26}")
_DEFINE = "A maintainer defines one: trackrecord define project.toml."
_NAMES_SEARCHED = 3_000  # the latest runs whose names are compared for "did you mean"


class Unfound(TrackrecordError):
    """What was named does not exist, or is not the only one. `wrong` is the word, `candidates` what was meant perhaps.

    `ask` puts a candidate in the place of the word and shows the corrected command.
    """

    def __init__(
        self, message: str, wrong: str, candidates: Iterable[str], *, otherwise: str = "", status: int = 404
    ) -> None:
        self.wrong = wrong
        self.candidates = tuple(candidates)
        hint = f"Did you mean {listed(list(self.candidates), 5, 'or')}?" if self.candidates else otherwise
        super().__init__(message, hint, status=status)


def near(word: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The names that look like the word, the likeliest first."""
    known = {name.lower(): name for name in names}
    lowered = word.lower()[:200]
    starts = sorted(name for name in known if lowered and name.startswith(lowered))
    alike = difflib.get_close_matches(lowered, known, n=most, cutoff=0.6)
    inside = sorted(name for name in known if len(lowered) >= 3 and lowered in name)
    return [known[name] for name in list(dict.fromkeys([*starts, *alike, *inside]))[:most]]


def visible_projects(session: Session, asker: Asker) -> list[Project]:
    """Every project that the asker may ask about, by id."""
    query = select(Project).order_by(col(Project.id))
    if asker.projects is not None:
        query = query.where(col(Project.id).in_(sorted(asker.projects)))
    return list(session.exec(query))


def default_project(session: Session, asker: Asker) -> Project | None:
    """The asker's own, else the only one there is, else None."""
    if asker.project and asker.may_see(asker.project):
        found = session.get(Project, asker.project)
        if found is not None:
            return found
    projects = visible_projects(session, asker)
    return projects[0] if len(projects) == 1 else None


def find_project(session: Session, asker: Asker, text: str) -> Project:
    """The project of that id (or title). Raises Unfound with what was meant perhaps; nothing named: the default."""
    if not text:
        default = default_project(session, asker)
        if default is None:
            names = [project.id for project in visible_projects(session, asker)]
            raise Unfound("Which project?", "", names[:5], otherwise="There is no project yet.", status=400)
        return default
    projects = visible_projects(session, asker)
    wanted = text.strip().lower()
    for project in projects:
        if wanted in (project.id, project.title.lower()):
            return project
    names = [project.id for project in projects]
    meant = near(text, names)
    known = f"Projects: {listed(names, 8)}." if names else "There is no project yet."
    raise Unfound(f'There is no project "{clean(text)}".', text, meant, otherwise=known)


def definitions(session: Session, project: Project) -> list[MetricDefinition]:
    """The metrics that the project defines now, the main one first."""
    query = select(MetricDefinition).where(
        MetricDefinition.project_id == project.id, col(MetricDefinition.current).is_(True)
    )
    return sorted(session.exec(query), key=lambda metric: (not metric.main, metric.name))


def versions(session: Session, project: Project, name: str = "") -> list[MetricDefinition]:
    """Every definition there ever was of the metric (or of all), the latest version first. Each has a board."""
    query = select(MetricDefinition).where(MetricDefinition.project_id == project.id)
    if name:
        query = query.where(MetricDefinition.name == name)
    return list(session.exec(query.order_by(col(MetricDefinition.name), col(MetricDefinition.version).desc())))


def find_metric(session: Session, project: Project, text: str = "", version: int = 0) -> MetricDefinition:
    """The project's metric of that name; nothing named: the main one. Part of a name is enough where it is unique.

    `version` 0: the definition that counts now. Any other: that one, also of a metric that is not defined any more.
    """
    if version:
        return _version(session, project, text, version)
    known = definitions(session, project)
    if not known:
        raise TrackrecordError(f"{project.id} defines no metric yet.", _DEFINE, status=404)
    if not text:
        return known[0]
    found = _fitting(known, text)
    if found is not None:
        return found
    names = [metric.name for metric in known]
    meant = [metric.name for metric in known if _ends(metric, text)] or near(text, names)
    message = f'{project.id} does not define a metric "{clean(text)}".'
    raise Unfound(message, text, meant, otherwise=f"It defines {listed(names, 8)}.")


def _version(session: Session, project: Project, text: str, version: int) -> MetricDefinition:
    every = versions(session, project)
    if not text or not every:
        name = find_metric(session, project).name
    else:
        latest = list({metric.name: metric for metric in reversed(every)}.values())
        found = _fitting(latest, text)
        if found is None:
            names = sorted({metric.name for metric in every})
            message = f'{project.id} never defined a metric "{clean(text)}".'
            raise Unfound(message, text, near(text, names), otherwise=f"It defined {listed(names, 8)}.")
        name = found.name
    of_name = [metric for metric in every if metric.name == name]
    for metric in of_name:
        if metric.version == version:
            return metric
    there = listed([str(metric.version) for metric in reversed(of_name)], 12)
    latest_one = of_name[0]
    now = f"version {latest_one.version} counts now" if latest_one.current else "none counts now"
    word = "version" if len(of_name) == 1 else "versions"
    message = f"{name} of {project.id} has no version {version}. It has {word} {there}; {now}."
    raise Unfound(message, str(version), [str(latest_one.version)])


def _fitting(metrics: Iterable[MetricDefinition], text: str) -> MetricDefinition | None:
    """The one that the text names, wholly or by one of its parts; None: none does, or several."""
    known = list(metrics)
    same = [metric for metric in known if metric.name.lower() == text.strip().lower()]
    for fits in (same, [metric for metric in known if _ends(metric, text)]):
        if len(fits) == 1:
            return fits[0]
    return None


def _ends(metric: MetricDefinition, text: str) -> bool:
    return text.strip().lower() in re.split(r"[/.:]", metric.name.lower())


def find_run(session: Session, asker: Asker, text: str) -> Run:
    """The run of that name, full id, unique id prefix or page address. Raises Unfound: unknown, or several fit."""
    word = text.split("?", 1)[0].strip().rstrip("/").rsplit("/", 1)[-1]
    if not word:
        raise Unfound("Which run?", text, [], otherwise="Name it by its name, id, or the start of its id.", status=400)
    found = _by_name(session, asker, word.lower()) or _by_id(session, asker, word.upper())
    if len(found) > 1 and asker.project:
        found = [run for run in found if run.project_id == asker.project] or found
    if len(found) == 1:
        return found[0]
    if found:
        which = listed([f"{run.id} ({run.name}, {run.owner}, {run.project_id})" for run in found], 5, "or")
        error = Unfound(
            f'"{clean(word)}" fits {len(found)} runs: {which}.', text, [run.id for run in found], status=409
        )
        raise error
    meant = near(word, _names(session, asker))
    message = f'There is no run "{clean(word)}".'
    raise Unfound(message, text, meant, otherwise="A run is named by its name, its id, or at least six letters of it.")


def _may_see(query: sa.Select[Any], asker: Asker) -> sa.Select[Any]:
    if asker.projects is None:
        return query
    return query.where(col(Run.project_id).in_(sorted(asker.projects)))


def _by_name(session: Session, asker: Asker, name: str) -> list[Run]:
    query = sa.select(Run).where(col(Run.name) == name).order_by(col(Run.received_at).desc()).limit(6)
    return list(session.execute(_may_see(query, asker)).scalars())


def _by_id(session: Session, asker: Asker, start: str) -> list[Run]:
    if len(start) < _SHORTEST_PREFIX or not _ID_LETTERS.fullmatch(start):
        return []
    within = col(Run.id).between(start.ljust(26, "0"), start.ljust(26, "Z"))
    query = sa.select(Run).where(within).order_by(col(Run.id)).limit(6)
    return list(session.execute(_may_see(query, asker)).scalars())


def _names(session: Session, asker: Asker) -> list[str]:
    query = sa.select(col(Run.name), col(Run.project_id)).order_by(col(Run.received_at).desc()).limit(_NAMES_SEARCHED)
    return [name for name, project in session.execute(query) if asker.may_see(project)]
