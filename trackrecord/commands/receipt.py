"""Save a run's receipt."""

from __future__ import annotations

from pathlib import Path

import click

from trackrecord import config, receipt_files
from trackrecord.commands import draw, mended


@click.command("receipt")
@click.argument("run")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("."), help="The folder to save it in.")
@mended
def command(run: str, output: Path) -> None:
    """Save the receipt of RUN with its record, its proof and the registry's keys, to verify and to give to others."""
    draw(receipt_files.save(config.load(), run, output))
