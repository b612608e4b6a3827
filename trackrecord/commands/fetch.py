"""Save an artifact."""

from __future__ import annotations

import re
from pathlib import Path

import click

from trackrecord import config
from trackrecord.client import Client
from trackrecord.commands import mended
from trackrecord.errors import TrackrecordError
from trackrecord.report import DIGEST


@click.command("fetch")
@click.argument("digest")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Where to save it.")
@mended
def command(digest: str, output: Path) -> None:
    """Save the artifact DIGEST (SHA-256) as a file, and check its bytes."""
    if not re.fullmatch(DIGEST.strip("^$"), digest):
        raise TrackrecordError("That is no digest.", "A digest is 64 hexadecimal digits.")
    size = Client(config.load()).fetch(digest, output)
    click.echo(f"{output}: {size} bytes, digest as asked.")
