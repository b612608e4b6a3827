"""PostgreSQL databases that tests take and put back: emptying one is much quicker than making and dropping one."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4

import psycopg
import sqlalchemy as sa

MOST_USES = 40  # each leaves dead rows behind, and nothing vacuums them here

# Whoever is still connected goes, and what they had not committed with them.
_ALONE = """
SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

# Everything but alembic_version, with the numbers that start at 1 again. Deleting a few rows is quicker than
# truncating; without the foreign keys' triggers the order does not matter.
_EMPTY = """
DO $$
DECLARE named record; filled boolean;
BEGIN
  SET LOCAL session_replication_role = replica;
  FOR named IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', named.tablename) INTO filled;
    IF filled THEN EXECUTE format('DELETE FROM public.%I', named.tablename); END IF;
  END LOOP;
  PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
  FROM pg_sequences WHERE last_value IS NOT NULL;
END $$
"""

# What a test that changes tables, columns, indexes, constraints or the version changes here.
_SHAPE = """
SELECT
  (SELECT count(*) FROM pg_namespace),
  (SELECT string_agg(concat(relkind, relname), ',' ORDER BY relname) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace),
  (SELECT string_agg(format('%s.%s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull),
    ',' ORDER BY attrelid::regclass::text, attnum) FROM pg_attribute
    WHERE attnum > 0 AND attrelid IN (SELECT oid FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind = 'r')),
  (SELECT string_agg(pg_get_constraintdef(oid), ',' ORDER BY conname, conrelid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace),
  (SELECT string_agg(pg_get_indexdef(indexrelid), ',' ORDER BY indexrelid::regclass::text) FROM pg_index
    WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)),
  (SELECT string_agg(version_num, ',') FROM public.alembic_version)
"""


def new_name() -> str:
    return f"trackrecord_{uuid4().hex}"


def url_of(admin: sa.Engine, name: str) -> str:
    """The URL of a database of the same server."""
    return admin.url.set(database=name).render_as_string(hide_password=False)


@dataclass
class Shelf:
    """Migrated, empty databases. One that is taken again has another name: whoever remembers the old one finds none."""

    admin: sa.Engine
    template: str
    _free: list[tuple[str, int]] = field(default_factory=list)
    _uses: dict[str, int] = field(default_factory=dict)
    _shape: tuple[object, ...] = ()

    @property
    def free(self) -> list[str]:
        """The names of those that wait for the next test."""
        return [name for name, _ in self._free]

    def take(self) -> str:
        name = new_name()
        if len(self._free) > 1:  # not the newest: a connection that was just closed holds up its renaming
            old, self._uses[name] = self._free.pop(0)
            self._do(f"ALTER DATABASE {old} RENAME TO {name}")
            return name
        self._shape = self._shape or self._look(self.template, empty=False)
        self._do(f"CREATE DATABASE {name} TEMPLATE {self.template}")
        self._uses[name] = 0
        return name

    def put_back(self, name: str) -> None:
        """Empty it for the next test; one that a test changed, or that this user may not empty so, is dropped."""
        uses = self._uses.pop(name) + 1
        try:
            whole = self._look(name, empty=True) == self._shape
        except psycopg.Error:
            whole = False
        if whole and uses < MOST_USES:
            self._free.append((name, uses))
        else:
            self._do(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def clear(self) -> None:
        while self._free:
            self._do(f"DROP DATABASE {self._free.pop()[0]} WITH (FORCE)")

    def _look(self, name: str, *, empty: bool) -> tuple[object, ...]:
        plain = self.admin.url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True, connect_timeout=20) as connection:
            if empty:
                connection.execute(_ALONE)
                connection.execute(_EMPTY)
            return tuple(connection.execute(_SHAPE).fetchone() or ())

    def _do(self, statement: str) -> None:
        with self.admin.connect() as connection:
            connection.exec_driver_sql(statement)
