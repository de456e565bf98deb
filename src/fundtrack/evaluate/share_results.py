"""The result of a check that judges a part of a whole: its bounds, groups and findings."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import pandas as pd

from fundtrack import schema
from fundtrack.evaluate.making import Making, figures, worst
from fundtrack.evaluate.wording import keys
from fundtrack.model import Check, Finding, Group, Judged, Result, Status, Table
from fundtrack.money import HAIR, reaches, stays_within
from fundtrack.sums import Sums, Terms
from fundtrack.verdicts import Ask, Share
from fundtrack.words import amount, json_value, percent, plural


def result(making: Making, check: Check, shares: Sequence[Share]) -> Result:
    """The result of all shares of a check; its findings have no ids yet."""
    findings: list[Finding] = []
    groups: list[Group] = []
    judged: list[Group] = []
    looked: list[Judged] = []
    for share in shares:
        terms = Terms(share.terms)
        split = terms.sums(share.by)
        mine = [_group(making, share, sums) for sums in split]
        judged += mine
        looked.append(_looked_at(making, share, mine))
        if not _too_many_left_out(making, share):
            for group, sums in zip(mine, split, strict=True):
                findings += _findings(making, check, share, group, sums)
        if share.by:
            groups += mine
        groups += [
            _group(making, share, sums) for name in share.breakdown for sums in terms.sums([name])
        ]
    first = shares[0]
    limit = making.limits.all[first.at_least] if first.at_least else None
    one = judged[0] if not first.by and judged else None
    status = _status(making, shares, judged, findings)
    return Result(
        check,
        status,
        severity=worst(findings),
        unit="share",
        value=one.value if one else None,
        low=one.low if one else None,
        high=one.high if one else None,
        threshold=making.limits.share(first.at_least) if first.at_least else None,
        basis=limit.threshold.basis if limit else None,
        confirmed=limit.confirmed if limit else True,
        figures={**(one.figures if one else {}), **figures(first.made)},
        assessed_rows=max(s.assessed for s in shares),
        rows_in_scope=max(s.in_scope for s in shares),
        findings=findings,
        reason=_reason(making, first, one, status),
        breakdown=groups,
        terms=_all_terms(shares),
        most=first.most,
        counted=first.counted,
        called=first.called,
        made=first.made,
        split=first.split,
        also=first.also,
        judged=looked,
    )


def _looked_at(making: Making, share: Share, groups: Sequence[Group]) -> Judged:
    """What a share says of each key that it is judged by; nothing where too much is blank."""
    table = share.point[0] if share.point and share.point[0] in making.book.tables else None
    open_ = _too_many_left_out(making, share)
    states = {
        list(g.by.values())[-1] if g.by else "portfolio": (
            Status.NOT_ASSESSABLE if open_ else g.status
        )
        for g in groups
    }
    return Judged(table, share.point[1] if share.point else None, states=states)


def _group(making: Making, share: Share, sums: Sums) -> Group:
    """The bounds of the share by the sums of its roles (see `verdicts.entries`), and how they
    stand against the threshold.
    """
    by, roles = sums.by, sums.roles
    part, whole = roles.get("part", 0.0), roles.get("whole", 0.0)
    unknown, doubtful = roles.get("unknown", 0.0), roles.get("doubtful", 0.0)
    at_worst, at_best = whole + roles.get("burden", 0.0), whole + doubtful
    if not at_best and not at_worst:
        return Group(by, None, None, None, Status.NOT_APPLICABLE, sums.figures)
    if not at_best:  # only what may or may not belong to it
        return Group(by, None, 0.0, 1.0, Status.UNDETERMINED, sums.figures)
    low = part / at_worst if at_worst else 0.0
    high = (part + unknown + doubtful) / at_best
    if unknown + doubtful:
        high = max(low, min(high, 1.0))
    status = _standing(making, share, low, high)
    return Group(by, low if low == high else None, low, high, status, sums.figures)


def _standing(making: Making, share: Share, low: float, high: float) -> Status:
    """Whether the threshold is met at both bounds, at neither, or hangs on what is blank."""
    limit = making.limits.share(share.at_least) if share.at_least else None
    if limit is None:
        return Status.PASS if low == high else Status.UNDETERMINED
    meets = stays_within if share.most else reaches
    worst_case, best_case = (high, low) if share.most else (low, high)
    if meets(worst_case, limit):
        return Status.PASS
    return Status.UNDETERMINED if meets(best_case, limit) else Status.FAIL


def _status(
    making: Making, shares: Sequence[Share], groups: Sequence[Group], findings: Sequence[Finding]
) -> Status:
    kinds = {g.status for g in groups}
    if any(_too_many_left_out(making, s) for s in shares):
        return Status.NOT_ASSESSABLE
    if Status.FAIL in kinds and not (findings and all(f.accepted for f in findings)):
        return Status.FAIL
    if not kinds - {Status.NOT_APPLICABLE}:
        return Status.NOT_APPLICABLE
    if any(s.in_scope and s.assessed / s.in_scope < making.coverage for s in shares):
        return Status.NOT_ASSESSABLE
    return Status.UNDETERMINED if Status.UNDETERMINED in kinds else Status.PASS


def _too_many_left_out(making: Making, share: Share) -> bool:
    """Whether so many rows have no place in the share that its bounds say nothing."""
    kept = share.in_scope - share.left_out
    return bool(share.in_scope) and kept / share.in_scope < making.coverage


def _reason(making: Making, share: Share, one: Group | None, status: Status) -> str | None:
    open_ = status in (Status.UNDETERMINED, Status.NOT_ASSESSABLE)
    if not open_ and share.assessed == share.in_scope:
        return None
    said = []
    if open_ and one is not None and one.low is not None and one.high is not None:
        exact = one.low == one.high
        between = f"It lies between {percent(one.low)} and {percent(one.high)}."
        said.append(f"By what is known it is {percent(one.low)}." if exact else between)
    if share.in_scope > share.assessed:
        rows = f"{share.in_scope} {plural('row', share.in_scope)}"
        open_rows = share.in_scope - share.assessed
        said.append(f"{open_rows} of {rows} could not be judged{share.otherwise}.")
    if share.asks:
        facts = [_ask(making, ask, share.counted or making.currency) for ask in share.asks]
        numbered = (
            facts if len(facts) == 1 else [f"({i}) {fact}" for i, fact in enumerate(facts, 1)]
        )
        said.append(f"To settle it: {'; '.join(numbered)}.")
    return " ".join(said)


def _ask(making: Making, ask: Ask, unit: str | None) -> str:
    """“fill “Affiliated?” of LOC-A (Organisations!E2), on which 120,000 EUR hang”."""
    plan = schema.tables()[ask.table]
    hangs = f", on which {amount(ask.amount, unit)} hang"
    table = making.book.tables.get(ask.table)
    blank = {
        n: [x for x in ask.labels if table is None or pd.isna(table.frame.at[x, n])]
        for n in ask.fields
    }
    fields = [n for n in ask.fields if blank[n]] or list(ask.fields)
    headings = ", ".join(f"“{making.book.heading(ask.table, n)}”" for n in fields)
    if table is None or not len(ask.labels):
        return f"add the rows that are missing in the sheet {plan.sheet}, with {headings}{hangs}"
    verb = "fill" if any(table.has(n) for n in fields) else "add"
    if not any(blank.values()):  # they are filled, but with an answer that leaves it open
        verb = "complete what is said in"
    if len(ask.labels) > 3:
        return f"{verb} {headings} for {len(ask.labels):,} {plan.sheet.lower()}{hangs}"
    cells = [table.place(x, n) for n in fields for x in blank[n]]
    places = ", ".join(f"{p.part.sheet}!{p.cell}" for p in cells if p.cell)
    named = ", ".join(keys(table, ask.labels))
    return f"{verb} {headings} of {named}{f' ({places})' if places else ''}{hangs}"


def _findings(
    making: Making, check: Check, share: Share, group: Group, sums: Sums
) -> list[Finding]:
    least = making.limits.share(share.at_least) if share.at_least else None
    reported = least is None and group.low is not None
    if group.status is not Status.FAIL and not reported:
        return []
    assert group.low is not None and group.high is not None
    severity = check.severity
    nearest = group.low if share.most else group.high
    if least is not None and share.severity:
        severity = share.severity(nearest, least)
    hard = share.hard is not None and share.hard(nearest)
    severity = making.capped(check, severity, hard=hard)
    limit = making.limits.all[share.at_least] if share.at_least else None
    by, whole = sums.by, sums.roles.get("whole", 0.0)
    words = {**_words(making, share, group, least, whole), **by, **share.words}
    message, remedy = making.say(share.message, **words), making.say(share.remedy, **words)
    message = message[0].upper() + message[1:]
    if least is not None and limit is not None and not limit.confirmed:
        message += " (The benchmark is a house default that no donor has confirmed.)"
    beyond = "over" if share.most else "short"
    difference = f"{words['gap']} {beyond}" if least is not None else None
    key = list(by.values())[-1] if by else "portfolio"
    texts = making.say(share.expected, **words), message, remedy, difference
    place = _point(making, share, key)
    if place is None:
        scope = share.words.get("of", "portfolio")
        return [making.at_no_cell(check.id, severity, scope, key, group.value, *texts)]
    table, label, field = place
    scope, held = share.words.get("of", check.scope), json_value(table.value(label, field))
    return [making.at_cell(check.id, severity, scope, place, key, held, *texts)]


def _words(
    making: Making, share: Share, group: Group, least: float | None, whole: float
) -> dict[str, str]:
    low, high = group.low or 0.0, group.high or 0.0
    # What surely suffices: from the bound that is furthest from the threshold.
    gap = (high - (least or 0.0)) if share.most else ((least or 0.0) - low)
    unit = share.counted or making.currency
    text = f"between {percent(low, least)} and {percent(high, least)}"
    return {
        "share": percent(low, least) if low == high else text,
        "threshold": percent(least) if least is not None else "no target",
        "part": amount(low * whole, unit),
        "whole": amount(whole, unit),
        "gap": _gap(max(0.0, gap * whole), share.counted, making.currency),
        "levers": _levers(making, share),
    }


def _gap(gap: float, counted: str | None, currency: str | None) -> str:
    """How much is short or over: of what is counted, so many whole ones as it takes to mend it."""
    if counted is None:
        return amount(gap, currency)
    number = ceil(gap - HAIR)
    return f"{number:,} {plural(counted.removesuffix('s'), number)}"


def _levers(making: Making, share: Share) -> str:
    """The three rows that would move the figure most, by name."""
    if share.levers is None:
        return ""
    table, amounts = making.book.tables[share.levers[0]], share.levers[1].dropna()
    amounts = amounts[amounts > 0].nlargest(3, keep="all")
    if amounts.empty:
        return "none"
    ids = keys(table, amounts.index)
    ranked = sorted(zip(-amounts, ids, strict=True))[:3]
    return ", ".join(f"{key} ({amount(-value, making.currency)})" for value, key in ranked)


def _point(making: Making, share: Share, key: str) -> tuple[Table, int, str] | None:
    if share.point is None or share.point[0] not in making.book.tables:
        return None
    table = making.book.tables[share.point[0]]
    labels = making.book.once(("by key", table.name), lambda: _by_key(table))
    return (table, labels[key], share.point[1]) if key in labels else None


def _by_key(table: Table) -> dict[str, int]:
    """Key -> label of the first row that has it."""
    keys = table.frame[schema.tables()[table.name].key].dropna().drop_duplicates()
    return dict(zip(keys.tolist(), keys.index.tolist(), strict=True))


def _all_terms(shares: Sequence[Share]) -> pd.DataFrame:
    """The rows behind all shares of a check, which cut their terms from one frame, each once."""
    first, *others = (share.terms for share in shares)
    for terms in others:
        first = pd.concat([first, terms.loc[terms.index.difference(first.index)]])
    return first
