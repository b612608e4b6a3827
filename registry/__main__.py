"""`python -m registry` serves; `python -m registry token`, `tokens` and `revoke` look after the keys."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import click
import sqlalchemy as sa
from pydantic import ValidationError
from sqlmodel import Session, col, select

from registry import keys, tokens
from registry.artifacts import Store
from registry.db import connect, reading, transaction
from registry.migrations import migrate
from registry.retry import kept
from registry.settings import Settings
from registry.tables import SigningKey, Token
from registry.tokens import ROLES, Role
from trackrecord.errors import TrackrecordError


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """The run registry. Without a command it serves; every knob is a variable TRACKRECORD_… (see .env.example)."""
    if context.invoked_subcommand is None:
        serve()


@main.command("token")
@click.option("--owner", required=True, help="The person the token belongs to.")
@click.option("--role", type=click.Choice(ROLES), default="runner", show_default=True, help="What it opens.")
@click.option("--project", help="The one project that it opens; left out: every project.")
@click.option("--days", type=click.IntRange(1, 3_650), help="Days until it runs out; left out: it does not.")
@click.option("--label", default="", help="What it is for.")
def give(owner: str, role: Role, project: str | None, days: int | None, label: str) -> None:
    """Make a token and print it: this once."""
    now = datetime.now(UTC)
    expires_at = now + timedelta(days=days) if days is not None else None
    with transaction(_database(Settings())) as session:
        made = tokens.give(
            session, owner=owner, role=role, project=project, label=label, expires_at=expires_at, now=now
        )
    click.echo(made)


@main.command("tokens")
def list_tokens() -> None:
    """List the tokens by number, without the tokens themselves."""
    now = datetime.now(UTC)
    with reading(_database(Settings())) as session:
        for row in session.exec(select(Token).order_by(col(Token.id))):
            state = "valid" if tokens.holds(row, now) else "not valid any more"
            click.echo(f"{row.id}\t{row.owner}\t{row.role}\t{row.project_id or 'every project'}\t{state}\t{row.label}")


@main.command("revoke")
@click.argument("number", type=int)
def revoke(number: int) -> None:
    """Make the token of that NUMBER open nothing any more, at once."""
    with transaction(_database(Settings())) as session:
        tokens.revoke(session, number, datetime.now(UTC))
    click.echo(f"Token {number} is revoked.")


@main.command("keys")
def list_keys() -> None:
    """List the public keys that receipts and checkpoints are signed with, the oldest first."""
    settings, now = Settings(), datetime.now(UTC)
    own = keys.load(settings.data_dir / "keys")

    def work(session: Session) -> list[SigningKey]:
        keys.publish(session, own, now)
        return keys.published(session)

    for row in kept(_database(settings), work):
        until = f"until {row.valid_until:%Y-%m-%d}" if row.valid_until else "signs now"
        state = f"withdrawn {row.withdrawn_at:%Y-%m-%d}" if row.withdrawn_at else until
        click.echo(f"{row.id}\t{row.use}\tfrom {row.valid_from:%Y-%m-%d}\t{state}")


@main.command("rotate-key")
@click.argument("use", type=click.Choice(keys.USES))
@click.option("--lost", is_flag=True, help="The old key's file is gone: the new key stands without its signature.")
def rotate_key(use: keys.Use, lost: bool) -> None:
    """Sign with a new key from now on. What the old one signed stays valid."""
    settings = Settings()
    folder, now = settings.data_dir / "keys", datetime.now(UTC)
    made = kept(_database(settings), lambda session: keys.rotate(session, folder, use, now, lost=lost), tries=1)
    click.echo(f"The {use} key is {made.id_of(use)} now. Copy {folder} to where your backups of it are.")
    if lost:
        click.echo("Nobody can tell it from a stranger's: tell everybody its id; they log in with --new-registry.")


@main.command("withdraw-key")
@click.argument("key")
def withdraw_key(key: str) -> None:
    """Make nothing count that KEY signed. Its runs are looked at again and get receipts with another key."""
    settings = Settings()
    folder, now = settings.data_dir / "keys", datetime.now(UTC)
    gone = kept(_database(settings), lambda session: keys.withdraw(session, key, now, folder), tries=1).id
    click.echo(f"The key {gone} is withdrawn; the receipts that it signed are issued anew.")


@main.command("doctor")
def look_for_changes() -> None:
    """Make again the log, its checkpoints, receipts, sealed runs and artifacts, and say what is not as it was."""
    from registry import doctor  # noqa: PLC0415 - no other command needs it

    settings = Settings()
    with reading(_database(settings)) as session:
        doctor.hold_still(session)
        found = doctor.examine(session, Store(settings.data_dir / "artifacts"), _progress)
    _progress("")
    for each in found.off:
        click.echo(str(each))
    click.echo(str(found))
    sys.exit(1 if found.off else 0)


def serve() -> None:
    """Migrate, listen, and look at runs until asked to stop."""
    # Here and not above: the other commands need no HTTP server, and take half as long without one.
    from registry import logs, schedule  # noqa: PLC0415
    from registry.api import create_app  # noqa: PLC0415
    from registry.server import Server, listen  # noqa: PLC0415

    settings = Settings()
    logs.set_up()
    listener = listen(settings.host, settings.port)
    settings = settings.model_copy(update={"port": listener.getsockname()[1]})
    engine = _database(settings)
    store = Store(settings.data_dir / "artifacts")
    # Keys that are not this registry's are said here, and not at the first receipt.
    kept(engine, lambda session: keys.publish(session, keys.load(settings.data_dir / "keys"), datetime.now(UTC)))
    _print_first_token(engine)
    ticking = schedule.start(engine, store, settings)
    app = create_app(engine, store, settings)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    server = Server(
        app,
        on_ready=lambda: click.echo(f"registry listening on http://{host}:{settings.port}"),
        on_stop=lambda: ticking.shutdown(wait=True),
    )
    server.run(sockets=[listener])
    engine.dispose()


def _progress(line: str) -> None:
    """One line, written over, for whoever watches a long look; nothing where nobody does."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{line}", nl=False, err=True)


def _database(settings: Settings) -> sa.Engine:
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = connect(settings.database, threads=settings.threads)
    migrate(engine)
    return engine


def _print_first_token(engine: sa.Engine) -> None:
    """Whoever starts the registry first is its admin. The token is kept before it is printed, and printed once."""
    with transaction(engine) as session:
        if tokens.any_given(session):
            return
        made = tokens.give(
            session,
            owner="admin",
            role="admin",
            project=None,
            label="the first one",
            expires_at=None,
            now=datetime.now(UTC),
        )
    click.echo(f"admin token: {made}")


def run() -> None:
    """The commands, with errors as one sentence."""
    try:
        main()
    except TrackrecordError as error:
        click.echo(f"registry: {error}", err=True)
        sys.exit(1)
    except ValidationError as error:
        wrong = ", ".join(f"TRACKRECORD_{str(found['loc'][0]).upper()} ({found['msg']})" for found in error.errors())
        click.echo(f"registry: these settings cannot be used: {wrong}", err=True)
        sys.exit(1)
    except sa.exc.OperationalError as error:
        click.echo(f"registry: the database cannot be opened: {error.orig}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    run()
