"""Deliver what is still on this machine."""

from __future__ import annotations

import sys
import time

import click

from trackrecord import config, homes, sync, voice, witness
from trackrecord.client import Client
from trackrecord.commands import mended
from trackrecord.progress import Line

_WATCH_S = 5.0  # between two looks


@click.command("sync")
@click.option("--gone", default="", metavar="RUN", help="A run whose machine will not come back: close it as killed.")
@click.option("--watch", is_flag=True, help="Go on delivering until Ctrl-C.")
@mended
def command(gone: str, watch: bool) -> None:
    """Deliver the runs that are still on this machine.

    Those whose process was killed are closed as killed, at the time of their last point."""
    told = config.load()
    door = Client(told)
    said: dict[str, str] = {}
    open_ = _deliver(told, door, gone, said)
    witness.warn(told.home, door)
    while watch:
        time.sleep(_WATCH_S)
        open_ = _deliver(told, door, gone, said)
    if open_:
        raise SystemExit(1)
    if not homes.pending(told.home):
        click.echo("Nothing is left on this machine.")


def _deliver(told: config.Config, door: Client, gone: str, said: dict[str, str]) -> int:
    """Once through what is there; says of every run what was not `said` before. How many could not be delivered."""
    line, open_ = Line(sys.stderr), 0
    for each in sync.sync(told, door, gone, line.show):
        line.clear()
        words = {
            "delivered": f"delivered, {each.state}",
            "running": "still running, or being delivered by its own process",
            "elsewhere": "started on another machine: sync there, or --gone if that will not come back",
            "preempted": "killed, and its job may be started again: it stays open for a day, --gone closes it",
            "waiting": f"waits: {each.trouble}",
            "refused": f"refused: {each.trouble}",
        }[each.outcome]
        if said.get(each.run_id) != words:
            click.echo(voice.clean(f"{each.name} of {each.project}: {words}"))
            said[each.run_id] = words
        open_ += each.outcome in ("waiting", "refused")
    return open_
