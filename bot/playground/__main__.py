"""`python -m bot.playground --port 8320`: run the stand-in workspace and print its address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from bot.playground.options import Options, read_manifest, with_manifest
from bot.playground.server import Room, Server

DEFAULT = Options()


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8320, show_default=True, help="Port to listen on; 0: any free one.")
@click.option("--deliver", default="socket", show_default=True, help="'socket', or the URL for signed requests.")
@click.option("--bot-token", default=DEFAULT.bot_token, show_default=True, help="The token that the app must show.")
@click.option("--app-token", default=DEFAULT.app_token, show_default=True, help="The token for Socket Mode.")
@click.option("--signing-secret", default=DEFAULT.signing_secret, show_default=True, help="Signs HTTP requests.")
@click.option("--manifest", type=click.Path(exists=True, path_type=Path), help="The app's manifest, JSON or YAML.")
@click.option("--scopes", default="", help="Granted bot scopes, separated by commas; default: the manifest's.")
@click.option("--unfurl-domains", default="", help="Domains whose links the app is told of, separated by commas.")
@click.option("--rate-limit", is_flag=True, help="At most one message per second and channel.")
@click.option("--file-delay", default=DEFAULT.file_delay_s, show_default=True, help="Seconds until a file is ready.")
def main(
    host: str,
    port: int,
    deliver: str,
    bot_token: str,
    app_token: str,
    signing_secret: str,
    manifest: Path | None,
    scopes: str,
    unfurl_domains: str,
    rate_limit: bool,
    file_delay: float,
) -> None:
    """A stand-in for Slack on this machine: an approximation, not Slack."""
    options = replace(
        DEFAULT,
        deliver=deliver,
        bot_token=bot_token,
        app_token=app_token,
        signing_secret=signing_secret,
        rate_limit=rate_limit,
        file_delay_s=file_delay,
    )
    if manifest is not None:
        options = with_manifest(options, read_manifest(manifest))
    if scopes:
        options = replace(options, scopes=tuple(scopes.split(",")))
    if unfurl_domains:
        options = replace(options, unfurl_domains=tuple(unfurl_domains.split(",")))
    try:
        server = Server(Room(options), host, port)
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}") from error
    server.serve_here(lambda: print(f"workspace on {server.room.url}", flush=True))


if __name__ == "__main__":
    main()
