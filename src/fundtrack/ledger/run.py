"""A run as the ledger takes it: the plain values of `fundtrack check --format json`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from math import isfinite
from pathlib import PurePath
from typing import Any

from fundtrack.model import FundtrackError, Severity, Status
from fundtrack.trail import Trail

# Settings that move from period to period by themselves, unlike those that somebody changes.
PERIOD = ("reference_date", "period_start", "period_end")
_WHOSE = ("organisation_id",)  # says whose portfolio it is, not how it is judged


def portfolio_of(organisation: str | None, file: str) -> str:
    """Whose figures a workbook holds: an organisation's, else the file's own."""
    return organisation or PurePath(file).stem.removesuffix(".checked")


@dataclass(frozen=True)
class Terms:
    """On what terms a run judged: edition of the guidance, settings, thresholds."""

    guidance: str
    settings: Mapping[str, Any]
    thresholds: Mapping[str, float | None]

    def with_period_of(self, other: Terms) -> Terms:
        """These terms, for the reference date and the period of another run."""
        moved = {name: other.settings.get(name) for name in PERIOD}
        return Terms(self.guidance, {**self.settings, **moved}, self.thresholds)

    def changes(self, since: Terms) -> dict[str, tuple[Any, Any]]:
        """Setting or threshold -> (before, now), for those that differ."""
        names = [n for n in {**since.settings, **self.settings} if n not in _WHOSE]
        told: dict[str, tuple[Any, Any]] = {
            n: (since.settings.get(n), self.settings.get(n)) for n in names
        }
        # A number that one of the two programs did not know yet was not changed by anybody.
        both = [p for p in since.thresholds if p in self.thresholds]
        told |= {p: (since.thresholds[p], self.thresholds[p]) for p in both}
        return {name: pair for name, pair in told.items() if pair[0] != pair[1]}


@dataclass(frozen=True)
class Run:
    """One run. `plain` is what the JSON holds; see `schemas/output.schema.json`."""

    plain: Mapping[str, Any]

    @classmethod
    def of(cls, plain: Any, file: str) -> Run:
        """A run from the JSON of a file. Raises FundtrackError where it lacks what it needs."""
        if isinstance(plain, dict) and plain.get("redacted"):
            raise FundtrackError(
                file,
                "It was made to be shared (--redact): its findings cannot be followed.",
                "Record a check of the workbook itself.",
            )
        try:
            run = cls(plain)
            # Look at all that is read later, so that a malformed file is told here, by its name:
            # once it is in the ledger, it would make the history unreadable for good.
            _ = run.terms, run.trail, run.fingerprint, run.portfolio
            _sound(plain)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise FundtrackError(
                file,
                "It is not what `fundtrack check --format json` prints, or an older fundtrack "
                "printed it.",
                "Check the workbook with --record instead.",
            ) from error
        return run

    @property
    def terms(self) -> Terms:
        """On what terms it judged."""
        return Terms(
            self.plain["guidance"], dict(self.plain["settings"]), dict(self.plain["thresholds"])
        )

    @property
    def portfolio(self) -> tuple[str, str]:
        """Whose figures they are, unless a name is given: an organisation's, else the file's."""
        book, owner = self.plain["workbook"], self.plain["settings"].get("organisation_id")
        return portfolio_of(owner, str(book["path"])), str(book["kind"])

    @property
    def checked(self) -> str:
        """The day of the run, ISO."""
        return str(self.plain["checked"])

    @property
    def day(self) -> str:
        """The day that the run speaks of, ISO: its reference date, else the day of the run."""
        return str(self.plain["settings"].get("reference_date") or self.checked)

    @property
    def findings(self) -> list[dict[str, Any]]:
        """The findings as the JSON has them."""
        return list(self.plain["findings"])

    @cached_property
    def results(self) -> dict[str, dict[str, Any]]:
        """The results by their check."""
        return {r["check"]: r for r in self.plain["results"]}

    @cached_property
    def trail(self) -> Trail:
        """What became of the records."""
        statuses = {name: r["status"] for name, r in self.results.items()}
        return Trail(self.plain["trail"], statuses)

    @cached_property
    def ends(self) -> dict[tuple[str, str], str | None]:
        """When each exception ends, by check and object; the first of two rows counts."""
        found: dict[tuple[str, str], str | None] = {}
        for exception in self.plain["exceptions"]:
            found.setdefault((exception["check"], exception["object"]), exception["expires"])
        return found

    @cached_property
    def fingerprint(self) -> str:
        """The same for two runs that judged the same figures on the same terms alike."""
        found = [(f["id"], f["severity"], f["accepted"]) for f in self.findings]
        judged = [(r["check"], r["status"], r["low"], r["high"]) for r in self.results.values()]
        book = self.plain["workbook"]
        terms = self.terms
        same = [book["values_digest"], terms.guidance, terms.settings, terms.thresholds]
        ends = sorted((*key, end or "") for key, end in self.ends.items())
        text = json.dumps([same, ends, sorted(found), judged], sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _sound(plain: Mapping[str, Any]) -> None:
    """Raises an error where a value is not what every run has there."""
    book, settings = plain["workbook"], plain["settings"]
    _texts(plain, "fundtrack", "guidance")
    _texts(book, "path", "sha256", "values_digest", "kind")
    _days(plain, "checked")
    _days({**dict.fromkeys(PERIOD), **settings}, *PERIOD, blank=True)
    _texts({"organisation_id": None, **settings}, "organisation_id", blank=True)
    for value in plain["thresholds"].values():
        _number(value)
    for finding in plain["findings"]:
        _texts(finding, "id", "check", "scope")
        _texts(finding, "table", "sheet", "field", "heading", "key", blank=True)
        _texts({"organisation": None, **finding}, "organisation", blank=True)
        _ = Severity(finding["severity"]), finding["accepted"]
    for result in plain["results"]:
        _texts(result, "check", "name")
        _texts(result, "unit", blank=True)
        Status(result["status"])
        for name in ("low", "high", "threshold"):
            _number(result[name])
    for exception in plain["exceptions"]:
        _texts(exception, "check", "object")
        _days(exception, "expires", blank=True)


def _texts(plain: Mapping[str, Any], *names: str, blank: bool = False) -> None:
    """Raises TypeError or ValueError where one of these is no text, nor null if it may be."""
    for name in names:
        if plain[name] is None and blank:
            continue
        if not isinstance(plain[name], str):
            raise TypeError(name)
        plain[name].encode()  # half a character raises ValueError


def _days(plain: Mapping[str, Any], *names: str, blank: bool = False) -> None:
    for name in names:
        if (day := plain[name]) is None and blank:
            continue
        if date.fromisoformat(day).isoformat() != day:  # it reads other ways of writing a day too
            raise ValueError(name)


def _number(value: Any) -> None:
    if value is not None and not isfinite(float(value)):
        raise ValueError(value)
