"""Are the figures of an annotated workbook still those that were checked?

The provenance holds a digest of every original sheet, which no saving changes and any changed
figure does. The added sheets are left out: reviewers write in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from fundtrack import read
from fundtrack.bounds import Bounds
from fundtrack.digest import digest_of, entered_digest_of, without
from fundtrack.grid import Grid, Uncalculated
from fundtrack.model import FundtrackError
from fundtrack.ooxml import Package, address, cell_of, legible
from fundtrack.report.ours import sheets_by_role
from fundtrack.report.parts.original import original_bytes
from fundtrack.report.parts.threads import peoples_notes
from fundtrack.report.sheets.provenance import DIGEST, ENTERED
from fundtrack.words import shown

_LISTED = 20  # cells that are named
_MOST_PENDING = 4_000_000  # more are not in any sheet that a program wrote


@dataclass(frozen=True, slots=True)
class Changed:
    """A cell that holds another value than when it was checked; a blank is ''."""

    sheet: str
    cell: str
    was: Any
    now: Any


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of the original sheets since they were checked, by name."""

    file: str
    unchanged: Sequence[str]
    altered: Sequence[str] = ()
    gone: Sequence[str] = ()
    new: Sequence[str] = ()
    calculated: Sequence[str] = ()  # cells whose formula had no result when they were checked
    cells: Sequence[Changed] | None = None  # the first that differ; None: they cannot be told
    formulas: bool = False  # an altered sheet holds formulas
    emptied: bool = False  # formulas lost their results, as when a script has saved the file
    recomputed: Sequence[str] = ()  # altered sheets in which only results of formulas differ
    digests: Mapping[str, str] = field(default_factory=dict)  # of the sheets as they are now
    original: str = ""  # the name of the file that was checked

    @property
    def same(self) -> bool:
        """True where no figure differs."""
        return not (self.altered or self.gone or self.new)


def verify(path: Path, bounds: Bounds | None = None, password: str | None = None) -> Verified:
    """Compare the values of an annotated workbook with the digests in its provenance.

    Raises FundtrackError where the file cannot be read, or has no such digests.
    """
    bounds = bounds or Bounds()
    workbook = read.workbook(path, bounds, password)
    package = workbook.package
    roles = sheets_by_role(package) if package else {}
    ours = [g for g in workbook.grids if roles.get(g.sheet) == "provenance"]
    facts = [row for grid in ours for row in grid.rows if len(row) >= 4]
    checked = {str(row[1]): str(row[2]) for row in facts if row[0] == DIGEST}
    listed = dict[str, list[str]]()  # formulas that had no result when they were checked
    for row in facts:
        if row[0] == DIGEST:
            listed.setdefault(str(row[1]), []).extend(str(row[3]).split())
    entered = {str(row[1]): str(row[2]) for row in facts if row[0] == ENTERED}
    if package is None or not checked:
        raise FundtrackError(
            path.name,
            "holds no digest of checked figures, so that nothing can be compared.",
            "Give the annotated copy that fundtrack wrote, with its sheet Provenance.",
        )
    grids = {legible(g.sheet): g for g in workbook.grids if g.sheet not in roles}
    found = {name: digest_of(grid) or "" for name, grid in grids.items()}
    pending = {
        name: _cells(listed[name], len(grids[name].rows)) for name in checked if name in grids
    }
    altered, calculated = [], []
    for name, digest in checked.items():
        if name in grids and found[name] != digest:
            if (digest_of(without(grids[name], pending[name])) or "") == digest:
                calculated += [f"{name}!{cell}" for cell in pending[name]]
            else:
                altered.append(name)
    gone = [name for name in checked if name not in grids]
    new = [name for name, digest in found.items() if digest and name not in checked]
    cells = None
    if altered and (before := _original(path, package, facts, bounds)):
        differ = (cell for name in altered for cell in _changed(before.get(name), grids[name]))
        cells = list(islice(differ, _LISTED))
    return Verified(
        path.name,
        [name for name in checked if name not in altered and name not in gone],
        altered,
        gone,
        new,
        calculated,
        cells,
        any(grids[name].formulas for name in altered),
        any(len(grids[name].uncalculated) > len(pending[name]) for name in altered),
        [n for n in altered if n in entered and entered_digest_of(grids[n]) == entered[n]],
        found,
        _named(facts).get("File", ""),
    )


def refuse_loss(
    target: Path,
    package: Package,
    workbook: read.Workbook,
    bounds: Bounds,
    password: str | None = None,
) -> None:
    """Raise FundtrackError where replacing a copy would lose what people wrote in its sheets.

    `package` is the copy's. What stands in the `workbook` too, of which the new copy will be made,
    is not lost: figures by sheet, notes by cell. A copy that no
    program has saved since it was written still holds its original, and is not read any further.
    """
    if original_bytes(package) is not None:
        return
    try:
        found = verify(target, bounds, password)
    except FundtrackError as error:
        what = "Whether its sheets were changed cannot be told: its provenance is gone."
        raise _lost(target, what) from error
    kept, changed = set(workbook.sheet_digests.values()), [*found.altered, *found.new]
    if found.emptied or (found.recomputed and _volatile(package)):
        changed = [name for name in changed if name not in found.recomputed]
    lost = [name for name in changed if found.digests[name] not in kept]
    if lost:
        cells = [
            c
            for c in found.cells or ()
            if c.sheet in lost and not (found.emptied and isinstance(c.now, Uncalculated))
        ]
        told = [f"{c.sheet}!{c.cell} was {shown(c.was)}, is {shown(c.now)}" for c in cells[:3]]
        told += ["..."] if len(cells) > 3 else []
        seen = {c.sheet for c in cells}
        told += [
            f"“{name}” {'is new' if name in found.new else 'differs'}"
            for name in lost
            if name not in seen
        ]
        raise _lost(target, f"Replacing it would lose what was changed there: {'; '.join(told)}.")
    here = peoples_notes(workbook.package) if workbook.package else set()
    if noted := sorted(peoples_notes(package) - here):
        places = [f"{sheet}!{cell}" for sheet, cell in noted[:3]] + ["..."] * (len(noted) > 3)
        raise _lost(
            target, f"Replacing it would lose the notes that somebody wrote at {', '.join(places)}."
        )


def _lost(target: Path, what: str) -> FundtrackError:
    return FundtrackError(
        target.name,
        f"was saved by another program since fundtrack wrote it. {what}",
        "Check that file itself, or name another copy with --output, or replace it with --force.",
    )


# These come to another result whenever a program opens the file.
_VOLATILE = re.compile(rb"<(?:\w+:)?f\b[^>]*>[^<]*\b(?:TODAY|NOW|RAND|RANDBETWEEN|RANDARRAY)\(")


def _volatile(package: Package) -> bool:
    return any(_VOLATILE.search(package.read(s.part)) for s in package.sheets if s.part)


def _cells(ranges: Sequence[str], height: int) -> list[str]:
    """Give the cells of ranges such as A2:A5, as far as the sheet now has rows."""
    found, left = list[str](), _MOST_PENDING
    for area in ranges:
        first, _, last = area.partition(":")
        start, end = cell_of(first), cell_of(last or first)
        if start and end:
            rows = range(start[0], min(end[0] + 1, height))[:left]
            found += [address(row, start[1]) for row in rows]
            left -= len(rows)
    return found


def _named(facts: Sequence[Sequence[Any]]) -> dict[str, str]:
    """Give what the provenance says of the workbook that was checked, by item."""
    return {str(row[1]): str(row[2]) for row in facts if row[0] == "Workbook"}


def _original(
    path: Path, package: Package, facts: Sequence[Sequence[Any]], bounds: Bounds
) -> Mapping[str, Grid] | None:
    """Give the sheets as they were: from inside the copy, or from the very file beside it."""
    named = _named(facts)
    inside = original_bytes(package)
    try:
        if inside is not None:
            book = read.workbook(path, bounds, data=inside)
        else:
            book = read.workbook(path.with_name(Path(named.get("File", "")).name), bounds)
            if book.sha256 != named.get("SHA-256"):
                return None
    except FundtrackError:
        return None
    return {legible(grid.sheet): grid for grid in book.grids}


def _changed(before: Grid | None, now: Grid) -> Iterator[Changed]:
    if before is None:
        return
    height = max(len(before.rows), len(now.rows))
    width = max((len(row) for row in (*before.rows[:1], *now.rows[:1])), default=0)
    for row in range(height):
        for column in range(width):
            old, new = _at(before.rows, row, column), _at(now.rows, row, column)
            if _plain(old) != _plain(new):
                yield Changed(now.sheet, address(row, column), old, new)


def _at(rows: Sequence[Sequence[Any]], row: int, column: int) -> Any:
    return rows[row][column] if row < len(rows) and column < len(rows[row]) else ""


def _plain(value: Any) -> Any:
    if isinstance(value, Uncalculated):
        return ""
    if isinstance(value, float):
        return float(f"{value:.14g}")
    return value.replace("\r", "") if isinstance(value, str) else value
