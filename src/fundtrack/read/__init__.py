"""From a file to grids of raw cells: `grid.rows[0][0]` is A1. Nothing is interpreted here.

A file is told by its content, and read by calamine (`calamine`) or, where it is a CSV, by the
standard library (`delimited`). Before calamine sees an .xlsx or .xlsm, its parts are measured
(`measure`); what calamine cannot tell is looked up in the sheets' XML (`scan`).
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from fundtrack.archive import Archive, key_of
from fundtrack.bounds import Bounds, bytes_of
from fundtrack.digest import digest_of, digest_of_all, entered_digest_of
from fundtrack.grid import Grid
from fundtrack.model import FundtrackError
from fundtrack.ooxml import (
    Package,
)
from fundtrack.read.calamine import SAVE_AS, grids_of, locked_out, run_apart
from fundtrack.read.delimited import read_csv
from fundtrack.read.measure import measured_package
from fundtrack.read.scan import completed, scanned


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
    def pending(self) -> dict[str, Sequence[str]]:
        """The formulas of every sheet that were never calculated."""
        return {grid.sheet: grid.uncalculated for grid in self.grids if grid.uncalculated}

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
        raise locked_out(path)
    inner: bytes = run_apart("unlocked", path, data, password, bounds)
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


_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FILE_PASS = 0x2F


def _xlsx(
    path: Path, data: bytes, bounds: Bounds, measured: Callable[[], None] = lambda: None
) -> Read:
    package = Package(path, data=data, bounds=bounds)
    for sheet in package.sheets:
        if sheet.kind == "worksheet" and sheet.rid and not sheet.part:
            raise FundtrackError(
                path.name,
                "The workbook lists this sheet but does not hold its cells.",
                "Open it in Excel, let Excel repair it, and save it again.",
                sheet=sheet.name,
            )
    remarks: list[str] = []
    data, harmless = measured_package(package, data, bounds, remarks)
    measured()
    # Of sheets that share a name calamine reads the first: in this order it is kept.
    parts = [sheet for sheet in reversed(package.sheets) if sheet.kind == "worksheet"]
    with ThreadPoolExecutor(1) as aside:  # both wait for native code, so a second core can help
        seen = {
            sheet.name: aside.submit(scanned, package, sheet.part) for sheet in parts if sheet.part
        }
        grids = grids_of(path, data, bounds, here=harmless)
        told = [completed(grid, seen[grid.sheet].result()) for grid in grids if grid.sheet in seen]
    return "xlsx", told, remarks, package


def _csv(path: Path, data: bytes, bounds: Bounds) -> Read:
    grid, remarks = read_csv(path, data, bounds)
    return "csv", [grid], remarks, None


def _xlsb(path: Path, data: bytes, bounds: Bounds) -> Read:
    _verified(path, data, bounds)
    return "xlsb", grids_of(path, data, bounds), [_UNSEEN], None


def _xls(path: Path, data: bytes, bounds: Bounds) -> Read:
    return "xls", grids_of(path, data, bounds), [_UNSEEN], None


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
    return "ods", grids_of(path, data, bounds), [_UNSEEN], None


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
    data, harmless = measured_package(package, package.bytes, bounds, [])
    return grids_of(package.path, data, bounds, here=harmless, wanted=wanted)
