"""Answers for where there is nothing to answer with yet: no project, no metric, no run, or none chosen."""

from __future__ import annotations

from sqlmodel import Session

from registry.asker import Asker
from registry.find import visible_projects
from registry.numbers import clean, listed
from registry.tables import Project
from trackrecord.answer import Answer, Code, FollowUp, Note, Table


def no_project() -> Answer:
    """The very first thing that somebody sees."""
    text = "There is no project yet. An admin or maintainer creates one; then scripts can post runs to it."
    return Answer("No project yet", text, (Note(text),), "warn")


def first_run(project: Project, metric: str) -> Answer:
    """How to register the first run of a project."""
    script = (
        "import trackrecord\n\n"
        f'with trackrecord.run("{project.id}", params={{"lr": 0.01}}) as run:\n'
        f'    run.log({{"{metric}": 0.9}}, step=1)\n'
    )
    text = f"{project.id} has no run yet. Three lines in a training script register the first one."
    return Answer(
        title=f"{project.id} has no run yet",
        text=text,
        parts=(Note(text), Code(script, "In the training script", "train.py"), Code("trackrecord login", "Once")),
    )


def no_metric(project: Project) -> Answer:
    """Nothing can rank without a definition."""
    text = f"{project.id} defines no metric yet, so nothing can rank. A maintainer sets its rules."
    return Answer(
        f"{project.id} defines no metric",
        text,
        (Note(text, "warn"),),
        "warn",
        (FollowUp("Recent", "recent", project.id),),
    )


def choose(session: Session, asker: Asker, question: str) -> Answer:
    """Which project is meant, where none was named and there are several."""
    projects = visible_projects(session, asker)
    if not projects:
        return no_project()
    names = [project.id for project in projects]
    example = asker.command(question, names[0])
    return Answer(
        title="Which project?",
        text=f"Which project? {listed(names, 8)}. Write: {example}",
        parts=(
            Table(("project", "title"), tuple((each.id, clean(each.title, 80)) for each in projects[:25])),
            Note(f"Write: {example}"),
        ),
        follow_ups=tuple(FollowUp(name, question, name) for name in names[:5]),
    )
