"""A correction: another run counts."""

from __future__ import annotations

import click

from trackrecord import changes, config, voice
from trackrecord.client import Client
from trackrecord.commands import mended, reason


@click.command("supersede")
@click.argument("run")
@click.argument("new")
@reason
@mended
def command(run: str, new: str, reason: str) -> None:
    """Say that the run NEW counts in the place of RUN. Names and ids will do."""
    door = Client(config.load())
    old, instead = changes.find(door, run), changes.find(door, new)
    changes.correct(door, old, "superseded", reason, instead)
    click.echo(voice.clean(f"{old.name} of {old.project} is superseded by {instead.name}."))
