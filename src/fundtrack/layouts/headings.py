"""Which sheets are known exports, or belong to one, told by their headings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fundtrack import schema, sheets
from fundtrack.grid import Grid, is_blank
from fundtrack.layouts.meaning import text_of
from fundtrack.model import Part
from fundtrack.read import Workbook
from fundtrack.schema import Layout, fold

INDEX = re.compile(r"[:/._](\d+)(?=[:/._])")  # “Recipient Org:0:Name”, “plannedDates/0/startDate”


def recognised(workbook: Workbook) -> dict[str, Layout]:
    """The sheets of a workbook that are known exports, by name."""
    found = {}
    for grid in workbook.grids:
        rows = heading_rows(grid)
        for layout in schema.layouts().values():
            if (
                heading_row(rows, layout) is not None
                and _anywhere(workbook, layout)
                and not _is_divided(grid, layout)
            ):
                found[grid.sheet] = layout
                break
    return found


def joined_sheets(workbook: Workbook, exports: Mapping[str, Layout]) -> set[str]:
    """The sheets that only add columns to an export beside them."""
    return {
        other.grid.sheet
        for sheet, layout in exports.items()
        for grid in workbook.grids
        if grid.sheet == sheet
        for other in joined_to(workbook, grid, layout)
        if other.grid.sheet not in exports
    }


def nearest(workbook: Workbook) -> str | None:
    """What to say of a workbook in which nothing is recognised: what it is like, what it lacks."""
    best: tuple[float, str] | None = None
    for grid in workbook.grids:
        rows = heading_rows(grid)
        for layout in schema.layouts().values():
            if layout.divided and _is_divided(grid, layout):
                return f"Sheet “{grid.sheet}” looks like {layout.divided.said}"
        for layout in schema.layouts().values():
            for relative in layout.relatives:
                wanted = {fold(h) for h in relative.headings}
                if any(wanted <= set(row) for _, row in rows):
                    return f"Sheet “{grid.sheet}” looks like {relative.said}"
            for _, row in rows:
                missing = [h for h in layout.identify if not {folded(x)[0] for x in h} & set(row)]
                share = 1 - len(missing) / len(layout.identify)
                if share >= 0.5 and (best is None or share > best[0]):
                    missing = missing or [
                        h for h in layout.anywhere if not {folded(x)[0] for x in h} & set(row)
                    ]
                    names = ", ".join(f"“{h[0]}”" for h in missing)
                    best = (
                        share,
                        f"Sheet “{grid.sheet}” looks like the export “{layout.title}”, but has no "
                        f"column {names}.",
                    )
    return best[1] if best else None


def folded(text: str) -> tuple[str, int]:
    """A heading folded, without the number that counts repeated columns, and that number."""
    index = INDEX.search(text)
    return fold(INDEX.sub("", text)), int(index[1]) if index else 0


def heading_rows(grid: Grid) -> list[tuple[int, dict[str, int]]]:
    """The first rows that may hold headings: row from 0, and folded heading -> column from 0."""
    rows = []
    for number, row in enumerate(grid.rows[: sheets.HEADER_ROWS]):
        texts = {folded(v)[0]: c for c, v in enumerate(row) if isinstance(v, str) and v.strip()}
        if len(texts) > 1:
            rows.append((number, texts))
    return rows


def heading_row(rows: Sequence[tuple[int, Mapping[str, int]]], layout: Layout) -> int | None:
    """The first of `heading_rows` that has every heading by which the layout is known."""
    for number, texts in rows:
        if all(any(folded(h)[0] in texts for h in options) for options in layout.identify):
            return number
    return None


def _is_divided(grid: Grid, layout: Layout) -> bool:
    """Whether the sheet, in the headings of a layout, has a row for each part of a record."""
    if (divided := layout.divided) is None:
        return False
    rows = heading_rows(grid)
    if (row := heading_row(rows, layout)) is None:
        return False
    texts = dict(rows)[row]
    item = layout.tables[0]
    key = next(
        texts.get(folded(h)[0]) for h in item.columns[schema.tables()[item.table].key].headings
    )
    value = texts.get(folded(divided.heading)[0])
    if key is None or value is None:
        return False
    held: dict[str, str] = {}
    other = False
    for cells_ in grid.rows[row + 1 :]:
        text = text_of(cells_[value])
        if divided.split in text:
            return False
        other |= held.setdefault(text_of(cells_[key]), text) != text
    return other


def _anywhere(workbook: Workbook, layout: Layout) -> bool:
    if not layout.anywhere:
        return True
    known = {t for grid in workbook.grids for _, row in heading_rows(grid) for t in row}
    return all(any(folded(h)[0] in known for h in options) for options in layout.anywhere)


@dataclass
class Joined:
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


def joined_to(workbook: Workbook, grid: Grid, layout: Layout, *, main: bool = True) -> list[Joined]:
    """The sheets beside an export that add columns to it by a key which both have."""
    keys = [folded(h)[0] for h in layout.joined_on]
    wanted = {
        folded(h)[0] for item in layout.tables for s in item.columns.values() for h in s.headings
    }.difference(keys)
    found = []
    for other in workbook.grids if keys else ():
        if other is grid:
            continue
        for number, texts in heading_rows(other):
            key = next((texts[k] for k in keys if k in texts), None)
            more = key is not None and wanted & texts.keys()
            if key is not None and more and heading_row([(number, texts)], layout) is None:
                found.append(_join(workbook, other, number, key, main=main))
                break
    return found


def _join(workbook: Workbook, grid: Grid, number: int, key: int, *, main: bool) -> Joined:
    texts = {c: v for c, v in enumerate(grid.rows[number]) if isinstance(v, str) and v.strip()}
    rows: dict[str, list[int]] = {}
    for n, row in enumerate(grid.rows[number + 1 :], number + 2):
        if not is_blank(row[key]):
            rows.setdefault(text_of(row[key]), []).append(n)
    part = Part(workbook.path.name, grid.sheet, number + 1, {}, {}, main=main)
    return Joined(grid, number, key, texts[key], texts, columns_of(texts), rows, part)


def columns_of(texts: Mapping[int, str]) -> dict[str, list[int]]:
    """Folded heading -> its columns, in the order of the numbers that count them."""
    found: dict[str, list[tuple[int, int]]] = {}
    for column, text in texts.items():
        path, index = folded(text)
        found.setdefault(path, []).append((index, column))
    return {path: [c for _, c in sorted(places)] for path, places in found.items()}
