"""The constraints of the schemas: Pandera's, keys that repeat, references, dates in their order."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from datetime import MAXYEAR
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd

from fundtrack import cells as cells_
from fundtrack import schema
from fundtrack.model import EARLIEST, YEARS_AHEAD, Fault, Table
from fundtrack.schema import DTYPES, Field, TableSchema
from fundtrack.validate.faults import fault_of
from fundtrack.words import shown

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Pandera warns of optional companions that are not needed
    import pandera.pandas as pa


def prepare() -> None:
    """Has Pandera load, on an empty table, what it loads only when it first validates one."""
    name, plan = next(iter(schema.tables().items()))
    empty = {f.name: pd.Series(dtype=DTYPES[f.type]) for f in plan.fields}
    pandera_schema(name).validate(pd.DataFrame(empty))


@cache
def pandera_schema(name: str) -> pa.DataFrameSchema:
    """The Pandera schema of a table, derived from its Table Schema.

    Codes are not in it: parsing has already read every code that is not in its list as blank.
    """
    plan = schema.tables()[name]
    return pa.DataFrameSchema({f.name: _pandera_column(f) for f in plan.fields}, name=name)


def _pandera_column(field: Field) -> pa.Column:
    rules = field.constraints
    checks = []
    if rules.minimum is not None:
        checks.append(pa.Check.ge(rules.minimum))
    if rules.maximum is not None:
        checks.append(pa.Check.le(rules.maximum))
    if rules.exclusiveMinimum is not None:
        checks.append(pa.Check.gt(rules.exclusiveMinimum))
    if rules.pattern:
        checks.append(pa.Check(partial(_matches, rules.pattern), name="matches"))
    return pa.Column(DTYPES[field.type], checks, nullable=True, required=True)  # see `_failures`


def _matches(pattern: str, values: pd.Series) -> pd.Series:
    """Whether each text is wholly of the form; every distinct text is looked at once."""
    form = re.compile(pattern)
    position, distinct = pd.factorize(values)
    texts = np.asarray(distinct, dtype=object).tolist()  # an extension array iterates slowly
    good = np.array([form.fullmatch(text) is not None for text in texts] + [True])
    return pd.Series(good[position], index=values.index)


def _bounds(field: Field) -> str:
    rules = field.constraints
    if rules.exclusiveMinimum is not None:
        return f"more than {rules.exclusiveMinimum:g}"
    if rules.minimum is not None and rules.maximum is not None:
        return f"from {rules.minimum:g} to {rules.maximum:g}"
    return f"{rules.minimum:g} or more"


def broken(table: Table, unread: set[tuple[str | None, int]]) -> Iterator[Fault]:
    """The faults of cells and keys by the schema; not of `unread` cells (field, row label), which
    are faults already.
    """
    plan = schema.tables()[table.name]
    for (name, kind), failed in _failures(table).items():
        field = plan.field(name)
        labels = failed
        if kind == "required":
            # A column that is not there is one fault of the sheet (see columns), and a cell that
            # could not be read is a fault already.
            labels = [n for n in failed if (name, n) not in unread] if table.has(name) else []
        if not labels or (kind == "pattern" and table.export):
            continue
        expected = {
            "required": "a value",
            "minimum": _bounds(field) if kind == "minimum" else "",
            "pattern": "five digits" if field.constraints.pattern == r"\d{5}" else "without spaces",
        }[kind]
        listed = table.export and field.type != "date"  # a day such as 1/1/0001 says nothing
        held = table.values(labels, [name] * len(labels))
        said = {value: _blank_words(value, listed=listed) for value in set(held)}
        blank = {n: said[value] for n, value in zip(labels, held, strict=True)}
        yield fault_of(kind, table, field, labels, expected, {"blank": blank})
    yield from _duplicates(table, plan)


def _blank_words(value: Any, *, listed: bool) -> str:
    if value is None or not cells_.text_of(value):
        return "is blank"
    if listed and not cells_.nothing(value):
        return f"holds “{shown(value)}”, from which no one value can be told"
    return f"holds “{shown(value)}”, which says nothing"


def _failures(table: Table) -> dict[tuple[str, str], list[int]]:
    """The labels of the cells that fail, by field and kind, as Pandera reports them.

    Blank cells are looked for here: a sheet may have millions of them, and Pandera takes a while
    to report each.
    """
    found: dict[tuple[str, str], list[int]] = {}
    for field in schema.tables()[table.name].fields:
        blank = table.frame[field.name].isna() if field.constraints.required else None
        if blank is not None and blank.any():
            found[field.name, "required"] = table.frame.index[blank].tolist()
    filled = [name for name, column in table.frame.items() if column.notna().any()]
    try:
        rules = pandera_schema(table.name).select_columns(filled)
        rules.validate(table.frame[filled], lazy=True, inplace=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
    else:
        return found
    for (name, check), rows in cases.groupby(["column", "check"], sort=True)["index"]:
        kind = "pattern" if "match" in check else "minimum"
        found.setdefault((name, kind), []).extend(int(n) for n in rows)
    return found


def _duplicates(table: Table, plan: TableSchema) -> Iterator[Fault]:
    if table.derived or plan.orientation == "settings":
        return
    keys = table.frame[list(plan.primaryKey)].dropna()
    double = keys[keys.duplicated(keep=False)]
    if double.empty:
        return
    same = double.astype(str).agg("\x1f".join, axis=1)
    rows = double.groupby(same, sort=False).groups
    others = {}
    for labels in rows.values():
        places = [_row_words(table, n) for n in labels]
        for n in labels:
            others[int(n)] = ", ".join(places[:6]) + (" ..." if len(places) > 6 else "")
    part = table.parts[0]
    headings = [f"“{part.headings.get(n, plan.field(n).title)}”" for n in plan.primaryKey]
    said = (
        headings[0]
        if len(headings) == 1
        else f"{', '.join(headings[:-1])} and {headings[-1]} together"
    )
    labels = [int(n) for n in double.index]
    field = plan.field(plan.key)
    yield fault_of(
        "unique", table, field, labels, "once in the sheet", {"others": others}, headings=said
    )


def _row_words(table: Table, label: int) -> str:
    place = table.place(label, None)
    return f"row {place.row}" if len(table.parts) == 1 else f"{place.part.sheet} row {place.row}"


def dangling(table: Table, tables: Mapping[str, Table]) -> Iterator[Fault]:
    """The faults of references to a record that its sheet does not hold."""
    plan = schema.tables()[table.name]
    for reference in plan.foreignKeys:
        parent = tables.get(reference.table)
        if parent is None or parent.derived or not parent.has(reference.key):
            continue  # a key that points to an absent sheet is not tested
        values = table.frame[reference.field]
        known = set(parent.frame[reference.key].dropna())
        unknown = [v for v in values.dropna().unique().tolist() if v not in known]
        if not unknown:
            continue
        lost = values.isin(unknown)
        for name, code in reference.only.items():
            lost &= (table.frame[name] == code).fillna(False)
        labels = [int(n) for n in values.index[lost]]
        if labels:
            field = plan.field(reference.field)
            sheet = parent.parts[0].sheet
            yield fault_of(
                "reference", table, field, labels, "an identifier of “{parent}”", parent=sheet
            )


def latest_day(tables: Mapping[str, Table]) -> pd.Timestamp | None:
    """The last day that can be meant, by the period of the settings; None where none is given."""
    settings = tables.get("settings")
    if settings is None:
        return None
    ends = settings.frame["period_end"].dropna()
    if ends.empty or ends.iloc[0].year + YEARS_AHEAD > MAXYEAR:
        return None  # “9999-12-31”: no end is meant
    return ends.iloc[0] + pd.DateOffset(years=YEARS_AHEAD)


def misdated(table: Table, latest: pd.Timestamp | None) -> Iterator[Fault]:
    """The faults of dates that cannot be meant, and of ends before their beginnings."""
    plan = schema.tables()[table.name]
    frame = table.frame
    for field in plan.fields:
        if field.type != "date" or not table.has(field.name):
            continue
        outside = frame[field.name] < pd.Timestamp(EARLIEST)
        expected = f"from {EARLIEST.year}"
        if latest is not None:
            outside |= frame[field.name] > latest
            expected += f" to {latest:%Y-%m-%d}"
        if outside.any():
            yield fault_of("range", table, field, [int(n) for n in frame.index[outside]], expected)
    for first, second in plan.order:
        wrong = frame[first] > frame[second]  # a blank date compares as False
        if wrong.any():
            labels = [int(n) for n in frame.index[wrong]]
            start = table.place(labels[0], first).heading or plan.field(first).title
            starts = {n: shown(frame.at[n, first]) for n in labels}
            yield fault_of(
                "order",
                table,
                plan.field(second),
                labels,
                "on or after “{start}”",
                {"start_value": starts},
                start=start,
            )
