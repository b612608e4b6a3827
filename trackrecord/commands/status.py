"""What is still on this machine."""

from __future__ import annotations

import click

from trackrecord import config, status
from trackrecord.commands import draw, mended


@click.command("status")
@mended
def command() -> None:
    """List the runs on this machine that are not wholly delivered."""
    draw(status.look(config.load()))
