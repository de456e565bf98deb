"""The values of a sheet as one digest, which tells later whether any of them was altered.

Saving the file in another program does not change it, while any changed figure does. So formats do
not count; numbers count to 15 significant digits, which is what LibreOffice saves and Excel shows;
of formulas only the address counts, since each program words them its own way (and LibreOffice
writes a plain TRUE as one); and a formula never calculated is blank.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Context
from itertools import islice
from typing import Any

from fundtrack.grid import Cell, ErrorCell, Grid, Uncalculated
from fundtrack.ooxml import address, column_index

_ROWS = 2_000  # looked at in one go
_ESCAPED = re.compile("_x(?!0000)([0-9A-Fa-f]{4})_")
_DIGITS = Context(prec=15, rounding=ROUND_HALF_UP)


def digest_of(grid: Grid) -> str | None:
    """SHA-256 over the values from A1 to the last row and column that are not blank.

    None where nothing stands in the sheet.
    """
    height, width = _used(grid.rows)
    if not height:
        return None
    digest, yes_or_no = hashlib.sha256(), set[str]()
    for start in range(0, height, _ROWS):
        columns = zip(*grid.rows[start : min(start + _ROWS, height)], strict=True)
        for column, cells in enumerate(islice(columns, width)):
            kinds = set(map(type, cells))
            digest.update(_told(cells, kinds))
            if bool in kinds and grid.formulas:
                rows = (row for row, cell in enumerate(cells, start) if type(cell) is bool)
                yes_or_no |= {address(row, column) for row in rows}
    digest.update(_said(sorted(set(grid.formulas) - yes_or_no)))
    return digest.hexdigest()


def entered_digest_of(grid: Grid) -> str:
    """The digest of what people entered in a sheet: the results of its formulas left out.

    It stays when a formula such as TODAY() comes to another result.
    """
    return digest_of(without(grid, grid.formulas)) or ""


def digest_of_all(digests: dict[str, str]) -> str:
    """SHA-256 over the digests of a workbook's sheets, whatever their order."""
    return hashlib.sha256(_said(sorted(digests.items()))).hexdigest()


def without(grid: Grid, cells: Collection[str]) -> Grid:
    """The sheet with the cells of these addresses blank."""
    rows = [list(row) for row in grid.rows]
    for cell in cells:
        letters = cell.rstrip("0123456789")
        row, column = int(cell[len(letters) :]) - 1, column_index(letters)
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = ""
    return replace(grid, rows=rows)


def _used(rows: list[list[Cell]]) -> tuple[int, int]:
    """How many rows and columns there are up to the last that are not blank."""
    height, width = len(rows), len(rows[0]) if rows else 0
    while height and not any(cell != "" for cell in rows[height - 1]):
        height -= 1
    while width and not any(row[width - 1] != "" for row in rows[:height]):
        width -= 1
    return height, width


def _told(cells: Sequence[Cell], kinds: set[type]) -> bytes:
    """Part of a column: which cell is of which kind, then those of each kind."""
    if kinds & {ErrorCell, Uncalculated}:
        cells = ["" if type(cell) is Uncalculated else cell for cell in cells]
        cells = [str(cell) if type(cell) is ErrorCell else cell for cell in cells]
        kinds = set(map(type, cells))
    if len(kinds) == 1:
        return _of_kind(cells, *kinds)
    order = sorted(kinds, key=lambda kind: kind.__name__)
    number = {kind: n for n, kind in enumerate(order)}
    each = [[cell for cell in cells if type(cell) is kind] for kind in order]
    which = bytes([number[type(cell)] for cell in cells])
    return b"".join([which, *map(_of_kind, each, order)])


def _of_kind(cells: Sequence[Cell], kind: type) -> bytes:
    head = f"{kind.__name__} {len(cells)}:".encode()
    if kind is float:
        return head + struct.pack(f"<{len(cells)}d", *_rounded(cells))
    if kind is date:
        return head + _said(list(map(date.toordinal, cells)))
    return head + (_joined(cells) if kind is str else _said(list(cells)))


def _joined(texts: Sequence[str]) -> bytes:
    text = "\0".join(texts)
    if text.count("\0") != len(texts) - 1:
        return _said(list(texts))
    if "_x" in text:  # an escape of Excel's, which LibreOffice saves as text
        text = _ESCAPED.sub(lambda m: chr(int(m[1], 16)), text)
    return text.replace("\r", "").encode("utf-8", "surrogatepass")


def _rounded(numbers: Sequence[float]) -> Sequence[float]:
    """The numbers as LibreOffice saves them: to 15 digits, and none below zero that is zero."""
    distinct = set(numbers)
    long = [x for x in distinct if x % 1 or abs(x) >= 1e15]
    if shorter := {x: _in_15_digits(x) for x in long if float(f"{x:.15g}") != x}:
        numbers = [shorter.get(x, x) for x in numbers]
    return [x + 0.0 for x in numbers] if 0.0 in distinct else numbers


def _in_15_digits(number: float) -> float:
    """Its shortest decimal form rounded, halves away from zero."""
    return float(_DIGITS.create_decimal(repr(number)))


def _said(values: Any) -> bytes:
    return repr(values).encode("utf-8", "backslashreplace")
