"""The police pay roll: is pay on time, complete, and paid to officers who are there?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from fundtrack.book import Book
from fundtrack.headcount import (
    CASH,
    LIVING_WAGE,
    MONTHS,
    OWED,
    converted,
    manned,
    mean_by_officers,
    measured,
    of_officers,
    pay,
)
from fundtrack.model import Basis, Clause, Limits, Quotient, Severity, Threshold
from fundtrack.money import reaches, stays_within, total
from fundtrack.rules import check
from fundtrack.rules.police_pay import BENCHMARKS, PAY
from fundtrack.verdicts import Remarks, RowVerdicts
from fundtrack.words import plural
from fundtrack.words_by_row import said_amounts, said_officers, said_percents


@check(
    "PAY-03",
    "At least {pay.on_time_min_pct}% of officers are paid within {pay.grace_days} days of pay day",
    name="Paid on time",
    scope="unit, rank, month",
    origin="brief + source",
    brief=Clause("FL2 (p. 16); PC1d (p. 11)", "adequate and timely pay and benefits"),
    needs={
        "police_pay": [
            "unit_id",
            "rank",
            "pay_period",
            "due_date",
            "paid_date",
            "headcount_verified",
        ]
    },
    weighs={"police_units": ["org_id"]},
    thresholds=[
        Threshold(
            "pay.grace_days", 5, "days", Basis.HOUSE, ("S30",), "The source gives monthly pay."
        ),
        Threshold("pay.on_time_min_pct", 95, "% of officers", Basis.HOUSE),
        Threshold(
            "pay.late_error_days",
            31,
            "days",
            Basis.SOURCE,
            ("S30",),
            "Pay “not less often than once a month”: over a month late is a missed payment.",
        ),
    ],
    severity=Severity.WARNING,
    severity_note="an error where a rank waits more than a month",
)
def on_time(book: Book, limits: Limits) -> list[RowVerdicts | Remarks]:
    """How long after pay day each rank had its money, and how many of its force had theirs in time.

    A late rank is a finding where fewer than {pay.on_time_min_pct}% of the verified officers of its
    force were paid in time that month, and always beyond {pay.late_error_days} days. No payment
    counts as late once {pay.grace_days} days have passed since pay day.
    Why: pay that comes late has to be borrowed, or taken from the public.
    Fix: agree the release of the money ahead of pay day, and pay straight to the officer.
    Out of scope: (1) ranks of which no officer was present; (2) pay at most {pay.grace_days} days
    overdue on the reference date.
    Example: 150 of 700 officers paid within 5 days is 21.43%: a warning for each rank paid later.
    """
    rows, late = pay(book), _lateness(book, limits)
    most = limits["pay.late_error_days"]
    least = limits["pay.on_time_min_pct"] / 100
    scope = manned(rows) & ~late["pending"]  # (1) (2)
    low, high = _punctual(rows, late["on_time"], scope)
    force_met = reaches(low, least).mask(~reaches(low, least) & reaches(high, least))
    missed = late["days"] > most

    def words(labels: pd.Index) -> Mapping[str, pd.Series | str]:
        of = late.loc[labels]
        days = of["days"].astype("string") + (of["days"] == 1).map({True: " day", False: " days"})
        share = said_percents(high.loc[labels], least)
        known = low.loc[labels] == high.loc[labels]
        return {
            "paid": ("not paid " + days).where(of["unpaid"], "paid " + days),
            "share": share.where(known, "At most " + share),
            "force": rows.loc[labels, "force"].fillna("its force"),
        }

    verdict = RowVerdicts(
        "police_pay",
        in_scope=scope,
        meets=(late["on_time"] | force_met) & ~missed,
        at="paid_date",
        message="{rank} in {unit_id}, {pay_period}: {paid} after pay day, {due_date}. {share} of "
        "the officers of {force} were paid within {pay.grace_days} days of it that month; the "
        "benchmark is {pay.on_time_min_pct}%.",
        remedy="Ask the treasury for the release calendar; consider direct or mobile payment.",
        expected="paid within {pay.grace_days} days of {due_date}",
        words=words,
        severity=missed.map({True: Severity.ERROR, False: Severity.WARNING}),
        hard=missed,
        blank=[("police_pay", n) for n in ("due_date", "pay_period", "headcount_verified")],
        otherwise=": no reference date is known, or other ranks of the force leave it open",
    )
    in_time = late["on_time"].astype("Float64")
    what = "officers paid in time, of all whose pay day is known"
    share = mean_by_officers("on_time_share", what, in_time, rows["officers"].where(scope))
    return [verdict, Remarks([], 0, made=[share])]


def _lateness(book: Book, limits: Limits) -> pd.DataFrame:
    """`days` after pay day (so far, where `unpaid`), `on_time`, and whether it is `pending`."""
    due, paid = book["police_pay"]["due_date"], book["police_pay"]["paid_date"]
    unpaid = paid.isna()
    days = (paid.mask(unpaid, book.settings.today) - due).dt.days.astype("Float64").astype("Int64")
    on_time = days <= limits["pay.grace_days"]
    pending = (unpaid & on_time).fillna(False)
    return pd.DataFrame({"days": days, "on_time": on_time, "pending": pending, "unpaid": unpaid})


def _punctual(
    rows: pd.DataFrame, on_time: pd.Series, scope: pd.Series
) -> tuple[pd.Series, pd.Series]:
    """The least and the greatest share of officers paid in time, in the force and month of a row.

    Ranks whose officers were not counted weigh nothing; blank where none of the force were.
    """
    heads = rows["officers"].where(scope).fillna(0.0)
    by = [rows["force"].fillna(""), rows["month"]]

    def of(which: pd.Series) -> pd.Series:
        return heads.where(which, 0.0).groupby(by).transform("sum").astype("Float64")

    everyone = heads.groupby(by).transform("sum").astype("Float64")
    everyone = everyone.mask(everyone == 0)
    return of(on_time.fillna(False)) / everyone, of(on_time.fillna(True)) / everyone


@check(
    "PAY-04",
    "No officer is owed pay of earlier months",
    name="No arrears",
    scope="unit, rank, force",
    origin="brief",
    brief=Clause(
        "p. 23",
        "it is not uncommon to hear of police officers working with no pay for months on end",
    ),
    needs={"police_pay": [*PAY, "months_in_arrears", "headcount_verified"]},
    weighs={"pay_benchmarks": BENCHMARKS},
    thresholds=[
        Threshold(
            "pay.arrears_error_months",
            1,
            "months",
            Basis.SOURCE,
            ("S30", "brief, p. 23"),
            "Any arrears are a warning; one whole month is an error.",
        )
    ],
    severity=Severity.ERROR,
    severity_note="a warning below one whole month",
)
def arrears(book: Book, limits: Limits) -> list[RowVerdicts | Remarks]:
    """Months of pay that each rank is still owed, in the latest month that its unit reports.

    What they are worth is officers x months x pay before deductions. A year with so many months
    unpaid is also held against the living wage, where one is given.
    Why: officers without pay for months feed their families by other means.
    Fix: pay what is owed before anything new is bought.
    Out of scope: (1) earlier months; (2) ranks of which no officer was present.
    Example: 400 officers owed 2 months of 260 are owed 208,000; 86.67% x 10/12 is 72.22%.
    """
    rows, owed = pay(book), book["police_pay"]["months_in_arrears"]
    grave = reaches(owed, limits["pay.arrears_error_months"])
    value = rows["officers"] * owed * rows["cash"]
    found = measured(book, LIVING_WAGE, limits["pay.in_kind_cap_pct"] / 100)
    left = found["ratio"].where(found["exact"]) * (12 - owed).clip(lower=0.0) / 12

    def words(labels: pd.Index) -> Mapping[str, pd.Series | str]:
        months = owed.loc[labels]
        of_year = said_percents(left.loc[labels], 1.0)
        return {
            "who": said_officers(rows.loc[labels, "officers"], "its officers")
            + (rows.loc[labels, "officers"] == 1).fillna(False).map({True: " is", False: " are"}),
            "months": months.map(lambda m: f"{m:g} {plural('month', m)}"),
            "worth": (", " + said_amounts(value.loc[labels], rows["currency"]) + " in all").fillna(
                ""
            ),
            "year": (
                ". A year with so much unpaid comes to " + of_year + " of the living wage"
            ).fillna(""),
        }

    verdict = RowVerdicts(
        "police_pay",
        in_scope=rows["latest"].astype("boolean") & manned(rows),  # (1) (2)
        meets=owed <= 0,
        at="months_in_arrears",
        message="{rank} in {unit_id}: {who} owed {months} of pay{worth}{year}.",
        remedy="Clear arrears before any new equipment or training is funded.",
        expected="nothing owed",
        words=words,
        severity=grave.fillna(False).map({True: Severity.ERROR, False: Severity.WARNING}),
        blank=[("police_pay", "months_in_arrears")],
    )
    return [verdict, Remarks([], 0, made=_owed(book, value, grave))]


def _owed(book: Book, value: pd.Series, grave: pd.Series) -> list[Quotient]:
    """The totals of what is owed, over the ranks whose officers and months are known."""
    rows = pay(book)[pay(book)["latest"]]
    months = book["police_pay"].loc[rows.index, "months_in_arrears"]
    officers = rows["officers"]
    mean = mean_by_officers("mean_months", "months owed, by officers", months, officers, MONTHS)
    if mean.value is None:
        return []
    long = grave.loc[rows.index].astype("Float64")
    owed = of_officers("officer_months", "part", officers * months, weight=MONTHS)
    made = [
        Quotient("officer_months", "officers x months owed", owed, unit="officer-months"),
        replace(mean, unit="months"),
        mean_by_officers(
            "owed_a_month_share", "officers who are owed a month or more", long, officers
        ),
    ]
    moved, currency = converted(book, value.loc[rows.index], rows)
    moved_bill, bill_in = converted(book, officers * rows["cash"], rows)
    worth, bill = moved["value"], moved_bill["value"]
    if worth.notna().all() and total(bill):
        what = "officers x months owed x pay before deductions"
        values = of_officers("value", "part", worth, weight=OWED, to=currency or "")
        bills = of_officers("bill", "whole", bill, weight=CASH, to=bill_in or "")
        made += [
            Quotient("value", what, values, unit=currency),
            Quotient(
                "value_of_month_bill", f"{what}, over a month's pay", values, bills, unit="share"
            ),
        ]
    return made


GHOSTS = Threshold("pay.ghost_max_pct", 1, "% of verified", Basis.HOUSE)
LEAKAGE = Threshold("pay.leakage_min_pct", 99, "% of net due", Basis.HOUSE)


@check(
    "PAY-05",
    "The pay roll pays the officers who are there, and all that they are due",
    name="Pay roll reconciles",
    scope="unit, rank, month",
    origin="brief + house",
    brief=Clause("FL1 (p. 16)", "monitor for responsible spending"),
    needs={
        "police_pay": [
            "headcount_verified",
            "headcount_paid|gross_due_total",
            "headcount_paid|net_paid_total",
        ]
    },
    weighs={"police_pay": ["deductions_mandatory"]},
    thresholds=[GHOSTS, LEAKAGE],
    severity=Severity.ERROR,
)
def reconciles(book: Book, limits: Limits) -> list[RowVerdicts | Remarks]:
    """Officers paid against officers seen and counted; money handed out against money due.

    At most {pay.ghost_max_pct}% more may be paid than were verified, and at least
    {pay.leakage_min_pct}% of what is due after mandatory deductions must arrive.
    Why: pay for officers who do not exist, or that never arrives, is money lost to somebody.
    Fix: a physical count, and payment straight to each officer.
    Out of scope: (1) ranks with nobody verified and nobody paid; (2) ranks that are due nothing.
    Example: 412 paid and 400 verified is 3% more: a finding.
    """
    sheet = book["police_pay"]
    there, paid = sheet["headcount_verified"], sheet["headcount_paid"]
    nobody = (there == 0) & (paid > 0)
    beyond = (paid - there) / there.mask(there == 0)
    many = stays_within(beyond, limits["pay.ghost_max_pct"] / 100).mask(nobody.fillna(False), False)

    def count(labels: pd.Index) -> Mapping[str, pd.Series | str]:
        over = said_percents(beyond.loc[labels], limits["pay.ghost_max_pct"] / 100) + " more"
        return {
            "more": over.fillna("none of them was there"),
            "excess": said_officers((paid - there).loc[labels], ""),
        }

    heads = RowVerdicts(
        "police_pay",
        in_scope=~((there == 0) & (paid == 0)),  # (1)
        meets=many,
        at="headcount_paid",
        message="{rank} in {unit_id}, {pay_period}: {headcount_paid} paid, {headcount_verified} "
        "verified present ({more}).",
        remedy="Hold the pay of the {excess} too many, run a physical count, and pay by bank or "
        "mobile account.",
        expected="at most {pay.ghost_max_pct}% more paid than verified",
        words=count,
        hard=nobody,
        rests_on=["pay.ghost_max_pct"],
        blank=[("police_pay", "headcount_verified"), ("police_pay", "headcount_paid")],
        scope="unit, rank, month: officers",
    )
    known = there.notna() & paid.notna()
    beyond_all = Quotient(
        "paid_beyond_verified",
        "officers paid over officers verified, less 1",
        of_officers("paid", "part", paid[known], field="headcount_paid"),
        of_officers("verified", "whole", there[known]),
        less=1,
        unit="share",
    )
    return [heads, _leakage(book, limits), Remarks([], 0, made=[beyond_all])]


def _leakage(book: Book, limits: Limits) -> RowVerdicts:
    """The money handed out against the money due, less the deductions of the officers verified."""
    sheet = book["police_pay"]
    gross, net = sheet["gross_due_total"], sheet["net_paid_total"]
    taken = sheet["deductions_mandatory"] * sheet["headcount_verified"]
    due = gross - taken.fillna(0.0)
    least = limits["pay.leakage_min_pct"] / 100
    part = net / due.mask(due <= 0)
    # Deductions only lower what is due, so a rank that is paid in full before them surely is.
    arrives = reaches(part, least).mask(~reaches(part, least) & taken.isna())

    def words(labels: pd.Index) -> Mapping[str, pd.Series | str]:
        currency = sheet.loc[labels, "currency"]
        return {
            "net": said_amounts(net.loc[labels], currency),
            "due": said_amounts(due.loc[labels], currency),
            "pct": said_percents(part.loc[labels], least),
            "lost": said_amounts((due - net).loc[labels], currency),
        }

    return RowVerdicts(
        "police_pay",
        in_scope=~(due <= 0),  # (2)
        meets=arrives,
        at="net_paid_total",
        message="{rank} in {unit_id}, {pay_period}: {net} was paid of {due} due after deductions, "
        "{pct}.",
        remedy="Find out where the {lost} went, and pay by bank or mobile account.",
        expected="at least {pay.leakage_min_pct}% of what is due after deductions",
        words=words,
        rests_on=["pay.leakage_min_pct"],
        blank=[
            ("police_pay", name)
            for name in (
                "gross_due_total",
                "net_paid_total",
                "deductions_mandatory",
                "headcount_verified",
            )
        ],
        scope="unit, rank, month: money",
    )
