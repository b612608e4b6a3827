"""`trackrecord best milestone-1`: questions go to the registry as they are; the rest this machine does itself."""

from __future__ import annotations

import hashlib
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

from trackrecord import changes, client, config, doctor, keyring, receipt_files, sync, text, voice, witness
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
@click.option("--new-registry", is_flag=True, help="It was set up anew: trust its keys in place of those kept before.")
@mended
def login(address: str, token_stdin: bool, new_registry: bool) -> None:
    """Keep the registry's ADDRESS, a token and its public keys, after trying them."""
    token = (sys.stdin.readline() if token_stdin else click.prompt("Token (trk_…)", hide_input=True, err=True)).strip()
    told = config.load({"TRACKRECORD_URL": address, "TRACKRECORD_TOKEN": token, "HOME": "/nonexistent"})
    door = Client(told)
    who = door.ask("GET", "/api/v1/whoami")
    try:
        receipt_files.keep_keys(config.home(), door, anew=new_registry)
    except keyring.Unequipped as problem:
        click.echo(f"The registry's keys changed, and were not kept. {problem}", err=True)
    if new_registry:
        witness.forget(config.home(), door.url)
    witness.warn(config.home(), door)
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
    """Create or change a project from FILE, in TOML. `rules` prints one that has every key there is."""
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


@commands.command()
@click.argument("project")
@mended
def rules(project: str) -> None:
    """Print the rules of PROJECT as the TOML that `define` takes: edit it, and define the project anew."""
    click.echo(changes.rules_as_toml(Client(config.load()), project), nl=False)


_reason = click.option("--reason", required=True, help="Why, in a sentence; it stands beside the run for ever.")


@commands.command()
@click.argument("run")
@click.argument("new")
@_reason
@mended
def supersede(run: str, new: str, reason: str) -> None:
    """Say that the run NEW counts in the place of RUN. Names and ids will do."""
    door = Client(config.load())
    old, instead = changes.find(door, run), changes.find(door, new)
    changes.correct(door, old, "superseded", reason, instead)
    click.echo(voice.clean(f"{old.name} of {old.project} is superseded by {instead.name}."))


@commands.command()
@click.argument("run")
@_reason
@mended
def invalidate(run: str, reason: str) -> None:
    """Say that RUN is not valid. It stays to be seen, with the reason, and ranks no more."""
    door = Client(config.load())
    found = changes.find(door, run)
    changes.correct(door, found, "invalidated", reason)
    click.echo(voice.clean(f"{found.name} of {found.project} is invalidated."))


@commands.command()
@click.argument("run")
@_reason
@click.option("--yes", is_flag=True, help="Do not ask for the run's name first.")
@mended
def delete(run: str, reason: str, yes: bool) -> None:
    """Remove what RUN holds, for ever. That it was tried stays, and is counted."""
    door = Client(config.load())
    found = changes.find(door, run)
    if not yes:
        what = voice.clean(f"{found.name} of {found.owner} in {found.project} ({found.run})")
        click.echo(f"{what} will be deleted. This cannot be taken back.", err=True)
        if click.prompt("Type its name to delete it", default="", show_default=False, err=True).strip() != found.name:
            raise TrackrecordError("That is not its name: nothing was deleted.")
    changes.correct(door, found, "deleted", reason)
    click.echo(voice.clean(f"{found.name} of {found.project} is deleted."))


@commands.command("sync")
@click.option("--gone", default="", metavar="RUN", help="A run whose machine will not come back: close it as killed.")
@mended
def sync_(gone: str) -> None:
    """Deliver the runs that are still on this machine; close those whose process was killed."""
    told = config.load()
    open_ = 0
    door = Client(told)
    for each in sync.sync(told, door, gone):
        said = {
            "delivered": f"delivered, {each.state}",
            "running": "still running, or being delivered by its own process",
            "elsewhere": "started on another machine: sync there, or --gone if that will not come back",
            "waiting": f"waits: {each.trouble}",
            "refused": f"refused: {each.trouble}",
        }[each.outcome]
        click.echo(voice.clean(f"{each.name} of {each.project}: {said}"))
        open_ += each.outcome in ("waiting", "refused")
    witness.warn(told.home, door)
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
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@mended
def upload(file: Path) -> None:
    """Put FILE into the registry's store and print its digest: labels, for a metric that the registry computes."""
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    Client(config.load()).put(found, file)
    click.echo(found)


@commands.command("receipt")
@click.argument("run")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("."), help="The folder to save it in.")
@mended
def receipt_(run: str, output: Path) -> None:
    """Save the receipt of RUN with its record, its proof and the registry's keys, to verify and to give to others."""
    _draw(receipt_files.save(config.load(), run, output))


@commands.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), help="A keys.json or PEM to trust, in place of those kept.")
@click.option("--record", type=click.Path(path_type=Path), help="The run.json; left out: the one beside FILE.")
@click.option("--proof", type=click.Path(path_type=Path), help="The tlog-proof; left out: the one beside FILE.")
@click.option("--artifact", type=click.Path(path_type=Path), multiple=True, help="A file that the run is to have made.")
@mended
def verify(file: Path, key: Path | None, record: Path | None, proof: Path | None, artifact: tuple[Path, ...]) -> None:
    """Verify the receipt in FILE, offline. Exits with 0: it holds and says verified; 3: it says otherwise; 1: it does
    not hold.
    """
    found = receipt_files.check(config.load(), file, key=key, record=record, proof=proof, artifacts=artifact)
    _draw(found.answer)
    if not found.verified:
        raise SystemExit(3 if found.holds else 1)


def _draw(answer: Answer) -> None:
    width = min(shutil.get_terminal_size((100, 24)).columns, 140)
    click.echo(text.draw(answer, colour=voice.colours(sys.stdout), width=width), nl=False)


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
