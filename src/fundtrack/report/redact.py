"""A workbook to share: what was found, without anything that could point at a person.

The assessment is made anew from what is known to be harmless: the catalogue's and the schemas' own
words, statuses, shares, and counts of five or more. Nothing that stood in a cell is carried over,
so that there is nothing to look for and take out.
"""

from __future__ import annotations

import inspect
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from fundtrack import schema
from fundtrack.model import (
    Assessment,
    Check,
    Finding,
    Limit,
    Limits,
    Result,
    Severity,
    SheetFacts,
    Status,
)
from fundtrack.report.ours import SHARED_PREFIX
from fundtrack.report.parts.files import write_file
from fundtrack.report.sheets.checks import checks
from fundtrack.report.sheets.page import Page, decimals, formats, new_book
from fundtrack.report.sheets.provenance import provenance
from fundtrack.report.sheets.summary import summary
from fundtrack.report.text import sections_of
from fundtrack.words import one_of

LEAST = 5  # a count below it could point at somebody (house rule)
_COLUMNS = (
    ("Severity", 10),
    ("Check", 9),
    ("Requirement", 44),
    ("Sheet", 18),
    ("Heading", 24),
    ("Findings", 10),
    ("How to fix", 50),
)


def redacted(assessment: Assessment, constraints: Mapping[str, str]) -> Assessment:
    """Give an assessment that may be shared, in which each finding is one kind of finding.

    Its `tally` counts findings. `constraints` explains those of the schemas by their ids. Left out
    are: kinds of which there are fewer than LEAST, and them from every total, so that no total
    gives them away; restricted sheets, and checks that rest on one; accepted findings; ids, which
    are made from names; digests, by which somebody could try whether a guess is right.
    """
    fit = [r for r in assessment.results if not _restricted(r.check)]
    known = {r.check.id: r.check for r in assessment.results}
    kinds = _kinds(assessment.findings, {r.check.id for r in fit} | set(constraints))
    findings = [
        _line(number, kind, count, known.get(kind[1]), assessment.limits, constraints)
        for number, (kind, count) in enumerate(kinds.items(), 1)
    ]
    tally = dict.fromkeys(Severity, 0)
    for finding, count in zip(findings, kinds.values(), strict=True):
        tally[finding.severity] += count
    shown: dict[str, list[Finding]] = defaultdict(list)
    for finding, count in zip(findings, kinds.values(), strict=True):
        shown[finding.check] += [finding] * count
    sheets = [
        _sheet(s)
        for s in assessment.sheets
        if s.table and not schema.tables()[s.table].restricted and s.rows >= LEAST
    ]
    left = len(assessment.results) - len(fit)
    return Assessment(
        file="Workbook",
        sha256="",
        values_digest="",
        kind=assessment.kind,
        layout=assessment.layout,
        layout_title=assessment.layout_title,
        settings=_settings(assessment.settings),
        sheets=sheets,
        limits=Limits({name: _limit(limit) for name, limit in assessment.limits.all.items()}),
        results=[_result(r, shown[r.check.id], assessment) for r in fit],
        findings=findings,
        exceptions=[],
        tables={},
        remarks=_remarks(left),
        tally=tally,
    )


def shared_workbook(assessment: Assessment, target: Path, families: Mapping[str, str]) -> None:
    """Write a redacted assessment as a workbook of its own; see `refuse_target` for the target.

    Raises FundtrackError where it cannot be written.
    """
    buffer = io.BytesIO()
    book = new_book(buffer)
    page = Page(book, formats(book), set(), SHARED_PREFIX)
    summary(page, assessment, families, (0, 0), assessment.remarks)
    _findings(page, assessment)
    checks(page, assessment, None)
    provenance(page, assessment, assessment.remarks)
    page.finish()
    book.close()
    write_file(target, buffer.getvalue())


def _restricted(check: Check) -> bool:
    return any(schema.tables()[t].restricted for t in (*check.needs, *check.weighs))


_Kind = tuple[Severity, str, str | None, str | None]  # severity, check, table, field


def _kinds(findings: Sequence[Finding], fit: set[str]) -> dict[_Kind, int]:
    """Count the findings of a kind, worst first; of the whole portfolio there is one a check."""
    counts: dict[_Kind, int] = defaultdict(int)
    for f in findings:
        if f.accepted or f.check not in fit:
            continue
        if f.table is None:
            counts[f.severity, f.check, None, None] = LEAST  # no count of anything: shown as is
        elif not schema.tables()[f.table].restricted:
            counts[f.severity, f.check, f.table, f.field] += 1
    enough = [kind for kind, count in counts.items() if count >= LEAST]
    enough.sort(key=lambda kind: (kind[0].rank, *(part or "" for part in kind[1:])))
    return {kind: counts[kind] if kind[2] else 1 for kind in enough}


def _line(
    number: int,
    kind: _Kind,
    count: int,
    check: Check | None,
    limits: Limits,
    constraints: Mapping[str, str],
) -> Finding:
    severity, name, table, field = kind
    plan = schema.tables()[table] if table else None
    heading = plan.field(field).title if plan and field in plan.names else None
    asked = limits.fill(check.title) if check else constraints[name]
    fix = _fix(check, limits) if check else ""
    return Finding(
        id=f"{number:016x}",
        check=name,
        severity=severity,
        scope=check.scope if check else "cell",
        table=table,
        sheet=plan.sheet if plan else None,
        field=field if heading else None,
        heading=heading,
        key=None,
        value=count if plan else None,  # how many there are
        expected=asked,
        message=(f"{count:,} findings against: " if plan else "Not met: ") + f"{asked}.",
        remedy=fix,
    )


def _fix(check: Check, limits: Limits) -> str:
    sections = dict(sections_of(limits.fill(inspect.getdoc(check.run) or "")))
    fix = sections.get("Fix", "")
    return fix[:1].upper() + fix[1:]


def _limit(limit: Limit) -> Limit:
    who = "a role named in the workbook" if limit.confirmed_by else None
    return Limit(limit.threshold, limit.value, who)


def _settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give what has a fixed form: days, a currency, a basis; no names, no countries."""
    kept: dict[str, Any] = {}
    for name in ("reference_date", "period_start", "period_end"):
        kept[name] = _day(settings.get(name))
    currency = settings.get("reporting_currency")
    kept["reporting_currency"] = (
        currency if currency in schema.codelists()["currency"].codes else None
    )
    for name in ("value_basis", "treat_unknown_affiliation_as"):
        if settings.get(name) in ("commitment", "disbursement", "unknown", "no"):
            kept[name] = settings[name]
    return kept


def _day(value: Any) -> str | None:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        return None


def _sheet(facts: SheetFacts) -> SheetFacts:
    """Give the sheet in the schema's own words; its rows rounded down to fives."""
    assert facts.table is not None
    plan = schema.tables()[facts.table]
    fields = [name for name in facts.columns if name in plan.names]
    return SheetFacts(
        "",
        plan.sheet,
        plan.name,
        "",
        rows=_rounded(facts.rows),
        columns={name: facts.columns[name] for name in fields},
        headings={name: plan.field(name).title for name in fields},
    )


def _rounded(count: int) -> int:
    return count // LEAST * LEAST


def _result(result: Result, findings: Sequence[Finding], assessment: Assessment) -> Result:
    rows = result.rows_in_scope
    if result.terms is not None:
        rows = len(result.terms[["table", "label"]].drop_duplicates())
    places = 2 + decimals(result)
    value, low, high = (
        round(figure, places) if figure is not None and rows >= LEAST else None
        for figure in (result.value, result.low, result.high)
    )
    return replace(
        result,
        value=value,
        low=low,
        high=high,
        figures={},
        assessed_rows=_rounded(result.assessed_rows),
        rows_in_scope=_rounded(result.rows_in_scope),
        findings=findings,
        reason=_reason(result, assessment),
        breakdown=(),
        terms=None,
        made=(),
        judged=(),
    )


def _reason(result: Result, assessment: Assessment) -> str | None:
    if result.status is Status.UNDETERMINED:
        return "Some cells that it needs are blank."
    if result.status is not Status.NOT_ASSESSABLE:
        return None
    tables = [schema.tables()[t].sheet for t in result.check.needs if t not in assessment.tables]
    if tables:
        return f"There is no sheet {one_of([f'“{sheet}”' for sheet in tables])}."
    return "Columns or too many cells that it needs are blank."


def _remarks(left: int) -> list[str]:
    return [
        "Made to be shared: names, identifiers, texts and all that stood in cells are left out, "
        f"and so are restricted sheets, the {left} checks that rest on them, and accepted "
        "findings.",
        f"Findings are counted by check and column. Fewer than {LEAST} of a kind are not shown and "
        f"are in no total. Rows are rounded down to {LEAST}s; sheets of fewer than {LEAST} rows, "
        "and shares of so few, are not shown.",
    ]


def _findings(page: Page, assessment: Assessment) -> None:
    page.start("findings", [width for _, width in _COLUMNS])
    page.headings((heading for heading, _ in _COLUMNS), ["Findings"])
    for row, finding in enumerate(assessment.findings, 1):
        page.put(row, 0, finding.severity.value, finding.severity.value)
        page.put(row, 1, finding.check, "label")
        page.put(row, 2, finding.expected)
        page.put(row, 3, finding.sheet)
        page.put(row, 4, finding.heading)
        page.put(row, 5, finding.value, "integer")
        page.put(row, 6, finding.remedy)
    page.sheet.autofilter(0, 0, max(len(assessment.findings), 1), len(_COLUMNS) - 1)
