"""A question's name and words -> its answer; help is in here. The only way in for Slack, terminal, HTTP and page."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

import registry.answers
from registry import words as reading_words
from registry.asker import Asker
from registry.find import Unfound, near
from registry.folder import functions_in
from registry.numbers import clean
from registry.words import Slot, Word
from trackrecord.answer import Answer, Facts, FollowUp, Note, Table
from trackrecord.errors import TrackrecordError


@dataclass(frozen=True, slots=True)
class Question:
    """What can be asked: one file of `answers/`. A question that `writes` needs a transaction, others only read."""

    name: str
    summary: str
    usage: str
    writes: bool
    function: Callable[..., Answer]

    @property
    def slots(self) -> tuple[Slot, ...]:
        return reading_words.slots(self.function)

    @property
    def details(self) -> str:
        """The docstring after its first line."""
        return (inspect.getdoc(self.function) or "").partition("\n")[2].strip()


def questions() -> dict[str, Question]:
    """Every question there is, by name: the files of `answers/` and help."""
    functions = {**functions_in(registry.answers), "help": _help}
    return {name: _question(name, function) for name, function in sorted(functions.items())}


def _question(name: str, function: Callable[..., Answer]) -> Question:
    usage = " ".join([name, *(slot.usage for slot in reading_words.slots(function))])
    summary = (inspect.getdoc(function) or "").partition("\n")[0].strip()
    first = next(iter(inspect.signature(function).parameters))
    return Question(name, summary, usage, first == "writing", function)


def find_question(name: str, asker: Asker) -> Question:
    """The question of that name. Raises TrackrecordError that says what was meant perhaps."""
    known = questions()
    wanted = name.strip().lower()
    if wanted in known:
        return known[wanted]
    meant = near(wanted, known, most=1)
    hint = f"Did you mean: {asker.command(meant[0])}" if meant else f"{asker.command('help')} lists the questions."
    raise TrackrecordError(f'There is no question "{clean(name, 40)}".', hint, status=404)


def ask(session: Session, question: str, words: str, asker: Asker, now: datetime) -> Answer:
    """Answer the question. Raises TrackrecordError with the corrected command where the words cannot be followed."""
    asked = find_question(question, asker)
    if words.strip().lower() in ("help", "?", "-h", "--help") and asked.name != "help":
        asked, words = questions()["help"], asked.name
    typed = reading_words.split(words, [slot.name for slot in asked.slots])
    args, options = _arguments(asked, typed, asker, now)
    try:
        return asked.function(session, asker, now, *args, **options)
    except Unfound as error:
        raise _with_command(error, asked, typed, asker) from error


def _with_command(error: Unfound, asked: Question, typed: Sequence[Word], asker: Asker) -> TrackrecordError:
    if not error.candidates:
        return error
    first = error.candidates[0]
    corrected = [_swap(word, first) if error.wrong in (word.text, word.value) else word.raw for word in typed]
    if not error.wrong:
        corrected.insert(0, first)
    hint = f"{error.hint} Write: {asker.command(asked.name, ' '.join(corrected))}"
    return TrackrecordError(error.message, hint, status=error.status)


def _swap(word: Word, text: str) -> str:
    quoted = f'"{text}"' if " " in text else text
    return f"{word.key}={quoted}" if word.key else quoted


def _arguments(asked: Question, typed: list[Word], asker: Asker, now: datetime) -> tuple[list[Any], dict[str, Any]]:
    """Typed words by the function's signature: objects in their order, `key=value` anywhere."""
    objects = [slot for slot in asked.slots if not slot.option]
    named = {slot.name: slot for slot in asked.slots if not slot.many}
    places: dict[str, Any] = {}
    options: dict[str, Any] = {}
    loose: list[Word] = []
    for word in typed:
        if word.key is None:
            loose.append(word)
            continue
        if word.key.lower() not in named:
            raise _unknown_option(asked, typed, word, asker)
        slot = named[word.key.lower()]
        target = options if slot.option else places
        target[slot.name] = _value(asked, typed, word, slot, word.value, target.get(slot.name), asker, now)
    args: list[Any] = []
    for slot in objects:
        if slot.many:
            args.extend(_value(asked, typed, word, slot, word.text, None, asker, now) for word in loose)
            loose = []
        elif slot.name in places:
            args.append(places[slot.name])
        elif loose:
            word = loose.pop(0)
            args.append(_value(asked, typed, word, slot, word.text, None, asker, now))
        elif slot.needed:
            raise _missing(asked, slot, asker)
        else:
            args.append(slot.default)
    if loose:
        raise _stray(asked, typed, loose[0], asker)
    return args, options


def _value(
    asked: Question, typed: list[Word], word: Word, slot: Slot, text: str, before: Any, asker: Asker, now: datetime
) -> Any:
    try:
        if not text.strip():
            raise ValueError(f"{slot.name} has no value.")
        if reading_words.is_conditions(slot.kind):
            return (*(before or ()), *reading_words.conditions(text))
        if before is not None:
            raise ValueError(f"{slot.name} is given twice.")
        return reading_words.value_of(slot, text, now)
    except ValueError as error:
        without = " ".join(other.raw for other in typed if other is not word)
        example = slot.usage.strip("[]").partition("|")[0]
        if "…" in example or not slot.option or before is not None:
            example = ""
        hint = f"Write: {asker.command(asked.name, f'{without} {example}'.strip())}"
        raise TrackrecordError(str(error), hint) from None


def _unknown_option(asked: Question, typed: list[Word], word: Word, asker: Asker) -> TrackrecordError:
    names = [slot.name for slot in asked.slots if not slot.many]
    meant = near((word.key or "").lower(), names, most=1)
    if meant:
        better = f"{meant[0]}={word.raw.partition('=')[2]}"
    elif "where" in names:
        better = f"where={word.raw}"
    else:
        better = ""
    return _corrected(f'{asked.name} has no option "{clean(word.key or "", 40)}".', asked, typed, word, better, asker)


def _stray(asked: Question, typed: list[Word], word: Word, asker: Asker) -> TrackrecordError:
    options = [slot.name for slot in asked.slots if slot.option]
    better = f"where={word.raw}" if "where" in options and any(sign in word.text for sign in "<>=") else ""
    message = f'{asked.name} does not know what to do with "{clean(word.text, 40)}".'
    return _corrected(message, asked, typed, word, better, asker)


def _corrected(
    message: str, asked: Question, typed: list[Word], wrong: Word, better: str, asker: Asker
) -> TrackrecordError:
    fixed = [better if word is wrong else word.raw for word in typed]
    command = asker.command(asked.name, " ".join(word for word in fixed if word))
    return TrackrecordError(message, f"Write: {command} (usage: {asker.command(asked.usage)})")


def _missing(asked: Question, slot: Slot, asker: Asker) -> TrackrecordError:
    hint = f"Write: {asker.command(asked.usage)}"
    if slot.name == "run":
        hint += f"; {asker.command('recent')} lists runs."
    return TrackrecordError(f"{asked.name} needs a {slot.name}.", hint)


def _help(session: Session, asker: Asker, now: datetime, question: str = "") -> Answer:
    """Lists the questions; with a name, the details of one.

    Words in brackets may be left out. A run is named by its name, its id, or the first letters of its id.
    """
    if question:
        return _help_one(find_question(question, asker), asker)
    known = questions()
    rows = tuple((asker.command(each.usage), each.summary) for each in known.values())
    return Answer(
        title="What can be asked",
        text=f"{len(known)} questions: {', '.join(known)}. {asker.command('help best')} has the details of one.",
        parts=(
            Table(("command", "what it answers"), rows),
            Note(f"Words in brackets may be left out. {asker.command('help best')} has the details of one."),
        ),
        follow_ups=tuple(FollowUp(name, name, "") for name in ("best", "recent", "projects") if name in known),
    )


def _help_one(asked: Question, asker: Asker) -> Answer:
    paragraphs = [" ".join(text.split()) for text in asked.details.split("\n\n") if text.strip()]
    return Answer(
        title=asker.command(asked.name),
        text=f"{asker.command(asked.usage)}: {asked.summary}",
        parts=(
            Facts((("usage", asker.command(asked.usage)),)),
            Note(asked.summary),
            *(Note(paragraph) for paragraph in paragraphs),
        ),
    )
