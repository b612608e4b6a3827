"""A project's rules, as a file."""

from __future__ import annotations

import click

from trackrecord import changes, config
from trackrecord.client import Client
from trackrecord.commands import mended


@click.command("rules")
@click.argument("project")
@mended
def command(project: str) -> None:
    """Print the rules of PROJECT as the TOML that `define` takes: edit it, and define the project anew."""
    click.echo(changes.rules_as_toml(Client(config.load()), project), nl=False)
