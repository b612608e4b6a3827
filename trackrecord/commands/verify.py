"""Verify a receipt, with no registry at hand."""

from __future__ import annotations

from pathlib import Path

import click

from trackrecord import config, receipt_files
from trackrecord.commands import draw, mended


@click.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), help="A keys.json or PEM to trust, in place of those kept.")
@click.option("--record", type=click.Path(path_type=Path), help="The run.json; left out: the one beside FILE.")
@click.option("--proof", type=click.Path(path_type=Path), help="The tlog-proof; left out: the one beside FILE.")
@click.option("--artifact", type=click.Path(path_type=Path), multiple=True, help="A file that the run is to have made.")
@mended
def command(file: Path, key: Path | None, record: Path | None, proof: Path | None, artifact: tuple[Path, ...]) -> None:
    """Verify the receipt in FILE, offline. Exits with 0: it holds and says verified; 3: it says otherwise; 1: it does
    not hold.
    """
    found = receipt_files.check(config.load(), file, key=key, record=record, proof=proof, artifacts=artifact)
    draw(found.answer)
    if not found.verified:
        raise SystemExit(3 if found.holds else 1)
