"""What every table is made with: names by rule, STRICT types, finite numbers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlmodel import SQLModel

# Names by rule, so that a migration can name what it drops, on either database.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

# A STRICT table knows five type names; what SQLAlchemy would write instead is refused by SQLite.
_STRICT_NAMES = {
    sa.String: "TEXT",
    sa.DateTime: "TEXT",
    sa.JSON: "TEXT",
    sa.Boolean: "INTEGER",
    sa.BigInteger: "INTEGER",
    sa.Double: "REAL",
}
for _type, _name in _STRICT_NAMES.items():
    compiles(_type, "sqlite")(lambda _element, _compiler, _name=_name, **_: _name)

STRICT = {"sqlite_strict": True}


def default(value: str) -> dict[str, Any]:
    """For columns that came later: what rows of before have in them."""
    return {"server_default": value}


def finite(column: str) -> sa.CheckConstraint:
    """No NaN and no infinity in a column that is ranked by: PostgreSQL would sort NaN above every number."""
    return sa.CheckConstraint(
        f"{column} IS NULL OR ({column} = {column} AND abs({column}) <= 1.7976931348623157e308)",
        name=f"{column}_finite",
    )
