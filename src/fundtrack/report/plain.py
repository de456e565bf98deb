"""A workbook of bare values, for inputs that have no package to keep (.xls, .xlsb, .ods, .csv)."""

from __future__ import annotations

import datetime as dt
import io
import math
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import xlsxwriter

from fundtrack.model import FundtrackError
from fundtrack.ooxml import MAX_COLUMNS, MAX_ROWS
from fundtrack.report.package import legible, write_file
from fundtrack.report.page import MADE

_FORMATS = {"date": "yyyy-mm-dd", "moment": "yyyy-mm-dd hh:mm:ss", "time": "hh:mm:ss"}
_SPAN = "[h]:mm:ss"


def plain_workbook(sheets: Sequence[tuple[str, list[list[object]]]], target: Path) -> None:
    """Write each grid's values at the same addresses under its name (`grid[0][0]` is A1).

    Strings stay strings, whatever they begin with; dates get a date format. Names must be legal in
    Excel. Raises FundtrackError where a sheet has more rows or columns than Excel can hold, or the
    target cannot be written.
    """
    for name, grid in sheets:
        if len(grid) > MAX_ROWS or any(len(row) > MAX_COLUMNS for row in grid):
            raise FundtrackError(
                target.name,
                f"has more rows or columns than Excel can hold ({MAX_ROWS:,} by {MAX_COLUMNS:,}), "
                "so that no copy of it can be annotated.",
                "Split it, or look at the findings without a copy: --no-report.",
                sheet=name,
            )
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"constant_memory": True, "in_memory": True})
    book.set_properties({"created": MADE})
    formats = {name: book.add_format({"num_format": code}) for name, code in _FORMATS.items()}
    formats["span"] = book.add_format({"num_format": _SPAN})
    for name, grid in sheets:
        sheet = book.add_worksheet(name)
        for row, values in enumerate(grid):
            for column, value in enumerate(values):
                _write(sheet, row, column, value, formats)
    book.close()
    write_file(target, buffer.getvalue())


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
