"""The result of a check that judges rows, remarks on the portfolio, or faults of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from fundtrack.evaluate.making import Making, figures, worst
from fundtrack.evaluate.wording import keys
from fundtrack.model import Check, Finding, Judged, Result, Status
from fundtrack.verdicts import Faults, Remarks, RowVerdicts, Verdict
from fundtrack.words import plural


class _Seen(NamedTuple):
    """What one verdict came to: findings, how many rows it asked and could judge, and why not."""

    findings: list[Finding]
    in_scope: int
    assessed: int
    reason: str = ""
    judged: Judged | None = None


def result(making: Making, check: Check, verdicts: Sequence[Verdict]) -> Result:
    """The result of all verdicts of a check that are not shares; its findings have no ids yet."""
    seen = [_seen(making, check, verdict) for verdict in verdicts]
    findings = [f for one in seen for f in one.findings]
    in_scope, assessed = sum(one.in_scope for one in seen), sum(one.assessed for one in seen)
    made = [q for v in verdicts if isinstance(v, Remarks) for q in v.made]
    halves = any(isinstance(v, Remarks) and v.judged and v.open_ for v in verdicts)
    first = check.thresholds[0] if check.thresholds else None
    limits = making.limits.all
    return Result(
        check,
        _status(findings, in_scope, assessed, 0.0 if halves else making.coverage),
        worst(findings),
        first.unit if first else None,
        threshold=limits[first.parameter].value if first else None,
        basis=first.basis if first else None,
        confirmed=all(limits[t.parameter].confirmed for t in check.thresholds),
        figures=figures(made),
        made=made,
        assessed_rows=assessed,
        rows_in_scope=in_scope,
        findings=findings,
        reason=" ".join(one.reason for one in seen if one.reason) or _all_accepted(findings),
        judged=[one.judged for one in seen if one.judged is not None],
    )


def _seen(making: Making, check: Check, verdict: Verdict) -> _Seen:
    if isinstance(verdict, RowVerdicts):
        return _of_rows(making, check, verdict)
    if isinstance(verdict, Remarks):
        found = [making.of_remark(check, remark) for remark in verdict.found]
        in_scope = verdict.judged + verdict.open_
        rest = Status.UNDETERMINED if verdict.open_ else Status.PASS
        judged = Judged(rest=rest) if in_scope else None
        return _Seen(found, in_scope, verdict.judged, verdict.reason, judged)
    assert isinstance(verdict, Faults)
    faults = [fault for fault in making.book.faults if fault.check == check.id]
    found = [finding for fault in faults for finding in making.of_fault(fault)]
    cells = verdict.judged + len(found)
    return _Seen(found, cells, cells, judged=Judged(cells=True))


def _of_rows(making: Making, check: Check, verdict: RowVerdicts) -> _Seen:
    scope, meets = verdict.in_scope.astype("boolean"), verdict.meets.astype("boolean")
    judged = scope.fillna(True)
    known = scope.notna() & meets.notna() | (~scope).fillna(False)
    out = scope & ~meets
    labels = out.index[out.fillna(False)]
    # A row that surely meets the check needs no scope; one whose scope is open and that fails
    # is open.
    unknown = judged & ~(known | meets.fillna(False))
    in_scope = int(judged.sum())
    # Where nothing may be repeated, nothing should stand: an emptied cell is put right.
    beside = None if verdict.hidden else ~judged
    return _Seen(
        making.of_rows(check, verdict, labels) if len(labels) else [],
        in_scope,
        int((judged & ~unknown).sum()),
        _unjudged(making, verdict, unknown, in_scope),
        Judged(verdict.table, verdict.at, unknown, beside, verdict.key),
    )


def _unjudged(making: Making, verdict: RowVerdicts, open_: pd.Series, in_scope: int) -> str:
    """How many rows were left open, which, and what is blank in them."""
    book, labels = making.book, open_.index[open_]
    if not len(labels):
        return ""
    own = [n for t, n in verdict.blank if t == verdict.table]
    blank = [n for n in own if book[verdict.table][n].reindex(labels).isna().any()]
    named = [book.heading(verdict.table, n) for n in blank]
    if not named or verdict.in_scope.reindex(labels).isna().any():
        named += [
            book.heading(t, n)
            for t, n in verdict.blank
            if t != verdict.table and book[t][n].isna().any()
        ]
    words = ", ".join(f"“{heading}”" for heading in dict.fromkeys(named))
    are = "is" if len(set(named)) == 1 else "are"
    why = f": {words} {are} blank or not usable" if words else verdict.otherwise
    first = ", ".join(keys(book.tables[verdict.table], labels[:3]))
    more = " ..." if len(labels) > 3 else ""
    sheet = book.sheet(verdict.table)
    rows = f"{len(labels)} of {in_scope} {plural('row', in_scope)} in {sheet}"
    return f"{rows} could not be judged{why} ({first}{more})."


def _status(findings: Sequence[Finding], in_scope: int, assessed: int, coverage: float) -> Status:
    """`coverage`: the least fraction of the rows in scope that must have been judged."""
    if any(not f.accepted for f in findings):
        return Status.FAIL
    if not in_scope:
        return Status.NOT_APPLICABLE
    if assessed / in_scope < coverage:
        return Status.NOT_ASSESSABLE
    return Status.PASS if assessed == in_scope else Status.UNDETERMINED


def _all_accepted(findings: Sequence[Finding]) -> str | None:
    if findings and all(f.accepted for f in findings):
        return f"{len(findings)} {plural('finding', len(findings))} accepted as an exception."
    return None
