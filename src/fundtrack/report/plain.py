"""A workbook of bare values, for inputs that have no package to keep (.xls, .xlsb, .ods, .csv)."""

from __future__ import annotations

import datetime as dt
import io
import math
from collections.abc import Sequence
from itertools import count
from numbers import Real
from typing import Any

import xlsxwriter

from fundtrack.model import FundtrackError
from fundtrack.ooxml import MAX_COLUMNS, MAX_ROWS, legible
from fundtrack.report.sheets.page import MADE

_FORMATS = {"date": "yyyy-mm-dd", "moment": "yyyy-mm-dd hh:mm:ss", "time": "hh:mm:ss"}
_SPAN = "[h]:mm:ss"


def plain_workbook(
    sheets: Sequence[tuple[str, list[list[object]]]], file: str
) -> tuple[bytes, list[str]]:
    """Give a workbook of each grid's values at its addresses under its name (`grid[0][0]` is A1).

    Strings stay strings, whatever they begin with; dates get a date format. Names must be legal in
    Excel. Rows past the last that a sheet can hold go on in further sheets, below the first row
    again; gives a remark on each of these. Nothing is written to the disk: the values may have
    come protected. Raises FundtrackError where a sheet has more columns than Excel can hold.
    """
    pages, remarks = list[tuple[str, list[list[object]]]](), list[str]()
    taken = {name.lower() for name, _ in sheets}
    for name, grid in sheets:
        if any(len(row) > MAX_COLUMNS for row in grid):
            raise FundtrackError(
                file,
                f"has more columns than Excel can hold ({MAX_COLUMNS:,}), so that no copy of it "
                "can be annotated.",
                "Split it, or look at the findings without a copy: --no-report.",
                sheet=name,
            )
        pages.append((name, grid[:MAX_ROWS]))
        for start in range(MAX_ROWS, len(grid), MAX_ROWS - 1):
            rest = grid[start : start + MAX_ROWS - 1]
            further = next(n for i in count(2) if (n := _numbered(name, i)).lower() not in taken)
            taken.add(further.lower())
            pages.append((further, [grid[0], *rest]))
            remarks.append(
                f"“{name}” has more rows than a sheet can hold. Its rows {start + 1:,} to "
                f"{start + len(rest):,} stand in “{further}”, from row 2. Findings give the rows "
                "of the file; in those they are listed, not marked."
            )
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"constant_memory": True, "in_memory": True})
    book.set_properties({"created": MADE})
    formats = {name: book.add_format({"num_format": code}) for name, code in _FORMATS.items()}
    formats["span"] = book.add_format({"num_format": _SPAN})
    for name, grid in pages:
        sheet = book.add_worksheet(name)
        for row, values in enumerate(grid):
            for column, value in enumerate(values):
                _write(sheet, row, column, value, formats)
    book.close()
    return buffer.getvalue(), remarks


def _numbered(name: str, number: int) -> str:
    end = f" ({number})"
    return name[: 31 - len(end)] + end


def _write(sheet: Any, row: int, column: int, value: object, formats: dict[str, Any]) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, Real) and math.isfinite(value):
        sheet.write_number(row, column, float(value))
    elif (kind := _kind_of_date(value)) is not None:
        sheet.write_datetime(row, column, value, formats[kind])
    else:
        sheet.write_string(row, column, legible(str(value)))


def _kind_of_date(value: object) -> str | None:
    """Give the name of its format; None where it is no date, or one that Excel cannot hold."""
    if isinstance(value, dt.timedelta):
        return "span" if value >= dt.timedelta() else None
    if isinstance(value, dt.time):
        return "time"
    if not isinstance(value, dt.date) or value.year < 1900:
        return None
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return None
    return "moment" if isinstance(value, dt.datetime) and value.time() != dt.time() else "date"
