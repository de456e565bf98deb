"""The run, as a short list of calls: read, map, validate, evaluate, report. The file to read first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fundtrack import columns, read, rules, settings, validate
from fundtrack.book import Book
from fundtrack.evaluate import evaluate
from fundtrack.model import Assessment
from fundtrack.settings import Options


def assess(path: Path, companions: Sequence[Path] = (), options: Options | None = None) -> Assessment:
    """Reads one workbook with the files that go with it, and judges it by every check.

    Raises FundtrackError where a file cannot be read or nothing in it is recognised.
    """
    workbook = read.workbook(path)
    mapped = columns.mapped(workbook, [read.workbook(other) for other in companions])
    tables, faults = validate.typed(mapped.tables)
    checks = rules.catalogue()
    given = settings.in_force(tables, rules.thresholds(), list(checks), options or Options())
    book = Book(tables, given.settings, given.limits, [*mapped.faults, *faults, *given.faults])
    results, findings = evaluate(book, given.exemptions)
    return Assessment(
        file=path.name,
        sha256=workbook.sha256,
        values_digest=workbook.values_digest,
        kind=mapped.kind,
        layout=mapped.layout,
        layout_title=mapped.layout_title,
        settings=given.settings.as_dict(),
        sheets=mapped.sheets,
        limits=given.limits,
        results=results,
        findings=[replace(f, file=f.file or path.name) for f in findings],
        exceptions=[e.as_dict() for e in given.exemptions],
        tables=tables,
        remarks=[*mapped.remarks, *given.remarks],
    )
