"""The assessment for other programs: JSON (see `schemas/output.schema.json`) and a CSV of
findings.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from fundtrack import __version__
from fundtrack.columns import Mapped
from fundtrack.model import EDITION, Assessment, Finding, Group, Result, SheetFacts
from fundtrack.report.text import tame
from fundtrack.report.trail_json import NO_TRAIL, trail
from fundtrack.report.verify import Verified
from fundtrack.words import json_value

COLUMNS = (
    "id",
    "check",
    "severity",
    "scope",
    "table",
    "sheet",
    "cell",
    "row",
    "field",
    "heading",
    "key",
    "value",
    "expected",
    "difference",
    "message",
    "remedy",
    "accepted",
)


def as_json(
    assessments: Sequence[Assessment], checked: str, outputs: Sequence[Mapping[str, str]]
) -> str:
    """One object for one workbook, a list for several. `checked` is the day of the run."""
    records = [record(a, checked, o) for a, o in zip(assessments, outputs, strict=True)]
    return json.dumps(records[0] if len(records) == 1 else records, indent=2, ensure_ascii=True)


def record(
    assessment: Assessment, checked: str, outputs: Mapping[str, str], *, restricted: bool = False
) -> dict[str, Any]:
    """The whole assessment of one workbook as plain values. Shares are fractions, dates ISO.

    Its trail tells of the records of restricted sheets only with `restricted`.
    """
    shared = assessment.tally is not None
    return {
        "fundtrack": __version__,
        "guidance": EDITION,
        "checked": checked,
        "workbook": {
            "path": assessment.file,
            "sha256": assessment.sha256 or None,
            "values_digest": assessment.values_digest or None,
            "kind": assessment.kind,
            "layout": assessment.layout,
        },
        "settings": dict(assessment.settings),
        "thresholds": {name: limit.value for name, limit in assessment.limits.all.items()},
        "exceptions": [
            {"check": e["check"], "object": e["object"], "expires": e["expires"]}
            for e in (() if shared else assessment.exceptions)
        ],
        "sheets": [sheet(s) for s in assessment.sheets],
        "results": [_result(r) for r in assessment.results],
        "findings": [_finding(f) for f in assessment.findings],
        "counts": {s.value: n for s, n in assessment.counts().items()},
        "remarks": list(assessment.remarks),
        "outputs": dict(outputs),
        "trail": NO_TRAIL if shared else trail(assessment, restricted=restricted),
        **({"redacted": True} if shared else {}),
    }


def sheet(facts: SheetFacts) -> dict[str, Any]:
    """How one sheet was understood, as plain values."""
    return {
        "file": facts.file,
        "sheet": facts.sheet,
        "table": facts.table,
        "recognised": facts.how,
        "header_row": facts.header_row,
        "rows": facts.rows,
        "columns": dict(facts.columns),
        "headings": dict(facts.headings),
        "also_read": [{"column": c, "heading": h, "field": f} for c, h, f in facts.also_read],
        "deciding_columns": [{"column": c, "heading": h} for c, h in facts.deciding],
        "ignored_columns": [{"column": c, "heading": h} for c, h in facts.ignored_columns],
        "skipped_rows": {reason: list(rows) for reason, rows in facts.skipped.items()},
        "hidden": facts.hidden,
        "hidden_rows": facts.hidden_rows,
        "error_cells": list(facts.error_cells),
        "uncalculated_cells": list(facts.uncalculated),
    }


def _result(result: Result) -> dict[str, Any]:
    return {
        "check": result.check.id,
        "name": result.check.name,
        "status": result.status.value,
        "severity": result.severity.value if result.severity else None,
        "unit": result.unit,
        "value": result.value,
        "low": result.low,
        "high": result.high,
        "threshold": result.threshold,
        "basis": result.basis.value if result.basis else None,
        "confirmed": result.confirmed,
        "figures": dict(result.figures),
        "assessed_rows": result.assessed_rows,
        "rows_in_scope": result.rows_in_scope,
        "findings": len(result.findings),
        "reason": result.reason,
        "parameters": [t.parameter for t in result.check.thresholds],
        "breakdown": [_group(g) for g in result.breakdown],
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "by": dict(group.by),
        "value": group.value,
        "low": group.low,
        "high": group.high,
        "status": group.status.value,
        "figures": dict(group.figures),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    plain = {name: getattr(finding, name) for name in COLUMNS}
    plain["severity"] = finding.severity.value
    plain["file"] = finding.file
    plain["organisation"] = finding.organisation
    return plain


def verified(found: Verified) -> str:
    """The outcome of `verify` as JSON; `cells` is null where the original is not at hand."""
    plain = {
        "file": found.file,
        "unchanged": found.same,
        "sheets": {
            "unchanged": list(found.unchanged),
            "altered": list(found.altered),
            "gone": list(found.gone),
            "new": list(found.new),
        },
        "calculated_since": list(found.calculated),
        "cells": None
        if found.cells is None
        else [
            {"sheet": c.sheet, "cell": c.cell, "was": json_value(c.was), "is": json_value(c.now)}
            for c in found.cells
        ],
    }
    return json.dumps(plain, indent=2, ensure_ascii=True)


def inspected(mapped: Mapped) -> str:
    """How a workbook is understood, as JSON."""
    faults = [{"check": f.check, "message": f.message, "remedy": f.remedy} for f in mapped.faults]
    plain = {
        "layout": mapped.layout,
        "kind": mapped.kind,
        "sheets": [sheet(s) for s in mapped.sheets],
        "faults": faults,
        "remarks": mapped.remarks,
    }
    return json.dumps(plain, indent=2, ensure_ascii=True)


def as_csv(assessments: Sequence[Assessment]) -> str:
    """All findings, one a line, with the file they are in. A text that a spreadsheet would run as a
    formula gets an apostrophe before it.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")  # Windows itself adds \r on printing
    writer.writerow(("file", *COLUMNS))
    for assessment in assessments:
        for finding in assessment.findings:
            writer.writerow(
                [tame(finding.file), *(tame(getattr(finding, name)) for name in COLUMNS)]
            )
    return stream.getvalue()
