"""CSV and its kin: in which encoding and by which separator a text is cut into cells."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Literal

from fundtrack.bounds import Bounds
from fundtrack.grid import Cell, Grid
from fundtrack.model import FundtrackError
from fundtrack.read.calamine import SAVE_AS


def read_csv(path: Path, data: bytes, bounds: Bounds) -> tuple[Grid, list[str]]:
    """The one sheet of a CSV, and what is to be said of it. Raises FundtrackError."""
    text, remarks = _decoded(data)
    delimiter = _delimiter(text[:65536])
    if (cells := text.count(delimiter) + text.count("\n")) > bounds.cells:
        raise bounds.refusal(path.name, "cells", f"it has {cells:,} cells")
    csv.field_size_limit(2**31 - 1)
    try:
        rows = _split(text, delimiter, csv.QUOTE_MINIMAL)
        if delimiter in "|\t" and len({len(row) for row in rows if row}) > 1:
            # Exports of this kind leave quotation marks open; then a text swallows lines.
            plain = _split(text, delimiter, csv.QUOTE_NONE)
            if len({len(row) for row in plain if row}) == 1:
                rows = [[_unquoted(cell) for cell in row] for row in plain]
    except csv.Error as error:
        raise FundtrackError(path.name, f"The CSV cannot be read ({error}).", SAVE_AS) from None
    width = max((len(row) for row in rows), default=0)
    if width < 2:
        raise FundtrackError(
            path.name, "This is not a workbook, nor a CSV with more than one column.", SAVE_AS
        )
    if (cells := width * len(rows)) > bounds.cells:
        raise bounds.refusal(path.name, "cells", f"it spans {cells:,} cells")
    usual = Counter(len(row) for row in rows).most_common(1)[0][0]
    longer = [n for n, row in enumerate(rows, 1) if any(row[usual:])]
    if longer and len(longer) * 10 < len(rows):
        listed = ", ".join(map(str, longer[:5])) + (" ..." if len(longer) > 5 else "")
        remarks.append(
            f"Some rows of the CSV have more cells than the others (row {listed}): a separator "
            "inside a text may have moved their cells. Compare them with the source."
        )
    for row in rows:
        row.extend([""] * (width - len(row)))
    return Grid(path.stem, rows, text_only=True), remarks


def _split(text: str, delimiter: str, quoting: Literal[0, 3]) -> list[list[Cell]]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)
    return [list(row) for row in lines]


def _unquoted(cell: str) -> str:
    wrapped = len(cell) > 1 and cell[0] == cell[-1] == '"'
    return cell[1:-1].replace('""', '"') if wrapped else cell


def _delimiter(sample: str) -> str:
    """The character that cuts most lines at the head of the file into equally many cells."""

    def regular(delimiter: str) -> int:
        widths = [len(line) for line in _split(sample, delimiter, csv.QUOTE_MINIMAL)[:50]]
        most = max(set(widths), key=lambda w: (widths.count(w) * (w - 1), w), default=1)
        return widths.count(most) * (most - 1)

    csv.field_size_limit(2**31 - 1)
    try:
        return max(",;\t|", key=regular)
    except csv.Error:
        return max(",;\t|", key=sample.count)


def _decoded(data: bytes) -> tuple[str, list[str]]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace"), []
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), [
            "The CSV is not in UTF-8; it was read as Windows-1252. Accented letters may be "
            "wrong: save it as “CSV UTF-8” to be sure."
        ]
