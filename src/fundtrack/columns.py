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

import pandas as pd

from fundtrack import layouts, scale, schema, sheets
from fundtrack.grid import Cell, Grid, is_blank
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
from fundtrack.read import Workbook
from fundtrack.schema import Layout, TableSchema, fold
from fundtrack.sheets import HEADER_ROWS, NEAR, Heading
from fundtrack.words import plural

# Headings that have no place in a sheet meant for pseudonyms, folded.
PERSONAL = {
    *("name", "fullname", "firstname", "lastname", "surname", "familyname", "givenname"),
    *("email", "emailaddress", "phone", "phonenumber", "telephone", "mobile", "whatsapp"),
    *("passport", "passportno", "passportnumber", "idnumber", "nationalid", "dateofbirth"),
    *("address", "homeaddress", "nom", "prenom", "nombre", "apellido"),
}
YEAR = re.compile(r"(19|20)\d\d([-/ ]?(19|20)?\d\d)?")


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


def mapped(workbook: Workbook, companions: Sequence[Workbook] = ()) -> Mapped:
    """Recognises the sheets of a workbook and of the files that go with it.

    Raises FundtrackError where nothing in the workbook is recognised.
    """
    count = layouts.counted([workbook, *companions])
    tables, facts, faults, remarks, layout = _one(workbook, count, main=True)
    if not tables:
        raise _nothing(workbook)
    remarks = [*workbook.remarks, *remarks]
    filled = {s.sheet for s in facts if s.rows}  # an export may fill one table and not another
    empty = dict.fromkeys(s.sheet for s in facts if s.table and s.sheet not in filled)
    remarks += _without_rows([*empty])
    known = [layout] if layout else []
    for companion in companions:
        further, more, others, said, export = _one(companion, count, main=False)
        if not further:
            raise _nothing(companion)
        facts += more
        faults += others
        remarks += [*companion.remarks, *said]
        known += [export] if export and export not in known else []
        for name, table in further.items():
            tables[name] = _joined(tables[name], table) if name in tables else table
    for export in known:
        remarks += _counted_once(tables, export)
        remarks.extend(f"{export.title}: {sentence}" for sentence in export.silent)
    kind = (
        "programme"
        if any(schema.tables()[t].workbooks == ["programme"] for t in tables)
        else "donor"
    )
    return Mapped(
        tables,
        facts,
        faults,
        layout.name if layout else "fundtrack",
        layout.title if layout else "fundtrack workbook",
        layout.kind if layout else kind,
        [*dict.fromkeys(remarks)],
    )


def _without_rows(sheets: Sequence[str]) -> list[str]:
    """One sentence on the sheets that nobody filled: of a template there may be many."""
    if len(sheets) < 2:
        return [f"The sheet “{sheet}” has headings but no rows." for sheet in sheets]
    listed = ", ".join(f"“{sheet}”" for sheet in sheets)
    return [f"These sheets have headings but no rows: {listed}."]


def _one(
    workbook: Workbook, count: Mapping[str, str], *, main: bool
) -> tuple[dict[str, Table], list[SheetFacts], list[Fault], list[str], Layout | None]:
    tables: dict[str, Table] = {}
    facts: list[SheetFacts] = []
    faults: list[Fault] = []
    remarks: list[str] = []
    exports = layouts.recognised(workbook)
    beside = layouts.joined_sheets(workbook, exports)
    roles, said = _roles([g for g in workbook.grids if g.sheet not in {*exports, *beside}])
    remarks += said
    for grid in workbook.grids:
        if grid.sheet in beside:
            continue
        found: Iterator[_Found | layouts.Filled]
        if grid.sheet in exports:
            found = layouts.filled(workbook, grid, exports[grid.sheet], count, main=main)
        else:
            found = _by_schema(workbook, grid, *roles.get(grid.sheet, (None, "")), main=main)
        for item in found:
            facts.append(item.facts)
            faults.extend(item.faults)
            remarks.extend(item.remarks)
            if item.table is not None:
                name = item.table.name
                tables[name] = _joined(tables[name], item.table) if name in tables else item.table
    remarks += _stacked_words(tables)
    remarks += [
        f"Sheet “{f.sheet}” has {f.hidden_rows} hidden rows; they were read like the others."
        for f in facts
        if f.table and f.hidden_rows
    ]
    remarks += [
        f"Sheet “{f.sheet}” is hidden; it was read like the others."
        for f in facts
        if f.table and f.hidden
    ]
    return tables, facts, faults, remarks, next(iter(exports.values()), None)


def _stacked_words(tables: Mapping[str, Table]) -> Iterator[str]:
    for name, table in tables.items():
        if len(table.parts) > 1 and not table.derived:
            names = ", ".join(f"“{part.sheet}”" for part in table.parts)
            title = schema.tables()[name].sheet
            yield f"“{title}” is read from {len(table.parts)} sheets: {names}."


def _counted_once(tables: dict[str, Table], layout: Layout) -> Iterator[str]:
    """Records that an export gives more than once, in several rows or files, are counted once.

    Only where the rows agree in all but the fields by which the format divides a record: else they
    are two records under one key, and a finding.
    """
    for item in layout.tables:
        table = tables.get(item.table)
        if item.once is None or table is None or not table.export:
            continue
        given, key = table.given, schema.tables()[item.table].key
        same = given.drop(columns=[n for n in item.once if n in given]).astype(str)
        again = same.duplicated() & (given[key] != "")
        if not again.any():
            continue
        kept = given[~again].copy()
        for name in item.once:
            if name in given:
                told = given[name].astype(str).groupby(given[key].astype(str)).nunique()
                several = kept[key].astype(str).isin(told.index[told > 1])
                kept.loc[several & same.duplicated(keep=False)[~again], name] = ""
        tables[item.table] = replace(table, raw=table.raw[~again], given=kept)
        n, sheet = int(again.sum()), schema.tables()[item.table].sheet.lower()
        yield (
            f"{layout.title}: {n} {plural('row', n)} {plural('repeats', n, 'repeat')} {sheet} that "
            "stand in other rows, with the same amount; each is counted once."
        )


@dataclass(frozen=True)
class _Found:
    facts: SheetFacts
    table: Table | None = None
    faults: Sequence[Fault] = ()
    remarks: Sequence[str] = ()


def _nothing(workbook: Workbook) -> FundtrackError:
    if like := layouts.nearest(workbook):
        return FundtrackError(
            workbook.path.name,
            like,
            "The README lists the files that can be read, and the columns that they need.",
        )
    names = ", ".join(f"“{grid.sheet}”" for grid in workbook.grids[:8])
    return FundtrackError(
        workbook.path.name,
        f"No sheet is recognised (found {names or 'none'}).",
        "Headings are looked for in the first 30 rows, under the names that the README lists. Name "
        "the sheets Grants, Organisations and so on.",
    )


# --- Which sheet is which table -------------------------------------------------------------------


def _roles(
    grids: Sequence[Grid],
) -> tuple[dict[str, tuple[TableSchema | None, str]], list[str]]:
    """For each sheet its table and how it was told: by its name first, then by its headings.

    Beside a sheet that has the table's name, one for a year is stacked; any other may be a copy.
    """
    by_name = {spelling: t for t in schema.tables().values() for spelling in t.spellings}
    roles: dict[str, tuple[TableSchema | None, str]] = {}
    remarks = []
    for grid in grids:
        if table := by_name.get(fold(grid.sheet)):
            roles[grid.sheet] = (table, "by its name")
    named = {table.name for table, _ in roles.values() if table}
    for grid in grids:
        if grid.sheet in roles or not (table := _by_headings(grid)):
            continue
        if table.name not in named or _of_a_year(grid.sheet, table):
            roles[grid.sheet] = (table, "by its headings")
        else:
            remarks.append(
                f"Sheet “{grid.sheet}” has the headings of “{table.sheet}”, but another sheet has "
                "that name, so it was taken for a copy and not read. If it holds further rows, "
                f"call it “{table.sheet}” with a year."
            )
    return roles, remarks


def _of_a_year(name: str, table: TableSchema) -> bool:
    """“2023”, “Grants 2024”, “FY 2022/23”: a sheet of one table for one year."""
    if not YEAR.search(name):
        return False
    rest = fold(YEAR.sub(" ", name))
    return rest in {"", "fy", "year", "annee", "ano", *table.spellings}


def _by_headings(grid: Grid) -> TableSchema | None:
    """The table whose key and most of whose required headings stand in one row of the sheet."""
    best: tuple[int, TableSchema] | None = None
    for table in schema.tables().values():
        if table.orientation != "rows" or not (heading := sheets.heading(grid, table)):
            continue
        fields = {*heading.fields.values(), *(name for name, _ in heading.twice)}
        fields |= {f.name for _, _, f, _ in heading.scaled}  # there, though not read
        required = {f.name for f in table.fields if f.constraints.required}
        # Short headings such as Area, Type, Amount stand in many sheets: then all must be there.
        told = required <= fields or (
            len(fields) >= 6 and 2 * len(fields & required) >= len(required)
        )
        enough = len(fields) >= 3 and table.key in fields and told
        if enough and (best is None or len(fields) > best[0]):
            best = (len(fields), table)
    return best[1] if best else None


# --- A sheet in fundtrack's own terms -------------------------------------------------------------


def _by_schema(
    workbook: Workbook, grid: Grid, table: TableSchema | None, how: str, *, main: bool
) -> Iterator[_Found]:
    facts = sheets.facts(workbook, grid, main=main)
    if table is None:
        alike = _near_sheet(grid)
        faults = [_did_you_mean_sheet(workbook, grid, alike, main=main)] if alike else []
        yield _Found(replace(facts, uncalculated=()), None, faults)  # nothing of it is read
        return
    if table.orientation == "settings":
        yield _settings(workbook, grid, table, facts, how, main=main)
        return
    heading = sheets.heading(grid, table)
    if heading is None:
        part = Part(workbook.path.name, grid.sheet, 0, {}, {}, main=main)
        yield _Found(
            replace(facts, how=f"{how}, but no heading row"), None, [_no_heading(table, part)]
        )
        return
    part = sheets.part(workbook, grid, heading, main=main)
    labels, skipped = sheets.rows(grid, heading, table.key)
    raw = sheets.frame(grid, labels, heading.fields)
    twice = {*(name for name, _ in heading.twice), *(f.name for _, _, f, _ in heading.scaled)}
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
            ignored_columns=sheets.letters((c, sheets.words(text)) for c, text in heading.ignored),
            skipped=skipped,
            uncalculated=_in_columns(grid.uncalculated, part),
        ),
        Table(
            table.name,
            raw,
            (part,),
            raw,
            text_only=grid.text_only,
            percent=sheets.percent(grid, part.columns),
        ),
        faults,
    )


def _in_columns(addresses: Sequence[str], part: Part) -> list[str]:
    """Those of the cells that stand in a column that is read."""
    read = set(part.columns.values())
    return [address for address in addresses if address.rstrip("0123456789") in read]


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


def _heading_faults(table: TableSchema, part: Part, heading: Heading) -> Iterator[Fault]:
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
    for column, text, field, factor in heading.scaled:
        cell = f"{column_letter(column)}{row}"
        yield Fault(
            "SCH-heading",
            Severity.ERROR if field.constraints.required else Severity.WARNING,
            table.name,
            field.name,
            f"The heading “{text.strip()}” says that the amounts are in {scale.NAMES[factor]}. Its "
            "column was not read: amounts are never multiplied here, since a factor that was meant "
            "otherwise would make every figure wrong.",
            f"Put whole amounts into a column of their own with the heading “{field.title}” (in "
            f"its first row ={column_letter(column)}{heading.body + 1}*{factor}, copied down), and "
            "save the workbook. This column may stay.",
            f"whole amounts under “{field.title}”",
            spots=[Spot(part, cell, row, text, text, text)],
            scope="column",
        )
    if heading.titled:
        at, column, text, factor = heading.titled
        yield Fault(
            "SCH-heading",
            Severity.WARNING,
            table.name,
            None,
            f"Above the table stands “{text.strip()}”, but the amounts were read as they stand in "
            f"their cells, not in {scale.NAMES[factor]}. Shares are the same either way; sums of "
            "money, and what is measured against a sum, are not.",
            f"If the amounts are in {scale.NAMES[factor]}, write whole amounts; if they are whole, "
            "take these words out.",
            "whole amounts",
            spots=[Spot(part, f"{column_letter(column)}{at + 1}", at + 1, text, text, text)],
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
        elsewhere={
            name: {
                **first.elsewhere.get(name, {}),
                **{n + shift: place for n, place in second.elsewhere.get(name, {}).items()},
            }
            for name in {*first.elsewhere, *second.elsewhere}
        },
    )


def _settings_joined(first: Table, second: Table) -> Table:
    blank = {name for name in first.raw if is_blank(first.raw[name].iloc[0])}
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
