"""Known exports: from a sheet in a publisher's own terms to raw tables in ours.

What identifies a format, which column feeds which field and what its codes mean is data
(`schemas/layouts/*.yaml`); here is only how it is applied: which sheets are such exports
(`headings`), which rows and cells of them count (`export`), and what a cell means (`meaning`). What
a format cannot tell stays blank.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from fundtrack import schema, sheets
from fundtrack.grid import Grid, is_blank
from fundtrack.layouts.export import Export, Taken
from fundtrack.layouts.headings import (
    folded,
    heading_row,
    heading_rows,
    joined_sheets,
    nearest,
    recognised,
)
from fundtrack.layouts.meaning import comparable, text_of
from fundtrack.model import Fault, SheetFacts, Table
from fundtrack.ooxml import column_letter
from fundtrack.read import Workbook
from fundtrack.schema import Field, Layout, LayoutTable, fold
from fundtrack.words import plural

__all__ = ["Filled", "counted", "filled", "joined_sheets", "nearest", "recognised"]


@dataclass(frozen=True)
class Filled:
    """What a layout makes of one table of a sheet, or of a sheet that is joined to another."""

    facts: SheetFacts
    table: Table | None = None
    faults: Sequence[Fault] = ()
    remarks: Sequence[str] = ()


def counted(workbooks: Sequence[Workbook]) -> dict[str, str]:
    """For each heading that decides which rows count, the value that does: the first in the
    layout's order that any sheet of any file holds.
    """
    held: dict[str, set[str]] = {}
    orders: dict[str, Sequence[str]] = {}
    for workbook in workbooks:
        keeping = {x.name: x for x in recognised(workbook).values() if x.keep}.values()
        for grid in workbook.grids if keeping else ():
            rows = heading_rows(grid)
            for layout in keeping:
                if (row := heading_row(rows, layout)) is None:
                    continue
                for heading, order in layout.keep.items():
                    column = dict(rows)[row].get(folded(heading)[0])
                    if column is not None:
                        orders[heading] = order
                        cells = {comparable(cells[column]) for cells in grid.rows[row + 1 :]}
                        held.setdefault(heading, set()).update(cells)
    firsts = {h: next((v for v in orders[h] if fold(v) in held[h]), None) for h in held}
    return {heading: value for heading, value in firsts.items() if value}


def filled(
    workbook: Workbook, grid: Grid, layout: Layout, count: Mapping[str, str], *, main: bool
) -> Iterator[Filled]:
    """Each table that the sheet fills, then the sheets that were joined to it.

    `count` is what `counted` gives.
    """
    export = Export(workbook, grid, layout, count, main=main)
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


@dataclass(frozen=True)
class _Table:
    table: Table
    columns: set[int]  # every column that was read
    also: list[tuple[str, str, str]]  # letter, heading and field of columns read beside the first
    remarks: list[str]


def _table(export: Export, item: LayoutTable) -> _Table:
    plan = schema.tables()[item.table]
    raw: dict[str, pd.Series] = {}
    given: dict[str, pd.Series] = {}
    found: dict[str, Taken] = {}
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
        nothing = name in item.only_known and got.given.map(is_blank).all()
        if (
            item.distinct
            and nothing
            and not got.raw.map(is_blank).all()
            and name not in item.telling
        ):
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


def _untold(got: Taken, telling: Mapping[str, Sequence[str]]) -> str:
    """The vague texts that stay open, where no other cell is clear; else nothing."""
    if got.given.isin(telling["clear"]).any():
        return ""
    vague = {fold(text) for text in telling["vague"]}
    return ", ".join(f"“{text}”" for text in _unread(got) if fold(text) in vague)


def _unread(got: Taken) -> Counter[str]:
    """How often each text that means nothing to us stands in the column."""
    pairs = zip(got.raw, got.given, strict=True)
    return Counter(text_of(r) for r, g in pairs if not is_blank(r) and is_blank(g))


def _distinct(
    raw: pd.DataFrame, given: pd.DataFrame, key: str, fields: Sequence[Field]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row for each key. A code on which its rows do not agree is unknown."""
    if key not in given:
        return raw.iloc[:0], given.iloc[:0]
    filled_ = given[key].map(lambda v: not is_blank(v))
    keep = ~given[key].map(text_of).duplicated() & filled_
    first = given[keep].copy()
    for plan in fields:
        if plan.name == key or plan.name not in raw or not plan.codelist:
            continue
        told = raw[plan.name].map(lambda v: not is_blank(v)) & filled_
        kinds = given.loc[told, plan.name].groupby(given.loc[told, key].map(text_of))
        agreed = {k: v.iloc[0] if v.nunique() == 1 else "" for k, v in kinds}
        first[plan.name] = [agreed.get(text_of(k), "") for k in first[key]]
    return raw[keep], first


def _numbered(keys: pd.Series) -> pd.Series:
    """Keys that repeat in the export by its nature, told apart by a number."""
    seen: Counter[str] = Counter()
    named = []
    for key in keys:
        seen[key] += 1
        named.append(f"{key} ({seen[key]})" if seen[key] > 1 and key else key)
    return pd.Series(named, index=keys.index, dtype=object)
