"""Put a file into the registry's store."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from trackrecord import config
from trackrecord.client import Client
from trackrecord.commands import mended


@click.command("upload")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@mended
def command(file: Path) -> None:
    """Put FILE into the registry's store and print its digest: labels, for a metric that the registry computes."""
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    Client(config.load()).put(found, file)
    click.echo(found)
