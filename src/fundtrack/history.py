"""What the ledger can tell: the values that it hands to the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from fundtrack.model import Answer


class What(StrEnum):
    """What a check says of a finding, against the check before."""

    NEW = "new"
    STILL_OPEN = "still_open"
    NOT_JUDGED = "not_judged"
    REOPENED = "reopened"
    ACCEPTED = "accepted"
    EXPIRED = "exception_expired"
    WITHDRAWN = "exception_withdrawn"
    RESOLVED = "resolved"
    GONE = "gone"
    NOT_ASKED = "no_longer_asked"
    TERMS = "terms_changed"

    @property
    def words(self) -> str:
        """As people read it."""
        return _WORDS[self]


_WORDS = {
    What.NEW: "new",
    What.STILL_OPEN: "still open",
    What.NOT_JUDGED: "still open, not judged this time",
    What.REOPENED: "reopened",
    What.ACCEPTED: "accepted as an exception",
    What.EXPIRED: "exception expired",
    What.WITHDRAWN: "exception withdrawn",
    What.RESOLVED: "resolved",
    What.GONE: "record gone",
    What.NOT_ASKED: "no longer asked of it",
    What.TERMS: "no longer found, as the terms changed",
}


class State(StrEnum):
    """How a finding stands after a check."""

    OPEN = "open"
    ACCEPTED = "standing_accepted"
    CLOSED = "closed"


STATE_OF = {
    What.NEW: State.OPEN,
    What.STILL_OPEN: State.OPEN,
    What.NOT_JUDGED: State.OPEN,
    What.REOPENED: State.OPEN,
    What.ACCEPTED: State.ACCEPTED,
    What.EXPIRED: State.OPEN,
    What.WITHDRAWN: State.OPEN,
    What.RESOLVED: State.CLOSED,
    What.GONE: State.CLOSED,
    What.NOT_ASKED: State.CLOSED,
    What.TERMS: State.CLOSED,
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One recorded check of a portfolio."""

    number: int
    day: date  # the reference date, else the day of the check
    checked: date
    file: str
    guidance: str
    counts: Mapping[What, int]
    open: int
    accepted: int
    errors: int  # among the open
    terms: Sequence[str] = ()  # what changed in its terms since the check before


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a reviewer, with the copy that it came in."""

    answer: Answer
    source: str


class Followed(NamedTuple):
    """One finding over time, as it stands at the end of the period."""

    id: str
    check: str
    severity: str
    sheet: str | None
    heading: str | None
    record: str | None
    organisation: str | None
    first: int  # number of the check that found it first
    found: date
    last: int  # number of the check that last changed how it stands
    changed: date
    what: What
    state: State
    age_days: int | None  # from first found to the end of the period, or to its closing
    reason: str | None = None
    until: date | None = None
    replies: Sequence[Reply] = ()  # the one in force; two or more where they conflict
    overdue_days: int = 0

    @property
    def conflict(self) -> bool:
        """True where two reviewers answered differently, and nobody has settled it."""
        return len(self.replies) > 1

    @property
    def said_done(self) -> bool:
        """True where it is still found though a reviewer says that it is done."""
        return self.state is State.OPEN and any(r.answer.status == "done" for r in self.replies)


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure in one check, a share from 0 to 1, with the threshold in force then."""

    check: str
    name: str
    number: int
    day: date
    status: str
    low: float | None
    high: float | None
    threshold: float | None


@dataclass(frozen=True)
class History:
    """A portfolio over a period. Findings: those open at its end, and those closed within it."""

    portfolio: str
    kind: str
    as_of: date
    moments: Sequence[Moment]
    findings: Sequence[Followed]
    figures: Sequence[Figure]
    names: Mapping[str, str]  # check -> its short name
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Difference:
    """Two checks of a portfolio side by side."""

    portfolio: str
    kind: str
    first: Moment
    second: Moment
    findings: Sequence[Followed]  # as they stand at the second
    appeared: Mapping[str, bool]  # by finding: True where it was not open at the first
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Recorded:
    """What was written: the portfolio, the number of the run in it, and what became of findings.

    `known`: the very same run was in the ledger already, and nothing was written.
    """

    ledger: str
    portfolio: str
    kind: str
    number: int
    counts: Mapping[What, int]
    known: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reviewed:
    """What came of one copy: how many answers were added, and which findings are in conflict."""

    source: str
    portfolio: str
    kind: str
    added: int
    known: int  # were in the ledger already
    unknown: int  # to findings that no recorded check has
    conflicts: Mapping[str, Sequence[Reply]]
    records: Mapping[str, tuple[str, str | None]]  # of those: check and record
