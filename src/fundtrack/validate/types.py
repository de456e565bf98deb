"""From the cells of a table, as given, to typed columns. Each distinct cell is parsed once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from fundtrack import cells as cells_
from fundtrack import schema
from fundtrack.cells import Bad, Parsed
from fundtrack.grid import ErrorCell, Uncalculated
from fundtrack.model import Fault, Table
from fundtrack.schema import DTYPES, CodeList, Field, TableSchema
from fundtrack.validate.faults import WHAT, fault_of


def typed_frame(table: Table) -> tuple[pd.DataFrame, list[Fault]]:
    """The typed columns of every field of the schema by row label, and the faults of cells.

    Blank where the sheet has no such column, or the cell cannot be read.
    """
    plan = schema.tables()[table.name]
    columns: dict[str, pd.Series] = {}
    faults: list[Fault] = []
    bad: dict[str, dict[int, Bad]] = {}
    for field in plan.fields:
        if field.name not in table.given:
            columns[field.name] = _blank_column(field, table.given.index)
            continue
        values = table.given[field.name]
        columns[field.name], bad[field.name] = _column(values, field, table)
    other = list(_other_currencies(table, plan, columns))
    for fault in other:
        for label in fault.labels:
            bad[str(fault.field)].pop(label, None)  # said once, as the graver of the two
    for name, problems in bad.items():
        faults += _type_faults(table, plan.field(name), problems)
    faults += other
    return pd.DataFrame(columns, index=table.given.index, copy=False), faults


def _other_currencies(
    table: Table, plan: TableSchema, columns: dict[str, pd.Series]
) -> Iterator[Fault]:
    """Amounts whose own sign, such as “$ 500”, is not of the currency of their row: not used."""
    for field in plan.fields:
        if field.unit != "currency of the row" or field.name not in table.given:
            continue
        given = table.given[field.name]
        texts = (v for v in set(given) if type(v) is str and not cells_.NUMBER.fullmatch(v))
        signs = {v: marks for v in texts if (marks := cells_.currencies_of(v)) is not None}
        marked = [
            int(n)
            for n in given.index[given.isin(list(signs))]
            if not pd.isna(own := columns["currency"].at[n]) and own not in signs[given.at[n]]
        ]
        if marked:
            columns[field.name] = columns[field.name].mask(given.index.isin(marked))
            own = {n: str(columns["currency"].at[n]) for n in marked}
            yield fault_of("other-currency", table, field, marked, "one currency", {"own": own})


def _blank_column(field: Field, index: pd.Index) -> pd.Series:
    nothing = _array([], field.type).take(np.full(len(index), -1), allow_fill=True)
    return pd.Series(nothing, index=index)


def _column(values: pd.Series, field: Field, table: Table) -> tuple[pd.Series, dict[int, Bad]]:
    """The typed column, and why some cells could not be read (or only with a warning)."""
    cells = values.to_numpy()
    kinds = set(map(type, cells))
    if field.type == "number" and kinds <= {float, int}:
        numbers = cells.astype("float64")
        if (np.abs(numbers) < cells_.MOST).all():
            return pd.Series(pd.array(numbers, dtype="Float64"), index=values.index), {}
    if field.type == "string" and not field.codelist and kinds == {str}:
        return pd.Series(_array(_texts(field, cells), "string"), index=values.index), {}
    position, distinct = _distinct(cells, kinds)
    parsed = _read(field, distinct, kinds, text_only=table.text_only)
    column = pd.Series(
        _array([cell for cell, _ in parsed], field.type).take(position, allow_fill=True),
        index=values.index,
    )
    problems = {i: problem for i, (_, problem) in enumerate(parsed) if problem}
    at = np.flatnonzero(np.isin(position, list(problems))) if problems else ()
    bad = {int(values.index[i]): problems[int(position[i])] for i in at}
    shown = table.percent.get(field.name, frozenset())
    if field.type == "percent":
        _percents(column, bad, shown)
    elif field.type == "string" and not field.codelist and shown:
        figures = values[values.index.isin(sorted(shown)) & values.map(type).isin([float, int])]
        column[figures.index] = [f"{figure * 100:.12g}%" for figure in figures]
    return column, bad


def _read(field: Field, cells: list[Any], kinds: set[type], *, text_only: bool) -> list[Parsed]:
    """Each cell parsed; plain columns of numbers, of which there are many, without ceremony."""
    plain = field.type == "number" and kinds <= {float, int, str} and not text_only
    if plain and not any(c.strip() if type(c) is str else abs(c) >= cells_.MOST for c in cells):
        return [(None if type(cell) is str else cell, None) for cell in cells]
    parse = cells_.parser(field, text_only=text_only)
    return [parse(cell) for cell in cells]


def _texts(field: Field, cells: Iterable[str]) -> list[str | None]:
    """Each cell of a column of plain texts; None where it is blank."""
    texts = [cell.strip() or None for cell in cells]
    if field.constraints.pattern is None:
        return texts
    # Of an identifier, “n/a” is none.
    return [None if t and len(t) <= _SIGN and t.casefold() in cells_.NO_SIGNS else t for t in texts]


_SIGN = max(map(len, cells_.NO_SIGNS))


def _distinct(cells: Any, kinds: set[type]) -> tuple[Any, list[Any]]:
    """Where each cell stands in the list of distinct cells, and that list. None is at -1."""
    if not kinds & {bool, ErrorCell, Uncalculated}:
        position, distinct = pd.factorize(cells)
        return position, list(distinct)
    # Equal to Python, but not the same cell: True and 1, an error and a text that reads like one.
    seen: dict[tuple[type, Any], int] = {}
    position = np.array([seen.setdefault((type(v), v), len(seen)) for v in cells])
    return position, [value for _, value in seen]


def _percents(column: pd.Series, bad: dict[int, Bad], shown: frozenset[int]) -> None:
    """0.1 shown as 10% is 10; a fraction that is not shown as a percentage is doubtful."""
    as_percent = column.index.isin(sorted(shown))
    column[as_percent] *= 100
    small = ((column > 0) & (column < 1)).fillna(False) & ~as_percent
    bad.update({int(label): Bad("small-percent") for label in column.index[small]})


def _array(cells: list[Any], kind: str) -> Any:
    if kind == "date":
        days = np.array(["NaT" if c is None else c for c in cells], dtype="datetime64[D]")
        return pd.array(days.astype("datetime64[s]"))
    if DTYPES[kind] == "Float64":
        numbers = np.array([np.nan if c is None else c for c in cells], dtype="float64")
        return pd.array(numbers, dtype="Float64")
    return pd.array(cells, dtype=DTYPES[kind])


def _type_faults(table: Table, field: Field, bad: Mapping[int, Bad]) -> Iterator[Fault]:
    for kind in sorted({problem.kind for problem in bad.values()}):
        labels = [label for label, problem in bad.items() if problem.kind == kind]
        codes = field.codes
        if kind == "code" and codes:
            hints = {n: _suggestion(codes, bad[n].hint) for n in labels}
            listed = ", ".join(list(codes.codes)[:12]) + (" ..." if len(codes.codes) > 12 else "")
            yield fault_of(
                kind,
                table,
                field,
                labels,
                f"a code of {codes.title}",
                {"hint": hints},
                codes=listed,
            )
        else:
            hints = {n: f" {bad[n].hint}" if bad[n].hint else "" for n in labels}
            yield fault_of(
                kind, table, field, labels, WHAT.get(field.type, "a value"), {"hint": hints}
            )


def _suggestion(codes: CodeList, code: str) -> str:
    return f" Did you mean “{code}” ({codes.codes[code]})?" if code else ""
