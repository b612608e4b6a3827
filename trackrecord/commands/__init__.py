"""The commands of this machine: one file for each, found by its name. Every other word is a question."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import click

from trackrecord import text, voice
from trackrecord.answer import Answer
from trackrecord.errors import TrackrecordError

P = ParamSpec("P")
reason = click.option("--reason", required=True, help="Why, in a sentence; it stands beside the run for ever.")


def mended(function: Callable[P, None]) -> Callable[P, None]:
    """A TrackrecordError becomes its message and hint on stderr and exit code 1."""

    @wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except TrackrecordError as problem:
            click.echo(voice.paint(voice.clean(problem.message), "bad", sys.stderr), err=True)
            if problem.hint:
                click.echo(voice.clean(problem.hint, lines=True), err=True)
            # 127 and 126 are a shell's words for a command that is not there, and for one that cannot be run.
            raise SystemExit(problem.status if problem.status in (126, 127) else 1) from None
        except OSError as problem:
            click.echo(voice.clean(f"{problem.filename or ''}: {problem.strerror or problem}".lstrip(": ")), err=True)
            raise SystemExit(1) from None

    return inner


def draw(answer: Answer, base_url: str = "") -> None:
    """Print an answer, as wide as the terminal."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 140)
    click.echo(text.draw(answer, base_url=base_url, colour=voice.colours(sys.stdout), width=width), nl=False)
