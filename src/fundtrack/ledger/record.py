"""Writing a run down: what is new, still open, resolved, gone, reopened, and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from fundtrack import schema
from fundtrack.history import STATE_OF, Recorded, State, What
from fundtrack.ledger.answers import in_force, revision
from fundtrack.ledger.run import PERIOD, Run, Terms
from fundtrack.ledger.store import (
    Store,
    add,
    changes,
    counts,
    findings,
    next_id,
    portfolios,
    results,
    runs,
)
from fundtrack.model import Answer, FundtrackError
from fundtrack.trail import GONE, MET, OUT, UNJUDGED, token

# The ids of what the same tables would be found wanting for on other terms.
Under = Callable[[Mapping[str, Any], Mapping[str, float | None]], set[str]]


def record(
    store: Store, run: Run, recorded: str, *, portfolio: str | None = None, under: Under | None
) -> Recorded:
    """Adds a run to its portfolio. `recorded` is the moment, ISO.

    `under` judges the same tables on other terms: it tells what was put right from what is only no
    longer found because a threshold or a setting changed. Without it (a run from a JSON) a change
    that may be the reason is taken for it. Raises FundtrackError where the ledger cannot take it,
    or where it holds a later run of the portfolio: it goes forward only.
    """
    name, kind = (portfolio or run.portfolio[0]), run.portfolio[1]
    compared: _Before | None = None
    judge = _Judge(run, None, None)
    while True:
        with store.writing() as connection:
            before = _before(connection, name, kind)
            if before is None or under is None or compared == before:
                if compared != before:
                    judge = _Judge(run, before, None)
                return _written(store, connection, run, recorded, (name, kind), before, judge)
        # Judge again outside the transaction, so that nobody waits for it; then look whether
        # somebody else was faster.
        compared, judge = before, _Judge(run, before, under)


@dataclass(frozen=True)
class _Before:
    """The last run of the portfolio."""

    portfolio_id: int
    run_id: int
    number: int
    day: str
    fingerprint: str
    terms: Terms


def _before(connection: sa.Connection, name: str, kind: str) -> _Before | None:
    row = connection.execute(
        sa.select(runs)
        .join(portfolios, portfolios.c.id == runs.c.portfolio_id)
        .where(portfolios.c.name == name, portfolios.c.kind == kind)
        .order_by(runs.c.id.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    terms = Terms(row.guidance, json.loads(row.settings), json.loads(row.thresholds))
    day = row.reference_date or row.checked
    return _Before(row.portfolio_id, row.id, row.number, day, row.fingerprint, terms)


class _Judge:
    """Why a finding is no longer there, or newly there, where the terms are the reason."""

    def __init__(self, run: Run, before: _Before | None, under: Under | None) -> None:
        self.run, self.before = run, before
        self.changed = run.terms.changes(before.terms) if before else {}
        self.edition = before is not None and run.terms.guidance != before.terms.guidance
        self._then: set[str] | None = None  # found on the last terms
        self._same_period: set[str] | None = None  # on the last terms, but for this period
        if before and under and self.changed:
            old = before.terms
            self._then = under(old.settings, old.thresholds)
            self._same_period = self._then
            if any(name in PERIOD for name in self.changed):
                mixed = old.with_period_of(run.terms)
                self._same_period = under(mixed.settings, mixed.thresholds)

    def why_vanished(self, finding: str, check: str, standing: str) -> str | None:
        """The change of terms for which it is no longer found; None where it is not that."""
        if self.edition:
            return self._edition_words()
        told = self._relevant(check)
        if self._then is not None and self._same_period is not None:
            if finding in self._same_period:
                return change_words(told or self.changed)
            moved = {n: pair for n, pair in self.changed.items() if n in PERIOD}
            return change_words(moved or self.changed) if finding in self._then else None
        if told:
            return change_words(told)
        moved = {n: pair for n, pair in self.changed.items() if n in PERIOD}
        then, now = self.changed.get("reference_date", (None, None))
        backwards = then is not None and now is not None and now < then
        return change_words(moved) if moved and (standing == OUT or backwards) else None

    def why_found(self, finding: str, check: str) -> str | None:
        """The change of terms for which it is found now; None where it is not that."""
        if self.edition:
            return self._edition_words()
        told = self._relevant(check)
        if self._same_period is None or finding in self._same_period:
            return None
        return change_words(told) if told else None

    def _edition_words(self) -> str:
        assert self.before
        then, now = self.before.terms.guidance, self.run.terms.guidance
        return f"edition of the guidance from {then} to {now}"

    def _relevant(self, check: str) -> dict[str, tuple[Any, Any]]:
        """What changed of the thresholds that the check reads, and of the settings."""
        own = self.run.results.get(check, {}).get("parameters", ())
        return {
            name: pair
            for name, pair in self.changed.items()
            if name not in PERIOD and (name in own or name in self.run.terms.settings)
        } or {
            name: pair
            for name, pair in self.changed.items()
            if name.startswith(("fx.", "dat.")) and name in self.run.terms.thresholds
        }


def change_words(changed: Mapping[str, tuple[Any, Any]]) -> str:
    """Each change of terms as people read it: “dur.short_months from 6 to 4”."""
    return "; ".join(
        f"{name if '.' in name else name.replace('_', ' ')} from {_word(then)} to {_word(now)}"
        for name, (then, now) in changed.items()
    )


def _word(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _written(
    store: Store,
    connection: sa.Connection,
    run: Run,
    recorded: str,
    portfolio: tuple[str, str],
    before: _Before | None,
    judge: _Judge,
) -> Recorded:
    name, kind = portfolio
    if before and (number := _already(connection, run, before)):
        told = _counts_of(connection, before.portfolio_id, number)
        return Recorded(store.name, name, kind, number, told, known=True)
    if before and run.day < before.day:
        raise FundtrackError(
            run.plain["workbook"]["path"],
            f"It speaks of {run.day}, and the ledger {store.name} already holds a check of "
            f"{before.day} for “{name}”: a ledger goes forward only.",
            "Record earlier checks first, into a new ledger, or under a name of their own with "
            "--portfolio.",
        )
    portfolio_id = before.portfolio_id if before else _new_portfolio(connection, name, kind)
    number = before.number + 1 if before else 1
    run_id = next_id(connection, runs)
    book, terms = run.plain["workbook"], run.terms
    connection.execute(
        runs.insert().values(
            id=run_id,
            portfolio_id=portfolio_id,
            number=number,
            recorded=recorded,
            checked=run.checked,
            reference_date=run.plain["settings"].get("reference_date"),
            file=str(book["path"]),
            sha256=book["sha256"],
            values_digest=book["values_digest"],
            fundtrack=run.plain["fundtrack"],
            guidance=terms.guidance,
            settings=json.dumps(terms.settings),
            thresholds=json.dumps(terms.thresholds),
            fingerprint=run.fingerprint,
        )
    )
    kept = ("name", "status", "unit", "low", "high", "threshold")
    shares = [
        {"run_id": run_id, "check_id": check, **{name: r[name] for name in kept}}
        for check, r in run.results.items()
    ]
    add(connection, results, shares)
    counted = _Written(connection, run, portfolio_id, run_id, judge).all()
    return Recorded(store.name, name, kind, number, counted, remarks=tuple(store.remarks))


def _already(connection: sa.Connection, run: Run, before: _Before) -> int | None:
    """The number of the very same run: the last one, or an earlier one of the same day."""
    if run.fingerprint == before.fingerprint:
        return before.number
    same = sa.select(runs.c.number).where(
        runs.c.portfolio_id == before.portfolio_id,
        runs.c.fingerprint == run.fingerprint,
        runs.c.checked == run.checked,
    )
    return connection.execute(same.order_by(runs.c.id.desc()).limit(1)).scalar()


def _new_portfolio(connection: sa.Connection, name: str, kind: str) -> int:
    number = next_id(connection, portfolios)
    connection.execute(portfolios.insert().values(id=number, name=name, kind=kind))
    return number


def _counts_of(connection: sa.Connection, portfolio_id: int, number: int) -> dict[What, int]:
    rows = connection.execute(
        sa.select(counts.c.what, sa.func.sum(counts.c.number))
        .join(runs, runs.c.id == counts.c.run_id)
        .where(runs.c.portfolio_id == portfolio_id, runs.c.number == number)
        .group_by(counts.c.what)
    )
    return {What(what): int(n) for what, n in rows if what in list(What)}


def latest(portfolio_id: int, up_to: int | None = None) -> sa.Subquery:
    """The last change of every finding of a portfolio, up to a run."""
    mine = changes.c.portfolio_id == portfolio_id
    if up_to is not None:
        mine = sa.and_(mine, changes.c.run_id <= up_to)
    last = (
        sa.select(changes.c.finding_id, sa.func.max(changes.c.run_id).label("run_id"))
        .where(mine)
        .group_by(changes.c.finding_id)
        .subquery()
    )
    both = sa.and_(changes.c.finding_id == last.c.finding_id, changes.c.run_id == last.c.run_id)
    return sa.select(changes).join(last, both).subquery()


class _Written:
    """The findings of one run, against how they stood before it."""

    def __init__(
        self,
        connection: sa.Connection,
        run: Run,
        portfolio_id: int,
        run_id: int,
        judge: _Judge,
    ) -> None:
        self.connection, self.run, self.judge = connection, run, judge
        self.portfolio_id, self.run_id = portfolio_id, run_id
        self.number: Counter[tuple[str, str]] = Counter()
        self.news: list[dict[str, Any]] = []
        self.moves: list[dict[str, Any]] = []

    def all(self) -> dict[What, int]:
        """Adds what changed, and gives how many findings each thing is said of."""
        last = latest(self.portfolio_id)
        stood = {
            row.finding: row
            for row in self.connection.execute(
                sa.select(findings, last.c.what, last.c.state, last.c.severity, last.c.until).join(
                    last, findings.c.id == last.c.finding_id
                )
            )
        }
        fresh = next_id(self.connection, findings)
        found = set()
        for finding in self.run.findings:
            found.add(finding["id"])
            self._found(finding, stood.get(finding["id"]), fresh + len(self.news))
        for name, row in stood.items():
            if name not in found and row.state != State.CLOSED:
                self._vanished(row)
        add(self.connection, findings, self.news)
        add(self.connection, changes, self.moves)
        add(
            self.connection,
            counts,
            [
                {"run_id": self.run_id, "what": what, "severity": severity, "number": n}
                for (what, severity), n in self.number.items()
            ],
        )
        told: Counter[What] = Counter()
        for (what, _), n in self.number.items():
            if what in list(What):
                told[What(what)] += n
        return dict(told)

    def _found(self, finding: Mapping[str, Any], row: Any, fresh: int) -> None:
        severity, accepted = finding["severity"], bool(finding["accepted"])
        end = self.run.ends.get((finding["check"], finding["key"] or ""))
        until = end if accepted else None
        reason = None
        if row is None:
            what = What.NEW
            reason = self.judge.why_found(finding["id"], finding["check"])
            self.news.append(self._facts(finding, fresh))
        elif row.state == State.CLOSED:
            what = What.REOPENED
            reason = self.judge.why_found(finding["id"], finding["check"])
        elif accepted:
            what = What.ACCEPTED
        elif row.state == State.ACCEPTED:
            ended = end or row.until
            what = What.EXPIRED if ended and ended < self.run.day else What.WITHDRAWN
            reason = f"it ended on {ended}" if what is What.EXPIRED else None
        else:
            what = What.STILL_OPEN
        state = State.ACCEPTED if accepted else STATE_OF[what]
        same = row is not None and (row.state, row.severity, row.until) == (state, severity, until)
        as_before = same and what in (What.STILL_OPEN, What.ACCEPTED)
        if not as_before or row.what == What.NOT_JUDGED:
            self._move(row.id if row else fresh, what, state, severity, until, reason)
        self._count(what, state, severity)

    def _facts(self, finding: Mapping[str, Any], number: int) -> dict[str, Any]:
        table = finding["table"]
        open_ = (
            table is None or table not in schema.tables() or not schema.tables()[table].restricted
        )
        return {
            "id": number,
            "portfolio_id": self.portfolio_id,
            "finding": finding["id"],
            "check_id": finding["check"],
            "scope": finding["scope"],
            "table_name": table,
            "sheet": finding["sheet"],
            "field": finding["field"],
            "heading": finding["heading"],
            "record": finding["key"] if open_ else None,
            "record_digest": token(finding["key"]),
            "organisation": finding.get("organisation") if open_ else None,
        }

    def _vanished(self, row: Any) -> None:
        what, reason = self._became(row)
        state = State(row.state) if what is What.NOT_JUDGED else State.CLOSED
        if not (what is What.NOT_JUDGED and row.what == What.NOT_JUDGED):
            self._move(row.id, what, state, row.severity, row.until, reason)
        self._count(what, state, row.severity)

    def _became(self, row: Any) -> tuple[What, str | None]:
        trail, table = self.run.trail, row.table_name
        known = row.check_id in self.run.results or row.check_id.startswith("SCH-")
        if not known:
            return What.NOT_ASKED, "fundtrack does not make this check any more"
        if not trail.sheet_is_there(table):
            title = schema.tables()[table].sheet if table in schema.tables() else table
            return What.NOT_JUDGED, f"the sheet {title} is not there"
        if not trail.tells(table):
            return What.NOT_JUDGED, "a JSON does not tell of restricted sheets"
        standing = trail.standing(row.check_id, table, row.record_digest, row.field, row.scope)
        if standing == UNJUDGED:
            return What.NOT_JUDGED, "what it needs is blank or not there"
        if standing == GONE:
            lost = "a row without an identifier cannot be followed"
            return What.GONE, None if row.record_digest else lost
        if why := self.judge.why_vanished(row.finding, row.check_id, standing):
            return What.TERMS, why
        return (What.RESOLVED, None) if standing == MET else (What.NOT_ASKED, None)

    def _move(
        self,
        finding: int,
        what: What,
        state: State,
        severity: str,
        until: str | None,
        reason: str | None,
    ) -> None:
        self.moves.append(
            {
                "run_id": self.run_id,
                "finding_id": finding,
                "portfolio_id": self.portfolio_id,
                "what": what.value,
                "state": state.value,
                "severity": severity,
                "until": until,
                "reason": reason,
            }
        )

    def _count(self, what: What, state: State, severity: str) -> None:
        self.number[what.value, severity] += 1
        if state is not State.CLOSED:
            self.number[state.value, severity] += 1


def shown_again(store: Store, portfolio: tuple[str, str]) -> tuple[dict[str, Answer], str]:
    """The answers in force by finding, and the mark that says which of them a copy could show.

    Where two reviewers differ, the answer holds both and is open, until a later one settles it.
    """
    name, kind = portfolio
    with store.reading() as connection:
        found = connection.execute(
            sa.select(portfolios.c.id).where(portfolios.c.name == name, portfolios.c.kind == kind)
        ).scalar()
        if found is None:
            return {}, mark(name, kind, 0)
        return in_force(connection, found), mark(name, kind, revision(connection, found))


def mark(name: str, kind: str, seen: int) -> str:
    """What the provenance says of the ledger; `review` reads it back."""
    return f"{name} ({kind}), answers up to {seen}"
