"""The making of findings: where each stands, how grave it is, and whether it is accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fundtrack import schema
from fundtrack.book import Book
from fundtrack.evaluate.wording import Wording, heading, keys
from fundtrack.model import Check, Fault, Finding, Quotient, Severity, Table
from fundtrack.settings import Exemption
from fundtrack.verdicts import Remark, RowVerdicts, Words
from fundtrack.words import HIDDEN, json_value

# Findings that are listed of one check in one column; of more, nobody reads each, and a million of
# them take more memory than a laptop has.
LISTED = 50_000


class Making:
    """Makes the findings of one book, under its settings, its limits and its exceptions."""

    def __init__(self, book: Book, exemptions: Sequence[Exemption]) -> None:
        self.book = book
        self.limits = book.limits
        self.coverage = book.limits["dat.coverage_min_pct"] / 100  # 0 to 1
        self.currency = book.settings.reporting_currency
        self._words = book.limits.words
        self._exemptions: dict[tuple[str, str], Exemption] = {}
        for exemption in exemptions:
            self._exemptions.setdefault((exemption.check, exemption.object), exemption)

    def say(self, template: str, **words: Any) -> str:
        """The template with the words and the numbers in force."""
        return template.format(**(self._words | words))

    def capped(
        self, check: Check, severity: Severity, *, rests_on: Sequence[str] | None = None, hard: bool
    ) -> Severity:
        """An error that rests on a house default which no donor has confirmed is a warning."""
        names = [t.parameter for t in check.thresholds] if rests_on is None else rests_on
        sure = hard or all(self.limits.all[name].confirmed for name in names)
        return severity if sure or severity is not Severity.ERROR else Severity.WARNING

    # Of rows -------------------------------------------------------------------------------------

    def of_rows(self, check: Check, verdict: RowVerdicts, labels: pd.Index) -> list[Finding]:
        """The findings of the rows that do not meet a check, one a row."""
        return self._of_cells(
            check.id,
            self.book.tables[verdict.table],
            labels,
            verdict.at,
            verdict,
            self._severities(check, verdict, labels),
            scope=verdict.scope or check.scope,
            words=verdict.words,
            follow=verdict.key,
            hidden=verdict.hidden,
        )

    def _severities(self, check: Check, verdict: RowVerdicts, labels: pd.Index) -> list[Severity]:
        own: Any = [check.severity] * len(labels)
        if verdict.severity is not None:
            own = verdict.severity.loc[labels]
        hard: Any = [False] * len(labels)
        if verdict.hard is not None:
            hard = verdict.hard.reindex(labels).fillna(False)
        return [
            self.capped(check, Severity(s), rests_on=verdict.rests_on, hard=bool(h))
            for s, h in zip(own, hard, strict=True)
        ]

    def of_fault(self, fault: Fault) -> list[Finding]:
        """The findings of a fault of the data, one a cell."""
        words = {
            name: text if isinstance(text, str) else pd.Series(text)
            for name, text in fault.words.items()
        }
        found = []
        if fault.labels:
            found = self._of_cells(
                fault.check,
                self.book.tables[fault.table],
                pd.Index(fault.labels, dtype="int64"),
                fault.field,
                fault,
                [fault.severity] * len(fault.labels),
                scope=fault.scope,
                words=lambda _: words,
            )
        for spot in fault.spots:
            found.append(
                Finding(
                    check=fault.check,
                    severity=fault.severity,
                    scope=fault.scope,
                    table=fault.table,
                    file=spot.part.file,
                    sheet=spot.part.sheet,
                    cell=spot.cell,
                    row=spot.row,
                    field=fault.field,
                    heading=spot.heading,
                    key=spot.key,
                    value=json_value(spot.value),
                    expected=fault.expected,
                    message=fault.message,
                    remedy=fault.remedy,
                    main=spot.part.main,
                )
            )
        return found

    def _of_cells(
        self,
        check: str,
        table: Table,
        labels: pd.Index,
        at: str | pd.Series | None,
        said: RowVerdicts | Fault,
        severities: Sequence[Severity],
        *,
        scope: str,
        words: Words,
        follow: pd.Series | None = None,
        hidden: bool = False,
    ) -> list[Finding]:
        """One finding a row, and one for all rows beyond those that are listed.

        `at`: the field whose cell is marked. `said` has the templates. `follow`: what each finding
        is followed by over time; None: the row's own key.
        """
        found = []
        labels, more = labels[:LISTED], labels[LISTED:]
        if len(more):
            gravest = min(severities[LISTED:], key=lambda s: s.rank)
            field = None if isinstance(at, pd.Series) else at
            found.append(self._of_the_rest(check, gravest, table, field, more))
        fields: list[str | None] = [at] * len(labels) if not isinstance(at, pd.Series) else []
        if isinstance(at, pd.Series):
            fields = [str(name) for name in at.loc[labels]]
        named = keys(table, labels)
        wording = Wording(table, labels, fields, named, words(labels), self._words)
        columns = (
            labels,
            fields,
            severities[:LISTED],
            named if follow is None else [str(key) for key in follow.loc[labels]],
            table.values(labels, fields),
            *(wording.fill(text) for text in (said.expected, said.message, said.remedy)),
        )
        for label, field, severity, key, value, *texts in zip(*columns, strict=True):
            held = HIDDEN if hidden else json_value(value)
            found.append(
                self.at_cell(check, severity, scope, (table, label, field), key, held, *texts)
            )
        return found

    def at_cell(
        self,
        check: str,
        severity: Severity,
        scope: str,
        cell: tuple[Table, int, str | None],
        key: str,
        value: Any,
        expected: str,
        message: str,
        remedy: str,
        difference: str | None = None,
    ) -> Finding:
        """A finding at the cell of a table, a row's label and a field."""
        table, label, field = cell
        accepted, message = self._exempted(check, key, message)
        place = table.place(label, field)
        return Finding(
            check=check,
            severity=severity,
            scope=scope,
            table=table.name,
            file=place.part.file,
            sheet=place.part.sheet,
            cell=place.cell,
            row=place.row,
            field=field,
            heading=heading(table, label, field),
            key=key,
            value=value,
            expected=expected,
            message=message,
            remedy=remedy,
            difference=difference,
            accepted=accepted,
            main=place.part.main,
            organisation=self._owner(table, label),
        )

    def _of_the_rest(
        self, check: str, severity: Severity, table: Table, field: str | None, labels: pd.Index
    ) -> Finding:
        """One finding for rows that are too many to be listed."""
        place, last = table.place(labels[0], field), table.place(labels[-1], field)
        named = heading(table, labels[0], field)
        where = f" in “{named}”" if named else ""
        sheet, until = place.part.sheet, last.part.sheet
        upto = f"{last.row:,}" if sheet == until else f"{last.row:,} of “{until}”"
        return Finding(
            check=check,
            severity=severity,
            scope="sheet",
            table=table.name,
            file=place.part.file,
            sheet=sheet,
            cell=place.cell,
            row=place.row,
            field=field,
            heading=named,
            key=f"further rows of {sheet}",
            value=None,
            expected="as in the rows before",
            message=f"{len(labels):,} further rows have the same fault{where}, from row "
            f"{place.row:,} to {upto}: only the first {LISTED:,} are listed.",
            remedy="Correct all of them together, then check again.",
            main=place.part.main,
        )

    def _owner(self, table: Table, label: int) -> str | None:
        """The organisation whose record it is; none for a restricted sheet, whose rows are not
        to be followed to anybody outside it.
        """
        if schema.tables()[table.name].restricted:
            return None
        owners = self.book.once(("owners", table.name), lambda: _owners(self.book, table))
        owner = owners.get(label)
        return None if pd.isna(owner) else str(owner)

    # Of no cell ----------------------------------------------------------------------------------

    def of_remark(self, check: Check, remark: Remark) -> Finding:
        """The finding of a remark on the whole portfolio, or on a country of it."""
        return self.at_no_cell(
            check.id,
            self.capped(check, remark.severity or check.severity, hard=remark.hard),
            remark.scope or check.scope,
            remark.key,
            None,
            self.say(remark.expected),
            remark.message,
            self.say(remark.remedy),
        )

    def at_no_cell(
        self,
        check: str,
        severity: Severity,
        scope: str,
        key: str,
        value: float | None,
        expected: str,
        message: str,
        remedy: str,
        difference: str | None = None,
    ) -> Finding:
        """A finding that stands at no cell: of a figure, a country, the whole portfolio."""
        accepted, message = self._exempted(check, key, message)
        return Finding(
            check=check,
            severity=severity,
            scope=scope,
            key=key,
            value=value,
            expected=expected,
            message=message,
            remedy=remedy,
            difference=difference,
            accepted=accepted,
        )

    def _exempted(self, check: str, key: str, message: str) -> tuple[bool, str]:
        """Whether a valid exception covers the finding; if one did, its message says so."""
        exemption = self._exemptions.get((check, key))
        if exemption is None:
            return False, message
        if exemption.valid_on(self.book.settings.reference_date):
            return True, message
        if exemption.expires is None:
            return False, f"{message} An exception for it has no end, so it does not count."
        return False, f"{message} An exception for it ended on {exemption.expires}."


def worst(findings: Sequence[Finding]) -> Severity | None:
    """The gravest severity of those that are not accepted."""
    return min((f.severity for f in findings if not f.accepted), key=lambda s: s.rank, default=None)


def figures(made: Sequence[Quotient]) -> Mapping[str, float]:
    """The further figures of a result by their names, without those that cannot be made."""
    return {q.name: value for q in made if (value := q.value) is not None}


def _owners(book: Book, table: Table) -> pd.Series:
    """By row label, the organisation who receives the money, or does the work, of that row."""
    plan = schema.tables()[table.name]
    if table.name == "organisations":
        return table.frame[plan.key]
    named = [r for r in plan.foreignKeys if r.table == "organisations"]
    named = [r for r in named if r.field != "provider_org_id"] or named
    if named:
        return table.frame[named[0].field]
    of_grant = next((r for r in plan.foreignKeys if r.table == "grants"), None)
    if of_grant is None:
        return pd.Series(dtype="string")
    grants = book["grants"].drop_duplicates("grant_id")
    return table.frame[of_grant.field].map(
        grants.dropna(subset=["grant_id"]).set_index("grant_id")["recipient_org_id"]
    )
