"""Reviewers' answers: added one after the other, shown side by side where two of them differ.

Every copy says up to which answer it could show (`seen`). An answer takes the place of those that
its writer could see. Two that were written from the same state and differ stand beside each other,
until one that could see both settles it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from fundtrack.history import Reply, Reviewed
from fundtrack.ledger.store import Store, add, answers, findings, next_id, portfolios
from fundtrack.model import ANSWER_STATUSES, Answer, FundtrackError

_MARK = re.compile(
    r"(?P<name>.+) \((?P<kind>\w+)\), answers up to (?P<seen>[0-9]{1,18})", re.DOTALL
)


def revision(connection: sa.Connection, portfolio_id: int) -> int:
    """The last answer of a portfolio; 0 where there is none."""
    mine = answers.c.portfolio_id == portfolio_id
    return int(connection.execute(sa.select(sa.func.max(answers.c.id)).where(mine)).scalar() or 0)


def in_force(connection: sa.Connection, portfolio_id: int) -> dict[str, Answer]:
    """The answer that holds, by finding."""
    return {name: merged(heads) for name, heads in replies(connection, portfolio_id).items()}


def replies(connection: sa.Connection, portfolio_id: int) -> dict[str, list[Reply]]:
    """The answers that nobody has taken the place of, by finding: more than one is a conflict."""
    rows = _by_finding(connection, portfolio_id)
    return {name: [_reply(row) for row in _heads(mine)] for name, mine in rows.items()}


def merged(heads: Sequence[Reply]) -> Answer:
    """The one answer; of two that differ, both in one, open until somebody settles it."""
    if len(heads) == 1:
        return heads[0].answer
    told = []
    for reply in heads:
        answer = reply.answer
        who = ", ".join(filter(None, (answer.role, str(answer.reviewed_on or ""), reply.source)))
        said = "; ".join(filter(None, (answer.status, answer.response, answer.action)))
        due = f"; due {answer.due}" if answer.due else ""
        told.append(f"[{who}] {said}{due}")
    text = "Two answers differ; settle it here. " + " | ".join(told)
    return Answer(heads[0].answer.finding, ANSWER_STATUSES[0], text)


def review(
    store: Store,
    source: str,
    given: Mapping[str, Answer],
    listed: Sequence[str],
    whose: tuple[str, str],
    mark: str | None,
    recorded: str,
) -> Reviewed:
    """Adds what the reviewers of one copy wrote; what they left as it was is not added again.

    `given` are its answers, `listed` the ids of all its findings, `whose` the portfolio's name and
    kind; `mark` is what the copy says of the ledger. Raises FundtrackError where the ledger has no
    such portfolio.
    """
    with store.writing() as connection:
        portfolio_id, (name, kind) = _portfolio(connection, source, whose), whose
        told = _MARK.fullmatch(mark or "")
        same = told is not None and (told["name"], told["kind"]) == (name, kind)
        # No copy can have seen an answer that the ledger does not have.
        seen = min(int(told["seen"]), revision(connection, portfolio_id)) if same and told else 0
        rows = _by_finding(connection, portfolio_id)
        first = next_id(connection, answers)
        fresh: list[dict[str, Any]] = []
        known = 0
        for finding in sorted({*given, *(f for f in listed if f in rows)}):
            mine = rows.get(finding, [])
            answer = given.get(finding, Answer(finding))
            if _is_known(answer, mine, seen):
                known += bool(mine)
                continue
            fresh.append(
                {
                    "id": first + len(fresh),
                    "portfolio_id": portfolio_id,
                    "finding": finding,
                    "seen": seen,
                    "status": answer.status,
                    "response": answer.response,
                    "action": answer.action,
                    "due": _iso(answer.due),
                    "role": answer.role,
                    "reviewed_on": _iso(answer.reviewed_on),
                    "source": source,
                    "recorded": recorded,
                }
            )
        add(connection, answers, fresh)
        facts = {
            row.finding: (row.check_id, row.record)
            for row in connection.execute(
                sa.select(findings.c.finding, findings.c.check_id, findings.c.record).where(
                    findings.c.portfolio_id == portfolio_id
                )
            )
        }
        mine_now = {row["finding"] for row in fresh}
        conflicts = {
            finding: heads
            for finding, heads in replies(connection, portfolio_id).items()
            if len(heads) > 1 and (finding in mine_now or finding in listed)
        }
    return Reviewed(
        source,
        name,
        kind,
        len(fresh),
        known,
        len(mine_now - facts.keys()),
        conflicts,
        {finding: facts.get(finding, ("", None)) for finding in conflicts},
    )


def _is_known(answer: Answer, rows: Sequence[Any], seen: int) -> bool:
    """Whether a reviewer left what the copy showed, or the ledger has this very answer."""
    before = [row for row in rows if row.id <= seen]
    shown = merged([_reply(r) for r in _heads(before)]) if before else Answer(answer.finding)
    later = [_reply(row).answer for row in rows if row.id > seen]
    return answer == shown or answer in later


def _heads(rows: Sequence[Any]) -> list[Any]:
    """The answers whose place no later one took, of those to one finding in order; equals once."""
    heads = [
        row for row in rows if not any(_replaces(later, row) for later in rows if later.id > row.id)
    ]
    told: dict[Answer, Any] = {}
    for row in heads:
        told.setdefault(replace(_reply(row).answer, role=None, reviewed_on=None), row)
    return list(told.values())


def _replaces(later: Any, row: Any) -> bool:
    """It could be seen, or the same reviewer went on in the same copy on a later day."""
    if later.seen >= row.id:
        return True
    same = (later.source, later.role) == (row.source, row.role) and row.role is not None
    dated = later.reviewed_on is not None and row.reviewed_on is not None
    return bool(same and dated and later.reviewed_on > row.reviewed_on)


def _by_finding(connection: sa.Connection, portfolio_id: int) -> dict[str, list[Any]]:
    asked = sa.select(answers).where(answers.c.portfolio_id == portfolio_id)
    found = defaultdict(list)
    for row in connection.execute(asked.order_by(answers.c.id)):
        found[row.finding].append(row)
    return dict(found)


def _portfolio(connection: sa.Connection, source: str, whose: tuple[str, str]) -> int:
    name, kind = whose
    found = connection.execute(
        sa.select(portfolios.c.id).where(portfolios.c.name == name, portfolios.c.kind == kind)
    ).scalar()
    if found is None:
        raise FundtrackError(
            source,
            f"The ledger has no recorded check of “{name}” ({kind}).",
            "Record the check that made this copy first (`fundtrack check WORKBOOK --record`), or "
            "name its portfolio with --portfolio.",
        )
    return int(found)


def _reply(row: Any) -> Reply:
    answer = Answer(
        row.finding,
        row.status,
        row.response,
        row.action,
        _date(row.due),
        row.role,
        _date(row.reviewed_on),
    )
    return Reply(answer, row.source)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
