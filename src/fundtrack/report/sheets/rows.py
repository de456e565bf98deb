"""The rows of big tables, written by templates of our own: some ten times as fast as XlsxWriter.

XlsxWriter builds the sheet with all that stands around the rows, and one row in their place that
holds only their formats, one a cell. `spliced` puts the rows there once the sheet has got its final
style numbers. Texts stand in the cells, so that no shared strings are touched.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from fundtrack.ooxml import MAX_ROWS, MAX_TEXT, column_letter, legible
from fundtrack.report.sheets.page import Page, height, lines_of, number_style, plain

ROWS_A_SHEET = MAX_ROWS - 1  # below the heading row
MOST_LINKS = 65_530  # Excel repairs a sheet with more
ROW = "\0"  # in a formula: the number of its own row

_PATTERN_CELL = re.compile(rb'<c r="[A-Z]+\d+"(?: s="(\d+)")?')
_DIMENSION = re.compile(rb'<dimension ref="([A-Z]+)(\d+)(?::([A-Z]+)(\d+))?"')
_REFERENCE = re.compile(rb'( ref="[A-Z]+\d+:[A-Z]+)(\d+)"')
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # Excel reads _x0041_ as A


@dataclass(frozen=True, slots=True)
class Column:
    """The cells of one column from the first row of a block down.

    `values` has one entry a row; shorter means blank from there on. `style` names a format of
    `page.formats` for all, or one a row; None lets the value choose (dates always have theirs).
    `links` gives places in the workbook ('Grants'!C2) or None, `formulas` live formulas without
    their = (or None), whose computed results are the values, and in which ROW is their own row.
    """

    values: Sequence[Any] = ()
    style: str | Sequence[str] | None = "text"
    links: Sequence[str | None] = ()
    formulas: Sequence[str | None] = ()

    def part(self, start: int, count: int) -> Column:
        """The same of so many rows."""
        if not start and count >= max(len(self.values), len(self.formulas)):
            return self
        rows = slice(start, start + count)
        style = (
            self.style if self.style is None or isinstance(self.style, str) else self.style[rows]
        )
        return Column(self.values[rows], style, (), self.formulas[rows])


@dataclass(frozen=True, slots=True)
class Block:
    """Rows to be spliced into a sheet; `start` counts from 0 and is where the formats stand.

    Where `sparse`, blank cells are not written, so that they have no lines around them either.
    """

    start: int
    count: int
    columns: Sequence[Column]
    styles: Sequence[str]  # in the order in which the pattern row holds them
    widths: Sequence[float]
    sparse: bool = False


_BY_VALUE = ("text", "integer", "decimal", "money", "date")


def put_rows(page: Page, start: int, columns: Sequence[Column], *, sparse: bool = False) -> None:
    """Have rows spliced into the page's sheet from the row `start` (counted from 0) on.

    There are as many as the longest column has values. The sheet is built with one row in their
    place; what stands below begins at `start` and their number.
    """
    count = max((len(column.values) for column in columns), default=0)
    if not count:
        return
    named = chain.from_iterable(
        [c.style] if isinstance(c.style, str) else c.style or () for c in columns
    )
    styles = sorted({*named, *_BY_VALUE})
    for column, style in enumerate(styles):
        page.sheet.write_blank(start, column, None, page.formats[style])
    block = Block(start, count, columns, styles, page.widths, sparse)
    page.blocks.setdefault(page.sheet.get_name(), []).append(block)


def spliced(xml: bytes, blocks: Sequence[Block]) -> bytes:
    """Give the sheet with the rows of all blocks in it, their links, and its dimension set right.

    `xml` is a sheet as XlsxWriter writes it, with the style numbers of the final workbook; the
    blocks are in the order of its rows.
    """
    pieces, links = list[bytes](), list[str]()
    for block in blocks:
        opening = xml.index(b'<row r="%d"' % (block.start + 1))
        closing = xml.index(b"</row>", opening) + len(b"</row>")
        numbers = _PATTERN_CELL.findall(xml, opening, closing)
        styles = {
            name: f' s="{number.decode()}"' if number else ""
            for name, number in zip(block.styles, numbers, strict=True)
        }
        pieces.append(xml[:opening])
        for index, column in enumerate(block.columns):
            links += _links(column, column_letter(index), block.start + 1)
        for first in range(0, block.count, _ROWS_AT_ONCE):
            pieces.append("".join(_rows(block, first, styles)).encode("utf-8"))
        xml = xml[closing:]
    if pieces:
        last = blocks[-1]
        pieces[0] = _DIMENSION.sub(lambda m: _reaching(m, last), pieces[0], count=1)
    return b"".join([*pieces, _linked(xml, links[:MOST_LINKS])])


def stretched(table: bytes, blocks: Sequence[Block]) -> bytes:
    """Give a table's part, its range reaching to the end of the block whose first row it ends on.

    So it may be built one row high; XlsxWriter notes every cell of a table by itself.
    """
    lasts = {block.start + 1: block.start + block.count for block in blocks}

    def reaching(match: re.Match[bytes]) -> bytes:
        row = int(match[2])
        return b'%b%d"' % (match[1], lasts.get(row, row))

    return _REFERENCE.sub(reaching, table)


def _reaching(dimension: re.Match[bytes], block: Block) -> bytes:
    column, row, last_column, last_row = dimension.groups()
    last = max(int(last_row or row), block.start + block.count)
    return b'<dimension ref="%b%b:%b%d"' % (column, row, last_column or column, last)


_ROWS_AT_ONCE = 4096  # more would take more memory, and no less time


def _rows(block: Block, start: int, styles: Mapping[str, str]) -> Iterator[str]:
    """Give a part of the rows of a block, from its row `start` (counted from 0) on."""
    count = min(_ROWS_AT_ONCE, block.count - start)
    first = block.start + start + 1
    numbers = list(map(str, range(first, first + count)))
    template, parts, heights = "", list[Iterable[Any]](), list[list[int]]()
    for index, whole in enumerate(block.columns):
        letter, column = column_letter(index), whole.part(start, count)
        if not len(column.values) and isinstance(column.style, str):
            template += f'<c r="{letter}%s"{styles[column.style]}/>'
            parts.append(numbers)
            continue
        cells, lines = _cells(column, numbers, block.widths[index], styles)
        if block.sparse:
            template += "%s"
            pairs = zip(numbers, cells, strict=True)
            parts.append(["" if c[-2:] == "/>" else f'<c r="{letter}{n}"{c}' for n, c in pairs])
        else:
            template += f'<c r="{letter}%s"%s'
            parts += [numbers, cells]
        if lines:
            heights.append(lines)
    tall = list(map(max, *heights)) if len(heights) > 1 else (heights or [[1] * count])[0]
    spoken = {n: f' ht="{height(n):g}"' if n > 1 else "" for n in set(tall)}
    template = f'<row r="%s"%s>{template}</row>'
    return map(template.__mod__, zip(numbers, map(spoken.__getitem__, tall), *parts, strict=False))


def _cells(
    column: Column, numbers: Sequence[str], width: float, styles: Mapping[str, str]
) -> tuple[list[str], list[int]]:
    """Give what follows the address of each cell, and how many lines of text it holds."""
    values, styled, count = column.values, column.style, len(numbers)
    if len(values) < count:
        values = [*values, *repeat(None, count - len(values))]
    named: Sequence[str | None] = (
        [styled] * count if styled is None or isinstance(styled, str) else styled
    )
    kinds = set(map(type, values)) - {type(None)}
    live = any(column.formulas)
    if kinds <= {int, float}:
        known = list(map(_Known(styles).__getitem__, zip(values, named, strict=False)))
        if not live:
            return known, []
        live_cells = zip(known, column.formulas, numbers, strict=True)
        return [_worked(*of) for of in live_cells], []
    if styled is None or live or not kinds <= {str}:
        formulas = column.formulas if live else repeat(None)
        each = zip(values, named, formulas, numbers, strict=False)
        cells = [_cell(*of, styles) for of in each]
        return cells, [lines_of(v, width) if isinstance(v, str) else 1 for v in values]
    return _texts([value or "" for value in values], named, width, styles)


def _worked(cell: str, formula: str | None, row: str) -> str:
    """Give the cell of a number, or of none as yet, with the formula that it comes of."""
    if formula is None:
        return cell
    live = f"<f>{escaped(formula.replace(ROW, row))}</f>"
    if cell[-2:] == "/>":
        return f'{cell[:-2]} t="str">{live}<v></v></c>'
    style, _, value = cell.partition(">")
    return f"{style}>{live}{value}"


def _texts(
    values: Sequence[str], named: Sequence[str | None], width: float, styles: Mapping[str, str]
) -> tuple[list[str], list[int]]:
    """Give a column of texts as `_cells` does, many at once where none of them is odd."""
    openings = {name: f'{styles[name or "text"]} t="inlineStr"><is><t>' for name in set(named)}
    blanks = {name: f"{styles[name or 'text']}/>" for name in set(named)}
    long = _Long(width)
    cells, lines = list[str](), list[int]()
    for start in range(0, len(values), _AT_ONCE):
        some, names = values[start : start + _AT_ONCE], named[start : start + _AT_ONCE]
        written = _escaped_at_once(some)
        if written is None:
            cells += [
                _cell(text, name, None, "", styles) for text, name in zip(some, names, strict=True)
            ]
            lines += [lines_of(text, width) for text in some]
            continue
        cells += [
            f"{openings[name]}{text}</t></is></c>" if text else blanks[name]
            for text, name in zip(written, names, strict=True)
        ]
        lines += map(long.__getitem__, map(len, some))
    return cells, lines


_AT_ONCE = 1024


def _escaped_at_once(texts: Sequence[str]) -> list[str] | None:
    """Give the texts as they stand between tags; None where one of them must be looked at."""
    if not "".join(texts).isprintable() or max(map(len, texts)) > MAX_TEXT:
        return None
    joined = "\n".join(texts)  # which is not printable, so in none of them
    if "\n " in joined or " \n" in joined or joined != joined.strip(" "):
        return None
    return escaped(joined).split("\n")


class _Long(dict[int, int]):
    """How many lines texts of so many letters, without line breaks, take in a column."""

    def __init__(self, width: float) -> None:
        self._width = width

    def __missing__(self, letters: int) -> int:
        lines = self[letters] = lines_of("x" * letters, self._width)
        return lines


class _Known(dict[tuple[Any, str | None], str]):
    """Numbers as cells, each written once: what comes again is only looked up."""

    def __init__(self, styles: Mapping[str, str]) -> None:
        self._styles = styles

    def __missing__(self, key: tuple[Any, str | None]) -> str:
        cell = self[key] = _cell(*key, None, "", self._styles)
        return cell


def _text(value: str, style: str) -> str:
    if not value.isprintable() or len(value) > MAX_TEXT:
        value = legible(value)
    space = ' xml:space="preserve"' if value != value.strip() else ""
    return f'{style} t="inlineStr"><is><t{space}>{escaped(value)}</t></is></c>'


def escaped(text: str) -> str:
    """Give a text as it stands between tags."""
    if "&" in text or "<" in text or ">" in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _ESCAPE.sub("_x005F_", text) if "_x" in text else text


def _cell(
    value: Any, name: str | None, formula: str | None, row: str, styles: Mapping[str, str]
) -> str:
    value = plain(value)
    style = styles[name or number_style(value)]
    live = f"<f>{escaped(formula.replace(ROW, row))}</f>" if formula is not None else ""
    if isinstance(value, bool):
        return f'{style} t="b">{live}<v>{value:d}</v></c>'
    if isinstance(value, dt.date):
        style = style if name and name.endswith("date") else styles["date"]
        return f"{style}>{live}<v>{_serial(value)}</v></c>"
    if isinstance(value, int | float):
        return f"{style}>{live}<v>{value!r}</v></c>"
    if value is None:
        return f'{style} t="str">{live}<v></v></c>' if live else f"{style}/>"
    if live:
        return f'{style} t="str">{live}<v>{escaped(legible(value))}</v></c>'
    return _text(value, style)


def _serial(day: dt.date) -> int:
    days = (day - dt.date(1899, 12, 31)).days
    return days + (days > 59)  # Excel counts a 29 February 1900


def _links(column: Column, letter: str, first: int) -> Iterator[str]:
    for row, place in enumerate(column.links, first):
        if place is not None:
            target = escaped(legible(place)).replace('"', "&quot;")
            yield f'<hyperlink ref="{letter}{row}" location="{target}"/>'


def _linked(xml: bytes, links: Sequence[str]) -> bytes:
    """Put the links beside those that the sheet has, or in their place in the schema's order."""
    if not links:
        return xml
    written = "".join(links).encode("utf-8")
    end = xml.rindex(b"</sheetData>")
    there = xml.find(b"<hyperlinks>", end)
    if there >= 0:
        at = there + len(b"<hyperlinks>")
        return b"".join([xml[:at], written, xml[at:]])
    places = (xml.find(mark, end) for mark in (b"<printOptions", b"<pageMargins"))
    at = min(place for place in places if place >= 0)  # XlsxWriter always writes the margins
    return b"".join([xml[:at], b"<hyperlinks>", written, b"</hyperlinks>", xml[at:]])
