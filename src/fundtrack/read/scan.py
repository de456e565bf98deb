"""What calamine cannot tell of a sheet, looked up in the bytes of its XML.

Error cells, formulas that were never calculated, percentage formats, hidden rows. A scan costs far
less than parsing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from fundtrack.bounds import MB
from fundtrack.grid import Cell, ErrorCell, Grid, Uncalculated
from fundtrack.ooxml import (
    Package,
    address,
    column_index,
    in_utf8,
)

# How far a scan looks around a match: without an end, text made for it would be read all over again
# for each match.
_TAG, _FORMULA_AND_VALUE = 1_000, 200_000
_FORMULA = re.compile(rb"<f[ >/]|<\w+:f[ >/]")
_ERROR = re.compile(rb""" t="e"|\st='e'""")
_ADDRESS = re.compile(rb"""\br=["']([A-Z]{1,3})(\d{1,7})["']""")
_VALUE = re.compile(rb"<(?:\w+:)?v(?:\s[^>]*)?>([^<]*)<")
_CELL_END = re.compile(rb"</(?:\w+:)?c>|<(?:\w+:)?c[ >]")
_TEXT_RESULT = re.compile(rb"""\st=["']str["']""")
_HIDDEN_ROW = re.compile(rb"""<(?:\w+:)?row\s[^>]{0,500}\bhidden=["'](?:1|true)["']""")


@dataclass(frozen=True)
class Scanned:
    """What only the sheet's XML tells."""

    errors: dict[tuple[int, int], str]  # (row, column) from 0 -> the error value
    uncalculated: list[tuple[int, int]]
    formulas: list[str]
    percent: frozenset[tuple[int, int]]
    hidden_rows: int


def scanned(package: Package, part: str) -> Scanned:
    """Scans a sheet's bytes.

    Searches for literal bytes come first: they run at the speed of memory, patterns do not.
    """
    xml = in_utf8(package.read(part, keep=True))  # the report marks the same sheets
    errors: dict[tuple[int, int], str] = {}
    uncalculated, formulas = [], []
    for match in _ERROR.finditer(xml) if _holds(xml, b't="e"', b"t='e'") else ():
        if found := _ADDRESS.search(_tag_around(xml, match.start())):
            value = _VALUE.search(xml, match.end(), match.end() + 2000)
            errors[_position(found)] = value.group(1).decode() if value else "#ERROR"
    for match in _FORMULA.finditer(xml) if _holds(xml, b"<%bf" % _prefix(xml)) else ():
        tag = xml[xml.rfind(b"<", max(0, match.start() - _TAG), match.start()) : match.start()]
        if not (found := _ADDRESS.search(tag)):
            continue  # `<f` outside a cell, as in a conditional format
        formulas.append((found.group(1) + found.group(2)).decode())
        most = match.end() + _FORMULA_AND_VALUE
        close = _CELL_END.search(xml, match.end(), most)
        value = _VALUE.search(xml, match.end(), close.start() if close else most)
        if not (value and value.group(1)) and not _TEXT_RESULT.search(tag):
            uncalculated.append(_position(found))
    hidden_rows = len(_HIDDEN_ROW.findall(xml)) if _holds(xml, b"hidden=") else 0
    percent = _percent_cells(xml, package.percent_styles)
    return Scanned(errors, uncalculated, formulas, percent, hidden_rows)


def _holds(xml: bytes, *marks: bytes) -> bool:
    """True where one of the marks stands in it. Sought a piece at a time: calamine may wait."""
    starts = range(0, len(xml), _PIECE)
    return any(xml.find(mark, at, at + _PIECE + 20) >= 0 for at in starts for mark in marks)


_PIECE = 2 * MB


def completed(grid: Grid, seen: Scanned) -> Grid:
    """The grid with error values and uncalculated formulas where calamine left a blank."""
    for at, text in seen.errors.items():
        _put(grid.rows, at, ErrorCell(text))
    for at in seen.uncalculated:
        _put(grid.rows, at, Uncalculated("(not calculated)"))
    return replace(
        grid,
        hidden_rows=seen.hidden_rows,
        errors=[address(*at) for at in seen.errors],
        uncalculated=[address(*at) for at in seen.uncalculated],
        percent=seen.percent,
        formulas=seen.formulas,
    )


def _percent_cells(xml: bytes, styles: set[int]) -> frozenset[tuple[int, int]]:
    cells = set()
    for style in styles:
        for mark in (b' s="%d"' % style, b" s='%d'" % style):
            at = xml.find(mark)
            while at >= 0:
                if found := _ADDRESS.search(_tag_around(xml, at)):
                    cells.add(_position(found))
                at = xml.find(mark, at + 1)
    return frozenset(cells)


def _prefix(xml: bytes) -> bytes:
    """The namespace prefix of the sheet's elements with its colon, empty in nearly all files."""
    root = re.search(rb"<(\w+:)?worksheet[ >]", xml[:4096])
    return root.group(1) or b"" if root else b""


def _tag_around(xml: bytes, at: int) -> bytes:
    return xml[xml.rfind(b"<", max(0, at - _TAG), at) : xml.find(b">", at, at + _TAG) + 1]


def _position(address: re.Match[bytes]) -> tuple[int, int]:
    return int(address.group(2)) - 1, column_index(address.group(1).decode())


def _put(rows: list[list[Cell]], at: tuple[int, int], value: Cell) -> None:
    """Sets a cell that calamine left blank, where its rectangle reaches."""
    row, column = at
    if row < len(rows) and column < len(rows[row]):
        rows[row][column] = value
