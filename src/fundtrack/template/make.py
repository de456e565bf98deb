"""What `fundtrack template` does, in order: read, map and type a file, fill a template with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fundtrack import columns, copies, schema, validate
from fundtrack.bounds import Bounds
from fundtrack.model import FundtrackError
from fundtrack.report.parts.files import refuse_input, write_file
from fundtrack.template.book import Content, build
from fundtrack.template.choice import KINDS, chosen
from fundtrack.template.fill import content


@dataclass(frozen=True)
class Made:
    """A template that was written: where, and of what it was filled with how much."""

    path: Path
    rows: Mapping[str, int]  # by sheet
    left: int  # sheets and columns left behind, and facts that the source cannot tell
    questions: int  # columns that are still to be filled


def make(
    kind: str | None,
    modules: Sequence[str] | None = None,
    source: Path | None = None,
    output: Path | None = None,
    *,
    force: bool = False,
    bounds: Bounds | None = None,
    password: str | None = None,
) -> Made:
    """Writes a template, empty or filled with what `source` holds.

    Without a `kind` it is that of the source; what came protected stays so. Raises FundtrackError
    where a file cannot be read or written, or there is no such module.
    """
    held, seal = Content(), None
    if source is None:
        kind = kind or KINDS[0]
        tables = chosen(kind, modules)
        usual = Path(f"{kind}-template.xlsx")
    else:
        workbook = copies.original(source, bounds or Bounds(), password)
        seal = copies.seal(password) if workbook.locked else None
        mapped = columns.mapped(workbook)
        kind = kind or mapped.kind
        tables = chosen(kind, modules)
        usual = source.with_name(f"{source.stem}.template.xlsx")
        typed, _ = validate.typed(mapped.tables)
        layout = schema.layouts().get(mapped.layout)
        silent = layout.silent if layout else ()
        held = content(source.name, typed, mapped.sheets, tables, silent)
    goal = copies.into(output, usual)
    _refuse(goal, source, force=force)
    built = build(kind, tables, held)
    write_file(goal, seal(built) if seal else built)
    rows = {t.sheet: len(held.rows[t.name]) for t in tables if t.name in held.rows}
    return Made(goal, rows, len(held.left), len(held.questions))


def _refuse(goal: Path, source: Path | None, *, force: bool) -> None:
    refuse_input(goal, *([source] if source else []))
    if goal.exists() and not force:
        raise FundtrackError(
            goal.name,
            "exists already.",
            "Choose another name with --output, or replace it with --force.",
        )
