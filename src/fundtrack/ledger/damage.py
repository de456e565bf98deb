"""Whether a ledger holds what fundtrack never writes: damage, told from a fault of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from fundtrack.history import State, What

_READ_AS: Mapping[str, Callable[[str], Any]] = {
    "settings": json.loads,
    "thresholds": json.loads,
    "checked": date.fromisoformat,
    "reference_date": date.fromisoformat,
    "due": date.fromisoformat,
    "reviewed_on": date.fromisoformat,
    "until": date.fromisoformat,
    "what": lambda name: State(name) if name in set(State) else What(name),
    "state": State,
}


def is_damaged(connection: sa.Connection, tables: sa.MetaData) -> bool:
    """Look through every row: whether one is cut off, or has a value that cannot be read."""
    try:
        if connection.dialect.name == "sqlite":
            found = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
            if found != "ok" or connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                return True
        for table in tables.sorted_tables:
            for row in connection.execute(sa.select(table)):
                for column, value in zip(table.columns, row, strict=True):
                    _read(column, value)
    except (sa.exc.SQLAlchemyError, ValueError, TypeError):
        return True
    return False


def _read(column: sa.Column[Any], value: Any) -> None:
    """Raise TypeError or ValueError where a value is not what the column holds."""
    if value is None:
        if not column.nullable:
            raise TypeError(column.name)
        return
    kind = column.type.python_type
    if not isinstance(value, (float, int) if kind is float else kind):
        raise TypeError(column.name)
    if isinstance(value, str) and column.name in _READ_AS:
        _READ_AS[column.name](value)
