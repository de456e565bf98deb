"""From typed tables to one result a check, with its findings.

The engine alone makes findings, addresses, bounds and verdicts; a check only says which rows it
judges and which of them meet it (see `row_results`), or which sums make its share (see
`share_results`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from fundtrack import rules, schema
from fundtrack.book import Book
from fundtrack.evaluate import row_results, share_results
from fundtrack.evaluate.identity import in_order, with_ids
from fundtrack.evaluate.making import Making, worst
from fundtrack.model import Check, Finding, Result, Status
from fundtrack.settings import Exemption
from fundtrack.verdicts import NotAssessable, Share, Verdict
from fundtrack.words import one_of

__all__ = ["evaluate"]


def evaluate(book: Book, exemptions: Sequence[Exemption]) -> tuple[list[Result], list[Finding]]:
    """One result for every check, in the catalogue's order, and all findings in sheet and row
    order.

    The findings include those of the schemas (`SCH-...`), which belong to no check.
    """
    making = Making(book, exemptions)
    results: dict[str, Result] = {}
    checks = rules.catalogue()
    for check in sorted(checks.values(), key=lambda c: c.last):
        results[check.id] = _result(making, check, list(results.values()))
    ordered = [results[name] for name in checks]
    findings = [f for r in ordered for f in r.findings]
    findings += [
        f for fault in book.faults if fault.check not in checks for f in making.of_fault(fault)
    ]
    named = with_ids(findings, book)
    by_check = defaultdict(list)
    for finding in named:
        by_check[finding.check].append(finding)
    told = [replace(r, findings=by_check.get(r.check.id, [])) for r in ordered]
    return told, in_order(named)


def _result(making: Making, check: Check, before: Sequence[Result]) -> Result:
    """The result of one check, its findings still without ids."""
    book = making.book
    if reason := _missing(book, check):
        return Result(check, Status.NOT_ASSESSABLE, reason=reason)
    given = check.run(book, book.limits, before) if check.last else check.run(book, book.limits)
    verdicts: list[Verdict] = given if isinstance(given, list) else [given]
    for verdict in verdicts:
        if isinstance(verdict, NotAssessable):
            return Result(check, Status.NOT_ASSESSABLE, reason=verdict.reason)
    of_shares = [v for v in verdicts if isinstance(v, Share)]
    others = [v for v in verdicts if not isinstance(v, Share)]
    if not of_shares:
        return row_results.result(making, check, others)
    if making.currency is None and any(s.counted is None for s in of_shares):
        return Result(check, Status.NOT_ASSESSABLE, reason=_no_currency())
    share = share_results.result(making, check, of_shares)
    return _both(share, row_results.result(making, check, others)) if others else share


def _missing(book: Book, check: Check) -> str | None:
    """Which sheets or columns that the check needs are not there, in words."""
    sheets, columns = [], []
    for table, needed in check.needs.items():
        plan = schema.tables()[table]
        if table not in book.tables:
            sheets.append(f"“{plan.sheet}”")
            continue
        for field in needed:
            options = field.split("|")
            if not any(book.has(table, name) for name in options):
                titles = " or ".join(f"“{plan.field(n).title}”" for n in options)
                columns.append(f"{titles} ({plan.sheet})")
    by_payment = book.settings.value_basis == "disbursement"
    unpaid = by_payment and "transactions" not in book.tables
    if unpaid and "amount" in check.needs.get("grants", ()):
        sheets.append(f"“{schema.tables()['transactions'].sheet}”")
    columns = list(dict.fromkeys(columns))
    if not sheets and not columns:
        return None
    said = []
    if sheets:
        said.append(f"There is no sheet {one_of(sheets)}.")
    if columns:
        said.append(f"There is no column {one_of(columns)}.")
    it = "it" if len(sheets) + len(columns) == 1 else "them"
    return " ".join([*said, f"Add {it}, or give a file that has {it} with --with."])


def _no_currency() -> str:
    return (
        "The amounts are in several currencies and no reporting currency is given: give one with "
        "--reporting-currency, and rates in a sheet Exchange rates."
    )


def _both(share: Result, others: Result) -> Result:
    """One result of a check that judges a share and rows: the graver status, all findings."""
    gravest = [*list(Status)[1:4], Status.PASS, Status.NOT_APPLICABLE]
    findings = [*share.findings, *others.findings]
    return replace(
        share,
        status=min(share.status, others.status, key=gravest.index),
        severity=worst(findings),
        findings=findings,
        judged=[*share.judged, *others.judged],
        assessed_rows=max(share.assessed_rows, others.assessed_rows),
        rows_in_scope=max(share.rows_in_scope, others.rows_in_scope),
        figures={**others.figures, **share.figures},
        made=[*others.made, *share.made],
        reason=" ".join(filter(None, (share.reason, others.reason))) or None,
    )
