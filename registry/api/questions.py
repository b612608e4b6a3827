"""Questions over HTTP: the words go to `ask` as they are, the answer comes back as its parts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from registry.api.door import Doors, Who, clock
from registry.api.shapes import QuestionShown
from registry.ask import ask, find_question, questions
from trackrecord.report import PROJECT

router = APIRouter(prefix="/answers", tags=["answers"])


@router.get("")
def list_questions(caller: Who) -> list[QuestionShown]:
    """What can be asked."""
    return [QuestionShown(each.name, each.summary, each.usage) for each in questions().values()]


@router.get("/{question}")
def answer(
    question: Annotated[str, Path(max_length=60)],
    caller: Who,
    door: Doors,
    words: Annotated[str, Query(max_length=2_000)] = "",
    project: Annotated[str, Query(pattern=f"^$|{PROJECT}", description="Meant where the words name none.")] = "",
) -> dict[str, Any]:
    """The answer as data: title, text, parts, follow-ups."""
    asker = door.asker(caller, project)
    work = door.write if find_question(question, asker).writes else door.read
    return work(lambda session: ask(session, question, words, asker, clock()).as_json())
