"""The outside readers, which files have been seen to break: calamine and msoffcrypto.

A Rust panic ends a reading, an abort the whole process, and a count that lies takes memory without
bound. So this file can also be run as a script, in a process of its own with limits (see `apart`);
it imports nothing of fundtrack for that reason.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import sys
from collections.abc import Collection
from typing import Any, BinaryIO, NamedTuple

Cell = Any  # str, float, int, bool, date, datetime, time, timedelta


_HEADINGS = 100  # rows in which headings may be merged


class Sheet(NamedTuple):
    """One worksheet. `rows` is a rectangle that begins at A1; an empty cell is ''."""

    name: str
    hidden: bool
    rows: list[list[Cell]]
    merged: list[tuple[tuple[int, int], tuple[int, int]]]  # among the first rows, from 0


class Unread(Exception):  # noqa: N818 - not an error of the program: what a file came to
    """Why a file was not read: `locked`, `damaged` (with a detail), `vast` (cells, sheet)."""


def sheets(data: bytes, most_cells: int, wanted: Collection[str] | None = None) -> list[Sheet]:
    """Every worksheet of a workbook in any format that calamine knows, or those `wanted`.

    Raises Unread.
    """
    from python_calamine import (  # noqa: PLC0415 - a process that only decrypts does without
        CalamineError,
        CalamineWorkbook,
        PasswordError,
        SheetTypeEnum,
        SheetVisibleEnum,
    )

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        found = []
        for meta in book.sheets_metadata:
            if meta.typ is not SheetTypeEnum.WorkSheet:
                continue
            if wanted is not None and meta.name not in wanted:
                continue
            sheet = book.get_sheet_by_name(meta.name)
            cells = (sheet.total_height + 1) * (sheet.total_width + 1)  # both count from 0
            if cells > most_cells:
                raise Unread("vast", cells, meta.name)
            rows = sheet.to_python(skip_empty_area=False)
            hidden = meta.visible is not SheetVisibleEnum.Visible
            merged = [area for area in sheet.merged_cell_ranges or () if area[0][0] < _HEADINGS]
            found.append(Sheet(meta.name, hidden, rows, merged))
        return found
    except PasswordError:
        raise Unread("locked") from None
    except BaseException as error:
        # A Rust panic arrives as pyo3's PanicException, which is not an Exception.
        if isinstance(error, Unread | MemoryError):
            raise
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        detail = str(error).splitlines()[0][:200] if isinstance(error, CalamineError) else ""
        raise Unread("damaged", detail) from None


def unlocked(data: bytes, password: str) -> bytes:
    """The workbook inside a protected one. Raises Unread (`password` where that is wrong)."""
    import msoffcrypto  # noqa: PLC0415 - takes long to load, and is seldom needed
    from msoffcrypto.exceptions import InvalidKeyError  # noqa: PLC0415

    opened = io.BytesIO()
    try:
        file = msoffcrypto.OfficeFile(io.BytesIO(data))
        file.load_key(password=password)
        file.decrypt(opened)
    except InvalidKeyError:
        raise Unread("password") from None
    except Exception as error:
        # Of an .xls, the library tells a wrong password only by its words.
        wrong = "password" in str(error).lower()
        raise Unread("password" if wrong else "damaged", "") from None
    return opened.getvalue()


def locked(data: bytes, password: str) -> bytes:
    """An .xlsx protected by that password, as Excel itself would protect it."""
    from msoffcrypto.format.ooxml import OOXMLFile  # noqa: PLC0415 - see `unlocked`

    closed = io.BytesIO()
    OOXMLFile(io.BytesIO(data)).encrypt(password, closed)
    return closed.getvalue()


def _limited(megabytes: int) -> None:
    """No more memory than that, and no dump of a crashed process, which would hold the data."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - there is none on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = megabytes * 2**20
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Does one task: read from `source` as a pickle and the file after it, answered as a pickle."""
    task, given, megabytes = pickle.load(source)
    _limited(megabytes)
    data = source.read()
    answer: tuple[str, Any]
    try:
        if task == "sheets":
            answer = ("done", [tuple(sheet) for sheet in sheets(data, *given)])
        else:
            answer = ("done", unlocked(data, given))
    except Unread as reason:
        answer = ("unread", reason.args)
    pickle.dump(answer, target, protocol=5)


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
