"""From a file to grids of raw cells: `grid.rows[0][0]` is A1. Nothing is interpreted here.

Calamine reads the workbooks, the standard library the CSV. What calamine cannot tell (error cells,
formulas that were never calculated, percentage formats, hidden rows) is looked up in the package of
an .xlsx or .xlsm by a scan of the sheet's bytes, which costs far less than parsing them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import stat
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Context
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum

from fundtrack.model import FundtrackError
from fundtrack.ooxml import Package, column_index, column_letter

Cell = Any  # str, float, int, bool, date, datetime, time, timedelta, ErrorCell or Uncalculated

SAVE_AS = "Open it in Excel or LibreOffice and save it as .xlsx, then check that file."


class ErrorCell(str):
    """The error value that a cell shows, such as #DIV/0!; not a text, not a blank."""

    __slots__ = ()


class Uncalculated(str):
    """Stands for a formula whose result was never stored; calamine would read a blank."""

    __slots__ = ()


@dataclass(frozen=True)
class Grid:
    """One sheet. `rows` is a rectangle that begins at A1; an empty cell is ''."""

    sheet: str
    rows: list[list[Cell]]
    hidden: bool = False
    hidden_rows: int = 0
    errors: Sequence[str] = ()  # addresses
    uncalculated: Sequence[str] = ()  # addresses
    percent: frozenset[tuple[int, int]] = frozenset()  # (row, column) from 0: shown as a percentage
    formulas: Sequence[str] = ()  # addresses
    text_only: bool = False  # a CSV: numbers are necessarily text


@dataclass(frozen=True)
class Workbook:
    """A file as it was read."""

    path: Path
    format: str  # xlsx, xlsb, xls, ods, csv
    sha256: str
    grids: list[Grid]
    remarks: list[str] = field(default_factory=list)
    package: Package | None = None  # of an .xlsx or .xlsm: the very bytes that were read

    @cached_property
    def sheet_digests(self) -> dict[str, str]:
        """A SHA-256 over the values of every sheet that holds any, and which of them are formulas.

        The values are those from A1 to the last row and column that are not blank. Saving the file
        in another program does not change the digest, while any changed figure does. So formats do
        not count; numbers count to 15 significant digits, which is what LibreOffice saves and
        Excel shows; of formulas only the address counts, since each program words them its own way
        (and LibreOffice writes a plain TRUE as one); and a formula never calculated is blank.
        """
        return {grid.sheet: found for grid in self.grids if (found := digest_of(grid))}

    @property
    def values_digest(self) -> str:
        """SHA-256 over the digests of all sheets, whatever their order."""
        return hashlib.sha256(_said(sorted(self.sheet_digests.items()))).hexdigest()


def digest_of(grid: Grid) -> str | None:
    """The digest of a sheet (see `Workbook.sheet_digests`); None where nothing stands in it."""
    height, width = _used(grid.rows)
    if not height:
        return None
    digest, yes_or_no = hashlib.sha256(), set[str]()
    for start in range(0, height, 1000):
        rows = [row[:width] for row in grid.rows[start : min(start + 1000, height)]]
        long = {x for row in rows for x in row if type(x) is float and (x % 1 or abs(x) >= 1e15)}
        shorter = {x: _in_15_digits(x) for x in long if float(f"{x:.15g}") != x}
        if shorter:
            rows = [[shorter.get(x, x) if type(x) is float else x for x in row] for row in rows]
        if grid.uncalculated:
            rows = [["" if type(x) is Uncalculated else x for x in row] for row in rows]
        text = _said(rows)
        if b"_x" in text:  # an escape of Excel's, which LibreOffice saves as text
            text = _ESCAPED.sub(lambda m: _said(chr(int(m[1], 16)))[1:-1], text)
        for same in ((rb"\r", b""), (b"-0.0,", b"0.0,"), (b"-0.0]", b"0.0]")):
            text = text.replace(*same)
        digest.update(text)
        if b"True" in text or b"False" in text:
            yes_or_no |= {
                _address((start + r, c))
                for r, row in enumerate(rows)
                for c, x in enumerate(row)
                if type(x) is bool
            }
    digest.update(_said(sorted(set(grid.formulas) - yes_or_no)))
    return digest.hexdigest()


_ESCAPED = re.compile(rb"_x([0-9A-Fa-f]{4})_")
_DIGITS = Context(prec=15, rounding=ROUND_HALF_UP)


def _in_15_digits(number: float) -> float:
    """The number as LibreOffice saves it: its shortest decimal form rounded, halves away from 0."""
    return float(_DIGITS.create_decimal(repr(number)))


def _used(rows: list[list[Cell]]) -> tuple[int, int]:
    """How many rows and columns there are up to the last that are not blank."""
    height, width = len(rows), len(rows[0]) if rows else 0
    while height and not any(cell != "" for cell in rows[height - 1]):
        height -= 1
    while width and not any(row[width - 1] != "" for row in rows[:height]):
        width -= 1
    return height, width


def _said(values: Any) -> bytes:
    return repr(values).encode("utf-8", "backslashreplace")


def workbook(path: Path, data: bytes | None = None) -> Workbook:
    """Reads a file, told by its content and not by its name; `data` where it is read already.

    Raises FundtrackError where it is not a regular file, not readable, or not a workbook or CSV.
    """
    data = _bytes(path) if data is None else data
    reader = _reader(path, data)
    sha256 = hashlib.sha256(data).hexdigest()
    file_format, grids, remarks, package = reader(path, data)
    return Workbook(path, file_format, sha256, grids, remarks, package)


def _bytes(path: Path) -> bytes:
    name = path.name or str(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            what = "a folder" if path.is_dir() else "not a regular file"
            raise FundtrackError(name, f"This is {what}.", "Give the path of a workbook.")
        data = path.read_bytes()
    except FileNotFoundError:
        raise FundtrackError(
            name,
            f"There is no such file in {path.parent.absolute()}.",
            "Check the name and the folder.",
        ) from None
    except OSError as error:
        raise FundtrackError(
            path.name,
            f"The file cannot be read ({error.strerror or error}).",
            "Close it where it is open, or ask for the right to read it.",
        ) from None
    if not data:
        raise FundtrackError(path.name, "The file is empty.", "Ask for it to be sent again.")
    return data


Read = tuple[str, list[Grid], list[str], Package | None]
Reader = Callable[[Path, bytes], Read]


def _reader(path: Path, data: bytes) -> Reader:
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zipped(path, data)
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise _locked(path)
        return _xls
    head = data[:4096].lstrip(b"\xef\xbb\xbf\r\n\t ").lower()
    looks = (
        "an HTML page"
        if head.startswith((b"<!doctype html", b"<html", b"<table", b"<head"))
        else "a PDF"
        if head.startswith(b"%pdf")
        else "an XML text"
        if head.startswith(b"<?xml")
        else "a damaged file, or one of another program"
        if b"\0" in head and not data.startswith((b"\xff\xfe", b"\xfe\xff"))
        else None
    )
    spreadsheet_name = path.suffix.lower() in (
        ".xlsx",
        ".xlsm",
        ".xltx",
        ".xltm",
        ".xlsb",
        ".xls",
        ".ods",
    )
    if looks is None and spreadsheet_name:
        looks = "a text such as CSV under the name of a workbook"
    if looks:
        raise FundtrackError(path.name, f"This is not a workbook: it looks like {looks}.", SAVE_AS)
    return _csv


def _zipped(path: Path, data: bytes) -> Reader:
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            names = {name.lower() for name in archive.namelist()}
            mimetype = archive.read("mimetype") if "mimetype" in archive.namelist() else b""
    except (BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        raise FundtrackError(
            path.name,
            "The workbook is damaged or cut off: its table of contents cannot be read.",
            "Ask for it to be sent again, or open it in Excel and let it be repaired.",
        ) from None
    if mimetype.startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
        return _ods
    if any(name.endswith("workbook.bin") for name in names):
        return _xlsb
    if "[content_types].xml" in names:
        return _xlsx
    raise FundtrackError(
        path.name, "This is a ZIP archive, not a workbook.", "Unpack it and check what is inside."
    )


def _locked(path: Path) -> FundtrackError:
    return FundtrackError(
        path.name,
        "The workbook is protected by a password.",
        "Open it, save a copy without a password (File, Info, Protect Workbook), and check the "
        "copy.",
    )


def _xlsx(path: Path, data: bytes) -> Read:
    package = Package(path, data=data)
    parts = [sheet for sheet in package.sheets if sheet.kind == "worksheet"]
    with ThreadPoolExecutor(1) as aside:  # both wait for native code, so a second core can help
        seen = {
            sheet.name: aside.submit(_seen, package, sheet.part) for sheet in parts if sheet.part
        }
        grids = _calamine(path, data)
        told = [_told(grid, seen[grid.sheet].result()) for grid in grids if grid.sheet in seen]
    return "xlsx", told, [], package


def _xlsb(path: Path, data: bytes) -> Read:
    return "xlsb", _calamine(path, data), [_UNSEEN], None


def _xls(path: Path, data: bytes) -> Read:
    return "xls", _calamine(path, data), [_UNSEEN], None


def _ods(path: Path, data: bytes) -> Read:
    return "ods", _calamine(path, data), [_UNSEEN], None


_UNSEEN = (
    "In this file format, error values and formulas that were never calculated cannot be told from "
    "blank cells. Save the workbook as .xlsx to have them found."
)


def values(path: Path, data: bytes, sheets: Collection[str]) -> list[Grid]:
    """Reads the values of the sheets named, and of no others; one that is not there is left out.

    Raises FundtrackError where the bytes are no workbook, or hold none of these sheets.
    """
    return _calamine(path, data, sheets)


def _calamine(path: Path, data: bytes, wanted: Collection[str] | None = None) -> list[Grid]:
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        grids = []
        for meta in book.sheets_metadata:
            if meta.typ is not SheetTypeEnum.WorkSheet:
                continue
            if wanted is not None and meta.name not in wanted:
                continue
            rows = book.get_sheet_by_name(meta.name).to_python(skip_empty_area=False)
            grids.append(
                Grid(meta.name, rows, hidden=str(meta.visible) != "SheetVisibleEnum.Visible")
            )
    except PasswordError:
        raise _locked(path) from None
    except BaseException as error:
        # A Rust panic arrives as pyo3's PanicException, which is not an Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        detail = str(error).splitlines()[0][:200] if isinstance(error, CalamineError) else ""
        raise FundtrackError(
            path.name, f"The workbook cannot be read{f' ({detail})' if detail else ''}.", SAVE_AS
        ) from None
    if not grids:
        raise FundtrackError(path.name, "The workbook has no worksheet.", SAVE_AS)
    return grids


_FORMULA = re.compile(rb"<f[ >/]|<\w+:f[ >/]")
_ERROR = re.compile(rb""" t="e"|\st='e'""")
_ADDRESS = re.compile(rb"""\br=["']([A-Z]{1,3})(\d{1,7})["']""")
_VALUE = re.compile(rb"<(?:\w+:)?v(?:\s[^>]*)?>([^<]*)<")
_CELL_END = re.compile(rb"</(?:\w+:)?c>|<(?:\w+:)?c[ >]")
_TEXT_RESULT = re.compile(rb"""\st=["']str["']""")
_HIDDEN_ROW = re.compile(rb"""<(?:\w+:)?row\s[^>]*\bhidden=["'](?:1|true)["']""")


@dataclass(frozen=True)
class _Seen:
    """What only the sheet's XML tells."""

    errors: dict[tuple[int, int], str]  # (row, column) from 0 -> the error value
    uncalculated: list[tuple[int, int]]
    formulas: list[str]
    percent: frozenset[tuple[int, int]]
    hidden_rows: int


def _seen(package: Package, part: str) -> _Seen:
    """Scans a sheet's bytes.

    Searches for literal bytes come first: they run at the speed of memory, patterns do not.
    """
    xml = package.read(part, keep=True)  # the report marks the same sheets
    errors: dict[tuple[int, int], str] = {}
    uncalculated, formulas = [], []
    for match in _ERROR.finditer(xml) if b't="e"' in xml or b"t='e'" in xml else ():
        if found := _ADDRESS.search(_tag_around(xml, match.start())):
            value = _VALUE.search(xml, match.end(), match.end() + 2000)
            errors[_position(found)] = value.group(1).decode() if value else "#ERROR"
    for match in _FORMULA.finditer(xml) if b"<%bf" % _prefix(xml) in xml else ():
        tag = xml[xml.rfind(b"<", 0, match.start()) : match.start()]
        if not (found := _ADDRESS.search(tag)):
            continue  # `<f` outside a cell, as in a conditional format
        formulas.append((found.group(1) + found.group(2)).decode())
        close = _CELL_END.search(xml, match.end())
        value = _VALUE.search(xml, match.end(), close.start() if close else len(xml))
        if not (value and value.group(1)) and not _TEXT_RESULT.search(tag):
            uncalculated.append(_position(found))
    hidden_rows = len(_HIDDEN_ROW.findall(xml)) if b"hidden=" in xml else 0
    percent = _percent_cells(xml, package.percent_styles)
    return _Seen(errors, uncalculated, formulas, percent, hidden_rows)


def _told(grid: Grid, seen: _Seen) -> Grid:
    """The grid with error values and uncalculated formulas where calamine left a blank."""
    for at, text in seen.errors.items():
        _put(grid.rows, at, ErrorCell(text))
    for at in seen.uncalculated:
        _put(grid.rows, at, Uncalculated("(not calculated)"))
    return replace(
        grid,
        hidden_rows=seen.hidden_rows,
        errors=[_address(at) for at in seen.errors],
        uncalculated=[_address(at) for at in seen.uncalculated],
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
    return xml[xml.rfind(b"<", 0, at) : xml.find(b">", at) + 1]


def _position(address: re.Match[bytes]) -> tuple[int, int]:
    return int(address.group(2)) - 1, column_index(address.group(1).decode())


def _address(at: tuple[int, int]) -> str:
    return f"{column_letter(at[1])}{at[0] + 1}"


def _put(rows: list[list[Cell]], at: tuple[int, int], value: Cell) -> None:
    """Sets a cell that calamine left blank, where its rectangle reaches."""
    row, column = at
    if row < len(rows) and column < len(rows[row]):
        rows[row][column] = value


def _csv(path: Path, data: bytes) -> Read:
    text, remarks = _decoded(data)
    sample = text[:65536]
    delimiter = max(",;\t|", key=sample.count)
    csv.field_size_limit(2**31 - 1)
    try:
        rows: list[list[Cell]] = [
            list(r) for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        ]
    except csv.Error as error:
        raise FundtrackError(path.name, f"The CSV cannot be read ({error}).", SAVE_AS) from None
    width = max((len(row) for row in rows), default=0)
    if width < 2:
        raise FundtrackError(
            path.name, "This is not a workbook, nor a CSV with more than one column.", SAVE_AS
        )
    for row in rows:
        row.extend([""] * (width - len(row)))
    return "csv", [Grid(path.stem[:31], rows, text_only=True)], remarks, None


def _decoded(data: bytes) -> tuple[str, list[str]]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace"), []
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), [
            "The CSV is not in UTF-8; it was read as Windows-1252. Accented letters may be "
            "wrong: save it "
            "as “CSV UTF-8” to be sure."
        ]
