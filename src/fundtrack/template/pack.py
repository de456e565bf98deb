"""Formulas that every row repeats, stored once: what XlsxWriter cannot write, added afterwards.

A template has over a hundred thousand formulas. Excel stores such a column as one shared formula
to which the other rows point; without it an empty template would be ten times its size.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

STAMP = (1980, 1, 1, 0, 0, 0)


def shared(
    data: bytes,
    sheets: Mapping[str, Sequence[str]],
    bare: str,
    rows: int,
    columns: Mapping[str, Mapping[str, str]],
) -> bytes:
    """The package with the columns of formulas filled down to row `rows` + 1.

    `sheets` gives for each part its columns of formulas; their first formula stands in row 2. In
    the rows below stands a number in its place, but nothing at all in the part `bare`. Every part
    has the same date, so that the same content gives the same bytes. `columns` gives for each table
    its headings with the formula that Excel is to write into new rows.
    """
    target = io.BytesIO()
    with (
        ZipFile(io.BytesIO(data)) as source,
        ZipFile(target, "w", ZIP_DEFLATED) as goal,
    ):
        for entry in source.infolist():
            content = source.read(entry)
            if letters := sheets.get(entry.filename):
                text = content.decode("utf-8")
                filled = _rows(letters, rows) if entry.filename == bare else ""
                content = _pointed(text, letters, rows, filled).encode("utf-8")
            elif entry.filename.startswith("xl/tables/"):
                content = _growing(content.decode("utf-8"), columns).encode("utf-8")
            info = ZipInfo(entry.filename, STAMP)
            info.compress_type = ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            goal.writestr(info, content, compresslevel=9)
    return target.getvalue()


def _pointed(text: str, letters: Sequence[str], rows: int, filled: str) -> str:
    number = {letter: i for i, letter in enumerate(letters)}

    def first(found: re.Match[str]) -> str:
        letter = found[2]
        if letter not in number:
            return found[0]
        return f'{found[1]}<f t="shared" ref="{letter}2:{letter}{rows + 1}" si="{number[letter]}">'

    def below(found: re.Match[str]) -> str:
        if found[2] not in number:
            return found[0]
        return f'{found[1]}<f t="shared" si="{number[found[2]]}"/></c>'

    text = re.sub(r'(<c r="([A-Z]+)2"[^>]*>)<f>', first, text)
    if filled:
        return text.replace("</sheetData>", f"{filled}</sheetData>", 1)
    return re.sub(r'(<c r="([A-Z]+)(?:[3-9]|\d\d+)"[^>]*>)<v>0</v></c>', below, text)


def _growing(text: str, columns: Mapping[str, Mapping[str, str]]) -> str:
    """A table whose columns of formulas are filled by Excel in every row that is added."""
    name = re.search(r'displayName="([^"]+)"', text)
    for heading, formula in columns.get(name[1] if name else "", {}).items():
        column = rf'(<tableColumn id="\d+" name="{re.escape(escape(heading))}"[^>]*?)/>'
        fill = f"<calculatedColumnFormula>{escape(formula[1:])}</calculatedColumnFormula>"
        if found := re.search(column, text):
            text = text.replace(found[0], f"{found[1]}>{fill}</tableColumn>", 1)
    return text


def _rows(letters: Sequence[str], rows: int) -> str:
    """Rows of nothing but formulas, from column A on.

    The cells leave out their addresses, which the format allows where none is skipped: rows that
    are alike take next to no room. Some programs (openpyxl) then cannot shift a shared formula to
    its row: it must read the same in every row, so without relative references.
    """
    cells = "".join(f'<c><f t="shared" si="{i}"/></c>' for i in range(len(letters)))
    return "".join(f'<row r="{r}">{cells}</row>' for r in range(3, rows + 2))
