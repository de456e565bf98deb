"""How much of a file is taken in before it is refused. Workbooks come by e-mail from strangers.

Each bound is an option of every command that reads a file; its name is derived from the field here.
In 1,572 real workbooks the largest had 469 entries, a part of 112 MB and 630,000 cells in a sheet;
one of another program's tests had 1,029 sheets, each of which gets three more parts in the copy.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from fundtrack.model import FundtrackError

MB = 2**20
RATIO_FROM = 10 * MB  # below it even a part of nothing but zeros does no harm


def _bound(default: int, says: str) -> Any:
    return field(default=default, metadata={"says": says})


@dataclass(frozen=True)
class Bounds:
    """The greatest sizes that are read. Sizes are in MB of 2**20 bytes."""

    file_mb: int = _bound(256, "MB that a file may have.")
    entries: int = _bound(10_000, "Parts that a workbook's package may have.")
    part_mb: int = _bound(512, "MB that one part may inflate to.")
    total_mb: int = _bound(1_024, "MB that all parts together may inflate to.")
    ratio: int = _bound(200, "Times that a part may inflate, once past 10 MB.")
    cells: int = _bound(20_000_000, "Cells from A1 to the last one of a sheet.")
    memory_mb: int = _bound(1_200, "MB of memory for reading one risky file.")
    seconds: int = _bound(15, "Seconds for reading one risky file.")

    @staticmethod
    def option(name: str) -> str:
        """The option of the command line that sets the bound `name`."""
        return f"--max-{name.replace('_', '-')}"

    @classmethod
    def options(cls) -> dict[str, tuple[str, int, str]]:
        """Each bound's option, default and help, by its name."""
        usual = cls()
        return {
            f.name: (cls.option(f.name), getattr(usual, f.name), f.metadata["says"])
            for f in fields(cls)
        }

    def refusal(self, file: str, name: str, what: str, *, sheet: str | None = None) -> Exception:
        """The error for a value over the bound `name`; `what` tells the value that was met."""
        limit = f"{getattr(self, name):,}{' MB' if name.endswith('_mb') else ''}"
        return FundtrackError(
            file,
            f"refused: {what}; the limit is {limit}.",
            f"If you trust its sender, raise the limit with {self.option(name)}.",
            sheet=sheet,
        )


# What is made here of a file that was within its bounds.
OWN = Bounds(file_mb=4_096, total_mb=4_096, part_mb=4_096, ratio=2_000, cells=2**34)


def bytes_of(path: Path, bounds: Bounds) -> bytes:
    """The bytes of a regular file. Raises FundtrackError for anything else, or one too large.

    Looked at before it is opened: opening a pipe would wait for ever, a device has no end.
    """
    name = path.name or str(path)
    most = bounds.file_mb * MB
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            what = "a folder" if stat.S_ISDIR(facts.st_mode) else "not a regular file"
            raise FundtrackError(name, f"This is {what}.", "Give the path of a workbook.")
        if facts.st_size > most:
            raise bounds.refusal(name, "file_mb", f"it has {facts.st_size / MB:,.0f} MB")
        with path.open("rb") as file:
            data = file.read(facts.st_size + 1)
    except FileNotFoundError:
        raise FundtrackError(
            name,
            f"There is no such file in {path.parent.absolute()}.",
            "Check the name and the folder.",
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise FundtrackError(
            name,
            f"The file cannot be read ({reason}).",
            "Close it where it is open, or ask for the right to read it.",
        ) from None
    if len(data) != facts.st_size:
        raise FundtrackError(
            name,
            "The file changed while it was read.",
            "Wait until it is saved or downloaded in full, then check it again.",
        )
    if not data:
        raise FundtrackError(name, "The file is empty.", "Ask for it to be sent again.")
    return data
