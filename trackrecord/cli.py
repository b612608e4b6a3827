"""`trackrecord best milestone-1`: questions go to the registry as they are; the rest this machine does itself."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import click

from trackrecord import client, config, doctor, sync, text, voice
from trackrecord.answer import Answer
from trackrecord.capture import data as contents
from trackrecord.client import Client
from trackrecord.errors import TrackrecordError
from trackrecord.report import DIGEST
from trackrecord.version import __version__

P = ParamSpec("P")
_QUOTES = (('"', '"'), ("“", "”"), ("「", "」"), ("'", "'"))


class Commands(click.Group):
    """The commands of this machine; every other word is a question for the registry."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        known = super().get_command(ctx, cmd_name)
        return known if known is not None or cmd_name.startswith("-") else _question(cmd_name)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write("\nQuestions, such as `trackrecord best milestone-1`: `trackrecord help` lists them.\n")


def main() -> None:
    """The program. Exit codes: 0 done, 1 it could not be done, 2 it was not understood."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="replace")  # a terminal without block signs shows ? and not a trace
    commands(prog_name="trackrecord")


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
            raise SystemExit(1) from None
        except OSError as problem:
            click.echo(voice.clean(f"{problem.filename or ''}: {problem.strerror or problem}".lstrip(": ")), err=True)
            raise SystemExit(1) from None

    return inner


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
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
        width = shutil.get_terminal_size((100, 24)).columns
        answer = _read(data)
        click.echo(
            text.draw(answer, base_url=door.url, colour=voice.colours(sys.stdout), width=min(width, 140)), nl=False
        )

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


@commands.command()
@click.argument("address")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input.")
@mended
def login(address: str, token_stdin: bool) -> None:
    """Keep the registry's ADDRESS and a token, after trying them."""
    token = (sys.stdin.readline() if token_stdin else click.prompt("Token (trk_…)", hide_input=True, err=True)).strip()
    told = config.load({"TRACKRECORD_URL": address, "TRACKRECORD_TOKEN": token, "HOME": "/nonexistent"})
    who = Client(told).ask("GET", "/api/v1/whoami")
    place = config.save(address, token)
    click.echo(f"{_who(who)}. Kept in {place}.")


@commands.command()
@mended
def whoami() -> None:
    """Whose token this machine uses, and for what."""
    click.echo(f"{_who(Client(config.load()).ask('GET', '/api/v1/whoami'))}.")


def _who(who: Any) -> str:
    if not isinstance(who, dict) or not {"owner", "role", "project"} <= set(who):
        raise TrackrecordError("What answered is not a trackrecord registry.", "Check the address.")
    what = f"the project {who['project']}" if who["project"] else "every project"
    return voice.clean(f"{who['owner']}, {who['role']} of {what}")


@commands.command()
@click.argument("file", type=click.Path(path_type=Path))
@mended
def define(file: Path) -> None:
    """Create or change a project from FILE, in TOML: project, repository, allowed_refs, [[metrics]]."""
    try:
        rules = tomllib.loads(file.read_text(encoding="utf-8"))
        body = json.dumps({key: value for key, value in rules.items() if key != "project"}, allow_nan=False).encode()
    except (ValueError, TypeError) as problem:
        raise TrackrecordError(f"{file} cannot be read: {problem}.", "It must be TOML.") from None
    project = rules.get("project")
    if not isinstance(project, str):
        raise TrackrecordError(f"{file} does not name its project.", 'Put project = "milestone-1" at its top.')
    Client(config.load()).ask("PUT", client.path("projects", project), body)
    count = len(rules.get("metrics", []))
    click.echo(f"{project} is defined, with {count} metric{'' if count == 1 else 's'}.")


@commands.command("sync")
@click.option("--gone", default="", metavar="RUN", help="A run whose machine will not come back: close it as killed.")
@mended
def sync_(gone: str) -> None:
    """Deliver the runs that are still on this machine; close those whose process was killed."""
    told = config.load()
    open_ = 0
    for each in sync.sync(told, Client(told), gone):
        said = {
            "delivered": f"delivered, {each.state}",
            "running": "still running, or being delivered by its own process",
            "elsewhere": "started on another machine: sync there, or --gone if that will not come back",
            "waiting": f"waits: {each.trouble}",
            "refused": f"refused: {each.trouble}",
        }[each.outcome]
        click.echo(voice.clean(f"{each.name} of {each.project}: {said}"))
        open_ += each.outcome in ("waiting", "refused")
    if open_:
        raise SystemExit(1)
    if not sync.pending(told):
        click.echo("Nothing is left on this machine.")


@commands.command()
@click.argument("digest")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Where to save it.")
@mended
def fetch(digest: str, output: Path) -> None:
    """Save the artifact DIGEST (SHA-256), after checking that the bytes have it."""
    if not re.fullmatch(DIGEST.strip("^$"), digest):
        raise TrackrecordError("That is no digest.", "A digest is 64 hexadecimal digits.")
    size = Client(config.load()).fetch(digest, output)
    click.echo(f"{output}: {size} bytes, digest as asked.")


@commands.command()
@click.argument("path", type=click.Path(path_type=Path))
@mended
def digest(path: Path) -> None:
    """The digest of a dataset, as run.dataset(path=…) reports it and a metric definition pins it."""
    found = contents.of_path(path, contents.Digests(config.home() / "digests.json"))
    if found.partial:
        raise TrackrecordError(f"{path} could not be read to its end: {found.partial}.")
    click.echo(found.digest)


@commands.command("doctor")
@mended
def doctor_() -> None:
    """Look whether this machine can record and deliver."""
    ill = 0
    for check in doctor.look(config.load()):
        sign, tone = ("ok  ", "good") if check.well else ("ill ", "bad")
        click.echo(f"{voice.paint(sign, tone, sys.stdout)} {voice.clean(check.said)}")  # type: ignore[arg-type]
        ill += not check.well
    if ill:
        raise SystemExit(1)
