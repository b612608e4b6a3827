"""A correction: the run's content goes."""

from __future__ import annotations

import click

from trackrecord import changes, config, voice
from trackrecord.client import Client
from trackrecord.commands import mended, reason
from trackrecord.errors import TrackrecordError


@click.command("delete")
@click.argument("run")
@reason
@click.option("--yes", is_flag=True, help="Do not ask for the run's name first.")
@mended
def command(run: str, reason: str, yes: bool) -> None:
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
