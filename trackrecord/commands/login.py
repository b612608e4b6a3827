"""Keep where the registry is."""

from __future__ import annotations

import sys

import click

from trackrecord import config, keyring, receipt_files, witness
from trackrecord.client import Client
from trackrecord.commands import mended
from trackrecord.commands.whoami import who


@click.command("login")
@click.argument("address")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input.")
@click.option("--new-registry", is_flag=True, help="It was set up anew: trust its keys in place of those kept before.")
@mended
def command(address: str, token_stdin: bool, new_registry: bool) -> None:
    """Keep the registry's ADDRESS, a token and its public keys, after trying them."""
    token = (sys.stdin.readline() if token_stdin else click.prompt("Token (trk_…)", hide_input=True, err=True)).strip()
    told = config.load({"TRACKRECORD_URL": address, "TRACKRECORD_TOKEN": token, "HOME": "/nonexistent"})
    door = Client(told)
    whose = who(door)
    try:
        receipt_files.keep_keys(config.home(), door, anew=new_registry)
    except keyring.Unequipped as problem:
        click.echo(f"The registry's keys changed, and were not kept. {problem}", err=True)
    if new_registry:
        witness.forget(config.home(), door.url)
    witness.warn(config.home(), door)
    place = config.save(address, token)
    click.echo(f"{whose}. Kept in {place}.")
