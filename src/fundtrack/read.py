"""From a file to grids of raw cells: `grid.rows[0][0]` is A1. Nothing is interpreted here.

Calamine reads the workbooks, the standard library the CSV. Before calamine sees a workbook, its
parts are measured; what is found odd, and every format that cannot be measured, is read in a
process of its own (`apart`). What calamine cannot tell (error cells, formulas that were never
calculated, percentage formats, hidden rows) is looked up in the package of an .xlsx or .xlsm by a
scan of the sheet's bytes, which costs far less than parsing them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import struct
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import quoteattr
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from fundtrack import apart, readers
from fundtrack.archive import Archive, key_of
from fundtrack.bounds import MB, Bounds, bytes_of
from fundtrack.digest import digest_of, digest_of_all, entered_digest_of
from fundtrack.extent import Extent, extent, without_far_cells
from fundtrack.grid import Cell, ErrorCell, Grid, Uncalculated
from fundtrack.model import FundtrackError
from fundtrack.ooxml import (
    MAIN,
    Package,
    address,
    child,
    column_index,
    in_utf8,
    rels_name,
)
from fundtrack.words import plural

SAVE_AS = "Open it in Excel or LibreOffice and save it as .xlsx, then check that file."


@dataclass(frozen=True)
class Workbook:
    """A file as it was read."""

    path: Path
    format: str  # xlsx, xlsb, xls, ods, csv
    sha256: str
    grids: list[Grid]
    remarks: list[str] = field(default_factory=list)
    package: Package | None = None  # of an .xlsx or .xlsm: the very bytes that were read
    locked: bool = False  # it was protected by a password

    @cached_property
    def sheet_digests(self) -> dict[str, str]:
        """The digest of the values of every sheet that holds any."""
        return {grid.sheet: found for grid in self.grids if (found := digest_of(grid))}

    @cached_property
    def entered_digests(self) -> dict[str, str]:
        """Of every sheet with formulas, the digest of what people entered."""
        with_formulas = (grid for grid in self.grids if grid.formulas)
        return {grid.sheet: entered_digest_of(grid) for grid in with_formulas}

    @property
    def values_digest(self) -> str:
        """The digest of all sheets."""
        return digest_of_all(self.sheet_digests)


def workbook(
    path: Path,
    bounds: Bounds | None = None,
    password: str | None = None,
    *,
    data: bytes | None = None,
    measured: Callable[[], None] = lambda: None,
) -> Workbook:
    """Reads a file, told by its content and not by its name.

    `data` are its bytes where they were read before; `measured` is called once what is left to do
    is native code's, which leaves the interpreter to others. Raises FundtrackError where it is not
    a regular file, not readable, over a bound, or not a workbook or CSV.
    """
    bounds = bounds or Bounds()
    file = bytes_of(path, bounds) if data is None else data
    opened = unlocked(path, file, bounds, password)
    reader = _reader(path, opened)
    if reader is _xlsx:
        reader = partial(_xlsx, measured=measured)
    else:
        measured()
    file_format, grids, remarks, package = reader(path, opened, bounds)
    if package is None:  # the copy is a new workbook, for which Excel's rules hold
        grids = _with_legal_names(grids, remarks)
    sha256 = hashlib.sha256(file).hexdigest()
    return Workbook(path, file_format, sha256, grids, remarks, package, locked=opened is not file)


def unlocked(path: Path, data: bytes, bounds: Bounds, password: str | None) -> bytes:
    """The bytes of the workbook inside one that is protected by a password; others as they are.

    Raises FundtrackError where the password is missing or wrong.
    """
    if not _is_locked(data):
        return data
    if password is None:
        raise _locked(path)
    inner: bytes = _apart("unlocked", path, data, password, bounds)
    return inner


def _is_locked(data: bytes) -> bool:
    if data[:8] != _OLE:
        return False
    if "EncryptedPackage".encode("utf-16-le") in data:
        return True
    # [MS-XLS] 2.4.117: the record FilePass follows the first record of the workbook's stream,
    # which begins at a sector of 512 bytes.
    starts = range(512, len(data), 512)
    return any(data[at : at + 2] == b"\x09\x08" and _says_pass(data, at) for at in starts)


def _says_pass(data: bytes, at: int) -> bool:
    """True where FilePass is among the first records of a workbook's stream."""
    for _ in range(4):
        kind, size = struct.unpack_from("<HH", data.ljust(at + 4, b"\0"), at)
        if kind == _FILE_PASS:
            return True
        at += 4 + size
    return False


def _apart(task: str, path: Path, data: bytes, given: Any, bounds: Bounds) -> Any:
    """What a reader gives in a process of its own. Raises FundtrackError."""
    try:
        return apart.run(task, data, given, bounds)
    except apart.Overrun as over:
        if over.name:
            met = {"seconds": "took too long", "memory_mb": "took too much memory"}[over.name]
            raise bounds.refusal(path.name, over.name, f"reading it {met}") from None
        raise FundtrackError(
            path.name,
            "refused: it broke the reader, or took more memory than "
            f"{Bounds.option('memory_mb')} allows ({bounds.memory_mb:,} MB).",
            SAVE_AS,
        ) from None
    except readers.Unread as reason:
        raise _unread(path, reason, bounds) from None


def _unread(path: Path, reason: readers.Unread, bounds: Bounds) -> Exception:
    why, *facts = reason.args
    if why == "locked":
        return _locked(path)
    if why == "password":
        return FundtrackError(
            path.name,
            "The password does not open it.",
            "Give the file whose first line is the password, with --password-file.",
        )
    if why == "vast":
        cells, sheet = facts
        return bounds.refusal(path.name, "cells", f"it spans {cells:,} cells", sheet=sheet)
    detail = f" ({facts[0]})" if facts and facts[0] else ""
    return FundtrackError(path.name, f"The workbook cannot be read{detail}.", SAVE_AS)


def _with_legal_names(grids: list[Grid], remarks: list[str]) -> list[Grid]:
    """The sheets under names that Excel allows, no two alike."""
    taken: set[str] = set()
    named = []
    for grid in grids:
        stem = _NOT_IN_NAMES.sub("_", grid.sheet)[:31].strip("'") or "Sheet"
        name, number = f"{stem}_"[:31] if stem.lower() == "history" else stem, 2
        while name.lower() in taken:
            name, number = f"{stem[:26]} {number}", number + 1
        taken.add(name.lower())
        if name != grid.sheet:
            remarks.append(
                f"The sheet “{grid.sheet[:40]}” is called “{name}” here: Excel does not allow its "
                "name."
            )
        named.append(replace(grid, sheet=name))
    return named


_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f\ud800-\udfff\ufffe\uffff]")

Read = tuple[str, list[Grid], list[str], Package | None]
Reader = Callable[[Path, bytes, Bounds], Read]


def _reader(path: Path, data: bytes) -> Reader:
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zipped(path, data)
    if data[:8] == _OLE:
        return _xls
    head = data[:4096].lstrip(b"\xef\xbb\xbf\r\n\t ").lower()
    if data.startswith(b"PAR1") or head.startswith((b'{"', b"[{")):
        kind = "a Parquet file" if data.startswith(b"PAR1") else "JSON"
        raise FundtrackError(
            path.name,
            f"This is {kind}, not a workbook.",
            "Take the same data as CSV or Excel, which its publisher mostly gives too.",
        )
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
    # Only names are looked at here; each reader opens the archive within its bounds.
    try:
        names = [info.filename for info in ZipFile(io.BytesIO(data)).infolist()]
    except (BadZipFile, OSError, ValueError, NotImplementedError, EOFError, struct.error):
        raise FundtrackError(
            path.name,
            "The workbook is damaged or cut off: its table of contents cannot be read.",
            "Ask for it to be sent again, or open it in Excel and let it be repaired.",
        ) from None
    lower = {key_of(name) for name in names}
    if "content.xml" in lower and "mimetype" in lower:
        return _ods
    if any(name.endswith("workbook.bin") for name in lower):
        return _xlsb
    if "[content_types].xml" in lower:
        return _xlsx
    raise FundtrackError(
        path.name, "This is a ZIP archive, not a workbook.", "Unpack it and check what is inside."
    )


def _locked(path: Path) -> FundtrackError:
    return FundtrackError(
        path.name,
        "The workbook is protected by a password.",
        "Write the password into the first line of a text file and give that with --password-file, "
        "or save a copy without a password (File, Info, Protect Workbook) and check the copy.",
    )


_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FILE_PASS = 0x2F
# What is read here, in this process: cells, cells in a sheet's rectangle, characters of text. More
# is read in a process of its own, which costs a second copy but can be stopped.
_HERE_CELLS, _HERE_BOX, _HERE_TEXT = 4_000_000, 8_000_000, 2**28


def _xlsx(
    path: Path, data: bytes, bounds: Bounds, measured: Callable[[], None] = lambda: None
) -> Read:
    package = Package(path, data=data, bounds=bounds)
    remarks: list[str] = []
    data, harmless = _measured(package, data, bounds, remarks)
    measured()
    parts = [sheet for sheet in package.sheets if sheet.kind == "worksheet"]
    with ThreadPoolExecutor(1) as aside:  # both wait for native code, so a second core can help
        seen = {
            sheet.name: aside.submit(_seen, package, sheet.part) for sheet in parts if sheet.part
        }
        grids = _calamine(path, data, bounds, here=harmless)
        told = [_told(grid, seen[grid.sheet].result()) for grid in grids if grid.sheet in seen]
    return "xlsx", told, remarks, package


def _measured(
    package: Package, data: bytes, bounds: Bounds, remarks: list[str]
) -> tuple[bytes, bool]:
    """What may be handed to calamine, and whether that can be done in this process.

    Every part is inflated and measured, whether or not a sheet leads to it: another reader may find
    its way by other rules. Raises FundtrackError where a bound is passed.
    """
    harmless, cells, texts = package.plain, 0, list[int]()
    cut: dict[str, bytes] = {}
    sheets = []
    names = {sheet.part: sheet.name for sheet in package.sheets}
    for name, part in package.parts():
        xml = _text(package, name, part, names.get(name))
        if xml is not part:  # calamine would see a blank sheet
            cut[name] = xml
        if b"sheetData" in xml:
            reach = extent(xml)
            harmless &= reach is not None
            if b' t="e"' in xml and (known := _with_known_errors(xml)) != xml:
                cut[name] = known
            if reach is None:
                continue
            sheet = names.get(name, name)
            if reach.impossible:
                raise FundtrackError(
                    package.file,
                    "refused: it has a cell past the last row or column that a workbook can have.",
                    SAVE_AS,
                    sheet=sheet,
                )
            if reach.box > bounds.cells:
                whole = cut.get(name, xml)
                cut[name] = _without_far(package, sheet, whole, reach, bounds, remarks)
            cells += reach.cells
            sheets.append(name)
            harmless &= reach.box <= _HERE_BOX
        elif b"sst" in xml[:4096]:
            texts += map(len, xml.split(b"</si>"))
            said = _COUNT.search(xml[:4096])
            harmless &= not said or int(said[1][:12]) <= len(xml)
    size = _size_of_texts(package, sheets, cells, texts)
    if size > bounds.memory_mb * MB:
        what = f"its texts, repeated as its cells ask, take {size / MB:,.0f} MB"
        raise bounds.refusal(package.file, "memory_mb", what)
    harmless = harmless and cells <= _HERE_CELLS and size <= _HERE_TEXT
    if cut or not _usual(package):
        data = _for_calamine(package, cut)
    return data, harmless


def _text(package: Package, name: str, xml: bytes, sheet: str | None) -> bytes:
    """A part as it is, or in UTF-8 where it is of text in another encoding."""
    try:
        return in_utf8(xml) if name.lower().endswith((".xml", ".rels")) or sheet else xml
    except UnicodeDecodeError:
        raise FundtrackError(
            package.file,
            f"“{name}” inside the workbook is damaged: it is not in the encoding that it says.",
            SAVE_AS,
            sheet=sheet,
        ) from None


def _size_of_texts(package: Package, sheets: list[str], cells: int, texts: list[int]) -> int:
    """The bytes, at most, of the shared texts, repeated wherever a cell asks for one.

    Exact only where it matters: one text of 32,000 characters in a million cells takes 32 GB.
    """
    if cells * max(texts, default=0) <= _HERE_TEXT:
        return 0
    long = {i: size for i, size in enumerate(texts) if size * cells > _HERE_TEXT // 2}
    total = _HERE_TEXT // 2
    for name in sheets:
        xml = in_utf8(package.read(name, keep=True))
        if len(long) <= 20:
            total += sum(xml.count(b">%d</" % i) * size for i, size in long.items())
        else:
            total += sum(long.get(int(i), 0) for i in _INDEX.findall(xml))
    return total


def _with_known_errors(xml: bytes) -> bytes:
    """The sheet with #N/A for error values that calamine does not know, such as #SPILL!.

    One of them would keep it from reading the sheet at all. What the cell shows is told by `_seen`.
    """
    return _ERROR_CELL.sub(
        lambda match: match[0] if match[2] in _KNOWN_ERRORS else match[1] + b"#N/A", xml
    )


_ERROR_CELL = re.compile(
    rb"""( t="e"[^>]{0,200}>(?:<f[^>]{0,200}>(?:[^<]{0,9000}</f>)?)?<v>)([^<]{0,100})(?=</v>)"""
)
_KNOWN_ERRORS = (
    b"#DIV/0!", b"#N/A", b"#NAME?", b"#NULL!", b"#NUM!", b"#REF!", b"#VALUE!", b"#GETTING_DATA",
)  # fmt: skip
_INDEX = re.compile(rb">(\d{1,9})</")
_COUNT = re.compile(rb"""\buniqueCount\s*=\s*["'](\d+)""")


def _without_far(
    package: Package, sheet: str, xml: bytes, reach: Extent, bounds: Bounds, remarks: list[str]
) -> bytes:
    """The sheet's part with the cells left out that stand far from all others."""
    if reach.cells > min(_FEW, bounds.cells // 4):
        what = f"it spans {reach.box:,} cells"
        raise bounds.refusal(package.file, "cells", what, sheet=sheet)
    near, far = without_far_cells(xml, _NEAR)
    if len(far) > max(100, reach.cells // 10):  # then they are no strays, but what the sheet holds
        what = f"it spans {reach.box:,} cells"
        raise bounds.refusal(package.file, "cells", what, sheet=sheet)
    first = ", ".join(far[:3]) + (" and others" if len(far) > 3 else "")
    remarks.append(
        f"Sheet “{sheet}”: {len(far):,} {plural('cell', len(far))} far from the rest ({first}) "
        f"{'was' if len(far) == 1 else 'were'} not read. With "
        f"{'it' if len(far) == 1 else 'them'} the sheet would span {reach.box:,} cells."
    )
    return near


_FEW = 2_000_000  # cells that are looked at one by one
_NEAR = 2_000_000  # cells in the rectangle of those that are kept


def _usual(package: Package) -> bool:
    """True where the parts that hold cells stand where calamine looks for them."""
    links = rels_name(package.main_part)
    return (
        package.main_part.lower() == "xl/workbook.xml"
        and not any("\\" in name or name.startswith("/") for name in package.names)
        and not (package.has(links) and b"\\" in package.read(links))
        and all(s.part.lower().startswith(f"xl/{s.kind}s/") for s in package.sheets if s.part)
    )


def _for_calamine(package: Package, changed: dict[str, bytes]) -> bytes:
    """The parts that hold cells, in a package as Excel would lay it out."""
    facts = child(package.workbook, "workbookPr")
    since_1904 = facts is not None and facts.get("date1904") in ("1", "true")
    listed, links, parts = [], [], {}
    for n, sheet in enumerate((s for s in package.sheets if s.kind == "worksheet"), 1):
        listed.append(
            f'<sheet name={_quoted(sheet.name)} sheetId="{n}" state="{sheet.state}" r:id="rId{n}"/>'
        )
        links.append(_LINK % (f"rId{n}", "worksheet", f"worksheets/sheet{n}.xml"))
        parts[f"xl/worksheets/sheet{n}.xml"] = sheet.part  # where it is missing, calamine says so
    for kind in ("sharedStrings", "styles"):
        if part := package.part_of_kind(kind):
            links.append(_LINK % (kind, kind, f"{kind}.xml"))
            parts[f"xl/{kind}.xml"] = part
    made = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": _links([_LINK % ("rId1", "officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{_KINDS}"><workbookPr '
        f'date1904="{int(since_1904)}"/><sheets>{"".join(listed)}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _links(links),
    }
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in made.items():
            archive.writestr(name, text.encode("utf-8", "replace"))
        for name, part in parts.items():
            if part:
                held = package.entry_name(part)
                data = changed[held] if held in changed else package.read(held, keep=True)
                archive.writestr(name, data)
    return stream.getvalue()


_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_LINK = f'<Relationship Id="%s" Type="{_KINDS}/%s" Target="%s"/>'


def _links(links: Sequence[str]) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(links)}</Relationships>'


def _quoted(text: str) -> str:
    return quoteattr(text, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _xlsb(path: Path, data: bytes, bounds: Bounds) -> Read:
    _verified(path, data, bounds)
    return "xlsb", _calamine(path, data, bounds), [_UNSEEN], None


def _xls(path: Path, data: bytes, bounds: Bounds) -> Read:
    return "xls", _calamine(path, data, bounds), [_UNSEEN], None


def _ods(path: Path, data: bytes, bounds: Bounds) -> Read:
    archive = _verified(path, data, bounds)
    if not archive.read("mimetype").startswith(_ODS):
        raise FundtrackError(
            path.name, "This is an OpenDocument file, but not a spreadsheet.", SAVE_AS
        )
    if archive.has(_MANIFEST) and b"encryption-data" in archive.read(_MANIFEST):
        raise FundtrackError(
            path.name,
            "The workbook is protected by a password.",
            "Open it in LibreOffice and save a copy without a password (File, Save As), or as "
            ".xlsx with one, which --password-file opens.",
        )
    return "ods", _calamine(path, data, bounds), [_UNSEEN], None


_ODS = b"application/vnd.oasis.opendocument.spreadsheet"
_MANIFEST = "META-INF/manifest.xml"


def _verified(path: Path, data: bytes, bounds: Bounds) -> Archive:
    archive = Archive(path, data=data, bounds=bounds)
    for _ in archive.parts():
        pass  # each part is measured as it is passed
    return archive


_UNSEEN = (
    "In this file format, error values and formulas that were never calculated cannot be told from "
    "blank cells. Save the workbook as .xlsx to have them found."
)


def values(package: Package, bounds: Bounds, wanted: Collection[str]) -> list[Grid]:
    """The values of the sheets named in `wanted`, and of no others; one not there is left out.

    Raises FundtrackError where they cannot be read, or there is none of them.
    """
    data, harmless = _measured(package, package.bytes, bounds, [])
    return _calamine(package.path, data, bounds, here=harmless, wanted=wanted)


def _calamine(
    path: Path,
    data: bytes,
    bounds: Bounds,
    *,
    here: bool = False,
    wanted: Collection[str] | None = None,
) -> list[Grid]:
    """The sheets' values; read in this process only where that was found harmless."""
    given = (bounds.cells, None if wanted is None else frozenset(wanted))
    try:
        sheets = (
            readers.sheets(data, *given) if here else _apart("sheets", path, data, given, bounds)
        )
    except readers.Unread as reason:
        raise _unread(path, reason, bounds) from None
    if not sheets:
        raise FundtrackError(path.name, "The workbook has no worksheet.", SAVE_AS)
    return [Grid(name, rows, hidden=hidden, merged=merged) for name, hidden, rows, merged in sheets]


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
    return _Seen(errors, uncalculated, formulas, percent, hidden_rows)


def _holds(xml: bytes, *marks: bytes) -> bool:
    """True where one of the marks stands in it. Sought a piece at a time: calamine may wait."""
    starts = range(0, len(xml), _PIECE)
    return any(xml.find(mark, at, at + _PIECE + 20) >= 0 for at in starts for mark in marks)


_PIECE = 2 * MB


def _told(grid: Grid, seen: _Seen) -> Grid:
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


def _csv(path: Path, data: bytes, bounds: Bounds) -> Read:
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
    return "csv", [Grid(path.stem, rows, text_only=True)], remarks, None


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
