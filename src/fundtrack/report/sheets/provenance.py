"""The provenance: from what, by what and on what terms the workbook was judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fundtrack import __version__, schema
from fundtrack.model import EDITION, Assessment, SheetFacts
from fundtrack.ooxml import cell_of, column_index, stacks
from fundtrack.report.sheets.page import Page, named, title, words
from fundtrack.words import measure

DIGEST = "Digest of a sheet's values"  # the detail: formulas that had never been calculated
ENTERED = "Digest without results of formulas"
_RANGES_A_CELL = 1_400  # of up to 22 letters: more would be cut


def provenance(page: Page, assessment: Assessment, remarks: Sequence[str]) -> None:
    """Write the facts of the run, one a row."""
    page.start("provenance", [28, 34, 72, 50])
    facts = [
        *_workbook_facts(assessment),
        *_setting_facts(assessment),
        *_threshold_facts(assessment),
        *_exception_facts(assessment),
        *(fact for sheet in assessment.sheets for fact in _sheet_facts(sheet)),
        *(("Remarks", f"Remark {n}", remark, "") for n, remark in enumerate(remarks, 1)),
    ]
    page.headings(("Topic", "Item", "Value", "Detail"))
    for row, fact in enumerate(facts, 1):
        for column, value in enumerate(fact):
            page.put(row, column, value, "label" if column == 0 else "text")
    page.sheet.autofilter(0, 0, len(facts), 3)


_Fact = tuple[str, str, str, str]


def _workbook_facts(assessment: Assessment) -> list[_Fact]:
    return [
        ("Workbook", "File", assessment.file, ""),
        ("Workbook", "SHA-256", assessment.sha256, "of the file as it was received"),
        (
            "Workbook",
            "Digest of values",
            assessment.values_digest,
            "of sheet, cell, value and formula: shows whether figures were altered afterwards",
        ),
        *_digest_facts(assessment),
        ("Workbook", "Kind", assessment.kind, ""),
        ("Workbook", "Layout", assessment.layout_title, assessment.layout),
        ("Program", "fundtrack", __version__, ""),
        ("Program", "Edition of the guidance", EDITION, ""),
        *([("Ledger", "Portfolio", assessment.ledger, "")] if assessment.ledger else []),
    ]


def _digest_facts(assessment: Assessment) -> list[_Fact]:
    """Give what `verify` reads: the digest of each sheet, and its formulas without a result."""
    return [
        *(
            (DIGEST, sheet, assessment.digests.get(sheet, ""), pending)
            for sheet in sorted({*assessment.digests, *assessment.pending})
            for pending in _ranges(assessment.pending.get(sheet, ()))
        ),
        *((ENTERED, sheet, digest, "") for sheet, digest in sorted(assessment.entered.items())),
    ]


def _ranges(cells: Sequence[str]) -> list[str]:
    """Give the cells as ranges, in as many texts as they need."""
    ranges = stacks(at for cell in cells if (at := cell_of(cell)))
    starts = range(0, max(1, len(ranges)), _RANGES_A_CELL)
    return [" ".join(ranges[start : start + _RANGES_A_CELL]) for start in starts]


def _setting_facts(assessment: Assessment) -> list[_Fact]:
    return [
        ("Settings", title(key), words(value), "") for key, value in assessment.settings.items()
    ]


def _threshold_facts(assessment: Assessment) -> list[_Fact]:
    facts = []
    for parameter, limit in assessment.limits.all.items():
        if not limit.changed and limit.confirmed_by is None:
            continue
        default = limit.threshold.value
        change = f"default {'none' if default is None else f'{default:g}'}; " * limit.changed
        who = f"confirmed by {limit.confirmed_by}" if limit.confirmed_by else "not confirmed"
        when = f" on {words(limit.confirmed_on)}" if limit.confirmed_on else ""
        why = f": {limit.reason}" if limit.reason else ""
        value = "none" if limit.value is None else measure(limit.value, limit.threshold.unit)
        facts.append(("Thresholds", parameter, value, f"{change}{who}{when}{why}"))
    return facts or [("Thresholds", "Changed or confirmed", "none", "")]


def _exception_facts(assessment: Assessment) -> list[_Fact]:
    return [
        (
            "Exceptions",
            f"Exception {number}",
            "; ".join(f"{title(k)}: {words(v)}" for k, v in exception.items() if v is not None),
            "",
        )
        for number, exception in enumerate(assessment.exceptions, 1)
    ]


def _sheet_facts(facts: SheetFacts) -> list[_Fact]:
    topic = f"Sheet {named(facts)}"
    if facts.table is None:
        return [(topic, "Recognised as", "not recognised, so not read", "")]
    plan = schema.tables()[facts.table]
    read = "\n".join(
        _taken(letter, facts.headings.get(name, name), plan.field(name).title)
        for name, letter in sorted(facts.columns.items(), key=_by_column)
    )
    ignored = "\n".join(f"{letter}: {heading}" for letter, heading in facts.ignored_columns)
    deciding = "\n".join(f"{letter}: {heading}" for letter, heading in facts.deciding)
    also = "\n".join(
        _taken(letter, heading, plan.field(name).title) for letter, heading, name in facts.also_read
    )
    listed: list[tuple[str, str, str]] = [
        ("Recognised as", plan.sheet, facts.how),
        ("Heading row", words(facts.header_row), ""),
        ("Rows", f"{facts.rows:,}", ""),
        ("Columns recognised", read, f"{len(facts.columns):,}"),
        *([("Columns read beside these", also, "")] if also else []),
        *([("Columns that decide which rows count", deciding, "")] if deciding else []),
        ("Columns ignored", ignored, ""),
        *(("Rows skipped", f"row {_some(rows)}", why) for why, rows in facts.skipped.items()),
        ("Hidden", "yes" if facts.hidden else "", ""),
        ("Hidden rows", f"{facts.hidden_rows:,}" if facts.hidden_rows else "", ""),
        ("Formulas never calculated", _some(facts.uncalculated), ""),
        ("Cells with an error", _some(facts.error_cells), ""),
    ]
    return [(topic, item, value, detail) for item, value, detail in listed if value]


def _taken(place: str, heading: str, title: str) -> str:
    """A column, and what it was taken for where it is called otherwise."""
    return f"{place}: {heading}" + f" (read as {title})" * (heading != title)


def _by_column(field: tuple[str, str]) -> tuple[int, str]:
    return (column_index("".join(c for c in field[1] if c.isalpha())), field[1])


def _some(items: Sequence[Any], most: int = 50) -> str:
    shown = ", ".join(str(item) for item in items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most:,} more"
