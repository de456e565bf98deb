"""What a run, a review and a history do with the ledger: the room's calls in order."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundtrack.bounds import Bounds, bytes_of
from fundtrack.history import Difference, History, Recorded, Reviewed
from fundtrack.model import Assessment, FundtrackError, Limit, Limits

if TYPE_CHECKING:
    from fundtrack.book import Book
    from fundtrack.ledger import Store
    from fundtrack.settings import Exemption


@dataclass(frozen=True)
class Keeping:
    """Which ledger a check uses. `moment` is the time of the run, ISO; no check sees it."""

    place: str
    moment: str
    record: bool = True  # False: earlier answers are shown, and nothing is written
    portfolio: str | None = None
    bounds: Bounds = field(default_factory=Bounds)  # of the copies that are read
    password: str | None = None


@dataclass(frozen=True)
class Kept:
    """What came of it: the run as it was recorded, or one line on why it was not."""

    recorded: Recorded | None = None
    trouble: str | None = None


def keep(
    keeping: Keeping,
    assessment: Assessment,
    book: Book,
    exemptions: Sequence[Exemption],
    copies: Sequence[Path] = (),
) -> tuple[Assessment, Kept]:
    """Records a run, and gives the assessment with the answers that the ledger holds.

    `copies` are the annotated copies whose answers the assessment carries: they are recorded first.
    A ledger that cannot be used never stops the check itself.
    """
    from fundtrack import ledger  # noqa: PLC0415 - SQLAlchemy is loaded only where it is needed
    from fundtrack.report import records  # noqa: PLC0415

    plain = records.record(assessment, keeping.moment[:10], {}, restricted=True)
    run = ledger.Run(plain)
    recorded = None
    try:
        store = ledger.Store(keeping.place, new=keeping.record)
        if keeping.record:
            recorded = ledger.record(
                store,
                run,
                keeping.moment,
                portfolio=keeping.portfolio,
                under=_under(book, exemptions),
            )
        name = (keeping.portfolio or run.portfolio[0], run.portfolio[1])
        for copy in copies if keeping.record else ():
            _reviewed(store, copy, keeping, name)
        answers, shown = ledger.shown_again(store, name)
    except FundtrackError as error:
        return assessment, Kept(recorded, str(error))
    if keeping.record:  # all that the copies said is in the ledger by now
        return replace(assessment, answers=answers, ledger=shown), Kept(recorded)
    own = assessment.answers
    # Where the new copy shows another answer than the ledger's, it cannot say that it showed that.
    hides = any(own[f] != answer for f, answer in answers.items() if f in own)
    mark = None if hides else shown
    return replace(assessment, answers={**answers, **own}, ledger=mark), Kept(recorded)


def _under(
    book: Book, exemptions: Sequence[Exemption]
) -> Callable[[Mapping[str, Any], Mapping[str, float | None]], set[str]]:
    """Judges the same tables on other terms, and gives the ids of what is found."""
    from fundtrack.evaluate import evaluate  # noqa: PLC0415 - it loads pandas

    def found(settings: Mapping[str, Any], thresholds: Mapping[str, float | None]) -> set[str]:
        limits = {
            name: Limit(
                limit.threshold,
                thresholds.get(name, limit.value),
                limit.confirmed_by,
                limit.confirmed_on,
                limit.reason,
            )
            for name, limit in book.limits.all.items()
        }
        then = replace(book, settings=book.settings.like(settings), limits=Limits(limits), _kept={})
        return {finding.id for finding in evaluate(then, exemptions)[1]}

    return found


def record(paths: Sequence[Path], keeping: Keeping) -> list[Recorded]:
    """Records runs from the JSON of earlier checks, in the order of the days they speak of.

    Raises FundtrackError where a file is not such a JSON, before anything is written, or where the
    ledger cannot take one.
    """
    from fundtrack import ledger  # noqa: PLC0415

    runs = []
    for path in paths:
        plain = _json(path)
        many = plain if plain and isinstance(plain, list) else [plain]  # no run is not a run
        runs += [ledger.Run.of(one, path.name) for one in many]
    store = ledger.Store(keeping.place, new=True)
    runs.sort(key=lambda run: run.day)
    return [
        ledger.record(store, run, keeping.moment, portfolio=keeping.portfolio, under=None)
        for run in runs
    ]


def _json(path: Path) -> Any:
    data = bytes_of(path, Bounds())
    try:
        return json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise FundtrackError(
            path.name,
            "It is not what `fundtrack check --format json` prints.",
            "Check the workbook with --record instead.",
        ) from error


def _no_number(name: str) -> Any:
    raise ValueError(name)  # JSON itself knows neither NaN nor an infinite number


def review(path: Path, keeping: Keeping) -> tuple[Reviewed, Sequence[str]]:
    """Adds the answers of one copy to the ledger; gives what came of it, and what to know of the
    copy. Raises FundtrackError.
    """
    from fundtrack import ledger  # noqa: PLC0415

    return _reviewed(ledger.Store(keeping.place), path, keeping, None)


def _reviewed(
    store: Store, path: Path, keeping: Keeping, whose: tuple[str, str] | None
) -> tuple[Reviewed, Sequence[str]]:
    """Adds the answers of one copy, to the portfolio that it names unless one is given."""
    from fundtrack import ledger, report  # noqa: PLC0415

    package = report.opened(path, keeping.bounds, keeping.password)
    read = report.read_answers(package, keeping.bounds)
    facts = report.provenance_in(package, keeping.bounds)
    if whose is None:
        file = facts.get(("Workbook", "File"), path.name)
        owner = facts.get(("Settings", "Organisation id"), "–")
        kind = facts.get(("Workbook", "Kind"), "donor")
        name = keeping.portfolio or ledger.portfolio_of(None if owner == "–" else owner, file)
        whose = (name, kind)
    mark = facts.get(("Ledger", "Portfolio"))
    given = (read.given, list(read.listed))
    return ledger.review(store, path.name, *given, whose, mark, keeping.moment), read.remarks


def history(
    place: str,
    *,
    portfolio: str | None,
    since: date | None,
    until: date | None,
    as_of: date | None,
) -> list[History]:
    """What the ledger tells of its portfolios over a period. Raises FundtrackError."""
    from fundtrack import ledger  # noqa: PLC0415

    return ledger.history(
        ledger.Store(place), portfolio=portfolio, since=since, until=until, as_of=as_of
    )


def compare(place: str, first: str, second: str, *, portfolio: str | None) -> Difference:
    """Two checks of a portfolio side by side. Raises FundtrackError."""
    from fundtrack import ledger  # noqa: PLC0415

    return ledger.compare(ledger.Store(place), first, second, portfolio=portfolio)
