"""The ledger's answers as people read them: a line, a page, a list."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from fundtrack.history import (
    Difference,
    Figure,
    Followed,
    History,
    Moment,
    Recorded,
    Reviewed,
    State,
    What,
)
from fundtrack.report.history.records import (
    ORDER,
    RESTRICTED,
    as_csv,
    as_json,
    change_of,
    difference_as_csv,
    difference_as_json,
    iso,
    rows,
)
from fundtrack.report.text import safe
from fundtrack.words import percent, plural

AGES = (("up to 90 days", 90), ("91 to 180 days", 180), ("181 to 365 days", 365), ("older", None))
LISTED = 10  # of each kind on the page; the lists have them all
FIGURES = 6  # checks that the page shows of each key figure


# --- One line each --------------------------------------------------------------------------------


def recorded(done: Recorded) -> str:
    """What a run says of being kept."""
    at = f"check {done.number} of “{done.portfolio}” ({done.kind})"
    if done.known:
        return safe(f"Recorded already in {done.ledger} as {at}: nothing was added.")
    told = ", ".join(f"{n} {w.words}" for w in What if (n := done.counts.get(w)))
    lines = [f"Recorded in {done.ledger} as {at}: {told or 'no findings, and none before'}."]
    return safe("\n".join([*lines, *done.remarks]))


def reviewed(done: Reviewed, remarks: Sequence[str]) -> str:
    """What came of a reviewed copy, with the answers that differ."""
    added = f"{done.added} {plural('answer', done.added)}"
    lines = [
        f"{done.source}: {added} added to “{done.portfolio}” ({done.kind}), "
        f"{done.known} already known."
    ]
    if done.unknown:
        lines.append(f"  {done.unknown} of them to findings that no recorded check has.")
    lines += [f"  {remark}" for remark in remarks]
    if done.conflicts:
        n = len(done.conflicts)
        lines.append(
            f"  {n} {plural('finding', n)} answered differently by two reviewers; both answers are "
            "kept. Settle each in the Findings sheet of the next checked copy:"
        )
    for finding, replies in done.conflicts.items():
        check, record = done.records[finding]
        lines.append(f"  {finding}  {check} {record or RESTRICTED}")
        for reply in replies:
            a = reply.answer
            who = ", ".join(filter(None, (a.role, iso(a.reviewed_on), reply.source)))
            said = "; ".join(filter(None, (a.status, a.response, a.action, _due(a.due))))
            lines.append(f"      {said}  [{who}]")
    return safe("\n".join(lines))


def _due(day: date | None) -> str | None:
    return f"due {day}" if day else None


# --- The page -------------------------------------------------------------------------------------


def page(told: Sequence[History], by: str | None, style: str) -> str:
    """Every portfolio's history as text, JSON or CSV; with `by`, the list of that."""
    if style == "json":
        return as_json(told)
    if style == "csv":
        return as_csv(told, by)
    shown = _list if by else _page
    return safe("\n\n\n".join("\n".join(shown(h, by)) for h in told))


def _page(h: History, _: str | None) -> list[str]:
    blocks = [
        _head(h),
        *(_indented(block) for block in (_moments(h.moments), _terms(h.moments))),
        _standing(h),
        _some(
            "Overdue actions",
            sorted((f for f in h.findings if f.overdue_days), key=lambda f: -f.overdue_days),
            _overdue,
        ),
        _some("Said to be done, still found", [f for f in h.findings if f.said_done], _line),
        _some(
            "Answered differently by two reviewers", [f for f in h.findings if f.conflict], _line
        ),
        _some("Exceptions that ended", [f for f in h.findings if f.what is What.EXPIRED], _line),
        _figures(h),
    ]
    return [line for block in blocks if block for line in ["", *block]][1:]


def _head(h: History) -> list[str]:
    n, first, last = len(h.moments), h.moments[0].day, h.moments[-1].day
    return [
        f"{h.portfolio} ({h.kind}): {n} {plural('check', n)} recorded, "
        f"{first if first == last else f'{first} to {last}'}; ages as of {h.as_of}."
    ]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


_SHORT = {
    What.NEW: "new",
    What.STILL_OPEN: "still open",
    What.NOT_JUDGED: "not judged",
    What.REOPENED: "reopened",
    What.EXPIRED: "exception ended",
    What.WITHDRAWN: "exception withdrawn",
    What.RESOLVED: "resolved",
    What.GONE: "record gone",
    What.NOT_ASKED: "not asked",
    What.TERMS: "terms changed",
}
_ALWAYS = (What.NEW, What.STILL_OPEN, What.REOPENED, What.RESOLVED, What.GONE)


def _moments(moments: Sequence[Moment]) -> list[str]:
    """A line a check; a column that would be empty all the way down is left out."""
    shown = [w for w in _SHORT if w in _ALWAYS or any(m.counts.get(w) for m in moments)]
    excepted = any(m.accepted for m in moments)
    heads = ["check", "day", "open", "errors", *(["accepted"] if excepted else [])]
    heads += [_SHORT[w] for w in shown]
    rows = [
        [
            str(m.number),
            str(m.day),
            f"{m.open:,}",
            f"{m.errors:,}",
            *([f"{m.accepted:,}"] if excepted else []),
            *(f"{m.counts[w]:,}" if m.counts.get(w) else "·" for w in shown),
        ]
        for m in moments
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in [heads, *rows]
    ]


def _terms(moments: Sequence[Moment]) -> list[str]:
    """What was changed between checks, apart from the period, which moves by itself."""
    lines = []
    for before, m in zip([None, *moments], moments, strict=False):
        moved = [t for t in m.terms if not t.startswith(("reference date", "period "))]
        if before and before.guidance != m.guidance:
            moved.append(f"edition of the guidance from {before.guidance} to {m.guidance}")
        if moved:
            lines.append(f"Check {m.number} was judged on other terms: {'; '.join(moved)}.")
    return lines


def _standing(h: History) -> list[str]:
    open_ = [f for f in h.findings if f.state is State.OPEN]
    if not open_:
        return ["No finding is open."]
    severities = ("error", "warning", "note")
    told: Counter[tuple[str, str]] = Counter()
    for finding in open_:
        told[_age(finding), finding.severity] += 1
    lines = [f"Open findings by age:  {'':10}" + "".join(f"{s:>10}" for s in severities)]
    for name, _ in AGES:
        if any(told[name, s] for s in severities):
            cells = "".join(f"{told[name, s] or '·':>10}" for s in severities)
            lines.append(f"  {name:31}{cells}")
    return lines


def _age(finding: Followed) -> str:
    return next(n for n, most in AGES if most is None or (finding.age_days or 0) <= most)


def _some(title: str, found: Sequence[Followed], line: Callable[[Followed], str]) -> list[str]:
    if not found:
        return []
    lines = [f"{title}: {len(found)}", *(f"  {line(f)}" for f in found[:LISTED])]
    more = len(found) - LISTED
    return [*lines, f"  ... and {more} more: --by finding"] if more > 0 else lines


def _overdue(finding: Followed) -> str:
    acts = [r.answer for r in finding.replies if r.answer.due]
    act = acts[0]
    who = f" [{act.role}]" if act.role else ""
    said = act.action or act.response or "no action named"
    return f"{finding.overdue_days:>5} days  {_where(finding)}: {said}, due {act.due}{who}"


def _where(f: Followed) -> str:
    record = f.record or (RESTRICTED if f.sheet else "")
    place = " ".join(filter(None, (f.sheet, record)))
    return f"{f.check}  {place}{f' ({f.heading})' if f.heading else ''}"


def _line(f: Followed) -> str:
    reason = f" ({f.reason})" if f.reason else ""
    age = f", {f.age_days} days" if f.age_days is not None else ""
    answer = "; ".join(
        ", ".join(filter(None, (r.answer.status, r.answer.response, _due(r.answer.due))))
        for r in f.replies
    )
    # What was new once is simply open at every later look.
    what = "open" if f.what in (What.NEW, What.STILL_OPEN) else f.what.words
    return (
        f"{_where(f)}  {f.severity}  {what}{reason} since {f.changed}; found {f.found}{age}"
        f"{f'; answer: {answer}' if answer else ''}"
    )


def _figures(h: History) -> list[str]:
    groups: dict[str, list[Figure]] = defaultdict(list)
    for figure in h.figures:
        if figure.low is not None:
            groups[figure.check].append(figure)
    lines = []
    for check, mine in groups.items():
        lines.append(f"  {check}  {mine[-1].name}")
        lines += [f"      {_figure(f)}" for f in mine[-FIGURES:]]
    return ["Key figures:", *lines] if lines else []


def _figure(f: Figure) -> str:
    assert f.low is not None and f.high is not None
    share = percent(f.low, f.threshold)
    if f.low != f.high:
        share = f"between {percent(f.low)} and {percent(f.high)}"
    against = "no target" if f.threshold is None else f"threshold {percent(f.threshold)}"
    return f"{f.day}  {share} ({against}): {f.status.replace('_', ' ')}"


def _list(h: History, by: str | None) -> list[str]:
    if by == "finding":
        return [*_head(h), *(f"  {f.id}  {_line(f)}" for f in h.findings)]
    lines = _head(h)
    for row in rows(h, by):
        name = row["check"] if by == "check" else row["organisation"]
        also = f" {h.names[str(name)]}" if by == "check" and name in h.names else ""
        told = [f"{row['open']} open ({row['errors']} {plural('error', row['errors'])})"]
        told += [f"{row[w.value]} {w.words}" for w in (What.RESOLVED, What.GONE) if row[w.value]]
        told += [f"{row['accepted']} accepted"] if row["accepted"] else []
        told += [f"{row['overdue']} overdue"] if row["overdue"] else []
        told += [f"oldest {row['oldest_days']} days"] if row["oldest_days"] is not None else []
        lines.append(f"  {name}{also}: {', '.join(told)}")
    return lines


# --- Two checks side by side ----------------------------------------------------------------------


def difference(told: Difference, style: str) -> str:
    """What appeared, what remains and what is gone between two checks, and why."""
    if style == "json":
        return difference_as_json(told)
    if style == "csv":
        return difference_as_csv(told)
    first, second = told.first, told.second
    lines = [
        f"{told.portfolio} ({told.kind}): check {first.number} ({first.day}) against check "
        f"{second.number} ({second.day}): {first.open} open then, {second.open} now."
    ]
    for change in ORDER:
        mine = [f for f in told.findings if change_of(told, f) == change]
        if change == "remains":
            lines += ["", f"Open in both: {len(mine)}"] if mine else []
        elif mine:
            lines += ["", f"{change.capitalize()}: {len(mine)}", *(f"  {_line(f)}" for f in mine)]
    pairs: dict[str, list[Figure]] = defaultdict(list)
    for figure in told.figures:
        if figure.low is not None:
            pairs[figure.check].append(figure)
    moved = {c: p for c, p in pairs.items() if len({(f.low, f.high, f.threshold) for f in p}) > 1}
    if moved:
        lines += ["", "Key figures that moved:"]
    for check, mine_ in moved.items():
        lines += [
            f"  {check}  {mine_[-1].name}",
            *(f"      {_figure(f)}" for f in mine_),
        ]
    return safe("\n".join(lines))
