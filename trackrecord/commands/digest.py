"""The digest of a dataset."""

from __future__ import annotations

from pathlib import Path

import click

from trackrecord import config
from trackrecord.capture import data as contents
from trackrecord.commands import mended
from trackrecord.errors import TrackrecordError


@click.command("digest")
@click.argument("path", type=click.Path(path_type=Path))
@mended
def command(path: Path) -> None:
    """Print the digest of a dataset: what run.dataset(path=…) reports and a metric pins."""
    found = contents.of_path(path, contents.Digests(config.home() / "digests.json"))
    if found.partial:
        raise TrackrecordError(f"{path} could not be read to its end: {found.partial}.")
    click.echo(found.digest)
