"""Known exports: from a sheet in a publisher's own terms to raw tables in ours.

What identifies a format, which column feeds which field and what its codes mean is data
(`schemas/layouts/*.yaml`); here is only how it is applied. What a format cannot tell stays blank.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from math import fsum
from typing import Any

import pandas as pd

from fundtrack import cells, schema, sheets
from fundtrack.grid import Cell, Grid
from fundtrack.model import Fault, Part, Place, Severity, SheetFacts, Spot, Table
from fundtrack.ooxml import column_letter
from fundtrack.read import Workbook
from fundtrack.schema import Field, Layout, LayoutTable, Source, fold
from fundtrack.words import plural

INDEX = re.compile(r"[:/._](\d+)(?=[:/._])")  # “Recipient Org:0:Name”, “plannedDates/0/startDate”
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
AS_FLOAT = re.compile(r"(\d+)\.0+")  # a code that a program took for a number: “15220.0”


@dataclass(frozen=True)
class Filled:
    """What a layout makes of one table of a sheet, or of a sheet that is joined to another."""

    facts: SheetFacts
    table: Table | None = None
    faults: Sequence[Fault] = ()
    remarks: Sequence[str] = ()


def recognised(workbook: Workbook) -> dict[str, Layout]:
    """The sheets of a workbook that are known exports, by name."""
    found = {}
    for grid in workbook.grids:
        rows = _heading_rows(grid)
        for layout in schema.layouts().values():
            if (
                _row(rows, layout) is not None
                and _anywhere(workbook, layout)
                and not _is_divided(grid, layout)
            ):
                found[grid.sheet] = layout
                break
    return found


def counted(workbooks: Sequence[Workbook]) -> dict[str, str]:
    """For each heading that decides which rows count, the value that does: the first in the
    layout's order that any sheet of any file holds.
    """
    held: dict[str, set[str]] = {}
    orders: dict[str, Sequence[str]] = {}
    for workbook in workbooks:
        for grid in workbook.grids:
            for layout in {x.name: x for x in recognised(workbook).values() if x.keep}.values():
                if (row := _row(_heading_rows(grid), layout)) is None:
                    continue
                for heading, order in layout.keep.items():
                    column = dict(_heading_rows(grid))[row].get(_path(heading)[0])
                    if column is not None:
                        orders[heading] = order
                        cells = {_plain(cells[column]) for cells in grid.rows[row + 1 :]}
                        held.setdefault(heading, set()).update(cells)
    firsts = {h: next((v for v in orders[h] if fold(v) in held[h]), None) for h in held}
    return {heading: value for heading, value in firsts.items() if value}


def filled(
    workbook: Workbook, grid: Grid, layout: Layout, count: Mapping[str, str], *, main: bool
) -> Iterator[Filled]:
    """Each table that the sheet fills, then the sheets that were joined to it.

    `count` is what `counted` gives.
    """
    export = _Export(workbook, grid, layout, count, main=main)
    taken = [_table(export, item) for item in layout.tables]
    used = {c for t in taken for c in t.columns} | export.consulted
    ignored = [(c, sheets.words(t)) for c, t in export.head.texts.items() if c not in used]
    facts = replace(
        sheets.facts(workbook, grid, main=main),
        how=f"as {layout.title}",
        header_row=export.head.row + 1,
        deciding=sheets.letters(
            (c, sheets.words(export.head.texts[c])) for c in sorted(export.consulted)
        ),
        ignored_columns=sheets.letters(ignored),
        skipped=export.skipped,
    )
    for number, (item, got) in enumerate(zip(layout.tables, taken, strict=True)):
        yield Filled(
            replace(
                facts,
                table=item.table,
                rows=len(got.table.raw),
                columns=got.table.parts[0].columns,
                headings=got.table.parts[0].headings,
                also_read=got.also,
            ),
            got.table,
            [] if number else export.faults,
            [*([] if number else export.remarks), *got.remarks],
        )
    for joined in export.joined:
        loose = sorted(n for k, found in joined.rows.items() if k not in export.keys for n in found)
        yield Filled(
            replace(
                sheets.facts(workbook, joined.grid, main=main),
                table=layout.tables[0].table,
                how=f"joined to “{grid.sheet}” on “{joined.key_heading}”",
                header_row=joined.row + 1,
                rows=sum(map(len, joined.rows.values())),
                columns={f: column_letter(c) for f, c in joined.fields.items()},
                headings={f: joined.texts[c] for f, c in joined.fields.items()},
                ignored_columns=sheets.letters(
                    (c, sheets.words(t))
                    for c, t in joined.texts.items()
                    if c not in (joined.key, *joined.fields.values())
                ),
            ),
            remarks=[
                f"“{joined.grid.sheet}”: {len(loose)} {plural('row', len(loose))} "
                f"(row {loose[0]}{' ...' if loose[1:] else ''}) belong to no row of "
                f"“{grid.sheet}” and were not read."
            ]
            if loose
            else [],
        )


def joined_sheets(workbook: Workbook, exports: Mapping[str, Layout]) -> set[str]:
    """The sheets that only add columns to an export beside them."""
    return {
        other.grid.sheet
        for sheet, layout in exports.items()
        for grid in workbook.grids
        if grid.sheet == sheet
        for other in _joined(workbook, grid, layout)
        if other.grid.sheet not in exports
    }


def nearest(workbook: Workbook) -> str | None:
    """What to say of a workbook in which nothing is recognised: what it is like, what it lacks."""
    best: tuple[float, str] | None = None
    for grid in workbook.grids:
        rows = _heading_rows(grid)
        for layout in schema.layouts().values():
            if layout.divided and _is_divided(grid, layout):
                return f"Sheet “{grid.sheet}” looks like {layout.divided.said}"
        for layout in schema.layouts().values():
            for relative in layout.relatives:
                wanted = {fold(h) for h in relative.headings}
                if any(wanted <= set(row) for _, row in rows):
                    return f"Sheet “{grid.sheet}” looks like {relative.said}"
            for _, row in rows:
                missing = [h for h in layout.identify if not {_path(x)[0] for x in h} & set(row)]
                share = 1 - len(missing) / len(layout.identify)
                if share >= 0.5 and (best is None or share > best[0]):
                    missing = missing or [
                        h for h in layout.anywhere if not {_path(x)[0] for x in h} & set(row)
                    ]
                    names = ", ".join(f"“{h[0]}”" for h in missing)
                    best = (
                        share,
                        f"Sheet “{grid.sheet}” looks like the export “{layout.title}”, but has no "
                        f"column {names}.",
                    )
    return best[1] if best else None


# --- Headings -------------------------------------------------------------------------------------


def _path(text: str) -> tuple[str, int]:
    """A heading folded, without the number that counts repeated columns, and that number."""
    index = INDEX.search(text)
    return fold(INDEX.sub("", text)), int(index[1]) if index else 0


def _heading_rows(grid: Grid) -> list[tuple[int, dict[str, int]]]:
    rows = []
    for number, row in enumerate(grid.rows[: sheets.HEADER_ROWS]):
        texts = {_path(v)[0]: c for c, v in enumerate(row) if isinstance(v, str) and v.strip()}
        if len(texts) > 1:
            rows.append((number, texts))
    return rows


def _row(rows: Sequence[tuple[int, Mapping[str, int]]], layout: Layout) -> int | None:
    for number, texts in rows:
        if all(any(_path(h)[0] in texts for h in options) for options in layout.identify):
            return number
    return None


def _is_divided(grid: Grid, layout: Layout) -> bool:
    """Whether the sheet, in the headings of a layout, has a row for each part of a record."""
    if (divided := layout.divided) is None:
        return False
    rows = _heading_rows(grid)
    if (row := _row(rows, layout)) is None:
        return False
    texts = dict(rows)[row]
    item = layout.tables[0]
    key = next(
        texts.get(_path(h)[0]) for h in item.columns[schema.tables()[item.table].key].headings
    )
    value = texts.get(_path(divided.heading)[0])
    if key is None or value is None:
        return False
    held: dict[str, str] = {}
    other = False
    for cells_ in grid.rows[row + 1 :]:
        text = _text(cells_[value])
        if divided.split in text:
            return False
        other |= held.setdefault(_text(cells_[key]), text) != text
    return other


def _anywhere(workbook: Workbook, layout: Layout) -> bool:
    if not layout.anywhere:
        return True
    known = {t for grid in workbook.grids for _, row in _heading_rows(grid) for t in row}
    return all(any(_path(h)[0] in known for h in options) for options in layout.anywhere)


@dataclass
class _Joined:
    """A further sheet whose rows belong to those of the export by a key."""

    grid: Grid
    row: int
    key: int
    key_heading: str
    texts: dict[int, str]
    columns: dict[str, list[int]]  # folded heading -> columns
    rows: dict[str, list[int]]  # key -> Excel row numbers
    part: Part
    fields: dict[str, int] = field(default_factory=dict)  # what was read from it


def _joined(workbook: Workbook, grid: Grid, layout: Layout, *, main: bool = True) -> list[_Joined]:
    keys = {_path(h)[0] for h in layout.joined_on}
    wanted = {
        _path(h)[0] for item in layout.tables for s in item.columns.values() for h in s.headings
    } - keys
    found = []
    for other in workbook.grids if keys else ():
        if other is grid:
            continue
        for number, texts in _heading_rows(other):
            own = keys & set(texts)
            if own and wanted & set(texts) and _row([(number, texts)], layout) is None:
                found.append(_join(workbook, other, number, texts[next(iter(own))], main=main))
                break
    return found


def _join(workbook: Workbook, grid: Grid, number: int, key: int, *, main: bool) -> _Joined:
    texts = {c: v for c, v in enumerate(grid.rows[number]) if isinstance(v, str) and v.strip()}
    rows: dict[str, list[int]] = {}
    for n, row in enumerate(grid.rows[number + 1 :], number + 2):
        if not _blank(row[key]):
            rows.setdefault(_text(row[key]), []).append(n)
    part = Part(workbook.path.name, grid.sheet, number + 1, {}, {}, main=main)
    return _Joined(grid, number, key, texts[key], texts, _columns(texts), rows, part)


def _columns(texts: Mapping[int, str]) -> dict[str, list[int]]:
    """Folded heading -> its columns, in the order of the numbers that count them."""
    found: dict[str, list[tuple[int, int]]] = {}
    for column, text in texts.items():
        path, index = _path(text)
        found.setdefault(path, []).append((index, column))
    return {path: [c for _, c in sorted(places)] for path, places in found.items()}


# --- Cells ----------------------------------------------------------------------------------------


@dataclass
class _Taken:
    """One field: what the cells hold, what that means, and where, if not in the field's column."""

    raw: pd.Series
    given: pd.Series
    column: int | None = None
    heading: str = ""
    at: dict[int, Place] = field(default_factory=dict)


@dataclass(frozen=True)
class _Table:
    table: Table
    columns: set[int]  # every column that was read
    also: list[tuple[str, str, str]]  # letter, heading and field of columns read beside the first
    remarks: list[str]


class _Export:
    """A sheet of a known export: its rows that count, and the cells under each heading."""

    def __init__(
        self,
        workbook: Workbook,
        grid: Grid,
        layout: Layout,
        count: Mapping[str, str],
        *,
        main: bool,
    ) -> None:
        self.workbook, self.grid, self.layout, self.main = workbook, grid, layout, main
        row = _row(_heading_rows(grid), layout)
        assert row is not None
        texts = {c: v for c, v in enumerate(grid.rows[row]) if isinstance(v, str) and v.strip()}
        self.columns = _columns(texts)
        self.faults = list(self._twice(texts, row))
        fields: dict[int, str] = {}
        for name, source in layout.tables[0].columns.items():
            for heading in source.headings:
                for column in self.columns.get(_path(heading)[0], ())[:1]:
                    fields.setdefault(column, name)
        self.head = sheets.Heading(row, fields, texts)
        key = schema.tables()[layout.tables[0].table].key
        labels, self.skipped = sheets.rows(grid, self.head, key)
        self.frame = sheets.frame(grid, labels, dict.fromkeys(range(len(grid.rows[0])), ""))
        self.frame.columns = range(len(grid.rows[0]))
        self.joined = _joined(workbook, grid, layout, main=main)
        joint = next((c for h in layout.joined_on if (c := self.column(h)) is not None), None)
        self.key = joint  # the column whose cells the joined sheets repeat
        self.keys = set() if joint is None else set(self.frame[joint].map(_text))
        self.part = Part(workbook.path.name, grid.sheet, row + 1, {}, {}, main=main)
        self.consulted: set[int] = set()
        self.remarks: list[str] = []
        self._filter(count)

    def column(self, heading: str) -> int | None:
        """The column of a heading, the first where it is numbered; None where there is none."""
        return next(iter(self.columns.get(_path(heading)[0], ())), None)

    def _twice(self, texts: Mapping[int, str], row: int) -> Iterator[Fault]:
        """Two columns with the very same heading: neither is used."""
        wanted = {
            _path(h)[0]
            for item in self.layout.tables
            for source in item.columns.values()
            for h in source.headings
        }
        for path in list(self.columns):
            same: dict[int, list[int]] = {}
            for column in self.columns[path]:
                same.setdefault(_path(texts[column])[1], []).append(column)
            for places in same.values():
                if len(places) < 2 or path not in wanted or self._alike(places, row):
                    continue
                del self.columns[path]
                cells = [f"{column_letter(c)}{row + 1}" for c in places]
                text = sheets.words(texts[places[0]])
                part = Part(
                    self.workbook.path.name, self.grid.sheet, row + 1, {}, {}, main=self.main
                )
                yield Fault(
                    "SCH-two-columns",
                    Severity.ERROR,
                    self.layout.tables[0].table,
                    None,
                    f"Two columns, {' and '.join(cells)}, both have the heading “{text}”, and "
                    "they differ; neither was used.",
                    "Keep one of them and give the other another heading.",
                    "one column",
                    spots=[Spot(part, cells[1], row + 1, text, text, text)],
                    scope="column",
                )
                break

    def _alike(self, places: Sequence[int], row: int) -> bool:
        first = places[0]
        return all(r[c] == r[first] for r in self.grid.rows[row + 1 :] for c in places[1:])

    def _filter(self, count: Mapping[str, str]) -> None:
        """Leaves out the rows that the layout does not count, and says how many and why."""
        for heading in self.layout.keep:
            texts, first = self._plain(heading), count.get(heading)
            if texts is not None and first is not None:
                out = texts.index[~texts.isin([fold(first), ""])]
                self._drop(out, f"rows that are not “{first}” in “{heading}”")
        for heading, reasons in self.layout.leave_out.items():
            for value, why in reasons.items():
                if (texts := self._plain(heading)) is not None:
                    self._drop(texts.index[texts == fold(value)], why)
        for heading, sentences in self.layout.tell.items():
            for value, sentence in sentences.items():
                if (texts := self._plain(heading)) is not None and (
                    n := int((texts == fold(value)).sum())
                ):
                    self.remarks.append(f"{self.layout.title}: {sentence.format(n=n)}")

    def _plain(self, heading: str) -> pd.Series | None:
        column = self.column(heading)
        if column is None:
            return None
        self.consulted.add(column)
        return self.frame[column].map(_plain).astype(object)

    def _drop(self, labels: Sequence[int], why: str) -> None:
        if len(labels):
            self.frame = self.frame.drop(index=labels)
            self.skipped = {**self.skipped, why: [int(n) for n in labels]}
            rows = f"{len(labels)} {plural('row', len(labels))}"
            self.remarks.append(f"{self.layout.title}: left out: {why} ({rows}).")

    # One field -----------------------------------------------------------------------------------

    def taken(
        self, plan: Field, source: Source, item: LayoutTable
    ) -> tuple[_Taken | None, list[int]]:
        """The field's cells, from the first heading that gives each a value, and columns used."""
        read = _reader(plan, item)
        if source.join:
            return self._together(source)
        got: _Taken | None = None
        used: list[int] = []
        for heading in source.headings:
            more = self._under(heading, source, plan, read)
            if more is None:
                continue
            used += self.columns.get(_path(heading)[0], [])
            if more.column is None and (column := self.column(heading)) is not None:
                more.column, more.heading = column, self.head.texts[column]
            coded = plan.name in item.only_known or bool(source.split and _named(plan))
            got = more if got is None else self._filled_up(got, more, coded=coded)
        for heading in (*source.where, *source.same):
            used += self.columns.get(_path(heading)[0], [])
        return got, used

    def _filled_up(self, first: _Taken, second: _Taken, *, coded: bool) -> _Taken:
        """The second's values where the first's cell is blank, or a code or list that is open."""
        lacking = [
            label
            for label, held, a, b in zip(
                first.given.index, first.raw, first.given, second.given, strict=True
            )
            if _blank(a) and not _blank(b) and (coded or _blank(held))
        ]
        if not lacking:
            return first
        raw, given = first.raw.copy(), first.given.copy()
        raw.loc[lacking], given.loc[lacking] = second.raw.loc[lacking], second.given.loc[lacking]
        at = dict(first.at)
        for label in lacking:
            at[label] = second.at.get(label) or self._place(label, second.column)
        return replace(first, raw=raw, given=given, at=at)

    def _place(self, label: int, column: int | None) -> Place:
        cell = None if column is None else f"{column_letter(column)}{label}"
        heading = None if column is None else sheets.words(self.head.texts[column])
        return Place(self.part, label, cell, heading)

    def _together(self, source: Source) -> tuple[_Taken | None, list[int]]:
        """Several columns as one identifier; a finding points at the first of them."""
        found = [c for h in source.headings if (c := self.column(h)) is not None]
        if not found:
            return None, []
        texts = [self.frame[c].map(_text).map(_code) for c in found]
        given = ["/".join(text for text in row if text) for row in zip(*texts, strict=True)]
        return (
            _Taken(
                self.frame[found[0]],
                pd.Series(given, index=self.frame.index, dtype=object),
                found[0],
                self.head.texts[found[0]],
            ),
            found,
        )

    def _under(
        self, heading: str, source: Source, plan: Field, read: Callable[[Any], Any]
    ) -> _Taken | None:
        path = _path(heading)[0]
        mine = self.columns.get(path, [])
        beside = [j for j in self.joined if path in j.columns]
        if not mine and not beside:
            return None
        if len(mine) == 1 and not beside and not source.where and not source.sum:
            raw = self.frame[mine[0]]
            one = _split_reader(source, plan, read) if source.split else read
            known = {kind: one(kind[1]) for kind in {(type(v), v) for v in raw}}  # True is not 1
            given = pd.Series([known[type(v), v] for v in raw], index=raw.index, dtype=object)
            return _Taken(raw, given, mine[0], self.head.texts[mine[0]])
        return self._listed(path, mine, beside, source, plan, read)

    def _listed(
        self,
        path: str,
        mine: Sequence[int],
        beside: Sequence[_Joined],
        source: Source,
        plan: Field,
        read: Callable[[Any], Any],
    ) -> _Taken:
        """Cells that hold lists, or columns and rows that repeat: one value where all agree."""
        for joined in beside:
            joined.fields.setdefault(plan.name, joined.columns[path][0])
        sides = {h: self.column(h) for h in source.where}
        same = [c for h in source.same if (c := self.column(h)) is not None]
        raw, given, at = [], [], {}
        for label, row in zip(self.frame.index, self.frame.itertuples(index=False), strict=True):
            places: list[tuple[Cell, Place | None]] = [(row[c], None) for c in mine]
            for joined in beside:
                for n in joined.rows.get(_text(row[self.key]), ()):
                    for c in joined.columns[path]:
                        where = Place(joined.part, n, f"{column_letter(c)}{n}", joined.texts[c])
                        places.append((joined.grid.rows[n - 1][c], where))
            filled_ = [(v, p) for v, p in places if not _blank(v)]
            values = [v for v, _ in filled_]
            if len({str(v) for v in values}) < 2:
                raw.append(values[0] if values else "")
            else:
                raw.append("; ".join(_text(v) for v in values))
            if filled_ and filled_[0][1]:
                at[int(label)] = filled_[0][1]
            parts = [p for v in values for p in _parts(v, source.split)]
            currencies = _kinds([_parts(row[c], source.split) for c in same], len(parts))
            if source.where:
                lists = [
                    (_parts(row[c], source.split) if c is not None else [], source.where[h])
                    for h, c in sides.items()
                ]
                parts_ = _picked(parts, lists)
                if parts_ is None:
                    given.append("")
                    continue
                parts = parts_
            if source.sum:
                given.append("" if len(currencies) > 1 else _added(parts, read))
            else:
                given.append(_agreed(parts, plan, read))
        index = self.frame.index
        return _Taken(
            pd.Series(raw, index=index, dtype=object),
            pd.Series(given, index=index, dtype=object),
            mine[0] if mine else None,
            self.head.texts[mine[0]] if mine else beside[0].texts[beside[0].columns[path][0]],
            at,
        )


def _plain(value: Cell) -> str:
    """A cell for comparing: folded, a number without its noughts."""
    text = _text(value)
    if NUMBER.fullmatch(text) and float(text) == 0:
        return "0"
    return fold(text)


def _text(value: Cell) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _code(text: str) -> str:
    whole = AS_FLOAT.fullmatch(text)
    return whole[1] if whole else text


def _blank(value: Cell) -> bool:
    return value == "" or (isinstance(value, str) and not value.strip())


def _parts(value: Cell, separator: str | None) -> list[Cell]:
    """The values in one cell; an empty place between two separators stays, as ''."""
    if not separator or not isinstance(value, str):
        return [] if _blank(value) else [value]
    parts = re.split(rf"(?<!\\){re.escape(separator)}", value)
    return [] if _blank(value) else [p.replace("\\", "").strip() for p in parts]


def _kinds(lists: Sequence[Sequence[Cell]], n: int) -> set[Cell]:
    """What the values of a list of n may be of: the first list says it for each; where it has
    fewer places the next, as the fallback, may be meant for some.
    """
    found: set[Cell] = set()
    for told in lists:
        filled_ = [p for p in told if p]
        found |= set(filled_)
        if len(filled_) >= n:
            break
    return found


def _picked(
    parts: Sequence[Cell], lists: Sequence[tuple[Sequence[Cell], Sequence[str]]]
) -> list[Cell] | None:
    """The values beside which the other lists hold what was asked; None where they do not match."""
    if any(len(others) != len(parts) for others, _ in lists):
        return None
    chosen = []
    for number, value in enumerate(parts):
        if all(_text(others[number]) in allowed for others, allowed in lists):
            chosen.append(value)
    return chosen


def _added(parts: Sequence[Cell], read: Callable[[Any], Any]) -> Any:
    numbers = [read(p) for p in parts]
    try:
        return fsum(float(n) for n in numbers) if numbers else ""
    except (TypeError, ValueError):
        return ""


def _named(plan: Field) -> bool:
    """Whether the field's values are names or identifiers, which may stand together."""
    return plan.type == "string" and not plan.codelist and plan.constraints.pattern != r"\d{5}"


def _agreed(parts: Sequence[Cell], plan: Field, read: Callable[[Any], Any]) -> Any:
    """The one value that all parts have; names stay together, anything else is then unknown.

    A list with a blank place tells nothing: the one organisation that it names is not the only one.
    """
    filled_ = [p for p in parts if not _blank(p)]
    if len(filled_) < len(parts):
        return ""
    if _named(plan):
        return "; ".join(dict.fromkeys(_text(read(p)) for p in filled_))
    values = [read(p) for p in filled_]
    first = values[0] if values else ""
    return first if all(type(v) is type(first) and v == first for v in values) else ""


def _split_reader(source: Source, plan: Field, read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: _agreed(_parts(value, source.split), plan, read)


# --- What a cell means ----------------------------------------------------------------------------


def _reader(plan: Field, item: LayoutTable) -> Callable[[Any], Any]:
    """The export's own spellings in ours: codes, dates kept as text, words after a number, nulls.

    What has no translation is left as it is, or blank where the layout says so.
    """
    name = plan.name
    codes = {fold(theirs): ours for theirs, ours in item.codes.get(name, {}).items()}
    nulls = {fold(text) for text in item.nulls.get(name, ())}
    suffixes = {word.casefold() for word in item.suffixes.get(name, ())}
    parents = schema.codelists()[item.via[name]].codes if name in item.via else None
    known = plan.codes.spellings if plan.codes and name in item.only_known else None
    coded = plan.codelist is not None or plan.constraints.pattern == r"\d{5}"
    coded = coded or bool(codes) or parents is not None or known is not None
    scale = item.scale.get(name)

    def one(value: Any) -> Any:
        if coded and type(value) in (float, str):
            value = _code(_text(value))
        if scale and not isinstance(value, bool):
            return _scaled(value, scale, plan)
        if type(value) is not str:
            return value
        text = value.strip()
        if fold(text) in nulls and fold(text):
            return ""
        if parents is not None:
            text = parents.get(text, "")
        if codes:
            rest = "" if plan.codelist is None or name in item.only_known or parents else value
            return codes.get(fold(text), rest)
        if known is not None:
            return known.get(fold(text), "")
        if suffixes and (number := re.match(r"(\d+(?:\.\d+)?)\s*(\w+)", text)):
            # “13 Months, 1 Days” is 13 months: what follows the first word is less than one of
            # them.
            return float(number[1]) if number[2].casefold() in suffixes else value
        if plan.type == "date":
            return _date(text, item.dates, value)
        return value

    return one


def _scaled(value: Any, scale: int, plan: Field) -> Any:
    """The number in units of one; as it is where it cannot be read, and then nothing reads it."""
    try:
        return float(Decimal(str(value).strip()) * scale)
    except InvalidOperation:  # “1,234.56”: with separators, or a currency sign
        number, _ = cells.parser(plan, text_only=True)(value)
        return value if number is None else float(Decimal(str(number)) * scale)


def _date(text: str, formats: Sequence[str], otherwise: Any) -> Any:
    for pattern in formats:
        try:
            day = datetime.strptime(text, pattern).date()
        except ValueError:
            continue
        return "" if day.year == 1 else day  # year 1 is .NET's way of saying “no date”
    return otherwise


# --- Tables ---------------------------------------------------------------------------------------


def _table(export: _Export, item: LayoutTable) -> _Table:
    plan = schema.tables()[item.table]
    raw: dict[str, pd.Series] = {}
    given: dict[str, pd.Series] = {}
    found: dict[str, _Taken] = {}
    columns: set[int] = set()
    also: list[tuple[str, str, str]] = []
    remarks: list[str] = []
    said: set[int] = set()  # columns of which a remark was made
    for name, source in item.columns.items():
        got, used = export.taken(plan.field(name), source, item)
        columns |= set(used)
        if got is None:
            continue
        if name in item.telling and (words := _untold(got, item.telling[name])):
            title = sheets.words(got.heading)
            remarks.append(
                f"{export.layout.title}: “{title}” does not tell the kinds of NGO apart ({words}), "
                "so no kind of organisation is read from it."
            )
            said |= set(used)
            continue
        found[name], raw[name], given[name] = got, got.raw, got.given
        also += [
            (column_letter(c), sheets.words(export.head.texts[c]), name)
            for c in used
            if c != got.column
        ]
        nothing = name in item.only_known and got.given.map(_blank).all()
        if item.distinct and nothing and not got.raw.map(_blank).all() and name not in item.telling:
            del found[name], raw[name], given[name]  # the column says nothing of this at all
            continue
        if name in item.only_known and not said & set(used) and (lost := _unread(got)):
            said |= set(used)
            listed = ", ".join(f"“{t}” ({n})" for t, n in lost.most_common(5))
            more = " ..." if len(lost) > 5 else ""
            remarks.append(
                f"{export.layout.title}: in “{sheets.words(got.heading)}” these have no certain "
                f"counterpart and are read as unknown: {listed}{more}."
            )
    index = export.frame.index
    frame, meant = pd.DataFrame(raw, index=index), pd.DataFrame(given, index=index)
    for name, value in item.constants.items():
        meant[name] = pd.Series([value] * len(index), index=index, dtype=object)
    if item.distinct:
        frame, meant = _distinct(frame, meant, item.distinct, plan.fields)
    if item.numbered and plan.key in meant:
        meant[plan.key] = _numbered(meant[plan.key])
    part = replace(
        export.part,
        columns={f: column_letter(t.column) for f, t in found.items() if t.column is not None},
        headings={f: sheets.words(t.heading) for f, t in found.items()},
    )
    kept = set(frame.index)
    elsewhere = {
        f: {n: place for n, place in t.at.items() if n in kept} for f, t in found.items() if t.at
    }
    return _Table(
        Table(
            item.table,
            frame,
            (part,),
            meant,
            derived=item.distinct is not None,
            export=True,
            text_only=export.grid.text_only,
            percent=sheets.percent(export.grid, part.columns),
            elsewhere=elsewhere,
        ),
        columns,
        also,
        remarks,
    )


def _untold(got: _Taken, telling: Mapping[str, Sequence[str]]) -> str:
    """The vague texts that stay open, where no other cell is clear; else nothing."""
    if got.given.isin(telling["clear"]).any():
        return ""
    vague = {fold(text) for text in telling["vague"]}
    return ", ".join(f"“{text}”" for text in _unread(got) if fold(text) in vague)


def _unread(got: _Taken) -> Counter[str]:
    """How often each text that means nothing to us stands in the column."""
    pairs = zip(got.raw, got.given, strict=True)
    return Counter(_text(r) for r, g in pairs if not _blank(r) and _blank(g))


def _distinct(
    raw: pd.DataFrame, given: pd.DataFrame, key: str, fields: Sequence[Field]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row for each key. A code on which its rows do not agree is unknown."""
    if key not in given:
        return raw.iloc[:0], given.iloc[:0]
    filled_ = given[key].map(lambda v: not _blank(v))
    keep = ~given[key].map(_text).duplicated() & filled_
    first = given[keep].copy()
    for plan in fields:
        if plan.name == key or plan.name not in raw or not plan.codelist:
            continue
        told = raw[plan.name].map(lambda v: not _blank(v)) & filled_
        kinds = given.loc[told, plan.name].groupby(given.loc[told, key].map(_text))
        agreed = {k: v.iloc[0] if v.nunique() == 1 else "" for k, v in kinds}
        first[plan.name] = [agreed.get(_text(k), "") for k in first[key]]
    return raw[keep], first


def _numbered(keys: pd.Series) -> pd.Series:
    """Keys that repeat in the export by its nature, told apart by a number."""
    seen: Counter[str] = Counter()
    named = []
    for key in keys:
        seen[key] += 1
        named.append(f"{key} ({seen[key]})" if seen[key] > 1 and key else key)
    return pd.Series(named, index=keys.index, dtype=object)
