"""How to repeat a run: verdict first, gaps named, then the commands."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from registry.asker import Asker
from registry.find import find_run
from registry.kept import datasets_of, headline_metric, known_of, report_of
from registry.numbers import clean, counted, read
from registry.recipe import recipe, tree_words
from registry.standing import Known, hidden_words, is_open, verdict_notes, withdrawn_words, word
from registry.tables import Project, Run
from registry.words import RunRef
from trackrecord.answer import Answer, Facts, FollowUp, Link, Note, Part


def repro(session: Session, asker: Asker, now: datetime, run: RunRef) -> Answer:
    """How to repeat a run: what is missing, and the exact commands for code, environment, data and start.

    The commands are pasted into a shell one after another, in the same directory. The first one compares the tree that
    it rebuilds with the recorded one and stops where they differ.
    """
    kept = find_run(session, asker, run)
    metric = headline_metric(session, kept)
    known = known_of(session, [kept])[kept.id]
    if not is_open(kept):
        return _no_recipe(kept, known)
    report = report_of(kept)
    project = session.get_one(Project, kept.project_id)
    datasets = datasets_of(session, kept.id)
    made = recipe(report, kept.id, project.repository, datasets)
    name = clean(kept.name, 40)
    parts: list[Part] = [*verdict_notes(kept, metric, known, asker, now)]
    parts += [Note(f"Gap: {gap}.", "warn") for gap in made.gaps]
    expected = [("code", tree_words(report)), ("seed", clean(kept.seed or "none recorded", 120))]
    if metric is not None and kept.headline is not None:
        value = read(kept.headline, metric)
        expected.append(("expect", f"{value} {metric.name}, as the run reported it"))
    parts.append(Facts(tuple(expected)))
    parts += made.scripts
    parts.append(Note("Nobody has run this recipe for you: it says how to repeat the run, not that it repeats."))
    parts.append(Link(f"Page of {name}", f"/runs/{kept.id}"))
    gaps = counted(len(made.gaps), "gap") if made.gaps else "no known gap"
    return Answer(
        title=f"How to repeat {name}",
        text=f"{name} is {word(kept)}; {gaps}. {counted(len(made.scripts), 'script')} to paste: {tree_words(report)}.",
        parts=tuple(parts),
        tone="plain" if word(kept) == "verified" else "warn",
        follow_ups=(FollowUp("Show it", "show", kept.name), FollowUp("Best", "best", kept.project_id)),
    )


def _no_recipe(run: Run, known: Known) -> Answer:
    """Of a run that was deleted there is nothing to repeat; of one with a secret in it nothing is shown."""
    name = clean(run.name, 40)
    if run.withdrawn == "deleted":
        text = (
            f"{name} was {withdrawn_words(run, known).removeprefix('was ')}. What it held is gone: no recipe is left."
        )
    else:
        text = f"There is no recipe of {name} to show: {hidden_words(known)}."
    follow_ups = (FollowUp("Show it", "show", run.name), FollowUp("Best", "best", run.project_id))
    page = Link(f"Page of {name}", f"/runs/{run.id}")
    return Answer(f"{name} cannot be repeated from here", text, (Note(text, "warn"), page), "warn", follow_ups)
