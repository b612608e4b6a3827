"""A correction: the run is not valid."""

from __future__ import annotations

import click

from trackrecord import changes, config, voice
from trackrecord.client import Client
from trackrecord.commands import mended, reason


@click.command("invalidate")
@click.argument("run")
@reason
@mended
def command(run: str, reason: str) -> None:
    """Say that RUN is not valid. It stays to be seen, with the reason, and ranks no more."""
    door = Client(config.load())
    found = changes.find(door, run)
    changes.correct(door, found, "invalidated", reason)
    click.echo(voice.clean(f"{found.name} of {found.project} is invalidated."))
