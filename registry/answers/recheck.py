"""Asks for a run's checks to be made again."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from registry.asker import Asker
from registry.find import find_run
from registry.numbers import clean
from registry.words import RunRef
from trackrecord.answer import Answer, FollowUp, Note


def recheck(writing: Session, asker: Asker, now: datetime, run: RunRef) -> Answer:
    """Looks at a run again: after a push, or when something could not be looked at before."""
    kept = find_run(writing, asker, run)
    name = clean(kept.name, 40)
    if kept.withdrawn == "deleted":
        text = f"{name} was deleted: there is nothing left to look at."
        again = (FollowUp("Show it", "show", kept.name),)
        return Answer(f"{name} is not checked again", text, (Note(text, "warn"),), "warn", again)
    if kept.sealed_at is None:
        text = f"{name} has not ended yet: it is checked as soon as it has."
        return Answer(
            f"{name} is not checked yet", text, (Note(text),), "warn", (FollowUp("Show it", "show", kept.name),)
        )
    kept.check_at = now
    writing.add(kept)
    text = f"{name} is looked at again within seconds. Its verdict so far: {kept.verdict}."
    return Answer(f"{name} is checked again", text, (Note(text),), "plain", (FollowUp("Show it", "show", kept.name),))
