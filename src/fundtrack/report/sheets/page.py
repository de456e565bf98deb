"""A sheet in the making: formats, widths, print set-up, and how each value is written down."""

from __future__ import annotations

import datetime as dt
import io
import math
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from fundtrack.model import Limits, Result, SheetFacts
from fundtrack.ooxml import legible, quoted

if TYPE_CHECKING:
    from fundtrack.report.sheets.rows import Block

MADE = dt.datetime(2000, 1, 1)  # in every new workbook: the same input gives the same bytes
_ACCENT, _PALE, _GREY = "#1F3864", "#F2F4F8", "#BFBFBF"
A4, A3 = 9, 8
_LINE, _MOST_HIGH, _ROW_HIGH = 13.5, 400, 15.0  # points
_A4_WIDE, _A4_HIGH = 842.0, 595.0  # points, lying
_SIDES, _ENDS = 0.4, 0.6  # inches of margin


# The added sheets, in the order in which a person turns to them: role -> the sheet's name, and how
# its first cell begins. By these they are known where a program has dropped their hidden names.
ROLES = {
    "summary": ("Summary", "Check of "),
    "findings": ("Findings", "Finding"),
    "folded": ("Folded", "Line"),
    "earlier": ("Earlier answers", "Finding"),
    "checks": ("Checks", "Check"),
    "workings": ("Workings", "Workings: "),
    "workings_rows": ("Workings rows", "Sheet"),
    "provenance": ("Provenance", "Topic"),
}
ALWAYS = ("summary", "findings", "checks", "provenance")  # the others stand where there is a need


class _Sheet(Worksheet):  # type: ignore[misc]
    """Takes formulas as they are given: looking for functions newer than Excel 2010, which ours do
    not use, would take longer than all the rest of a large sheet.
    """

    def _prepare_formula(self, formula: str, expand_future_functions: bool = False) -> str:
        if expand_future_functions:
            return str(super()._prepare_formula(formula, expand_future_functions))
        return formula.removeprefix("=")


def new_book(buffer: io.BytesIO) -> Any:
    """Give a workbook in which no text becomes a formula or a link by itself."""
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(buffer, options)
    book.set_properties({"created": MADE})
    return book


class Page:
    """The workbook being built: one sheet after the other, each cleaned text as a string."""

    def __init__(self, book: Any, formats: Mapping[str, Any], taken: set[str], prefix: str) -> None:
        self.book, self.formats, self._taken, self._prefix = book, formats, taken, prefix
        self.sheet: Any = None
        self._roles: Counter[str] = Counter()
        self._reserved: dict[str, list[str]] = {}
        self.widths: Sequence[int] = ()
        self.blocks: dict[str, list[Block]] = {}  # rows to be spliced in, by sheet; see `rows`
        self._lines: dict[int, int] = {}  # lines of text that a row holds, where more than one

    def reserve(self, role: str, sheets: int = 1) -> list[str]:
        """Give the names of sheets that will be begun later, for formulas that look ahead."""
        names = [self._free(role) for _ in range(sheets)]
        self._reserved.setdefault(role, []).extend(names)
        return names

    def _free(self, role: str) -> str:
        name = wanted = ROLES[role][0] if role in ROLES else role.capitalize()
        number = 2
        while name.lower() in self._taken:
            name, number = f"{wanted} {number}", number + 1
        self._taken.add(name.lower())
        return name

    def start(self, role: str, columns: Sequence[int], *, paper: int = A4) -> None:
        """Begin a sheet that prints landscape, one page wide, its first row repeated.

        Where its name is taken, a number is added.
        """
        self.finish()
        self.widths, self._lines = columns, {}
        waiting = self._reserved.get(role)
        name = waiting.pop(0) if waiting else self._free(role)
        self.sheet = self.book.add_worksheet(name, _Sheet)
        self.sheet.set_landscape()
        self.sheet.set_paper(paper)
        self.sheet.fit_to_pages(1, 0)
        self.sheet.set_margins(left=_SIDES, right=_SIDES, top=_ENDS, bottom=_ENDS)
        self.sheet.set_footer("&L&A&RPage &P of &N")
        self.sheet.repeat_rows(0)
        self.sheet.freeze_panes(1, 0)
        self.sheet.hide_gridlines(2)
        for column, width in enumerate(columns):
            self.sheet.set_column(column, column, width)
        self._roles[role] += 1
        known_as = f"{self._prefix}{role}" + f"_{self._roles[role]}" * (self._roles[role] > 1)
        self.book.define_name(known_as, f"={quoted(name)}!$A$1")

    def put(self, row: int, column: int, value: Any, style: str = "text") -> None:
        """Write one value: numbers and dates as such, everything else as a string."""
        form = self.formats[style]
        value = plain(value)
        if value is None:
            self.sheet.write_blank(row, column, None, form)
        elif isinstance(value, bool):
            self.sheet.write_boolean(row, column, value, form)
        elif isinstance(value, dt.date):
            self.sheet.write_datetime(row, column, value, self.formats["date"])
        elif isinstance(value, float | int):
            self.sheet.write_number(row, column, value, form)
        else:
            text = legible(value)
            self.sheet.write_string(row, column, text, form)
            self._grow(row, text, self.widths[column])

    def headings(self, names: Iterable[str], right: Container[str] = (), *, row: int = 0) -> None:
        """Write the headings of a table; those in `right` stand over numbers."""
        for column, name in enumerate(names):
            self.put(row, column, name, "heading_right" if name in right else "heading")

    def _grow(self, row: int, text: str, width: float) -> None:
        lines = lines_of(text, width)
        if lines > self._lines.get(row, 1):
            self._lines[row] = lines

    def points(self, first: int, last: int) -> float:
        """Give the height of the rows from the first up to the last, without it."""
        lines = (self._lines.get(row, 1) for row in range(first, last))
        return sum(height(n) if n > 1 else _ROW_HIGH for n in lines)

    def paper(self) -> float:
        """Give the height of the rows that a page of A4 holds below the one that is repeated."""
        wide = sum(width * 7 + 5 for width in self.widths) * 0.75
        shrunk = min(1.0, (_A4_WIDE - 2 * 72 * _SIDES) / wide)
        return (_A4_HIGH - 2 * 72 * _ENDS) / shrunk - 2 * _ROW_HIGH

    def finish(self) -> None:
        """Set the heights of the rows whose text is wrapped: not every program does on opening."""
        for row, lines in self._lines.items():
            self.sheet.set_row(row, height(lines))

    def share(self, row: int, column: int, value: float | None, decimals: int) -> None:
        """Write a share as a percentage with so many decimals."""
        self.put(row, column, value, f"percent{decimals}")

    def linked(self, row: int, column: int, value: Any, style: str, cell: str | None) -> None:
        """Write a value as a formula that points at the cell where it is worked out, if any."""
        if value is None or cell is None:
            self.put(row, column, value, style)
        else:
            self.sheet.write_formula(row, column, f"={cell}", self.formats[style], value)

    def across(self, row: int, first: int, text: str, style: str = "text") -> None:
        """Write a text over the summary's columns; merged cells do not grow: the height is set."""
        text, last = legible(text), len(self.widths) - 1
        self.sheet.merge_range(row, first, row, last, "", self.formats[style])
        self.sheet.write_string(row, first, text, self.formats[style])
        self._grow(row, text, sum(self.widths[first:]))


def lines_of(text: str, width: float) -> int:
    """Give how many lines a text takes in a column of that width."""
    room = max(1.0, width * 1.1 - 1)  # letters are narrower than the digits that widths count
    if len(text) <= room and "\n" not in text:
        return 1
    return sum(max(1, math.ceil(len(line) / room)) for line in text.split("\n"))


def height(lines: int) -> float:
    """Give the height in points of a row that holds so many lines of text."""
    return min(_LINE * lines + 2, _MOST_HIGH)


def formats(book: Any) -> dict[str, Any]:
    """Give the formats of the added sheets by name."""
    base = {"font_name": "Calibri", "font_size": 10, "valign": "top"}
    lined = {**base, "bottom": 1, "bottom_color": _GREY}
    cell = {**lined, "align": "left", "indent": 1}  # text keeps away from a number at its left
    number = {**lined, "align": "right"}
    heading = {**base, "bold": True, "text_wrap": True, "border": 1}
    heading |= {"align": "left", "indent": 1}
    looks: dict[str, dict[str, Any]] = {
        "title": {**base, "font_size": 16, "bold": True, "font_color": _ACCENT},
        "section": {**base, "font_size": 12, "bold": True, "font_color": _ACCENT},
        "verdict": {**base, "font_size": 12, "bold": True, "text_wrap": True},
        # White lines, else what is written to the right runs into the next.
        "heading": heading
        | {"font_color": "#FFFFFF", "bg_color": _ACCENT, "border_color": "#FFFFFF"},
        "review": heading | {"font_color": _ACCENT, "bg_color": _PALE, "border_color": _ACCENT},
        "text": {**cell, "text_wrap": True},
        "label": {**cell, "bold": True, "text_wrap": True},
        "answer": {**cell, "text_wrap": True, "bg_color": _PALE},
        "answer_date": {**cell, "num_format": "yyyy-mm-dd", "bg_color": _PALE, "align": "left"},
        "link": {**cell, "font_color": "#0563C1", "underline": 1, "text_wrap": True},
        "date": {**cell, "num_format": "yyyy-mm-dd", "align": "left"},
        "integer": {**number, "num_format": "#,##0"},
        "decimal": {**number, "num_format": "#,##0.##########"},
        "money": {**number, "num_format": "#,##0.00"},
        "total": {**number, "num_format": "#,##0", "bold": True, "top": 1},
        "total_label": {**cell, "bold": True, "top": 1},
        "fail": {**cell, "bold": True, "text_wrap": True},
    }
    # The look of the highlights in the sheets, for the key on the summary.
    looks["error"] = {**cell, "bold": True, "bg_color": "#F4A582", "border": 1}
    looks["warning"] = {**cell, "italic": True, "bg_color": "#FFD966", "border": 3}
    looks["note"] = {**cell, "bg_color": "#EAF2FA", "border": 4}
    for decimals in range(1, 9):
        zeros = "0" * decimals
        looks[f"percent{decimals}"] = {**number, "num_format": f"0.{zeros}%"}
        looks[f"points{decimals}"] = {**number, "num_format": f"+0.{zeros};-0.{zeros};0"}
    looks["decimal2"] = {**number, "num_format": "#,##0.00####"}
    for name in ("integer", "money", "decimal2", *(n for n in looks if n.startswith("percent"))):
        looks[f"{name}_bold"] = {**looks[name], "bold": True}
    looks["heading_right"] = {**looks["heading"], "align": "right", "indent": 0}
    return {name: book.add_format(look) for name, look in looks.items()}


# What people read


def number_style(value: Any) -> str:
    """Give the format that suits a value whose unit is not known."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "text"
    if float(value).is_integer():
        return "integer"
    return "money" if round(value, 2) == value else "decimal"


def decimals(result: Result) -> int:
    """Give the fewest decimals of a percentage that still tell its figures from the threshold."""
    figures = [result.value, result.low, result.high]
    limit = result.threshold
    apart = [f for f in figures if f is not None and limit is not None and f != limit]
    for decimals in range(1, 8):
        if all(round(f * 100, decimals) != round((limit or 0) * 100, decimals) for f in apart):
            return decimals
    return 8


def basis(result: Result, limits: Limits) -> str:
    """Give where the threshold of a result comes from: its default, or else the workbook."""
    if result.basis is None:
        return ""
    given = (limits.all.get(t.parameter) for t in result.check.thresholds)
    own = {limit.value for limit in given if limit and limit.changed and limit.value is not None}
    mine = result.threshold is not None and own & {result.threshold, result.threshold * 100}
    return "set by the donor" if mine and result.confirmed else result.basis.words


def count(number: int, word: str) -> str:
    """Give “1 row”, “2 rows”."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def named(facts: SheetFacts) -> str:
    """Give a sheet's name, with its file where it stands in a companion."""
    return facts.sheet if facts.main else f"{facts.sheet} in {facts.file}"


def plain(value: Any) -> Any:
    """Give a value as Excel can hold it: number, date, True, False, text, or None for a blank."""
    if value is None or isinstance(value, str | bool):
        return value or None if isinstance(value, str) else value
    if isinstance(value, dt.datetime):
        return _date(value)
    if isinstance(value, dt.date):
        return value if value.year >= 1900 else value.isoformat()
    if isinstance(value, Real):
        number = float(value)
        if not math.isfinite(number):
            return str(value)
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    return str(value)


def _date(value: dt.datetime) -> Any:
    if value != value:  # noqa: PLR0124 - a missing pandas date is unequal to itself
        return None
    if value.tzinfo is not None or value.year < 1900:
        return value.isoformat()
    whole = value.time() == dt.time()
    return value.date() if whole else value.isoformat(sep=" ", timespec="seconds")


def title(name: Any) -> str:
    """Give the name of a setting as people read it."""
    return str(name).replace("_", " ").capitalize()


def words(value: Any) -> str:
    """Give a value of the settings as people read it."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "–"
    value = plain(value)
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.date):
        return value.isoformat()
    return f"{value:,}" if isinstance(value, int | float) else str(value)
