"""For developers: write the next step, `python -m registry.migrations some_name`. Read it before you commit it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from registry.db import connect
from registry.migrations import _alone, _config, migrate


def write(name: str) -> Path:
    """Compare a database at the last step with the tables of today; write the difference as a file of `versions/`."""
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{folder}/scratch.sqlite")
        migrate(engine)
        with _alone(engine) as connection:
            config = _config(connection)
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
            script = command.revision(config, name.replace("_", " "), autogenerate=True, rev_id=f"{number:04}")
        engine.dispose()
    assert script is not None
    assert not isinstance(script, list)
    return Path(script.path)


def plain_type(kind: str, item: object, _context: object) -> str | Literal[False]:
    """How a column's type is written: SQLModel's own types by what they are in the database."""
    if kind != "type":
        return False
    match item:
        case sa.types.TypeDecorator(impl=sa.DateTime()):
            return "sa.DateTime(timezone=True)"
        case sa.types.TypeDecorator(impl=sa.String(length=length)):
            return f"sa.String({length or ''})"
        case _:
            return False


if __name__ == "__main__":
    print(write(sys.argv[1]))
