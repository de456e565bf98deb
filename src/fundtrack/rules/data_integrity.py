"""Data integrity: can the figures be used at all? Every other family rests on this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pandas as pd

from fundtrack import schema
from fundtrack.book import Book
from fundtrack.budgets import in_force
from fundtrack.flows import CANCELLED, DISBURSEMENT, flows
from fundtrack.model import Basis, Clause, Limits, Result, Severity, Status, Threshold
from fundtrack.money import reaches, stays_within
from fundtrack.months import Terms
from fundtrack.rules import check
from fundtrack.schema import Field, TableSchema
from fundtrack.verdicts import Faults, Remark, Remarks, RowVerdicts
from fundtrack.words import amount as say_amount
from fundtrack.words import identifier, secret_identifier

MONEY = {
    "grants": "amount",
    "subgrants": "amount",
    "budget_lines": "amount",
    "transactions": "value",
}
MAX_AGE = Threshold(
    "fx.max_age_days",
    31,
    "days",
    Basis.HOUSE,
    ("S41", "S42", "S43"),
    "The sources give the rule of the value date; 31 days, one cycle of the monthly UN rates, is "
    "ours.",
)
TOLERANCE = Threshold(
    "dat.tolerance_pct", 2, "%", Basis.HOUSE, (), "Rounding and differences of rates."
)
COVERAGE = Threshold(
    "dat.coverage_min_pct",
    80,
    "% of value",
    Basis.HOUSE,
    (),
    "Where less of the value, or of the rows, can be judged, a check is not assessable.",
)


def _filled(book: Book, kind: str) -> int:
    """How many cells of a kind of field hold something: dates, references or codes."""
    count = 0
    for name, table in book.tables.items():
        plan = schema.tables()[name]
        keys = {*plan.primaryKey, *(r.field for r in plan.foreignKeys)}
        wanted = {
            "date": {f.name for f in plan.fields if f.type in ("date", "yearmonth")},
            "reference": keys,
            "code": {f.name for f in plan.fields if f.codelist},
        }
        fields = [field for field in wanted[kind] if table.has(field)]
        count += int(table.frame[fields].notna().to_numpy().sum())
    return count


@check(
    "DAT-01",
    "Every date is a real date, in order and in the years that can be meant",
    name="Dates are valid",
    scope="row",
    origin="support",
    needs={},
    severity=Severity.ERROR,
)
def dates(book: Book, limits: Limits) -> list[Faults | RowVerdicts]:
    """Each date cell; and a stated duration against the dates beside it.

    Dates before 1990 or over ten years after the period are slips. Text is accepted as YYYY-MM-DD
    only.
    Why: a date that cannot be read takes its row out of every check on time.
    Fix: type dates as real Excel dates, and see that the end is not before the start.
    Out of scope: (1) grants whose duration is stated without both dates, or the reverse.
    Example: 03/04/2024 as text could be April or March: a finding. A stated 12 months beside dates
    of 6 is a warning.
    """
    grants = book["grants"]
    stated = grants["planned_duration_months"]
    terms = Terms(grants["planned_start_date"], grants["planned_end_date"])
    agrees = terms.at_least(stated - 1) & terms.at_most(stated + 1)
    verdicts: list[Faults | RowVerdicts] = [Faults(_filled(book, "date"))]
    if book.has("grants", "planned_duration_months") and book.has("grants", "planned_end_date"):
        verdicts.append(
            RowVerdicts(
                "grants",
                in_scope=(stated.notna() & terms.months.notna()).astype("boolean"),  # (1)
                meets=agrees,
                at="planned_duration_months",
                message="Grant {grant_id} is said to last {planned_duration_months} months, but "
                "its dates make {counted}.",
                remedy="Correct the stated duration or the dates; the dates were used.",
                expected="the duration that the dates make, within a month",
                words=lambda labels: {"counted": terms.of(labels).words()},
                severity=pd.Series(Severity.WARNING, index=grants.index),
            )
        )
    return verdicts


@check(
    "DAT-02",
    "Every amount can be converted to the reporting currency",
    name="Every amount can be converted",
    scope="row",
    origin="support",
    needs={},
    thresholds=[MAX_AGE],
    severity=Severity.ERROR,
    severity_note="a warning where a rate exists but is older than an unconfirmed number of "
    "days; the row is left out of totals either way",
)
def convertible(book: Book, limits: Limits) -> list[RowVerdicts]:
    """Each amount in another currency has a rate of its value date, or of at most
    {fx.max_age_days} days before.

    The rate itself, its inverse, or one step through a third currency will do.
    Why: an amount without a rate is missing from every total.
    Fix: one row in Exchange rates, with its source.
    Out of scope: (1) amounts in the reporting currency; (2) a workbook with no reporting currency.
    Example: 500,000 USD valued on 2024-03-01 with a rate of that day, 0.92, is 460,000 EUR.
    """
    to = book.settings.reporting_currency
    if to is None:  # (2)
        return []
    verdicts = []
    for table, amount in MONEY.items():
        if not (book.has(table, amount) and book.has(table, "currency")):
            continue
        rows = book.money(table, amount)
        foreign = (rows["currency"] != to) & rows["amount"].notna()  # (1)
        to_each = pd.Series(to, index=rows.index, dtype="string")
        ever = book.rates_of_any_age.convert(
            rows["amount"], rows["currency"], rows["value_date"], to_each
        )

        def words(labels: pd.Index, rows: pd.DataFrame = rows) -> Mapping[str, pd.Series | str]:
            return {"on": rows.loc[labels, "value_date"].dt.strftime("%Y-%m-%d"), "to": to}

        verdicts.append(
            RowVerdicts(
                table,
                in_scope=foreign,
                meets=rows["rate"].notna().astype("boolean").mask(rows["value_date"].isna()),
                at="currency",
                message="There is no rate from {currency} to {to} on {on} or in the "
                "{fx.max_age_days} days before it; the amount is left out of every total.",
                remedy="Add the rate of that day to the sheet Exchange rates, with its source "
                "(UN operational rate, ECB, ledger).",
                expected="a rate to {to} of at most {fx.max_age_days} days before {on}",
                words=words,
                hard=ever["rate"].isna(),
                blank=[(table, "value_date")],
            )
        )
    return verdicts


@check(
    "DAT-03",
    "Every identifier stands once, and every reference leads to its row",
    name="References resolve",
    scope="row",
    origin="support",
    needs={},
    severity=Severity.ERROR,
)
def references(book: Book, limits: Limits) -> Faults:
    """Identifiers within their sheet, and identifiers that point to another sheet.

    Why: a grant to an organisation that is not in the register cannot be counted as anything.
    Fix: add the row that is missing, or correct the identifier.
    Out of scope: (1) references to a sheet that is not in the workbook.
    Example: a grant to CSO-041 where Organisations ends at CSO-040 is a finding.
    """
    return Faults(_filled(book, "reference"))


@check(
    "DAT-04",
    "What was passed on, paid and budgeted agrees with the grant",
    name="Amounts reconcile",
    scope="grant",
    origin="support",
    needs={"grants": ["grant_id", "amount", "currency"]},
    thresholds=[TOLERANCE],
    severity=Severity.ERROR,
    severity_note="a warning where budget lines differ, and while the tolerance is unconfirmed",
)
def reconciled(book: Book, limits: Limits) -> list[RowVerdicts]:
    """Sub-grants and payments within the grant, budget lines equal to it, each within
    {dat.tolerance_pct}%.

    Compared in the grant's own currency; other currencies are converted at their own value dates.
    Why: money that is passed on twice on paper hides what was really passed on.
    Fix: look for double entry, an amendment that is missing, or mixed currencies.
    Out of scope: (1) grants without such rows; (2) cancelled grants.
    Example: sub-grants of 165,000 in a grant of 460,000 agree; of 480,000 they do not.
    """
    subs, payments, lines = book["subgrants"], book["transactions"], book["budget_lines"]
    lower = subs["parent_subgrant_id"].notna()
    paid = (payments["transaction_type"] == DISBURSEMENT).fillna(False)
    paid &= payments["subgrant_id"].isna()
    budget = (lines["parent_type"] == "grant").fillna(False) & in_force(lines)
    sums = [
        ("grants", "subgrants", subs["parent_grant_id"].where(~lower), "sub-grants"),
        ("subgrants", "subgrants", subs["parent_subgrant_id"].where(lower), "sub-grants"),
        ("grants", "transactions", payments["grant_id"].where(paid), "payments"),
        ("grants", "budget_lines", lines["parent_id"].where(budget), "budget lines"),
    ]
    tolerance = limits["dat.tolerance_pct"] / 100
    return [
        _within(book, tolerance, table, child, parent, what)
        for table, child, parent, what in sums
        if book.has(child, MONEY[child])
    ]


def _within(
    book: Book, tolerance: float, table: str, child: str, parent: pd.Series, what: str
) -> RowVerdicts:
    """The sum of the rows of `child` that name a row of `table`, against that row's amount."""
    rows, key = book[table], schema.tables()[table].key
    sums, partial = _summed(book, table, child, parent)
    exact = what == "budget lines"
    quotient = sums / rows["amount"]
    over = ~stays_within(quotient, 1 + tolerance)
    under = ~reaches(quotient, 1 - tolerance) & exact
    meets = (~(over | under)).mask(partial & ~over.fillna(False))  # what has no rate may tip it
    scope = sums.notna() | partial  # (1)
    if table == "grants":
        scope &= flows(book).grants["live"]  # (2)

    def words(labels: pd.Index) -> Mapping[str, pd.Series | str]:
        own, made = rows.loc[labels, "amount"], sums.loc[labels]
        currency = rows.loc[labels, "currency"]
        return {
            "one": "Grant" if table == "grants" else "Sub-grant",
            "id": rows.loc[labels, key],
            "sum": _amounts(made, currency),
            "own": _amounts(own, currency),
            "gap": _amounts((made - own).abs(), currency),
            "over": (made > own).map({True: "over", False: "under"}),
        }

    return RowVerdicts(
        table,
        in_scope=scope.astype("boolean"),
        meets=meets,
        at="amount",
        message=f"{{one}} {{id}} is {{own}}, but its {what} come to {{sum}}: {{gap}} {{over}}.",
        remedy="Look for double entry, an amendment that is missing, or mixed currencies.",
        expected=f"{what} {'equal to' if exact else 'of at most'} the amount, "
        "within {dat.tolerance_pct}%",
        words=words,
        severity=pd.Series(Severity.WARNING if exact else Severity.ERROR, index=rows.index),
        blank=[(child, MONEY[child]), (child, "currency")],
        scope=f"{'grant' if table == 'grants' else 'sub-grant'}, {what}",
    )


def _summed(book: Book, table: str, child: str, parent: pd.Series) -> tuple[pd.Series, pd.Series]:
    """For each row of `table` the sum of its children in its own currency, and whether it is "
    "partial.
    """
    rows, key = book[table], schema.tables()[table].key
    own = pd.Series(rows["currency"].array, index=rows[key].array)
    own = own[own.index.notna() & ~own.index.duplicated()]
    target = pd.Series(own.reindex(parent.array).array, index=parent.index, dtype="string")
    amounts, currency = book[child][MONEY[child]], book[child]["currency"]
    moved = book.rates.convert(amounts, currency, book.value_date(child), target)["value"]
    by_parent = moved[parent.notna()].groupby(parent[parent.notna()])
    sums = by_parent.sum().reindex(rows[key].array).array
    lost = by_parent.size() > by_parent.count()
    partial = lost.reindex(rows[key].array).fillna(False).to_numpy(dtype=bool)
    return (
        pd.Series(sums, index=rows.index, dtype="Float64"),
        pd.Series(partial, index=rows.index, dtype=bool),
    )


def _amounts(amounts: pd.Series, currencies: pd.Series) -> pd.Series:
    texts = [
        say_amount(float(a), None if pd.isna(c) else str(c))
        for a, c in zip(amounts.fillna(0), currencies, strict=True)
    ]
    return pd.Series(texts, index=amounts.index)


@check(
    "DAT-05",
    "Nothing is entered twice under two identifiers",
    name="No duplicate rows",
    scope="sheet",
    origin="support",
    needs={},
    severity=Severity.WARNING,
)
def duplicates(book: Book, limits: Limits) -> list[RowVerdicts]:
    """Grants that share recipient, amount, currency and start, and payments that share everything
    but their identifier.

    Why: an award that stands twice is counted twice in every total.
    Fix: delete one of the two, or name in one grant the grant that it renews.
    Out of scope: (1) cancelled grants; (2) grants that say which grant they renew.
    Example: G-003 and G-017, each 50,000 EUR to CSO-014 from 2024-03-01, look like one award.
    """
    grants, payments = book["grants"], book["transactions"]
    award = ["recipient_org_id", "amount", "currency", "planned_start_date"]
    payment = ["grant_id", "transaction_type", "transaction_date", "value", "currency"]
    live = (grants["activity_status"] != CANCELLED).fillna(True)  # (1)
    verdicts = []
    if "grants" in book.tables:
        alone = live & grants["renewal_of_grant_id"].isna()  # (2)
        verdicts.append(
            _twice(book, "grants", alone, award, [], "Grants {a} look like the same award")
        )
    if "transactions" in book.tables:
        every = pd.Series(True, index=payments.index)
        more = ["subgrant_id", "value_date"]
        said = "Payments {a} on grant {grant_id} look like the same payment"
        verdicts.append(_twice(book, "transactions", every, payment, more, said))
    return verdicts


def _twice(
    book: Book, table: str, scope: pd.Series, known: list[str], may_be_blank: list[str], said: str
) -> RowVerdicts:
    """Rows that are equal in some fields under two identifiers; the least identifier stands."""
    key = schema.tables()[table].key
    rows = book[table][scope.astype(bool)]
    judged = rows[[key, *known]].notna().all(axis=1)
    some = rows[judged].sort_values(key, kind="stable")
    first = some.groupby([*known, *may_be_blank], dropna=False, sort=False)[key].transform("first")
    again = (some[key] != first).reindex(rows.index).astype("boolean")
    label = pd.Series(some.index, index=some[key].array)
    label = label[~label.index.duplicated()]

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        of = first.loc[labels]
        places = [book.tables[table].place(n, None) for n in label.reindex(of.array)]
        texts = [
            f"{mine} and {other} ({place.part.sheet}, row {place.row})"
            for mine, other, place in zip(some.loc[labels, key], of, places, strict=True)
        ]
        return {"a": pd.Series(texts, index=labels), "first": of}

    other = "" if table == "transactions" else ", or fill “Renews grant” if they are two awards"
    return RowVerdicts(
        table,
        in_scope=pd.Series(True, index=rows.index, dtype="boolean"),
        meets=~again,
        at=key,
        message=said + " entered twice; this is row {row}.",
        remedy=f"Delete one of them{other}.",
        expected="one row",
        words=words,
        blank=[(table, field) for field in (key, *known)],
    )


@check(
    "DAT-06",
    "Every code is in its list",
    name="Codes are known",
    scope="row",
    origin="support",
    needs={},
    severity=Severity.ERROR,
)
def codes(book: Book, limits: Limits) -> Faults:
    """Each cell of a coded column, whatever its case and spaces; a code's name is as good as the
    code.

    Why: a code that is not known is read as blank, and blank is unknown.
    Fix: choose from the list.
    Out of scope: (1) purpose codes, of which the OECD publishes the full list.
    Example: “eur” is EUR; “EURO” is a finding.
    """
    return Faults(_filled(book, "code"))


@check(
    "DAT-07",
    "Enough is filled in for every check to judge",
    name="Enough data to judge",
    scope="portfolio",
    origin="support",
    needs={},
    thresholds=[COVERAGE],
    severity=Severity.NOTE,
    last=True,
)
def enough(book: Book, limits: Limits, results: Sequence[Result]) -> Remarks:
    """The checks that blank cells left undetermined or not assessable.

    Why: a portfolio that says little must not look better than one that says much.
    Fix: fill the cells that the reason names; blank is unknown, never “no”.
    Out of scope: (1) checks that lack a whole sheet or column, which the summary lists; (2) checks
    that do not apply to the workbook.
    Example: LOC-01 between 20.8% and 35.8% for one blank affiliation is undetermined, and asks for
    that one cell.
    """
    judged = [
        r for r in results if r.rows_in_scope and r.status is not Status.NOT_APPLICABLE
    ]  # (1) (2)
    least = limits["dat.coverage_min_pct"] / 100
    found = []
    for r in judged:
        answered = r.assessed_rows / r.rows_in_scope
        open_ = r.status in (Status.UNDETERMINED, Status.NOT_ASSESSABLE)
        if r.reason and (open_ or answered < least):
            found.append(
                Remark(
                    r.check.id,
                    f"{r.check.id} ({r.check.name}) could judge {r.assessed_rows} of "
                    f"{r.rows_in_scope} rows; result: {r.status.words}. {r.reason}",
                    "Fill the cells that it names. Blank means unknown, never “no”.",
                    "{dat.coverage_min_pct}% or more of the rows judged, and a clear answer",
                )
            )
    return Remarks(found, len(judged))


@check(
    "DAT-08",
    "No cell holds what identifies a person",
    name="No personal identifiers",
    scope="cell",
    origin="brief",
    brief=Clause("PT9 (p. 15)", "avoid putting civil society actors at risk"),
    needs={},
    severity=Severity.ERROR,
)
def no_identifiers(book: Book, limits: Limits) -> list[Faults | RowVerdicts]:
    """Text in every sheet: e-mail addresses and international telephone numbers.

    In the sheets meant for pseudonyms, which may be kept in a file of their own, also the
    references themselves, numbers like a passport's, and headings that ask for a person. The
    report never repeats what it found.
    Why: a list of people who work with or against the police can cost lives when it leaks.
    Fix: a reference code instead, whose key your team keeps elsewhere.
    Out of scope: (1) codes, links and, in the other sheets, identifiers; (2) blank cells.
    Example: a grant's title that ends with an e-mail address is a finding; so is a column “Surname”
    beside the participants' references.
    """
    verdicts: list[Faults | RowVerdicts] = [Faults(0)]
    for name, table in book.tables.items():
        for field in schema.tables()[name].fields:
            if not table.has(field.name) or not _may_name(schema.tables()[name], field):  # (1)
                continue
            cells, told = table.frame[field.name], _telling(schema.tables()[name])
            kind = cells.map({text: told(text) for text in cells.dropna().unique()})
            verdicts.append(
                RowVerdicts(
                    name,
                    in_scope=cells.notna().astype("boolean"),  # (2)
                    meets=kind.isna().astype("boolean"),
                    at=field.name,
                    message="“{heading}” in row {row} seems to hold {kind}.",
                    remedy="Replace it by a reference code that your team keeps elsewhere, "
                    "before you send the workbook on.",
                    expected="no personal identifier",
                    words=partial(_picked, kind),
                    hidden=True,
                )
            )
    return verdicts


def _may_name(plan: TableSchema, field: Field) -> bool:
    """Whether a column might name people: free text; where they must not be named, any text."""
    if field.type != "string" or field.codelist or field.name.endswith("_url"):
        return False
    keys = {*plan.primaryKey, *(r.field for r in plan.foreignKeys)}
    return plan.restricted or (field.name not in keys and not field.constraints.pattern)


def _telling(plan: TableSchema) -> Callable[[str], str | None]:
    return secret_identifier if plan.restricted else identifier


def _picked(kind: pd.Series, labels: pd.Index) -> Mapping[str, pd.Series | str]:
    return {"kind": kind.loc[labels]}
