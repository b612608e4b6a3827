"""Look whether everything is in order here."""

from __future__ import annotations

import sys

import click

from trackrecord import config, doctor, voice
from trackrecord.commands import mended


@click.command("doctor")
@mended
def command() -> None:
    """Look whether this machine can record and deliver."""
    ill = 0
    for check in doctor.look(config.load()):
        sign, tone = ("ok  ", "good") if check.well else ("ill ", "bad")
        click.echo(f"{voice.paint(sign, tone, sys.stdout)} {voice.clean(check.said)}")  # type: ignore[arg-type]
        ill += not check.well
    if ill:
        raise SystemExit(1)
