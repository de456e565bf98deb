"""From typed tables to one result a check, with its findings.

The engine alone makes findings, addresses, bounds and verdicts; a check only says which rows it
judges and which of them meet it, or which sums make its share.
"""

from __future__ import annotations

import hashlib
import string
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from fundtrack import rules, schema
from fundtrack.book import Book
from fundtrack.model import (
    Check,
    Fault,
    Finding,
    Group,
    Judged,
    Quotient,
    Result,
    Severity,
    Status,
    Table,
)
from fundtrack.money import reaches, stays_within
from fundtrack.settings import Exemption
from fundtrack.sums import Sums, Terms
from fundtrack.verdicts import Ask, Faults, NotAssessable, Remarks, RowVerdicts, Share, Verdict
from fundtrack.words import HIDDEN, amount, json_value, percent, plural, shown

# Findings that are listed of one check in one column; of more, nobody reads each, and a million of
# them take more memory than a laptop has.
LISTED = 50_000


def evaluate(book: Book, exemptions: Sequence[Exemption]) -> tuple[list[Result], list[Finding]]:
    """One result for every check, in the catalogue's order, and all findings in sheet and row
    order.

    The findings include those of the schemas (`SCH-...`), which belong to no check.
    """
    engine = _Engine(book, exemptions)
    results: dict[str, Result] = {}
    checks = rules.catalogue()
    for check in sorted(checks.values(), key=lambda c: c.last):
        results[check.id] = engine.result(check, list(results.values()))
    ordered = [results[name] for name in checks]
    findings = [f for r in ordered for f in r.findings]
    findings += [
        f for fault in book.faults if fault.check not in checks for f in engine.of_fault(fault)
    ]
    named = _with_ids(findings, book)
    by_check = defaultdict(list)
    for finding in named:
        by_check[finding.check].append(finding)
    return [replace(r, findings=by_check.get(r.check.id, [])) for r in ordered], _sorted(
        named, book
    )


@dataclass(frozen=True)
class _Counts:
    """How many rows a verdict judged, left open, and found wanting."""

    scope: int = 0
    assessed: int = 0


class _Engine:
    def __init__(self, book: Book, exemptions: Sequence[Exemption]) -> None:
        self.book = book
        self.limits = book.limits
        self.spaces = book.limits.words
        self.coverage = book.limits["dat.coverage_min_pct"] / 100
        self.currency = book.settings.reporting_currency
        self.exemptions: dict[tuple[str, str], Exemption] = {}
        for exemption in exemptions:
            self.exemptions.setdefault((exemption.check, exemption.object), exemption)

    # Results -------------------------------------------------------------------------------------

    def result(self, check: Check, before: Sequence[Result]) -> Result:
        """The result of one check, its findings still without ids."""
        if reason := self._missing(check):
            return Result(check, Status.NOT_ASSESSABLE, reason=reason)
        given = (
            check.run(self.book, self.limits, before)
            if check.last
            else check.run(self.book, self.limits)
        )
        verdicts: list[Verdict] = given if isinstance(given, list) else [given]
        for verdict in verdicts:
            if isinstance(verdict, NotAssessable):
                return Result(check, Status.NOT_ASSESSABLE, reason=verdict.reason)
        shares = [v for v in verdicts if isinstance(v, Share)]
        others = [v for v in verdicts if not isinstance(v, Share)]
        if not shares:
            return self._rows(check, others)
        if self.currency is None and any(s.counted is None for s in shares):
            return Result(check, Status.NOT_ASSESSABLE, reason=_no_currency())
        result = self._shares(check, shares)
        return _both(result, self._rows(check, others)) if others else result

    def _missing(self, check: Check) -> str | None:
        """Which sheets or columns that the check needs are not there, in words."""
        sheets, columns = [], []
        for table, needed in check.needs.items():
            if table not in self.book.tables:
                sheets.append(f"“{schema.tables()[table].sheet}”")
                continue
            for field in needed:
                options = field.split("|")
                if not any(self.book.has(table, name) for name in options):
                    titles = " or ".join(
                        f"“{schema.tables()[table].field(n).title}”" for n in options
                    )
                    columns.append(f"{titles} ({schema.tables()[table].sheet})")
        by_payment = self.book.settings.value_basis == "disbursement"
        unpaid = by_payment and "transactions" not in self.book.tables
        if unpaid and "amount" in check.needs.get("grants", ()):
            sheets.append(f"“{schema.tables()['transactions'].sheet}”")
        columns = list(dict.fromkeys(columns))
        if not sheets and not columns:
            return None
        said = []
        if sheets:
            said.append(f"There is no sheet {' and no sheet '.join(sheets)}.")
        if columns:
            said.append(f"There is no column {' and no column '.join(columns)}.")
        it = "it" if len(sheets) + len(columns) == 1 else "them"
        return " ".join([*said, f"Add {it}, or give a file that has {it} with --with."])

    def _rows(self, check: Check, verdicts: Sequence[Verdict]) -> Result:
        findings: list[Finding] = []
        counts = _Counts()
        open_: list[str] = []
        made: list[Quotient] = []
        judged: list[Judged] = []
        for verdict in verdicts:
            if isinstance(verdict, RowVerdicts):
                more, counted, reason, looked = self._of_rows(check, verdict)
                judged.append(looked)
            elif isinstance(verdict, Remarks):
                more, reason = self._of_remarks(check, verdict), verdict.reason
                counted = _Counts(verdict.judged + verdict.open_, verdict.judged)
                made += verdict.made
                if counted.scope:
                    sure = Status.UNDETERMINED if verdict.open_ else Status.PASS
                    judged.append(Judged(rest=sure))
            else:
                assert isinstance(verdict, Faults)
                faults = [f for f in self.book.faults if f.check == check.id]
                more, reason = [f for fault in faults for f in self.of_fault(fault)], ""
                counted = _Counts(verdict.judged + len(more), verdict.judged + len(more))
                judged.append(Judged(cells=True))
            findings += more
            counts = _Counts(counts.scope + counted.scope, counts.assessed + counted.assessed)
            if reason:
                open_.append(reason)
        halves = any(isinstance(v, Remarks) and v.judged and v.open_ for v in verdicts)
        status = self._row_status(findings, counts, halves=halves)
        first = check.thresholds[0] if check.thresholds else None
        return Result(
            check,
            status,
            _worst(findings),
            first.unit if first else None,
            threshold=self.limits.all[first.parameter].value if first else None,
            basis=first.basis if first else None,
            confirmed=self._confirmed(check),
            figures=_figures(made),
            made=made,
            assessed_rows=counts.assessed,
            rows_in_scope=counts.scope,
            findings=findings,
            reason=" ".join(open_) or _all_accepted(findings),
            judged=judged,
        )

    def _row_status(self, findings: Sequence[Finding], counts: _Counts, *, halves: bool) -> Status:
        if any(not f.accepted for f in findings):
            return Status.FAIL
        if not counts.scope:
            return Status.NOT_APPLICABLE
        if not halves and counts.assessed / counts.scope < self.coverage:
            return Status.NOT_ASSESSABLE
        return Status.PASS if counts.assessed == counts.scope else Status.UNDETERMINED

    def _confirmed(self, check: Check) -> bool:
        return all(self.limits.all[t.parameter].confirmed for t in check.thresholds)

    # Rows ----------------------------------------------------------------------------------------

    def _of_rows(
        self, check: Check, verdict: RowVerdicts
    ) -> tuple[list[Finding], _Counts, str, Judged]:
        scope, meets = verdict.in_scope.astype("boolean"), verdict.meets.astype("boolean")
        judged = scope.fillna(True)
        known = scope.notna() & meets.notna() | (~scope).fillna(False)
        out = scope & ~meets
        labels = out.index[out.fillna(False)]
        # A row that surely meets the check needs no scope; one whose scope is open and that fails
        # is open.
        unknown = judged & ~(known | meets.fillna(False))
        counts = _Counts(int(judged.sum()), int((judged & ~unknown).sum()))
        reason = self._unjudged(verdict, unknown, counts)
        # Where nothing may be repeated, nothing should stand: an emptied cell is put right.
        beside = None if verdict.hidden else ~judged
        looked = Judged(verdict.table, verdict.at, unknown, beside, verdict.key)
        return self._row_findings(check, verdict, labels), counts, reason, looked

    def _unjudged(self, verdict: RowVerdicts, open_: pd.Series, counts: _Counts) -> str:
        """How many rows were left open, which, and what is blank in them."""
        labels = open_.index[open_]
        if not len(labels):
            return ""
        own = [n for t, n in verdict.blank if t == verdict.table]
        blank = [n for n in own if self.book[verdict.table][n].reindex(labels).isna().any()]
        named = [self.book.heading(verdict.table, n) for n in blank]
        if not named or verdict.in_scope.reindex(labels).isna().any():
            named += [
                self.book.heading(t, n)
                for t, n in verdict.blank
                if t != verdict.table and self.book[t][n].isna().any()
            ]
        words = ", ".join(f"“{heading}”" for heading in dict.fromkeys(named))
        are = "is" if len(set(named)) == 1 else "are"
        why = f": {words} {are} blank or not usable" if words else verdict.otherwise
        keys = ", ".join(self._keys(self.book.tables[verdict.table], labels[:3]))
        more = " ..." if len(labels) > 3 else ""
        sheet = self.book.sheet(verdict.table)
        return (
            f"{len(labels)} of {counts.scope} rows in {sheet} could not be judged{why} "
            f"({keys}{more})."
        )

    def _row_findings(self, check: Check, verdict: RowVerdicts, labels: pd.Index) -> list[Finding]:
        if not len(labels):
            return []
        table = self.book.tables[verdict.table]
        found = []
        labels, more = _listed(labels)
        if len(more):
            worst = min(self._severities(check, verdict, more), key=lambda s: s.rank)
            field = verdict.at if isinstance(verdict.at, str) else None
            found.append(self._others(check.id, worst, table, field, more))
        severities = self._severities(check, verdict, labels)
        at = (
            verdict.at if isinstance(verdict.at, pd.Series) else pd.Series(verdict.at, index=labels)
        )
        keys = self._keys(table, labels)
        follow = list(verdict.key.loc[labels]) if verdict.key is not None else keys
        texts = _Texts(self, table, labels, verdict.words(labels), keys, at.loc[labels])
        messages, remedies, expected = (
            texts.fill(t) for t in (verdict.message, verdict.remedy, verdict.expected)
        )
        names = [str(name) for name in at.loc[labels]]
        held = table.values(labels, names)
        for i, (label, name) in enumerate(zip(labels, names, strict=True)):
            value = HIDDEN if verdict.hidden else json_value(held[i])
            found.append(
                self._finding(
                    check.id,
                    severities[i],
                    verdict.scope or check.scope,
                    table,
                    label,
                    name,
                    str(follow[i]),
                    value,
                    expected[i],
                    messages[i],
                    remedies[i],
                )
            )
        return found

    def _severities(self, check: Check, verdict: RowVerdicts, labels: pd.Index) -> list[Severity]:
        own: Any = [check.severity] * len(labels)
        if verdict.severity is not None:
            own = verdict.severity.loc[labels]
        hard: Any = [False] * len(labels)
        if verdict.hard is not None:
            hard = verdict.hard.reindex(labels).fillna(False)
        return [
            self._capped(check, Severity(s), rests_on=verdict.rests_on, hard=bool(h))
            for s, h in zip(own, hard, strict=True)
        ]

    def _keys(self, table: Table, labels: Iterable[int]) -> list[str]:
        """What a person calls each row: its identifier, else its row number."""
        labels = list(labels)
        plan = schema.tables()[table.name]
        if plan.orientation == "settings":
            return ["the settings" for _ in labels]
        parts = [table.frame[name].reindex(labels) for name in plan.primaryKey]
        named = parts[0].notna()
        texts = [[shown(v) for v in part] for part in parts]
        joined = (", ".join(row) for row in zip(*texts, strict=True))
        return [
            key if known else f"row {table.place(n, None).row}"
            for key, known, n in zip(joined, named, labels, strict=True)
        ]

    def _of_remarks(self, check: Check, remarks: Remarks) -> list[Finding]:
        found = []
        for remark in remarks.found:
            severity = self._capped(check, remark.severity or check.severity, hard=remark.hard)
            accepted, message = self._exempted(check.id, remark.key, remark.message)
            found.append(
                self._of_portfolio(
                    check,
                    severity,
                    remark.scope or check.scope,
                    remark.key,
                    None,
                    self._say(remark.expected),
                    message,
                    self._say(remark.remedy),
                    accepted=accepted,
                )
            )
        return found

    def _of_portfolio(
        self,
        check: Check,
        severity: Severity,
        scope: str,
        key: str,
        value: float | None,
        expected: str,
        message: str,
        remedy: str,
        *,
        difference: str | None = None,
        accepted: bool = False,
    ) -> Finding:
        """A finding that stands at no cell."""
        nowhere = (None, "", None, None, None, None, None)
        return Finding(
            "",
            check.id,
            severity,
            scope,
            *nowhere,
            key,
            value,
            expected,
            message,
            remedy,
            difference,
            accepted,
        )

    def _capped(
        self, check: Check, severity: Severity, *, rests_on: Sequence[str] | None = None, hard: bool
    ) -> Severity:
        """An error that rests on a house default which no donor has confirmed is a warning."""
        names = [t.parameter for t in check.thresholds] if rests_on is None else rests_on
        sure = hard or all(self.limits.all[name].confirmed for name in names)
        return severity if sure or severity is not Severity.ERROR else Severity.WARNING

    def of_fault(self, fault: Fault) -> list[Finding]:
        """The findings of a fault of the data, one a cell."""
        found = []
        if fault.labels:
            table = self.book.tables[fault.table]
            labels, more = _listed(pd.Index(fault.labels, dtype="int64"))
            if len(more):
                found.append(self._others(fault.check, fault.severity, table, fault.field, more))
            keys = self._keys(table, labels)
            words = {
                name: text if isinstance(text, str) else pd.Series(text)
                for name, text in fault.words.items()
            }
            texts = _Texts(self, table, labels, words, keys, pd.Series(fault.field, index=labels))
            messages, remedies, expected = (
                texts.fill(t) for t in (fault.message, fault.remedy, fault.expected)
            )
            held = table.values(labels, [fault.field] * len(labels))
            for i, label in enumerate(labels):
                value = json_value(held[i])
                found.append(
                    self._finding(
                        fault.check,
                        fault.severity,
                        fault.scope,
                        table,
                        label,
                        fault.field,
                        keys[i],
                        value,
                        expected[i],
                        messages[i],
                        remedies[i],
                    )
                )
        for spot in fault.spots:
            found.append(
                Finding(
                    "",
                    fault.check,
                    fault.severity,
                    fault.scope,
                    fault.table,
                    spot.part.file,
                    spot.part.sheet,
                    spot.cell,
                    spot.row,
                    fault.field,
                    spot.heading,
                    spot.key,
                    json_value(spot.value),
                    fault.expected,
                    fault.message,
                    fault.remedy,
                    main=spot.part.main,
                )
            )
        return found

    def _others(
        self, check: str, severity: Severity, table: Table, field: str | None, labels: pd.Index
    ) -> Finding:
        """One finding for rows that are too many to be listed."""
        place, last = table.place(labels[0], field), table.place(labels[-1], field)
        heading = place.heading or (schema.tables()[table.name].field(field).title if field else "")
        where = f" in “{heading}”" if heading else ""
        sheet, until = place.part.sheet, last.part.sheet
        upto = f"{last.row:,}" if sheet == until else f"{last.row:,} of “{until}”"
        return Finding(
            "",
            check,
            severity,
            "sheet",
            table.name,
            place.part.file,
            sheet,
            place.cell,
            place.row,
            field,
            heading or None,
            f"further rows of {sheet}",
            None,
            "as in the rows before",
            f"{len(labels):,} further rows have the same fault{where}, from row {place.row:,} to "
            f"{upto}: only the first {LISTED:,} are listed.",
            "Correct all of them together, then check again.",
            main=place.part.main,
        )

    def _finding(
        self,
        check: str,
        severity: Severity,
        scope: str,
        table: Table,
        label: int,
        field: str | None,
        key: str,
        value: Any,
        expected: str,
        message: str,
        remedy: str,
        difference: str | None = None,
    ) -> Finding:
        accepted, message = self._exempted(check, key, message)
        place = table.place(label, field)
        return Finding(
            "",
            check,
            severity,
            scope,
            table.name,
            place.part.file,
            place.part.sheet,
            place.cell,
            place.row,
            field,
            place.heading or (schema.tables()[table.name].field(field).title if field else None),
            key,
            value,
            expected,
            message,
            remedy,
            difference,
            accepted,
            place.part.main,
            self._owner(table, label),
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

    def _exempted(self, check: str, key: str, message: str) -> tuple[bool, str]:
        """Whether a valid exception covers the finding; if one did, its message says so."""
        exemption = self.exemptions.get((check, key))
        if exemption is None:
            return False, message
        if exemption.valid_on(self.book.settings.reference_date):
            return True, message
        if exemption.expires is None:
            return False, f"{message} An exception for it has no end, so it does not count."
        return False, f"{message} An exception for it ended on {exemption.expires}."

    def _say(self, template: str, **words: Any) -> str:
        return template.format(**(self.spaces | words))

    # Shares --------------------------------------------------------------------------------------

    def _shares(self, check: Check, shares: Sequence[Share]) -> Result:
        findings: list[Finding] = []
        groups: list[Group] = []
        judged: list[Group] = []
        looked: list[Judged] = []
        for share in shares:
            terms = Terms(share.terms)
            split = terms.sums(share.by)
            mine = [self._group(share, sums) for sums in split]
            judged += mine
            looked.append(self._looked_at(share, mine))
            if not self._too_many_left_out(share):
                for group, sums in zip(mine, split, strict=True):
                    findings += self._share_findings(check, share, group, sums)
            if share.by:
                groups += mine
            groups += [
                self._group(share, sums) for name in share.breakdown for sums in terms.sums([name])
            ]
        first = shares[0]
        limit = self.limits.all[first.at_least] if first.at_least else None
        one = judged[0] if not first.by and judged else None
        status = self._share_status(shares, judged, findings)
        return Result(
            check,
            status,
            _worst(findings),
            "share",
            one.value if one else None,
            one.low if one else None,
            one.high if one else None,
            self.limits.share(first.at_least) if first.at_least else None,
            limit.threshold.basis if limit else None,
            limit.confirmed if limit else True,
            {**(one.figures if one else {}), **_figures(first.made)},
            max(s.assessed for s in shares),
            max(s.in_scope for s in shares),
            findings,
            self._share_reason(first, one, status),
            groups,
            _all_terms(shares),
            first.most,
            first.counted,
            first.called,
            first.made,
            looked,
        )

    def _looked_at(self, share: Share, groups: Sequence[Group]) -> Judged:
        """What a share says of each key that it is judged by; nothing where too much is blank."""
        table = share.point[0] if share.point and share.point[0] in self.book.tables else None
        open_ = self._too_many_left_out(share)
        states = {
            list(g.by.values())[-1] if g.by else "portfolio": (
                Status.NOT_ASSESSABLE if open_ else g.status
            )
            for g in groups
        }
        return Judged(table, share.point[1] if share.point else None, states=states)

    def _group(self, share: Share, sums: Sums) -> Group:
        by, roles, figures = sums.by, sums.roles, sums.figures
        part, whole = roles.get("part", 0.0), roles.get("whole", 0.0)
        most, doubt = roles.get("unknown", 0.0), roles.get("doubtful", 0.0)
        at_worst, at_best = whole + roles.get("burden", 0.0), whole + doubt
        if not at_best and not at_worst:
            return Group(by, None, None, None, Status.NOT_APPLICABLE, figures)
        if not at_best:  # only what may or may not belong to it
            return Group(by, None, 0.0, 1.0, Status.UNDETERMINED, figures)
        low = part / at_worst if at_worst else 0.0
        high = (part + most + doubt) / at_best if at_best else low
        high = max(low, min(high, 1.0)) if most + doubt else low if low == high else high
        limit = self.limits.share(share.at_least) if share.at_least else None
        if limit is None:
            status = Status.PASS if low == high else Status.UNDETERMINED
        else:
            meets = stays_within if share.most else reaches
            worst, best = (high, low) if share.most else (low, high)
            sure = Status.FAIL if not meets(best, limit) else Status.UNDETERMINED
            status = Status.PASS if meets(worst, limit) else sure
        return Group(by, low if low == high else None, low, high, status, figures)

    def _share_status(
        self, shares: Sequence[Share], groups: Sequence[Group], findings: Sequence[Finding]
    ) -> Status:
        kinds = {g.status for g in groups}
        if any(self._too_many_left_out(s) for s in shares):
            return Status.NOT_ASSESSABLE
        if Status.FAIL in kinds and not (findings and all(f.accepted for f in findings)):
            return Status.FAIL
        if not kinds - {Status.NOT_APPLICABLE}:
            return Status.NOT_APPLICABLE
        if any(s.in_scope and s.assessed / s.in_scope < self.coverage for s in shares):
            return Status.NOT_ASSESSABLE
        return Status.UNDETERMINED if Status.UNDETERMINED in kinds else Status.PASS

    def _too_many_left_out(self, share: Share) -> bool:
        """Whether so many rows have no place in the share that its bounds say nothing."""
        kept = share.in_scope - share.left_out
        return bool(share.in_scope) and kept / share.in_scope < self.coverage

    def _share_reason(self, share: Share, one: Group | None, status: Status) -> str | None:
        open_ = status in (Status.UNDETERMINED, Status.NOT_ASSESSABLE)
        if not open_ and share.assessed == share.in_scope:
            return None
        said = []
        if open_ and one is not None and one.low is not None and one.high is not None:
            exact = one.low == one.high
            between = f"It lies between {percent(one.low)} and {percent(one.high)}."
            said.append(f"By what is known it is {percent(one.low)}." if exact else between)
        if share.in_scope > share.assessed:
            said.append(
                f"{share.in_scope - share.assessed} of {share.in_scope} rows could not be judged"
                f"{share.otherwise}."
            )
        if share.asks:
            facts = [self._ask(ask, share.counted or self.currency) for ask in share.asks]
            numbered = (
                facts if len(facts) == 1 else [f"({i}) {fact}" for i, fact in enumerate(facts, 1)]
            )
            said.append(f"To settle it: {'; '.join(numbered)}.")
        return " ".join(said)

    def _ask(self, ask: Ask, unit: str | None) -> str:
        """“fill “Affiliated?” of LOC-A (Organisations!E2), on which 120,000 EUR hang”."""
        plan = schema.tables()[ask.table]
        hangs = f", on which {amount(ask.amount, unit)} hang"
        table = self.book.tables.get(ask.table)
        blank = {
            n: [x for x in ask.labels if table is None or pd.isna(table.frame.at[x, n])]
            for n in ask.fields
        }
        fields = [n for n in ask.fields if blank[n]] or list(ask.fields)
        headings = ", ".join(f"“{self.book.heading(ask.table, n)}”" for n in fields)
        if table is None or not len(ask.labels):
            return (
                f"add the rows that are missing in the sheet {plan.sheet}, with {headings}{hangs}"
            )
        verb = "fill" if any(table.has(n) for n in fields) else "add"
        if not any(blank.values()):  # they are filled, but with an answer that leaves it open
            verb = "complete what is said in"
        if len(ask.labels) > 3:
            return f"{verb} {headings} for {len(ask.labels):,} {plan.sheet.lower()}{hangs}"
        cells = [table.place(x, n) for n in fields for x in blank[n]]
        places = ", ".join(f"{p.part.sheet}!{p.cell}" for p in cells if p.cell)
        keys = ", ".join(self._keys(table, ask.labels))
        return f"{verb} {headings} of {keys}{f' ({places})' if places else ''}{hangs}"

    def _share_findings(
        self, check: Check, share: Share, group: Group, sums: Sums
    ) -> list[Finding]:
        least = self.limits.share(share.at_least) if share.at_least else None
        reported = least is None and group.low is not None
        if group.status is not Status.FAIL and not reported:
            return []
        assert group.low is not None and group.high is not None
        severity = check.severity
        nearest = group.low if share.most else group.high
        if least is not None and share.severity:
            severity = share.severity(nearest, least)
        hard = share.hard is not None and share.hard(nearest)
        severity = self._capped(check, severity, hard=hard)
        limit = self.limits.all[share.at_least] if share.at_least else None
        by, whole = sums.by, sums.roles.get("whole", 0.0)
        words = {**self._share_words(share, group, least, whole), **by, **share.words}
        message, remedy = self._say(share.message, **words), self._say(share.remedy, **words)
        message = message[0].upper() + message[1:]
        if least is not None and limit is not None and not limit.confirmed:
            message += " (The benchmark is a house default that no donor has confirmed.)"
        beyond = "over" if share.most else "short"
        difference = f"{words['gap']} {beyond}" if least is not None else None
        key = list(by.values())[-1] if by else "portfolio"
        expected = self._say(share.expected, **words)
        place = self._point(share, key)
        if place is None:
            accepted, message = self._exempted(check.id, key, message)
            return [
                self._of_portfolio(
                    check,
                    severity,
                    share.words.get("of", "portfolio"),
                    key,
                    group.value,
                    expected,
                    message,
                    remedy,
                    difference=difference,
                    accepted=accepted,
                )
            ]
        table, label, field = place
        return [
            self._finding(
                check.id,
                severity,
                share.words.get("of", check.scope),
                table,
                label,
                field,
                key,
                json_value(table.value(label, field)),
                expected,
                message,
                remedy,
                difference,
            )
        ]

    def _share_words(
        self, share: Share, group: Group, least: float | None, whole: float
    ) -> dict[str, str]:
        low, high = group.low or 0.0, group.high or 0.0
        # What surely suffices: from the bound that is furthest from the threshold.
        gap = (high - (least or 0.0)) if share.most else ((least or 0.0) - low)
        unit = share.counted or self.currency
        text = f"between {percent(low, least)} and {percent(high, least)}"
        return {
            "share": percent(low, least) if low == high else text,
            "threshold": percent(least) if least is not None else "no target",
            "part": amount(low * whole, unit),
            "whole": amount(whole, unit),
            "gap": amount(max(0.0, gap * whole), unit),
            "levers": self._levers(share),
        }

    def _levers(self, share: Share) -> str:
        """The three rows that would move the figure most, by name."""
        if share.levers is None:
            return ""
        table, amounts = self.book.tables[share.levers[0]], share.levers[1].dropna()
        amounts = amounts[amounts > 0].nlargest(3, keep="all")
        if amounts.empty:
            return "none"
        ids = self._keys(table, amounts.index)
        ranked = sorted(zip(-amounts, ids, strict=True))[:3]
        return ", ".join(f"{key} ({amount(-value, self.currency)})" for value, key in ranked)

    def _point(self, share: Share, key: str) -> tuple[Table, int, str] | None:
        if share.point is None or share.point[0] not in self.book.tables:
            return None
        table = self.book.tables[share.point[0]]
        labels = self.book.once(("by key", table.name), lambda: _by_key(table))
        return (table, labels[key], share.point[1]) if key in labels else None


class _Texts:
    """Fills a template for many rows: the row's own fields, the words of the check, the limits."""

    def __init__(
        self,
        engine: _Engine,
        table: Table,
        labels: pd.Index,
        words: Mapping[str, pd.Series | str],
        keys: Sequence[str],
        fields: pd.Series,
    ) -> None:
        self.engine, self.table, self.labels, self.words = engine, table, labels, words
        self.keys, self.fields = keys, fields

    def fill(self, template: str) -> list[str]:
        names = {n.split(".")[0] for _, n, _, _ in string.Formatter().parse(template) if n}
        if not names:
            return [template] * len(self.labels)
        columns = {name: self._column(name) for name in names - set(self.engine.spaces)}
        spaces = self.engine.spaces
        if not columns:
            return [template.format(**spaces)] * len(self.labels)
        rows = zip(*columns.values(), strict=True)
        return [template.format(**spaces, **dict(zip(columns, row, strict=True))) for row in rows]

    def _column(self, name: str) -> list[str]:
        if name in self.words:
            words = self.words[name]
            if isinstance(words, str):
                return [words] * len(self.labels)
            return ["–" if pd.isna(w) else str(w) for w in words.reindex(self.labels)]
        if name == "key":
            return list(self.keys)
        if name == "value":
            names = [None if f is None else str(f) for f in self.fields]
            return [shown(value) for value in self.table.values(self.labels, names)]
        if name == "heading":
            return [self._heading(n, f) for n, f in zip(self.labels, self.fields, strict=True)]
        if name == "row":
            return [str(self.table.place(n, None).row) for n in self.labels]
        if name == "sheet":
            return [self.table.place(n, None).part.sheet for n in self.labels]
        values = self.table.frame[name].reindex(self.labels)
        raw = self.table.values(self.labels, [name] * len(self.labels))
        return [shown(r if pd.isna(v) else v) for v, r in zip(values, raw, strict=True)]

    def _heading(self, label: int, name: Any) -> str:
        heading = self.table.place(label, name).heading
        return heading or schema.tables()[self.table.name].field(str(name)).title


def _listed(labels: pd.Index) -> tuple[pd.Index, pd.Index]:
    """The rows that get a finding each, and those that have one together."""
    return (labels, labels[:0]) if len(labels) <= LISTED else (labels[:LISTED], labels[LISTED:])


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


def _figures(made: Sequence[Quotient]) -> dict[str, float]:
    return {q.name: value for q in made if (value := q.value) is not None}


def _both(share: Result, rows: Result) -> Result:
    """One result of a check that judges a share and rows: the graver status, all findings."""
    gravest = [*list(Status)[1:4], Status.PASS, Status.NOT_APPLICABLE]
    findings = [*share.findings, *rows.findings]
    return replace(
        share,
        status=min(share.status, rows.status, key=gravest.index),
        severity=_worst(findings),
        findings=findings,
        judged=[*share.judged, *rows.judged],
        assessed_rows=max(share.assessed_rows, rows.assessed_rows),
        rows_in_scope=max(share.rows_in_scope, rows.rows_in_scope),
        figures={**rows.figures, **share.figures},
        made=[*rows.made, *share.made],
        reason=" ".join(filter(None, (share.reason, rows.reason))) or None,
    )


def _no_currency() -> str:
    return (
        "The amounts are in several currencies and no reporting currency is given: give one with "
        "--reporting-currency, and rates in a sheet Exchange rates."
    )


def _worst(findings: Sequence[Finding]) -> Severity | None:
    open_ = [f.severity for f in findings if not f.accepted]
    return min(open_, key=lambda s: s.rank) if open_ else None


def _all_accepted(findings: Sequence[Finding]) -> str | None:
    if findings and all(f.accepted for f in findings):
        return f"{len(findings)} {plural('finding', len(findings))} accepted as an exception."
    return None


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


# --- Identity and order ---------------------------------------------------------------------------


def _with_ids(findings: Sequence[Finding], book: Book) -> list[Finding]:
    """Each finding with an id made of check, table, record and field, never of its row number.

    Where two share all of these (an identifier given twice, or blank), the content of the row tells
    them apart, and if that is the same too, their order.
    """
    seen: dict[str, list[int]] = defaultdict(list)
    bases = [
        _digest(f.check, f.table or "", _identity(f, book), f.field or "", f.scope)
        for f in findings
    ]
    for i, base in enumerate(bases):
        seen[base].append(i)
    ids = list(bases)
    for base, same in seen.items():
        if len(same) > 1:
            told = sorted((_content(findings[i], book), i) for i in same)
            for order, (content, i) in enumerate(told):
                twin = order and told[order - 1][0] == content
                ids[i] = _digest(base, content, str(order) if twin else "")
    return [replace(f, id=i) for f, i in zip(findings, ids, strict=True)]


def _identity(finding: Finding, book: Book) -> str:
    if finding.key is not None and not finding.key.startswith("row "):
        return finding.key
    return _content(finding, book)


def _content(finding: Finding, book: Book) -> str:
    if finding.table is None or finding.row is None or finding.table not in book.tables:
        return f"{finding.sheet}"
    table = book.tables[finding.table]
    for number, part in enumerate(table.parts):
        label = finding.row + number * 2**32
        if part.sheet == finding.sheet and part.file == finding.file and label in table.raw.index:
            return repr(list(table.raw.loc[label]))
    return f"{finding.sheet}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _sorted(findings: Sequence[Finding], book: Book) -> list[Finding]:
    """In the order of the workbook's sheets, then rows and columns; portfolio findings first."""
    order = {name: i for i, name in enumerate(schema.tables())}

    def key(f: Finding) -> tuple[Any, ...]:
        return (
            not f.main,
            order.get(f.table or "", -1),
            f.sheet or "",
            f.row or 0,
            len(f.cell or ""),
            f.cell or "",
            f.check,
            f.id,
        )

    return sorted(findings, key=key)
