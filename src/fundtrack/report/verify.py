"""Are the figures of an annotated workbook still those that were checked?

The provenance holds a digest of every original sheet, which no saving changes and any changed
figure does. The added sheets are left out: reviewers write in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fundtrack import read
from fundtrack.bounds import Bounds
from fundtrack.model import FundtrackError
from fundtrack.ooxml import Package, column_letter
from fundtrack.report.answers import sheets_by_role
from fundtrack.report.package import cell_of, legible, original_bytes
from fundtrack.report.provenance import DIGEST

_LISTED = 20  # cells that are named


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
    checked = {str(row[1]): (str(row[2]), str(row[3]).split()) for row in facts if row[0] == DIGEST}
    if package is None or not checked:
        raise FundtrackError(
            path.name,
            "holds no digest of checked figures, so that nothing can be compared.",
            "Give the annotated copy that fundtrack wrote, with its sheet Provenance.",
        )
    grids = {legible(g.sheet): g for g in workbook.grids if g.sheet not in roles}
    found = {name: read.digest_of(grid) for name, grid in grids.items()}
    altered, calculated = [], []
    for name, (digest, pending) in checked.items():
        if name in grids and found[name] != digest:
            if read.digest_of(_without(grids[name], pending)) == digest:
                calculated += [f"{name}!{cell}" for cell in pending]
            else:
                altered.append(name)
    gone = [name for name in checked if name not in grids]
    new = [name for name, digest in found.items() if digest and name not in checked]
    cells = None
    if altered and (before := _original(path, package, facts, bounds)):
        cells = [cell for name in altered for cell in _changed(before.get(name), grids[name])]
    return Verified(
        path.name,
        [name for name in checked if name not in altered and name not in gone],
        altered,
        gone,
        new,
        calculated,
        cells[:_LISTED] if cells is not None else None,
        any(grids[name].formulas for name in altered),
        any(len(grids[name].uncalculated) > len(checked[name][1]) for name in altered),
    )


def _without(grid: read.Grid, cells: Sequence[str]) -> read.Grid:
    """Give the sheet with these cells blank."""
    rows = [list(row) for row in grid.rows]
    for row, column in filter(None, map(cell_of, cells)):
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = ""
    return replace(grid, rows=rows)


def _original(
    path: Path, package: Package, facts: Sequence[Sequence[Any]], bounds: Bounds
) -> Mapping[str, read.Grid] | None:
    """Give the sheets as they were: from inside the copy, or from the very file beside it."""
    named = {str(row[1]): str(row[2]) for row in facts if row[0] == "Workbook"}
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


def _changed(before: read.Grid | None, now: read.Grid) -> Iterator[Changed]:
    if before is None:
        return
    height = max(len(before.rows), len(now.rows))
    width = max((len(row) for row in (*before.rows[:1], *now.rows[:1])), default=0)
    for row in range(height):
        for column in range(width):
            old, new = _at(before.rows, row, column), _at(now.rows, row, column)
            if _plain(old) != _plain(new):
                yield Changed(now.sheet, f"{column_letter(column)}{row + 1}", old, new)


def _at(rows: Sequence[Sequence[Any]], row: int, column: int) -> Any:
    return rows[row][column] if row < len(rows) and column < len(rows[row]) else ""


def _plain(value: Any) -> Any:
    if isinstance(value, read.Uncalculated):
        return ""
    if isinstance(value, float):
        return float(f"{value:.14g}")
    return value.replace("\r", "") if isinstance(value, str) else value
