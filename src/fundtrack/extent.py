"""How far a sheet reaches, measured before a reader sees it that makes a grid of all between.

Calamine allocates the whole rectangle between the first and the last cell: two cells in opposite
corners of a sheet take 500 GB. So rows and columns are counted here, as calamine counts them, in
the sheet's own bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fundtrack.ooxml import MAX_COLUMNS, MAX_ROWS, column_index, column_letter

# Cells as every common program writes them, `<c r="A1"`; what differs is for a process of its own.
_USUAL = b'<c r="'
_ODD = re.compile(rb'<c(?! r="[A-Z]{1,3}[1-9]\d{0,6}")[\s/>]')
# One letter and under 300,000: told in one pass, since it must be told before anything is read.
_SMALL = (299_999, 26)
_ODD_OR_LARGE = re.compile(rb'<c(?! r="[A-Z](?:[1-9]\d{0,4}|[12]\d{5})")[\s/>]')
_PREFIXED = re.compile(rb":c[\s/>]")
_COLUMN = re.compile(rb'<c r="([A-Z]{1,3})\d{1,7}"')
_ROW = re.compile(rb'<c r="[A-Z]{1,3}(\d{1,7})"')
_CELL = re.compile(
    rb'<c r="([A-Z]{1,3})([1-9]\d{0,6})"(?:[^>"]|"[^"]*"){0,60}?'
    rb"(?:/>|>(?:(?!</c>).){0,200000}?</c>)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Extent:
    """The last row and column that can hold a cell, counted from 1, and the number of cells."""

    rows: int
    columns: int
    cells: int

    @property
    def box(self) -> int:
        """Cells from A1 to the last one."""
        return self.rows * self.columns

    @property
    def impossible(self) -> bool:
        """True where it reaches past the last cell that a spreadsheet can have."""
        return self.rows > MAX_ROWS or self.columns > MAX_COLUMNS


def extent(xml: bytes) -> Extent | None:
    """How far a sheet's part reaches at most; None where its cells are not written as usual."""
    if _PREFIXED.search(xml) or b"\0" in xml[:4]:
        return None
    if not _ODD_OR_LARGE.search(xml):
        return Extent(*_SMALL, xml.count(_USUAL))
    if _ODD.search(xml):
        return None
    columns, rows = _all(_COLUMN, xml), _all(_ROW, xml)
    last = max(column_index(letters.decode()) + 1 for letters in columns)
    return Extent(max(map(int, rows)), last, xml.count(_USUAL))


def _all(pattern: re.Pattern[bytes], xml: bytes) -> set[bytes]:
    """What the pattern finds; a piece at a time, since a large sheet has millions of them."""
    found: set[bytes] = set()
    for start in range(0, len(xml), _PIECE):
        found.update(pattern.findall(xml, start, start + _PIECE + 20))
    return found


_PIECE = 2**24


def without_far_cells(xml: bytes, most: int) -> tuple[bytes, list[str]]:
    """The sheet without the cells that stand apart, and their addresses: at most `most` in its box.

    For a sheet whose cells are written as usual. Of the ways to cut far rows and far columns, that
    which leaves out the fewest cells.
    """
    places = [(int(row), column_index(letters.decode()) + 1) for letters, row in _places(xml)]
    last_row, last_column = max(r for r, _ in places), max(c for _, c in places)
    cuts = [(most // c, c) for c in (last_column, 1_000, 100)] + [(last_row, most // last_row)]
    rows, columns = min(cuts, key=lambda cut: sum(r > cut[0] or c > cut[1] for r, c in places))
    far: list[str] = []

    def kept(match: re.Match[bytes]) -> bytes:
        row, column = int(match[2]), column_index(match[1].decode()) + 1
        if row <= rows and column <= columns:
            return match[0]
        far.append(f"{column_letter(column - 1)}{row}")
        return b""

    return _CELL.sub(kept, xml), far


def _places(xml: bytes) -> Iterator[tuple[bytes, bytes]]:
    for match in re.finditer(rb'<c r="([A-Z]{1,3})([1-9]\d{0,6})"', xml):
        yield match[1], match[2]
