"""From grids to raw tables: which sheet is which table, which column is which field.

Headings match a schema's title, field name or alias without regard to case, spaces, punctuation and
accents. A near miss is never taken: it becomes a fault that asks. What is not recognised is kept as
a fact and named.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from fundtrack import schema
from fundtrack.model import (
    ROWS_A_PART,
    Fault,
    FundtrackError,
    Part,
    Severity,
    SheetFacts,
    Spot,
    Table,
)
from fundtrack.ooxml import column_letter
from fundtrack.read import Cell, Grid, Workbook
from fundtrack.schema import EXAMPLE, Field, Layout, LayoutTable, TableSchema, fold

HEADER_ROWS = 30  # a heading further down than this is not looked for
NEAR = 0.85  # how alike two spellings are before we ask “did you mean”
# Headings that have no place in a sheet meant for pseudonyms, folded.
PERSONAL = {
    *("name", "fullname", "firstname", "lastname", "surname", "familyname", "givenname"),
    *("email", "emailaddress", "phone", "phonenumber", "telephone", "mobile", "whatsapp"),
    *("passport", "passportno", "passportnumber", "idnumber", "nationalid", "dateofbirth"),
    *("address", "homeaddress", "nom", "prenom", "nombre", "apellido"),
}
EXAMPLES = "example rows of the template"  # why such rows are skipped
TOTAL = re.compile(
    r"(grand[ -]|sub[ -]?)?total(s|e|es)?\b\W*( .*)?|sum(me|a)?|gesamt(summe)?|ensemble", re.I
)


@dataclass(frozen=True)
class Mapped:
    """What a workbook and its companions hold, in the terms of the schemas."""

    tables: dict[str, Table]
    sheets: list[SheetFacts]
    faults: list[Fault]
    layout: str
    layout_title: str
    kind: str
    remarks: list[str]


@dataclass(frozen=True)
class _Heading:
    """A header row: `fields` by column from 0, and what else stands in it."""

    row: int  # from 0
    fields: dict[int, str]
    ignored: list[tuple[int, str]]
    near: list[tuple[int, str, Field]]
    twice: list[tuple[str, list[int]]]


def mapped(workbook: Workbook, companions: Sequence[Workbook] = ()) -> Mapped:
    """Recognises the sheets of a workbook and of the files that go with it.

    Raises FundtrackError where nothing in the workbook is recognised.
    """
    tables, sheets, faults, layout = _one(workbook, main=True)
    if not tables:
        raise _nothing(workbook)
    remarks = list(workbook.remarks)
    remarks += _without_rows([s.sheet for s in sheets if s.table and not s.rows])
    if layout:
        remarks.extend(f"{layout.title}: {sentence}" for sentence in layout.silent)
    for companion in companions:
        further, facts, more, _ = _one(companion, main=False)
        if not further:
            raise _nothing(companion)
        sheets += facts
        faults += more
        remarks += companion.remarks
        for name, table in further.items():
            tables[name] = _joined(tables[name], table) if name in tables else table
    kind = (
        "programme"
        if any(schema.tables()[t].workbooks == ["programme"] for t in tables)
        else "donor"
    )
    return Mapped(
        tables,
        sheets,
        faults,
        layout.name if layout else "fundtrack",
        layout.title if layout else "fundtrack workbook",
        layout.kind if layout else kind,
        remarks,
    )


def _without_rows(sheets: Sequence[str]) -> list[str]:
    """One sentence on the sheets that nobody filled: of a template there may be many."""
    if len(sheets) < 2:
        return [f"The sheet “{sheet}” has headings but no rows." for sheet in sheets]
    listed = ", ".join(f"“{sheet}”" for sheet in sheets)
    return [f"These sheets have headings but no rows: {listed}."]


def _one(
    workbook: Workbook, *, main: bool
) -> tuple[dict[str, Table], list[SheetFacts], list[Fault], Layout | None]:
    tables: dict[str, Table] = {}
    sheets: list[SheetFacts] = []
    faults: list[Fault] = []
    exports = {grid.sheet: layout for grid in workbook.grids if (layout := _layout(grid))}
    roles = _roles([grid for grid in workbook.grids if grid.sheet not in exports])
    for grid in workbook.grids:
        found: Iterator[_Found]
        if grid.sheet in exports:
            found = _by_layout(workbook, grid, exports[grid.sheet], main=main)
        else:
            found = _by_schema(workbook, grid, *roles.get(grid.sheet, (None, "")), main=main)
        for item in found:
            sheets.append(item.facts)
            faults.extend(item.faults)
            if item.table is not None:
                name = item.table.name
                tables[name] = _joined(tables[name], item.table) if name in tables else item.table
    return tables, sheets, faults, next(iter(exports.values()), None)


@dataclass(frozen=True)
class _Found:
    facts: SheetFacts
    table: Table | None = None
    faults: Sequence[Fault] = ()


def _nothing(workbook: Workbook) -> FundtrackError:
    names = ", ".join(f"“{grid.sheet}”" for grid in workbook.grids[:8])
    return FundtrackError(
        workbook.path.name,
        f"No sheet is recognised (found {names}).",
        "Headings are looked for in the first 30 rows, under the names that the README lists. Name "
        "the sheets Grants, Organisations and so on.",
    )


# --- Which sheet is which table -------------------------------------------------------------------


def _roles(grids: Sequence[Grid]) -> dict[str, tuple[TableSchema | None, str]]:
    """For each sheet its table and how it was told: by its name first, then by its headings."""
    by_name = {spelling: t for t in schema.tables().values() for spelling in t.spellings}
    roles: dict[str, tuple[TableSchema | None, str]] = {}
    for grid in grids:
        if table := by_name.get(fold(grid.sheet)):
            roles[grid.sheet] = (table, "by its name")
    named = {table.name for table, _ in roles.values() if table}
    for grid in grids:
        if grid.sheet not in roles and (table := _by_headings(grid)) and table.name not in named:
            roles[grid.sheet] = (table, "by its headings")
    return roles


def _by_headings(grid: Grid) -> TableSchema | None:
    """The table whose key and most of whose required headings stand in one row of the sheet."""
    best: tuple[int, TableSchema] | None = None
    for table in schema.tables().values():
        if table.orientation != "rows" or not (heading := _heading(grid, table)):
            continue
        fields = set(heading.fields.values())
        required = {f.name for f in table.fields if f.constraints.required}
        # Short headings such as Area, Type, Amount stand in many sheets: then all must be there.
        told = required <= fields or (
            len(fields) >= 6 and 2 * len(fields & required) >= len(required)
        )
        enough = len(fields) >= 3 and table.key in fields and told
        if enough and (best is None or len(fields) > best[0]):
            best = (len(fields), table)
    return best[1] if best else None


def _heading(grid: Grid, table: TableSchema) -> _Heading | None:
    """The first row in which enough headings of the table are recognised."""
    spellings = {s: f for f in reversed(table.fields) for s in f.spellings}
    enough = min(3, len(table.fields) - 1)
    for number, row in enumerate(grid.rows[:HEADER_ROWS]):
        texts = {c: v for c, v in enumerate(row) if isinstance(v, str) and fold(v)}
        known = {c: spellings[fold(v)] for c, v in texts.items() if fold(v) in spellings}
        if len({f.name for f in known.values()}) >= enough:
            return _sorted_out(number, texts, known, table)
    return None


def _sorted_out(
    number: int, texts: Mapping[int, str], known: Mapping[int, Field], table: TableSchema
) -> _Heading:
    columns: dict[str, list[int]] = {}
    for column, field in known.items():
        columns.setdefault(field.name, []).append(column)
    free = {s: f for f in table.fields if f.name not in columns for s in f.spellings}
    near, ignored = [], []
    for column, text in texts.items():
        if column in known:
            continue
        ignored.append((column, text))
        if alike := difflib.get_close_matches(fold(text), free, n=1, cutoff=NEAR):
            near.append((column, text, free[alike[0]]))
    return _Heading(
        number,
        {found[0]: name for name, found in columns.items() if len(found) == 1},
        ignored,
        near,
        [(name, found) for name, found in columns.items() if len(found) > 1],
    )


# --- A sheet in fundtrack's own terms -------------------------------------------------------------


def _by_schema(
    workbook: Workbook, grid: Grid, table: TableSchema | None, how: str, *, main: bool
) -> Iterator[_Found]:
    facts = _facts(workbook, grid, main=main)
    if table is None:
        alike = _near_sheet(grid)
        faults = [_did_you_mean_sheet(workbook, grid, alike, main=main)] if alike else []
        yield _Found(replace(facts, uncalculated=()), None, faults)  # nothing of it is read
        return
    if table.orientation == "settings":
        yield _settings(workbook, grid, table, facts, how, main=main)
        return
    heading = _heading(grid, table)
    if heading is None:
        part = Part(workbook.path.name, grid.sheet, 0, {}, {}, main=main)
        yield _Found(
            replace(facts, how=f"{how}, but no heading row"), None, [_no_heading(table, part)]
        )
        return
    part = _part(workbook, grid, heading, main=main)
    labels, skipped = _rows(grid, heading, table)
    raw = _frame(grid, labels, heading.fields)
    twice = {name for name, _ in heading.twice}
    missing = [f for f in _missing_columns(table, part) if f.field not in twice]
    faults = [*_heading_faults(table, part, heading), *missing]
    yield _Found(
        replace(
            facts,
            table=table.name,
            how=how,
            header_row=part.header_row,
            rows=len(raw),
            columns=part.columns,
            headings=part.headings,
            ignored_columns=[(column_letter(c), text) for c, text in heading.ignored],
            skipped=skipped,
            uncalculated=_in_columns(grid.uncalculated, part),
        ),
        Table(
            table.name, raw, (part,), raw, text_only=grid.text_only, percent=_percent(grid, part)
        ),
        faults,
    )


def _facts(workbook: Workbook, grid: Grid, *, main: bool) -> SheetFacts:
    return SheetFacts(
        workbook.path.name,
        grid.sheet,
        None,
        "not recognised",
        hidden=grid.hidden,
        hidden_rows=grid.hidden_rows,
        error_cells=grid.errors,
        uncalculated=grid.uncalculated,
        main=main,
    )


def _in_columns(addresses: Sequence[str], part: Part) -> list[str]:
    """Those of the cells that stand in a column that is read."""
    read = set(part.columns.values())
    return [address for address in addresses if address.rstrip("0123456789") in read]


def _part(workbook: Workbook, grid: Grid, heading: _Heading, *, main: bool) -> Part:
    return Part(
        workbook.path.name,
        grid.sheet,
        heading.row + 1,
        {name: column_letter(c) for c, name in heading.fields.items()},
        {name: str(grid.rows[heading.row][c]).strip() for c, name in heading.fields.items()},
        main=main,
    )


def _percent(grid: Grid, part: Part) -> dict[str, frozenset[int]]:
    letters = {letter: name for name, letter in part.columns.items()}
    found: dict[str, set[int]] = {}
    for row, column in grid.percent:
        if name := letters.get(column_letter(column)):
            found.setdefault(name, set()).add(row + 1)
    return {name: frozenset(rows) for name, rows in found.items()}


def _rows(
    grid: Grid, heading: _Heading, table: TableSchema
) -> tuple[list[int], dict[str, list[int]]]:
    """The Excel numbers of the rows that hold data, and of those skipped, by reason.

    Only rows without a key, or whose key reads like a total, are looked at cell by cell.
    """
    first = heading.row + 2
    body = grid.rows[heading.row + 1 :]
    reasons = ("blank rows", "totals rows", "HXL tag rows", EXAMPLES)
    skipped: dict[str, list[int]] = {reason: [] for reason in reasons}
    key = next((c for c, name in heading.fields.items() if name == table.key), None)
    labels = []
    for number, row in enumerate(body, first):
        value = "" if key is None else row[key]
        if value != "" and not (isinstance(value, str) and _doubtful(value)):
            labels.append(number)
            continue
        if isinstance(value, str) and _is_example(value):
            skipped[EXAMPLES].append(number)
            continue
        cells = [row[c] for c in heading.fields]
        filled = [v for v in cells if not (v == "" or (isinstance(v, str) and not v.strip()))]
        if not filled:
            skipped["blank rows"].append(number)
        elif number == first and all(
            isinstance(v, str) and v.lstrip().startswith("#") for v in filled
        ):
            skipped["HXL tag rows"].append(number)
        elif key is not None and _is_total(value, row, filled):
            skipped["totals rows"].append(number)
        else:
            labels.append(number)
    last = max(labels, default=first - 1)  # what is blank below the last row is no gap in the data
    skipped["blank rows"] = [n for n in skipped["blank rows"] if n < last]
    return labels, {reason: rows for reason, rows in skipped.items() if rows}


def _doubtful(key: str) -> bool:
    """Whether a key is blank, a tag, a total or an example; its first letter tells most keys."""
    if key[:1].isalnum() and key[0] not in "tTgGsSeE":
        return False
    text = key.strip()
    marked = text[0:1] in ("", "#") or _is_example(text)
    return marked or TOTAL.fullmatch(text) is not None


def _is_example(key: str) -> bool:
    """Whether a row is the greyed example of a template; EX-1 and EXAMPLE are keys like others."""
    return key.strip().upper().startswith(EXAMPLE)


def _is_total(key: Cell, row: Sequence[Cell], filled: Sequence[Cell]) -> bool:
    """A totals row says so, or has no key and nothing but numbers."""
    if isinstance(key, str) and key.strip():
        return TOTAL.fullmatch(key.strip()) is not None
    if any(isinstance(v, str) and TOTAL.fullmatch(v.strip()) for v in row):
        return True
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in filled)


def _frame(grid: Grid, labels: Sequence[int], fields: Mapping[int, str]) -> pd.DataFrame:
    """The cells of those rows and columns as objects, indexed by Excel row number."""
    rows = grid.rows
    if _consecutive(labels):
        picked = rows[labels[0] - 1 : labels[-1]]
    else:
        picked = [rows[n - 1] for n in labels]
    cells = np.empty((len(picked), len(rows[0])), dtype=object)
    if picked:
        cells[:] = picked
    index = pd.Index(labels, dtype="int64")
    return pd.DataFrame(cells[:, list(fields)], index=index, columns=list(fields.values()))


def _consecutive(labels: Sequence[int]) -> bool:
    return bool(labels) and labels[-1] - labels[0] + 1 == len(labels)


def _settings(
    workbook: Workbook, grid: Grid, table: TableSchema, facts: SheetFacts, how: str, *, main: bool
) -> _Found:
    """Settings stand one below the other: the name in one cell, the value in the next."""
    spellings = {s: f for f in table.fields for s in f.spellings}
    cells: dict[str, str] = {}
    headings: dict[str, str] = {}
    values: dict[str, Cell] = {}
    ignored = []
    for number, row in enumerate(grid.rows):
        column = next((c for c, v in enumerate(row) if v != ""), None)
        if column is None or not isinstance(text := row[column], str):
            continue
        field = spellings.get(fold(text))
        if field is None:
            ignored.append((f"{column_letter(column)}{number + 1}", text))
        elif field.name not in values:
            values[field.name] = row[column + 1] if column + 1 < len(row) else ""
            cells[field.name] = f"{column_letter(column + 1)}{number + 1}"
            headings[field.name] = text.strip()
    raw = pd.DataFrame(
        {k: pd.Series([v], index=[1], dtype=object) for k, v in values.items()}, index=[1]
    )
    part = Part(workbook.path.name, grid.sheet, 1, {}, headings, cells, main=main)
    facts = replace(
        facts,
        table=table.name,
        how=how,
        rows=len(values),
        columns=cells,
        headings=headings,
        ignored_columns=ignored,
    )
    return _Found(facts, Table(table.name, raw, (part,), raw, text_only=grid.text_only))


# --- Faults of the headings -----------------------------------------------------------------------


def _heading_faults(table: TableSchema, part: Part, heading: _Heading) -> Iterator[Fault]:
    row = part.header_row
    for column, text in heading.ignored if table.restricted else ():
        if fold(text) in PERSONAL:
            cell = f"{column_letter(column)}{row}"
            yield Fault(
                "DAT-08",
                Severity.ERROR,
                table.name,
                None,
                f"The heading “{text.strip()}” asks for what identifies a person, in a sheet that "
                "is meant for pseudonyms.",
                "Take the column out, and keep it where only your team can open it.",
                "no column that identifies a person",
                spots=[Spot(part, cell, row, text, text, text)],
                scope="column",
            )
    for column, text, field in heading.near:
        cell = f"{column_letter(column)}{row}"
        yield Fault(
            "SCH-heading",
            Severity.WARNING,
            table.name,
            field.name,
            f"The heading “{text.strip()}” is not known, so its column was not read. Did you mean "
            f"“{field.title}”?",
            f"If it is the same thing, write “{field.title}” in {cell}; otherwise leave it.",
            field.title,
            spots=[Spot(part, cell, row, text, text, text)],
            scope="column",
        )
    for name, columns in heading.twice:
        field = table.field(name)
        cells = [f"{column_letter(c)}{row}" for c in columns]
        yield Fault(
            "SCH-two-columns",
            Severity.ERROR,
            table.name,
            name,
            f"Two columns, {' and '.join(cells)}, both read as “{field.title}”; neither was used.",
            "Keep one of them and give the other another heading.",
            "one column",
            spots=[Spot(part, cells[1], row, field.title, name, field.title)],
            scope="column",
        )


def _missing_columns(table: TableSchema, part: Part) -> Iterator[Fault]:
    for field in table.fields:
        if field.constraints.required and field.name not in part.columns:
            yield Fault(
                "SCH-required",
                Severity.ERROR,
                table.name,
                field.name,
                f"Sheet “{part.sheet}” has no column “{field.title}”.",
                f"Add the column “{field.title}” in row {part.header_row}. {field.description}",
                f"a column “{field.title}”",
                spots=[Spot(part, None, None, field.title, f"column {field.name}", None)],
                scope="sheet",
            )


def _no_heading(table: TableSchema, part: Part) -> Fault:
    titles = ", ".join(f"“{f.title}”" for f in table.fields[:4])
    return Fault(
        "SCH-heading",
        Severity.ERROR,
        table.name,
        None,
        f"Sheet “{part.sheet}” has no heading row that is known; nothing was read from it.",
        f"Write the headings of the template ({titles} ...) in one row among the first "
        f"{HEADER_ROWS}.",
        "a heading row",
        spots=[Spot(part, None, None, None, f"sheet {part.sheet}", None)],
        scope="sheet",
    )


def _near_sheet(grid: Grid) -> TableSchema | None:
    by_name = {spelling: t for t in schema.tables().values() for spelling in t.spellings}
    alike = difflib.get_close_matches(fold(grid.sheet), by_name, n=1, cutoff=NEAR)
    return by_name[alike[0]] if alike else None


def _did_you_mean_sheet(workbook: Workbook, grid: Grid, table: TableSchema, *, main: bool) -> Fault:
    part = Part(workbook.path.name, grid.sheet, 0, {}, {}, main=main)
    return Fault(
        "SCH-heading",
        Severity.WARNING,
        table.name,
        None,
        f"The sheet “{grid.sheet}” is not known, so it was not read. Did you mean “{table.sheet}”?",
        f"If it is, rename the sheet to “{table.sheet}”; otherwise leave it.",
        table.sheet,
        spots=[Spot(part, None, None, None, f"sheet {grid.sheet}", grid.sheet)],
        scope="sheet",
    )


# --- Layouts of known exports ---------------------------------------------------------------------


def _layout(grid: Grid) -> Layout | None:
    """The known export that the sheet is, told by its headings."""
    return next((x for x in schema.layouts().values() if _layout_row(grid, x) is not None), None)


def _layout_row(grid: Grid, layout: Layout) -> int | None:
    wanted = {fold(heading) for heading in layout.identify}
    for number, row in enumerate(grid.rows[:HEADER_ROWS]):
        if wanted <= {fold(v) for v in row if isinstance(v, str)}:
            return number
    return None


def _by_layout(workbook: Workbook, grid: Grid, layout: Layout, *, main: bool) -> Iterator[_Found]:
    number = _layout_row(grid, layout)
    assert number is not None
    texts = {c: v for c, v in enumerate(grid.rows[number]) if isinstance(v, str) and v.strip()}
    position = {fold(text): c for c, text in reversed(texts.items())}
    places = [
        {f: position[fold(h)] for f, h in item.columns.items() if fold(h) in position}
        for item in layout.tables
    ]
    used = {column for where in places for column in where.values()}
    ignored = [(column_letter(c), text) for c, text in texts.items() if c not in used]
    facts = replace(
        _facts(workbook, grid, main=main),
        how=f"as {layout.title}",
        header_row=number + 1,
        ignored_columns=ignored,
    )
    for item, where in zip(layout.tables, places, strict=True):
        yield _layout_table(workbook, grid, item, number, where, facts, main=main)


def _layout_table(
    workbook: Workbook,
    grid: Grid,
    item: LayoutTable,
    number: int,
    where: Mapping[str, int],
    facts: SheetFacts,
    *,
    main: bool,
) -> _Found:
    table = schema.tables()[item.table]
    columns = {c: name for name, c in reversed(list(where.items()))}
    labels, skipped = _rows(grid, _Heading(number, columns, [], [], []), table)
    wide = _frame(grid, labels, {c: str(c) for c in columns})
    raw = pd.DataFrame({f: wide[str(c)] for f, c in where.items()}, index=wide.index)
    given = raw.copy()
    for name in raw.columns:
        given[name] = _translated(raw[name], table.field(name), item)
    for name, value in item.constants.items():
        given[name] = pd.Series([value] * len(given), index=given.index, dtype=object)
    if item.distinct:
        keep = ~raw[item.distinct].duplicated() & (raw[item.distinct] != "")
        raw, given = raw[keep], given[keep]
    part = Part(
        workbook.path.name,
        grid.sheet,
        number + 1,
        {f: column_letter(c) for f, c in where.items()},
        {f: str(grid.rows[number][c]).strip() for f, c in where.items()},
        main=main,
    )
    facts = replace(
        facts,
        table=table.name,
        rows=len(raw),
        columns=part.columns,
        headings=part.headings,
        skipped=skipped,
    )
    return _Found(
        facts,
        Table(
            table.name,
            raw,
            (part,),
            given,
            derived=item.distinct is not None,
            export=True,
            text_only=grid.text_only,
        ),
    )


def _translated(values: pd.Series, field: Field, item: LayoutTable) -> pd.Series:
    """The export's own spellings in ours: codes, dates kept as text, words after a number, nulls.

    Each distinct cell is translated once; what has no translation is left as it is.
    """
    codes = {fold(theirs): ours for theirs, ours in item.codes.get(field.name, {}).items()}
    nulls = {fold(text) for text in item.nulls.get(field.name, ())}
    suffixes = {word.casefold() for word in item.suffixes.get(field.name, ())}

    def one(value: Any) -> Any:
        if isinstance(value, float) and value.is_integer() and codes:
            value = str(int(value))
        if not isinstance(value, str):
            return value
        text = value.strip()
        if fold(text) in nulls:
            return ""
        if field.name in item.codes:
            return codes.get(fold(text), "" if field.codelist is None else value)
        if suffixes and (number := re.match(r"(\d+(?:\.\d+)?)\s*(\w+)", text)):
            # “13 Months, 1 Days” is 13 months: what follows the first word is less than one of
            # them.
            return float(number[1]) if number[2].casefold() in suffixes else value
        if field.type == "date":
            return _date(text, item.dates, value)
        return value

    known = {v: one(v) for v in set(values)}
    return pd.Series([known[v] for v in values], index=values.index, dtype=object)


def _date(text: str, formats: Sequence[str], otherwise: Any) -> Any:
    for pattern in formats:
        try:
            day = datetime.strptime(text, pattern).date()
        except ValueError:
            continue
        return "" if day.year == 1 else day  # year 1 is .NET's way of saying “no date”
    return otherwise


# --- Several sheets for one table -----------------------------------------------------------------


def _joined(first: Table, second: Table) -> Table:
    """One table from two sheets, the second's labels moved past the first's.

    Rows of a register replace the rows that an export's grants only implied for the same keys; a
    setting of the first file wins over the second's.
    """
    if schema.tables()[first.name].orientation == "settings":
        return _settings_joined(first, second)
    if second.derived and not first.derived:
        first, second = second, first
    if first.derived and not second.derived:
        key = schema.tables()[first.name].key
        known = set(second.given[key].map(str)) if key in second.given else set()
        keep = ~first.given[key].map(str).isin(known)
        first = replace(first, raw=first.raw[keep], given=first.given[keep], derived=False)
    shift = len(first.parts) * ROWS_A_PART

    def stacked(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
        frame = pd.concat([a, b.set_axis(b.index + shift)], join="outer")
        return frame.astype(object).where(frame.notna(), "")

    return replace(
        first,
        raw=stacked(first.raw, second.raw),
        given=stacked(first.given, second.given),
        parts=first.parts + second.parts,
        text_only=first.text_only or second.text_only,
        percent={
            name: first.percent.get(name, frozenset())
            | frozenset(label + shift for label in second.percent.get(name, frozenset()))
            for name in {*first.percent, *second.percent}
        },
    )


def _settings_joined(first: Table, second: Table) -> Table:
    blank = {name for name in first.raw if first.raw[name].iloc[0] == ""}
    added = [name for name in second.raw if name not in first.raw or name in blank]
    kept = [name for name in first.raw if name not in added]
    raw = pd.concat([first.raw[kept], second.raw[added]], axis=1)
    part, other = first.parts[0], second.parts[0]
    merged = replace(
        part,
        cells={k: part.cells[k] for k in kept}
        | {k: f"[{other.file}]{other.cells[k]}" for k in added},
        headings={k: part.headings[k] for k in kept} | {k: other.headings[k] for k in added},
    )
    return replace(first, raw=raw, given=raw, parts=(merged,))
