"""What a recognised file gives a template: its values as real dates and numbers, and what it lacks.

Whatever a cell cannot be read as stays as it was written, so that its finding is not lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from math import isfinite
from typing import Any

import pandas as pd

from fundtrack.model import SheetFacts, Table
from fundtrack.schema import TableSchema
from fundtrack.template.book import Content
from fundtrack.words import plural

NEVER = ("workbook_type", "schema_version")  # the template states these itself


def content(
    source: str,
    tables: Mapping[str, Table],
    facts: Sequence[SheetFacts],
    chosen: Sequence[TableSchema],
    silent: Sequence[str] = (),
) -> Content:
    """The rows for the chosen sheets, what was left behind, and what is still to be filled.

    `tables` are typed (`validate.typed`); `silent` is what the source's layout cannot tell.
    """
    names = {table.name for table in chosen}
    rows = {name: _rows(table) for name, table in tables.items() if name in names}
    left = [*_left(facts, names), *silent]
    questions = [q for table in chosen for q in _questions(table, rows.get(table.name, []))]
    return Content(rows, source, left, questions)


def _rows(table: Table) -> list[dict[str, Any]]:
    given, typed = table.given, table.frame
    columns = {
        name: [
            _plain(value) if not pd.isna(value) else _as_written(raw)
            for value, raw in zip(typed[name], given[name], strict=True)
        ]
        for name in given.columns
        if name in typed.columns
    }
    return [
        {name: values[i] for name, values in columns.items() if values[i] is not None}
        for i in range(len(given))
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.date()
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and not isfinite(plain) else plain


def _as_written(value: Any) -> Any:
    """The cell as it stands; an error or a formula without a value is nothing to move."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    return value if isinstance(value, int | float) and isfinite(value) else None


def _left(facts: Sequence[SheetFacts], names: set[str]) -> list[str]:
    """Sheets and columns that have no place in the template, once each."""
    said = []
    for fact in facts:
        if fact.table is None:
            said.append(f"The sheet “{fact.sheet}” was not recognised.")
        elif fact.table not in names:
            said.append(f"The sheet “{fact.sheet}”: this template has no such sheet.")
        else:
            columns = [h.strip() for _, h in fact.ignored_columns if "(worked out)" not in h]
            if columns:
                listed = "”, “".join(columns)
                said.append(f"Of “{fact.sheet}” the {plural('column', len(columns))} “{listed}”.")
    return list(dict.fromkeys(said))


def _questions(table: TableSchema, rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """What every check relies on and the file did not give, by sheet and heading."""
    if table.orientation == "settings":
        given = rows[0] if rows else {}
        return [
            (table.sheet, f.title, f.description)
            for f in table.fields
            if f.constraints.required and f.name not in given and f.name not in NEVER
        ]
    found = []
    for item in table.fields:
        blank = sum(item.name not in row for row in rows)
        if not blank or not (item.constraints.required or item.requiredWhen):
            continue
        many = "every row" if blank == len(rows) else f"{blank} of {len(rows)} rows"
        when = f", where {item.requiredWhen}" if item.requiredWhen else ""
        found.append((table.sheet, item.title, f"blank in {many}{when}. {item.description}"))
    return found
