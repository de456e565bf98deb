"""From raw tables to typed ones, and to the faults of the data itself.

Types are parsed before Pandera sees them: one cell that it cannot coerce would hide every other
failure of that column. Each distinct cell is parsed once. Pandera then runs the constraints that
the
schemas give. Nothing here knows the brief.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd

from fundtrack import cells as cells_
from fundtrack import schema
from fundtrack.cells import Bad, Parsed
from fundtrack.grid import ErrorCell, Uncalculated
from fundtrack.model import Fault, Severity, Table
from fundtrack.schema import DTYPES, CodeList, Field, TableSchema
from fundtrack.words import shown

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Pandera warns of optional companions that are not needed
    import pandera.pandas as pa

EARLIEST = date(1990, 1, 1)
YEARS_AHEAD = 10  # a date later than this after the period's end is a slip

WHAT = {
    "number": "a plain number",
    "integer": "a whole number",
    "percent": "a percentage (10 means 10%)",
    "date": "a real date",
    "yearmonth": "a month",
}


def typed(tables: Mapping[str, Table]) -> tuple[dict[str, Table], list[Fault]]:
    """Every table with its `frame`, and the faults of cells, keys and references.

    A cell that cannot be read is blank in `frame`: unknown, never zero or “no”.
    """
    done: dict[str, Table] = {}
    faults: list[Fault] = []
    for name, table in tables.items():
        frame, found = _parsed(table)
        done[name] = replace(table, frame=frame)
        found += _constraints(done[name], {cell for fault in found for cell in _cells(fault)})
        faults += found
    for table in done.values():
        faults += _references(table, done)
        found = list(_dates(table, _latest(done)))
        faults += found
    for fault in faults:
        _blanked(done[fault.table].frame, fault)
    return done, faults


def _blanked(frame: pd.DataFrame, fault: Fault) -> None:
    """A figure or a date that cannot be meant is unknown to every check."""
    if fault.unusable and fault.field:
        frame.loc[list(fault.labels), fault.field] = (
            pd.NA if frame[fault.field].dtype != DTYPES["date"] else pd.NaT
        )


def _cells(fault: Fault) -> Iterator[tuple[str | None, int]]:
    return ((fault.field, label) for label in fault.labels)


# --- Types ----------------------------------------------------------------------------------------


def _parsed(table: Table) -> tuple[pd.DataFrame, list[Fault]]:
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
            yield _fault("other-currency", table, field, marked, "one currency", {"own": own})


def _blank_column(field: Field, index: pd.Index) -> pd.Series:
    nothing = _array([], field.type).take(np.full(len(index), -1), allow_fill=True)
    return pd.Series(nothing, index=index)


def _column(values: pd.Series, field: Field, table: Table) -> tuple[pd.Series, dict[int, Bad]]:
    """The typed column, and why some cells could not be read (or only with a warning)."""
    cells = values.to_numpy()
    kinds = set(map(type, cells))
    if field.type == "number" and kinds <= {float, int}:
        numbers = pd.array(cells.astype("float64"), dtype="Float64")
        return pd.Series(numbers, index=values.index), {}
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
    if field.type == "percent":
        _percents(column, bad, table.percent.get(field.name, frozenset()))
    return column, bad


def _read(field: Field, cells: list[Any], kinds: set[type], *, text_only: bool) -> list[Parsed]:
    """Each cell parsed; plain columns of numbers, of which there are many, without ceremony."""
    plain = field.type == "number" and kinds <= {float, int, str} and not text_only
    if plain and not any(type(cell) is str and cell.strip() for cell in cells):
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


# --- What each fault says -------------------------------------------------------------------------


@dataclass(frozen=True)
class Words:
    """What is said of one kind of fault, in one place."""

    check: str
    severity: Severity
    message: str
    remedy: str
    unusable: bool = False  # the cell was read, but its content cannot be meant


CONSTRAINTS = {
    "SCH-type": "A cell holds what its column cannot hold: text in a column of numbers, an error "
    "such as #DIV/0!, or a formula that was never calculated. Such a cell is read as blank, that "
    "is, as unknown; a plain number stored as text is used, with a warning.",
    "SCH-required": "A column or a cell that every check relies on is missing or blank. Blank is "
    "unknown, never “no”.",
    "SCH-minimum": "A figure lies outside what it can be, such as an amount below zero.",
    "SCH-percent": "A percentage between 0 and 1 in a cell that is not formatted as one: type 10 "
    "for 10%.",
    "SCH-pattern": "A text does not have the form that its column asks for, such as an "
    "identifier with spaces.",
    "SCH-heading": "A heading or a sheet's name is nearly one that is known. It is not taken for "
    "it: we ask.",
    "SCH-two-columns": "Two columns read as the same field, so neither was used.",
    "SCH-template": "The Settings name another version of the template than the present one, or "
    "another kind of workbook than the sheets make. The workbook is checked all the same.",
}
WORDS = {
    "type": Words(
        "SCH-type",
        Severity.ERROR,
        "“{heading}” of {key} holds “{value}”, which is not {what}; it was not used.{hint}",
        "Type it as {what}, without signs or separators.",
    ),
    "text-number": Words(
        "SCH-type",
        Severity.WARNING,
        "“{heading}” of {key} holds the number “{value}” stored as text; Excel's own sums leave "
        "it out.",
        "Select the cell, choose “Convert to Number”.",
    ),
    "other-currency": Words(
        "SCH-type",
        Severity.ERROR,
        "“{heading}” of {key} holds “{value}”, but the currency of its row is {own}; it was not "
        "used.",
        "Correct the one that is wrong, and type the amount as a plain number.",
    ),
    "error-value": Words(
        "SCH-type",
        Severity.ERROR,
        "“{heading}” of {key} shows the error {value}; its figure is unknown.",
        "Mend the formula, or type the figure.",
    ),
    "not-calculated": Words(
        "SCH-type",
        Severity.ERROR,
        "“{heading}” of {key} holds a formula that was never calculated; its figure is unknown.",
        "Open the workbook in Excel or LibreOffice, let it calculate, and save it.",
    ),
    "small-percent": Words(
        "SCH-percent",
        Severity.WARNING,
        "“{heading}” of {key} holds {value}, which is read as {value}%: less than one per cent.",
        "Where 7% is meant, type 7, or 0.07 in a cell that is formatted as a percentage.",
    ),
    "code": Words(
        "DAT-06",
        Severity.ERROR,
        "“{value}” is not an allowed code for “{heading}”; it was read as blank.{hint}",
        "Choose a code from the list: {codes}.",
    ),
    "date": Words(
        "DAT-01",
        Severity.ERROR,
        "“{heading}” of {key} holds “{value}”, which is not {what}; it was not used.{hint}",
        "Type it as {what}, such as {such}, and not as other text.",
    ),
    "text-date": Words(
        "DAT-01",
        Severity.WARNING,
        "“{heading}” of {key} holds “{value}” as text; it was read as{hint}.",
        "Type it as a real date.",
    ),
    "required": Words(
        "SCH-required",
        Severity.ERROR,
        "“{heading}” of {key} {blank}.",
        "Fill the cell: {description}",
    ),
    "minimum": Words(
        "SCH-minimum",
        Severity.ERROR,
        "“{heading}” of {key} is {value}, but must be {expected}; it was not used.",
        "Correct the figure. {description}",
        unusable=True,
    ),
    "pattern": Words(
        "SCH-pattern",
        Severity.WARNING,
        "“{heading}” holds “{value}”, but must be {expected}.",
        "Correct it here and wherever it is used.",
    ),
    "unique": Words(
        "DAT-03",
        Severity.ERROR,
        "{key} stands in more than one row ({others}), but {headings} must be given once. No row "
        "was left out or merged.",
        "Correct the one that is wrong, or delete the row entered twice.",
    ),
    "reference": Words(
        "DAT-03",
        Severity.ERROR,
        "“{heading}” of {key} is “{value}”, which does not exist in the sheet “{parent}”.",
        "Add “{value}” to the sheet “{parent}”, or correct the identifier.",
    ),
    "order": Words(
        "DAT-01",
        Severity.ERROR,
        "“{heading}” of {key} is {value}, before “{start}” ({start_value}).",
        "Correct whichever of the two dates is wrong.",
    ),
    "range": Words(
        "DAT-01",
        Severity.ERROR,
        "“{heading}” of {key} is {value}, outside the years that can be meant ({expected}); it "
        "was not used.",
        "Correct the date.",
        unusable=True,
    ),
}


def _fault(
    kind: str,
    table: Table,
    field: Field,
    labels: Sequence[int],
    expected: str,
    words: Mapping[str, Mapping[int, str]] | None = None,
    **fixed: str,
) -> Fault:
    said = WORDS[kind]
    fixed = {
        "what": WHAT.get(field.type, "readable"),
        "description": field.description,
        "expected": expected,
        "such": "2024-06" if field.type == "yearmonth" else "2024-06-30",
    } | fixed
    return Fault(
        said.check,
        said.severity,
        table.name,
        field.name,
        said.message,
        said.remedy,
        expected,
        list(labels),
        {**fixed, **(words or {})},
        unusable=said.unusable,
    )


def _type_faults(table: Table, field: Field, bad: Mapping[int, Bad]) -> Iterator[Fault]:
    for kind in sorted({problem.kind for problem in bad.values()}):
        labels = [label for label, problem in bad.items() if problem.kind == kind]
        codes = field.codes
        if kind == "code" and codes:
            hints = {n: _suggestion(codes, bad[n].hint) for n in labels}
            listed = ", ".join(list(codes.codes)[:12]) + (" ..." if len(codes.codes) > 12 else "")
            yield _fault(
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
            yield _fault(
                kind, table, field, labels, WHAT.get(field.type, "a value"), {"hint": hints}
            )


def _suggestion(codes: CodeList, code: str) -> str:
    return f" Did you mean “{code}” ({codes.codes[code]})?" if code else ""


# --- Constraints ----------------------------------------------------------------------------------


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


def _constraints(table: Table, unread: set[tuple[str | None, int]]) -> Iterator[Fault]:
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
        yield _fault(kind, table, field, labels, expected, {"blank": blank})
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
    same = double.fillna("").astype(str).agg("\x1f".join, axis=1)
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
    yield _fault(
        "unique", table, field, labels, "once in the sheet", {"others": others}, headings=said
    )


def _row_words(table: Table, label: int) -> str:
    place = table.place(label, None)
    return f"row {place.row}" if len(table.parts) == 1 else f"{place.part.sheet} row {place.row}"


def _references(table: Table, tables: Mapping[str, Table]) -> Iterator[Fault]:
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
            yield _fault(
                "reference", table, field, labels, f"an identifier of “{sheet}”", parent=sheet
            )


# --- Dates against each other ---------------------------------------------------------------------


def _latest(tables: Mapping[str, Table]) -> pd.Timestamp | None:
    settings = tables.get("settings")
    if settings is None:
        return None
    ends = settings.frame["period_end"].dropna()
    return None if ends.empty else ends.iloc[0] + pd.DateOffset(years=YEARS_AHEAD)


def _dates(table: Table, latest: pd.Timestamp | None) -> Iterator[Fault]:
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
            yield _fault("range", table, field, [int(n) for n in frame.index[outside]], expected)
    for first, second in plan.order:
        wrong = frame[first] > frame[second]  # a blank date compares as False
        if wrong.any():
            labels = [int(n) for n in frame.index[wrong]]
            start = table.place(labels[0], first).heading or plan.field(first).title
            starts = {n: f"{frame.at[n, first]:%Y-%m-%d}" for n in labels}
            yield _fault(
                "order",
                table,
                plan.field(second),
                labels,
                f"on or after “{start}”",
                {"start_value": starts},
                start=start,
            )
