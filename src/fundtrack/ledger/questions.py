"""What the ledger is asked: a portfolio over a period, two checks side by side."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from fundtrack.history import Difference, Figure, Followed, History, Moment, Reply, State, What
from fundtrack.ledger.answers import replies
from fundtrack.ledger.record import change_words, latest
from fundtrack.ledger.run import Terms
from fundtrack.ledger.store import Store, changes, counts, findings, portfolios, results, runs
from fundtrack.model import FundtrackError

_PENDING = ("open", "agreed")  # an action that is done, or refused, is not overdue


def history(
    store: Store,
    *,
    portfolio: str | None = None,
    since: date | None = None,
    until: date | None = None,
    as_of: date | None = None,
) -> list[History]:
    """Every portfolio, or those of that name, over a period (by the days that the checks speak of).

    Ages and overdue actions are as of `as_of`, else of the last check in the period. Raises
    FundtrackError where there is no such portfolio, or no check in the period.
    """
    with store.reading() as connection:
        told = [
            _history(connection, row, since, until, as_of)
            for row in _named(connection, store, portfolio)
        ]
    found = [h for h in told if h is not None]
    if not found:
        span = " to ".join(str(day) for day in (since or "the first check", until or "today"))
        raise FundtrackError(
            store.name,
            f"It holds no check of the period {span}.",
            "`fundtrack history` without --since and --until shows all there are.",
        )
    return found


def compare(store: Store, first: str, second: str, *, portfolio: str | None = None) -> Difference:
    """Two checks of one portfolio, named by number, by day, or as “last” or “previous”.

    Raises FundtrackError where they cannot be told.
    """
    with store.reading() as connection:
        named = _named(connection, store, portfolio)
        if len(named) > 1:
            raise FundtrackError(
                store.name,
                "It holds several portfolios: "
                + ", ".join(f"“{row.name}” ({row.kind})" for row in named)
                + ".",
                "Say which with --portfolio.",
            )
        row = named[0]
        rows = _runs(connection, row.id, None, None)
        moments = _moments(connection, rows)
        at = [_picked(store, rows, name) for name in (first, second)]
        a, b = sorted(at)
        before = {r.finding: r for r in _stood(connection, row.id, rows[a].id)}
        after = _stood(connection, row.id, rows[b].id)
        day = moments[b].day
        answered = replies(connection, row.id)
        numbers = {r.id: m for r, m in zip(rows, moments, strict=True)}
        firsts = _firsts(connection, row.id)
        shown, appeared = [], {}
        for r in after:
            then = before.get(r.finding)
            was_open = then is not None and then.state != State.CLOSED
            is_open = r.state != State.CLOSED
            if was_open or is_open:
                shown.append(_followed(r, numbers, firsts, answered, day))
                appeared[r.finding] = is_open and not was_open
        figures = _figures(connection, [rows[a], rows[b]], numbers)
    return Difference(row.name, row.kind, moments[a], moments[b], shown, appeared, figures)


def _named(connection: sa.Connection, store: Store, portfolio: str | None) -> list[Any]:
    rows = connection.execute(
        sa.select(portfolios).order_by(portfolios.c.name, portfolios.c.kind)
    ).all()
    mine = [row for row in rows if portfolio in (None, row.name)]
    if mine:
        return mine
    if not rows:
        raise FundtrackError(
            store.name, "It holds no check yet.", "Record one: `fundtrack check WORKBOOK --record`."
        )
    raise FundtrackError(
        store.name,
        f"It has no portfolio “{portfolio}”.",
        f"It has {', '.join(f'“{row.name}”' for row in rows)}.",
    )


def _day(row: Any) -> date:
    return date.fromisoformat(row.reference_date or row.checked)


def _runs(
    connection: sa.Connection, portfolio_id: int, since: date | None, until: date | None
) -> list[Any]:
    rows = connection.execute(
        sa.select(runs).where(runs.c.portfolio_id == portfolio_id).order_by(runs.c.id)
    )
    return [r for r in rows if (since or date.min) <= _day(r) <= (until or date.max)]


def _moments(connection: sa.Connection, rows: Sequence[Any]) -> list[Moment]:
    if not rows:
        return []
    told: dict[int, dict[tuple[str, str], int]] = defaultdict(dict)
    of = sa.and_(counts.c.run_id >= rows[0].id, counts.c.run_id <= rows[-1].id)
    for row in connection.execute(sa.select(counts).where(of)):
        told[row.run_id][row.what, row.severity] = row.number
    moments = []
    terms: Terms | None = None
    for row in rows:
        mine = told[row.id]
        now = Terms(row.guidance, json.loads(row.settings), json.loads(row.thresholds))
        moved = now.changes(terms) if terms else {}
        moments.append(
            Moment(
                int(row.number),
                _day(row),
                date.fromisoformat(row.checked),
                row.file,
                row.guidance,
                {what: n for what in What if (n := _sum(mine, what))},
                _sum(mine, State.OPEN),
                _sum(mine, State.ACCEPTED),
                mine.get((State.OPEN, "error"), 0),
                [change_words({name: pair}) for name, pair in moved.items()],
            )
        )
        terms = now
    return moments


def _sum(mine: Mapping[tuple[str, str], int], what: str) -> int:
    return sum(n for (name, _), n in mine.items() if name == what)


def _stood(connection: sa.Connection, portfolio_id: int, up_to: int) -> list[Any]:
    """Every finding with its last change up to a run, worst and oldest first."""
    last = latest(portfolio_id, up_to)
    rows = connection.execute(
        sa.select(
            findings,
            last.c.run_id,
            last.c.what,
            last.c.state,
            last.c.severity,
            last.c.until,
            last.c.reason,
        ).join(last, findings.c.id == last.c.finding_id)
    )
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(rows, key=lambda r: (order.get(r.severity, 3), r.check_id, r.id))


def _firsts(connection: sa.Connection, portfolio_id: int) -> dict[int, int]:
    """Finding -> the run that found it first."""
    first = (
        sa.select(changes.c.finding_id, sa.func.min(changes.c.run_id).label("first"))
        .where(changes.c.portfolio_id == portfolio_id)
        .group_by(changes.c.finding_id)
    )
    return {row.finding_id: row.first for row in connection.execute(first)}


def _followed(
    row: Any,
    moments: Mapping[int, Moment],
    firsts: Mapping[int, int],
    answered: Mapping[str, Sequence[Reply]],
    as_of: date,
) -> Followed:
    first, last = moments[firsts[row.id]], moments[row.run_id]
    open_ = row.state != State.CLOSED
    mine = answered.get(row.finding, ())
    due = [r.answer.due for r in mine if r.answer.due and r.answer.status in _PENDING]
    late = max(((as_of - day).days for day in due), default=0)
    return Followed(
        row.finding,
        row.check_id,
        row.severity,
        row.sheet,
        row.heading,
        row.record,
        row.organisation,
        first.number,
        first.day,
        last.number,
        last.day,
        What(row.what),
        State(row.state),
        ((as_of if open_ else last.day) - first.day).days,
        row.reason,
        date.fromisoformat(row.until) if row.until else None,
        mine,
        late if open_ and late > 0 else 0,
    )


def _history(
    connection: sa.Connection,
    portfolio: Any,
    since: date | None,
    until: date | None,
    as_of: date | None,
) -> History | None:
    every = _runs(connection, portfolio.id, None, until)
    moments = _moments(connection, every)
    inside = [r for r in every if since is None or _day(r) >= since]
    if not inside:
        return None
    numbers = {row.id: m for row, m in zip(every, moments, strict=True)}
    day = as_of or max(moments[-1].day, until or date.min)
    answered = replies(connection, portfolio.id)
    firsts = _firsts(connection, portfolio.id)
    followed = [
        _followed(row, numbers, firsts, answered, day)
        for row in _stood(connection, portfolio.id, every[-1].id)
        if row.state != State.CLOSED or row.run_id >= inside[0].id
    ]
    return History(
        portfolio.name,
        portfolio.kind,
        day,
        [numbers[row.id] for row in inside],
        followed,
        _figures(connection, inside, numbers),
        _names(connection, inside[-1].id),
        since=since,
        until=until,
    )


def _names(connection: sa.Connection, run: int) -> dict[str, str]:
    asked = sa.select(results.c.check_id, results.c.name).where(results.c.run_id == run)
    return {row.check_id: row.name for row in connection.execute(asked)}


def _figures(
    connection: sa.Connection, rows: Sequence[Any], moments: Mapping[int, Moment]
) -> list[Figure]:
    """The shares of each check, run by run."""
    ids = [row.id for row in rows]
    asked = (
        sa.select(results)
        .where(
            results.c.unit == "share", results.c.run_id >= min(ids), results.c.run_id <= max(ids)
        )
        .order_by(results.c.check_id, results.c.run_id)
    )
    return [
        Figure(
            row.check_id,
            row.name,
            moments[row.run_id].number,
            moments[row.run_id].day,
            row.status,
            *(None if x is None else float(x) for x in (row.low, row.high, row.threshold)),
        )
        for row in connection.execute(asked)
        if row.run_id in ids
    ]


def _picked(store: Store, rows: Sequence[Any], name: str) -> int:
    """The position of the check that a user names."""
    words = {"last": len(rows) - 1, "previous": len(rows) - 2}
    at = words.get(name.casefold())
    if at is None and name.isdecimal():
        number = name.lstrip("0")
        at = next((i for i, row in enumerate(rows) if str(row.number) == number), -1)
    if at is None:
        of_day = [i for i, row in enumerate(rows) if name in (str(_day(row)), row.checked)]
        at = of_day[-1] if of_day else -1
    if at < 0:
        known = ", ".join(f"{row.number} ({_day(row)})" for row in rows)
        raise FundtrackError(
            store.name,
            f"It has no check “{name}” of this portfolio.",
            f"Name one by its number or day: {known}; or “last”"
            + (", “previous”." if len(rows) > 1 else ". There is none before it yet."),
        )
    return at
