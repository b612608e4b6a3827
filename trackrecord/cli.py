"""`trackrecord`: the commands of this machine, and every question that the registry answers."""

from __future__ import annotations

import json
import pkgutil
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from trackrecord import client, config
from trackrecord import commands as own
from trackrecord.answer import Answer
from trackrecord.client import Client
from trackrecord.commands import draw, mended
from trackrecord.errors import TrackrecordError
from trackrecord.version import __version__

_QUOTES = (('"', '"'), ("“", "”"), ("「", "」"), ("'", "'"))


class Commands(click.Group):
    """The commands of this machine, a file each; every other word is a question for the registry."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(module.name for module in pkgutil.iter_modules(own.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.list_commands(ctx):  # only the one that is asked for is loaded
            found: click.Command = import_module(f"trackrecord.commands.{cmd_name}").command
            return found
        return None if cmd_name.startswith("-") else _question(cmd_name)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write("\nQuestions, such as `trackrecord best milestone-1`: `trackrecord help` lists them.\n")


def main() -> None:
    """The program. Exit codes: 0 done, 1 it could not be done, 2 it was not understood."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="replace")  # a terminal without block signs shows ? and not a trace
    commands(prog_name="trackrecord")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="trackrecord")
def commands() -> None:
    """Ask the registry, and deliver to it."""


def _question(name: str) -> click.Command:
    @click.command(
        name, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": True}, add_help_option=False
    )
    @click.option("--json", "as_json", is_flag=True)
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    @mended
    def asked(as_json: bool, words: tuple[str, ...]) -> None:
        door = Client(config.load())
        data = door.ask("GET", client.path("answers", name), query={"words": joined(words)})
        if as_json:
            click.echo(json.dumps(data, ensure_ascii=False, indent=2))
            return
        draw(_read(data), door.url)

    return asked


def _read(data: Any) -> Answer:
    try:
        return Answer.from_json(data)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise TrackrecordError("This version of trackrecord cannot read the answer.", "Upgrade it.") from None


def joined(words: Sequence[str]) -> str:
    """The shell's words as one line: what has a space in it gets quotes that the registry takes off again."""
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    if word and not re.search(r"\s", word):
        return word
    name, equals, value = word.partition("=")
    if equals and re.fullmatch(r"\w+", name):
        return f"{name}={_quoted(value)}" if value else word
    opening, closing = next((pair for pair in _QUOTES if pair[0] not in word and pair[1] not in word), _QUOTES[0])
    return f"{opening}{word}{closing}"
