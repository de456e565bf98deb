"""Values by calamine, in this process or in one of its own, and what is said where it fails."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from fundtrack import apart, readers
from fundtrack.bounds import Bounds
from fundtrack.grid import Grid
from fundtrack.model import FundtrackError

SAVE_AS = "Open it in Excel or LibreOffice and save it as .xlsx, then check that file."


def run_apart(task: str, path: Path, data: bytes, given: Any, bounds: Bounds) -> Any:
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
        return locked_out(path)
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


def locked_out(path: Path) -> FundtrackError:
    """What is said of a workbook whose password was not given."""
    return FundtrackError(
        path.name,
        "The workbook is protected by a password.",
        "Write the password into the first line of a text file and give that with --password-file, "
        "or save a copy without a password (File, Info, Protect Workbook) and check the copy.",
    )


def grids_of(
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
            readers.sheets(data, *given) if here else run_apart("sheets", path, data, given, bounds)
        )
    except readers.Unread as reason:
        raise _unread(path, reason, bounds) from None
    if not sheets:
        raise FundtrackError(path.name, "The workbook has no worksheet.", SAVE_AS)
    return [Grid(name, rows, hidden=hidden, merged=merged) for name, hidden, rows, merged in sheets]
