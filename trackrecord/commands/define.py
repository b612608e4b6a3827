"""A project's rules, from a file."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import click

from trackrecord import client, config
from trackrecord.client import Client
from trackrecord.commands import mended
from trackrecord.errors import TrackrecordError


@click.command("define")
@click.argument("file", type=click.Path(path_type=Path))
@mended
def command(file: Path) -> None:
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
