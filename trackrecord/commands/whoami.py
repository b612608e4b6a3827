"""Who this machine is to the registry."""

from __future__ import annotations

import click

from trackrecord import config, voice
from trackrecord.client import Client
from trackrecord.commands import mended
from trackrecord.errors import TrackrecordError


@click.command("whoami")
@mended
def command() -> None:
    """Whose token this machine uses, and for what."""
    click.echo(f"{who(Client(config.load()))}.")


def who(door: Client) -> str:
    """ "ada, runner of every project". Raises TrackrecordError where no registry answers."""
    seen = door.ask("GET", "/api/v1/whoami")
    if not isinstance(seen, dict) or not {"owner", "role", "project"} <= set(seen):
        raise TrackrecordError("What answered is not a trackrecord registry.", "Check the address.")
    what = f"the project {seen['project']}" if seen["project"] else "every project"
    return voice.clean(f"{seen['owner']}, {seen['role']} of {what}")
