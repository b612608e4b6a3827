"""What Alembic runs for every command: it is handed the connection, with its transaction already open."""

from alembic import context
from sqlmodel import SQLModel

import registry.tables  # noqa: F401  (fills the metadata, and names the types of STRICT tables)
from registry.migrations.__main__ import plain_type

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    render_item=plain_type,
)
context.run_migrations()
