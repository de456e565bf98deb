"""The history for other programs: JSON (see `schemas/history.schema.json`) and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from fundtrack.history import Difference, Figure, Followed, History, Moment, State, What
from fundtrack.report.text import tame

RESTRICTED = "(restricted)"
_CHECKS = (
    *("number", "day", "checked", "file", "open", "errors", "accepted"),
    *(w.value for w in What if w is not What.ACCEPTED),
)
_FINDING = (
    *("id", "check", "severity", "sheet", "record", "heading", "organisation", "first_found"),
    *("state", "what", "since", "age_days", "reason", "excepted_until"),
    *("answer", "response", "action", "due", "overdue_days", "role", "reviewed_on", "conflict"),
)


def iso(day: date | None) -> str | None:
    """Give a day as programs write it."""
    return day.isoformat() if day else None


def as_json(told: Sequence[History]) -> str:
    """One object for one portfolio, a list for several."""
    plain = [_plain(h) for h in told]
    return json.dumps(plain[0] if len(plain) == 1 else plain, indent=2)


def as_csv(told: Sequence[History], by: str | None) -> str:
    """The checks of all portfolios, a line each; with `by`, the list of that."""
    found = [{"portfolio": h.portfolio, "kind": h.kind, **r} for h in told for r in rows(h, by)]
    return _csv(["portfolio", "kind", *_columns(by)], found)


def _columns(by: str | None) -> list[str]:
    if by is None:
        return list(_CHECKS)
    if by == "finding":
        return list(_FINDING)
    closed = (What.RESOLVED, What.GONE, What.NOT_ASKED, What.TERMS)
    return [by, "open", "errors", "accepted", "overdue", "oldest_days", *(w.value for w in closed)]


def rows(h: History, by: str | None) -> list[dict[str, Any]]:
    """The checks, findings, checks' or organisations' counts of one portfolio."""
    if by is None:
        return [_moment(m) for m in h.moments]
    if by == "finding":
        return [finding_row(f) for f in h.findings]
    return grouped(h.findings, by)


def _moment(m: Moment) -> dict[str, Any]:
    told = {
        "number": m.number,
        "day": m.day.isoformat(),
        "checked": m.checked.isoformat(),
        "file": m.file,
        "open": m.open,
        "errors": m.errors,
        "accepted": m.accepted,
    }
    return told | {w.value: m.counts.get(w, 0) for w in What if w is not What.ACCEPTED}


def finding_row(f: Followed) -> dict[str, Any]:
    """One finding as a flat row; where two answers conflict, the first of them and the mark."""
    answer = f.replies[0].answer if f.replies else None
    return {
        "id": f.id,
        "check": f.check,
        "severity": f.severity,
        "sheet": f.sheet,
        "record": f.record or (RESTRICTED if f.sheet else None),
        "heading": f.heading,
        "organisation": f.organisation,
        "first_found": f.found.isoformat(),
        "state": "accepted" if f.state is State.ACCEPTED else f.state.value,
        "what": f.what.value,
        "since": f.changed.isoformat(),
        "age_days": f.age_days,
        "reason": f.reason,
        "excepted_until": iso(f.until),
        "answer": answer.status if answer else None,
        "response": answer.response if answer else None,
        "action": answer.action if answer else None,
        "due": iso(answer.due) if answer else None,
        "overdue_days": f.overdue_days or None,
        "role": answer.role if answer else None,
        "reviewed_on": iso(answer.reviewed_on) if answer else None,
        "conflict": f.conflict,
    }


def grouped(findings: Sequence[Followed], by: str) -> list[dict[str, Any]]:
    """Counts by check or by organisation, most open findings first."""
    groups: dict[str, list[Followed]] = defaultdict(list)
    for finding in findings:
        name = finding.check if by == "check" else finding.organisation
        groups[name or "(no organisation)"].append(finding)
    found = []
    for name, mine in groups.items():
        open_ = [f for f in mine if f.state is State.OPEN]
        row: dict[str, Any] = {
            by: name,
            "open": len(open_),
            "errors": sum(f.severity == "error" for f in open_),
            "accepted": sum(f.state is State.ACCEPTED for f in mine),
            "overdue": sum(bool(f.overdue_days) for f in open_),
            "oldest_days": max((f.age_days or 0 for f in open_), default=None),
        }
        for what in (What.RESOLVED, What.GONE, What.NOT_ASKED, What.TERMS):
            row[what.value] = sum(f.what is what for f in mine)
        found.append(row)
    return sorted(found, key=lambda r: (-r["open"], r[by]))


def _plain(h: History) -> dict[str, Any]:
    return {
        "portfolio": h.portfolio,
        "kind": h.kind,
        "as_of": h.as_of.isoformat(),
        "since": iso(h.since),
        "until": iso(h.until),
        "checks": [
            {**_moment(m), "guidance": m.guidance, "terms": list(m.terms)} for m in h.moments
        ],
        "figures": [_plain_figure(f) for f in h.figures],
        "by_check": grouped(h.findings, "check"),
        "by_organisation": grouped(h.findings, "organisation"),
        "findings": [
            {**finding_row(f), "answers": [_reply(r) for r in f.replies]} for f in h.findings
        ],
    }


def _plain_figure(f: Figure) -> dict[str, Any]:
    return {
        "check": f.check,
        "name": f.name,
        "number": f.number,
        "day": f.day.isoformat(),
        "status": f.status,
        "low": f.low,
        "high": f.high,
        "threshold": f.threshold,
    }


def _reply(reply: Any) -> dict[str, Any]:
    a = reply.answer
    return {
        "status": a.status,
        "response": a.response,
        "action": a.action,
        "due": iso(a.due),
        "role": a.role,
        "reviewed_on": iso(a.reviewed_on),
        "source": reply.source,
    }


ORDER = ("appeared", "no longer open", "remains")


def change_of(told: Difference, f: Followed) -> str:
    """Which of ORDER became of a finding from one check to the other."""
    if told.appeared[f.id]:
        return "appeared"
    return "no longer open" if f.state is State.CLOSED else "remains"


def difference_as_json(told: Difference) -> str:
    """Two checks side by side as one object."""
    return json.dumps(
        {
            "portfolio": told.portfolio,
            "kind": told.kind,
            "first": _moment(told.first),
            "second": _moment(told.second),
            "figures": [_plain_figure(f) for f in told.figures],
            "findings": _changes(told),
        },
        indent=2,
    )


def difference_as_csv(told: Difference) -> str:
    """The findings of two checks, a line each, with what became of it."""
    return _csv(["change", *_FINDING], _changes(told))


def _changes(told: Difference) -> list[dict[str, Any]]:
    found = sorted(told.findings, key=lambda f: ORDER.index(change_of(told, f)))
    return [{**finding_row(f), "change": change_of(told, f)} for f in found]


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")  # Windows itself adds \r on printing
    writer.writerow(columns)
    writer.writerows([[tame(row.get(name)) for name in columns] for row in rows])
    return stream.getvalue()
