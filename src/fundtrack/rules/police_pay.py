"""Police pay: is it enough to live on, on time, complete, and paid to officers who are there?

Pay means base pay and regular cash allowances of one officer. A benchmark is never ours: without
one that the workbook gives with its source, there is no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from fundtrack.book import Book
from fundtrack.headcount import (
    CAPPED,
    CASH,
    EARNED,
    LACK,
    LEGAL_MINIMUM,
    LIVING_WAGE,
    MONTHS,
    OWED,
    RATIO,
    adequate,
    converted,
    manned,
    measured,
    pay,
)
from fundtrack.model import Basis, Clause, Limits, Quotient, Severity, Threshold
from fundtrack.money import reaches, stays_within, total
from fundtrack.rules import check
from fundtrack.verdicts import Remarks, RowVerdicts, Share, entries
from fundtrack.words import amount, percent, plural

ADEQUACY = Threshold(
    "pay.adequacy_min_pct",
    100,
    "% of living wage",
    Basis.SOURCE,
    ("S25", "S26", "S27", "S28", "S29"),
    "The brief asks for “adequate” pay; a living wage is the only public number that fits. That "
    "the two are the same is our step: giving a benchmark with its source confirms it.",
)
IN_KIND = Threshold(
    "pay.in_kind_cap_pct",
    30,
    "% of living wage",
    Basis.HOUSE,
    ("S26",),
    "The source asks for caution with housing and food; the number is ours.",
)
FAIR_PAY = Clause(
    "FL2 (p. 16); PC1d (p. 11)",
    "Ensure provision of adequate and timely pay and benefits for police",
)
BENCHMARKS = ["benchmark_area", "type", "amount", "currency", "basis", "year", "source"]
PAY = ["unit_id", "rank", "pay_period", "base_pay", "regular_allowances", "currency"]
PAY_CELLS = [
    ("police_pay", name)
    for name in ("pay_period", "base_pay", "regular_allowances", "deductions_mandatory")
]


def _said(amounts: pd.Series, currencies: pd.Series | str) -> pd.Series:
    """“260 XTS” of each row; blank where the amount is."""
    if isinstance(currencies, str):
        currencies = pd.Series(currencies, index=amounts.index)
    texts = [
        None if pd.isna(a) else amount(float(a), None if pd.isna(c) else str(c))
        for a, c in zip(amounts, currencies.reindex(amounts.index), strict=True)
    ]
    return pd.Series(texts, index=amounts.index, dtype="string")


def _percents(shares: pd.Series, limit: float) -> pd.Series:
    texts = [None if pd.isna(s) else percent(float(s), limit) for s in shares]
    return pd.Series(texts, index=shares.index, dtype="string")


def _officers(counts: pd.Series, otherwise: str) -> pd.Series:
    """“400 officers” of each row; other words where nobody counted them."""
    texts = [otherwise if pd.isna(n) else f"{n:,.0f} {plural('officer', int(n))}" for n in counts]
    return pd.Series(texts, index=counts.index, dtype="string")


def _benchmark(book: Book, found: pd.DataFrame) -> dict[str, pd.Series]:
    """How a message names each row's benchmark: its amount and its source, with their years."""
    own = pay(book).loc[found.index]
    older = (found["of_year"] < own["year"]).fillna(False)
    year = found["of_year"].astype("string")
    year = year.mask(older, year + ", as none is listed for " + own["year"].astype("string"))
    moved = (found["listed_in"] != own["currency"]).fillna(False)
    listed = _said(found["amount"], found["listed_in"])
    from_ = ("; " + listed + " at the rate of pay day").where(moved, "")
    doubt = pd.Series("", index=found.index).mask(~found["exact"], ", before any deductions,")
    return {
        "earned": _said(found["pay"], own["currency"]) + doubt,
        "wage": _said(found["wage"], own["currency"]),
        "by": found["source"] + ", " + year + from_,
    }


def _split(book: Book, scope: pd.Series, kind: str, called: str) -> tuple[pd.Index, RowVerdicts]:
    """The rows that can be held against a wage, and a verdict that leaves the others unjudged.

    An unlisted unit, an area without such a wage and a currency without a rate are no blank cell
    of the row, so the reason names all three.
    """
    has = measured(book, kind)["wage"].notna() | pay(book)["year"].isna()
    rows = scope.index[~has]
    return scope.index[has], RowVerdicts(
        "police_pay",
        in_scope=scope.loc[rows],
        meets=pd.Series(pd.NA, index=rows, dtype="boolean"),
        at="base_pay",
        message="",
        remedy="",
        expected="",
        otherwise=f": no {called} with its source is listed for the pay benchmark area of the unit "
        "in that year or before, or there is no exchange rate for it",
    )


@check(
    "PAY-01",
    "The regular pay of every rank reaches {pay.adequacy_min_pct}% of the living wage",
    name="Regular pay meets the living wage, rank by rank",
    scope="unit, rank, month",
    origin="brief + source",
    brief=FAIR_PAY,
    needs={
        "police_pay": PAY,
        "police_units": ["unit_id", "benchmark_area"],
        "pay_benchmarks": BENCHMARKS,
    },
    weighs={"police_pay": ["deductions_mandatory", "in_kind_value", "headcount_verified"]},
    thresholds=[ADEQUACY, IN_KIND],
    severity=Severity.ERROR,
)
def living_wage(book: Book, limits: Limits) -> list[RowVerdicts]:
    """Base pay and regular cash allowances of each rank, unit and month, against the living wage.

    Mandatory deductions come off where the living wage is net. Free housing and food count up to
    {pay.in_kind_cap_pct}% of it. The wage is that of the year, else of the latest year before.
    Blank deductions are unknown, not none: the rank passes only once they are filled in, but fails
    where pay is too low even before them. Blank housing and food count nothing. Where only the cap
    on housing and food keeps pay too low, it is a warning until that number is confirmed.
    Why: officers who cannot live on their pay look for the rest elsewhere.
    Fix: raise regular pay; overtime and risk money reward something else and do not count.
    Out of scope: (1) ranks of which no officer was present; (2) overtime and risk money.
    Example: 220 + 40 = 260 against 300 is 86.67%: an error, whatever overtime comes on top.
    """
    least, rows = limits["pay.adequacy_min_pct"] / 100, pay(book)
    cap = limits["pay.in_kind_cap_pct"] / 100
    found = measured(book, LIVING_WAGE, cap)
    uncapped = measured(book, LIVING_WAGE, float("inf"))["ratio"]
    with_wage, without = _split(book, manned(rows), LIVING_WAGE, "living wage")  # (1)

    def words(labels: pd.Index) -> Mapping[str, pd.Series | str]:
        low, own = found.loc[labels], rows.loc[labels]
        return {
            **_benchmark(book, low),
            "pct": _percents(low["ratio"], least),
            "raise": _said(low["wage"] * least - low["pay"], own["currency"]),
            "each": "each of " + _officers(own["officers"], "its officers"),
        }

    verdict = RowVerdicts(
        "police_pay",
        in_scope=manned(rows).loc[with_wage],
        meets=adequate(found, least).loc[with_wage],
        at="base_pay",
        message="{rank} in {unit_id}, {pay_period}: regular pay of {earned} is {pct} of the living "
        "wage of {wage} a month ({by}).",
        remedy="Raise pay by {raise} a month for {each}, or phase it over several budgets; do not "
        "count overtime or risk pay as adequacy.",
        expected="at least {pay.adequacy_min_pct}% of the living wage",
        words=words,
        hard=~reaches(uncapped, least).fillna(True).astype(bool),
        blank=PAY_CELLS,
    )
    return [verdict, without]


@check(
    "PAY-02",
    "At most {pay.below_max_pct}% of officers are paid below the living wage",
    name="Share of officers below the living wage",
    scope="force, programme",
    origin="brief + source",
    brief=FAIR_PAY,
    needs={
        "police_pay": [*PAY, "headcount_verified"],
        "police_units": ["unit_id", "org_id", "benchmark_area"],
        "pay_benchmarks": BENCHMARKS,
    },
    weighs={"police_pay": ["deductions_mandatory", "in_kind_value"]},
    thresholds=[
        ADEQUACY,
        Threshold("pay.below_max_pct", 0, "% of officers", Basis.HOUSE, (), "“Everyone” is ours."),
    ],
    severity=Severity.ERROR,
)
def below_living_wage(book: Book, limits: Limits) -> list[Share]:
    """Verified officers below the living wage over all of them, in each unit's latest month.

    Pay and wage as in PAY-01. A unit that is reported for twelve months is counted once. For the
    whole programme, and for each force where there are several. Officers whose pay cannot be held
    against a wage widen the bounds. The mean is printed, never used to pass.
    Why: a mean hides low pay, since a few well-paid ranks lift it over the line.
    Fix: fund what is missing, the lowest rank first.
    Out of scope: (1) earlier months; (2) ranks whose officers were not counted.
    Example: 550 of 700 officers below is 78.57%, although the mean is 100.19% of the living wage.
    """
    least, rows = limits["pay.adequacy_min_pct"] / 100, pay(book)
    rows = rows[rows["latest"]]  # (1)
    found = measured(book, LIVING_WAGE, limits["pay.in_kind_cap_pct"] / 100).loc[rows.index]
    enough = adequate(found, least)
    known = rows["officers"].notna()  # (2)
    heads, force = rows["officers"], rows["force"]
    terms = pd.concat(
        [
            _heads("below", "part", heads.where(~enough.fillna(True)), org_id=force),
            _heads("unknown", "unknown", heads.where(enough.isna()), org_id=force),
            _heads("officers", "whole", heads, org_id=force),
        ],
        ignore_index=True,
    )

    def share(name: str | None) -> Share:
        mine = rows.index if name is None else rows.index[(force == name).fillna(False)]
        made, words = _cost(book, found.loc[mine], enough.loc[mine], least)
        return Share(
            terms if name is None else terms[terms["org_id"] == name],
            at_least="pay.below_max_pct",
            message=("" if name is None else "{org_id}: ") + "{share} of officers ({below} of "
            "{all}) are paid below the living wage{cost}; the limit is {threshold}. The "
            "mean over all officers, {mean} of the living wage, does not show it.",
            remedy="Fund the gap from the lowest rank upwards.",
            expected="at most {threshold} of officers",
            most=True,
            counted="officers",
            by=[] if name is None else ["org_id"],
            breakdown=["org_id"] if name is None and len(forces) < 2 else [],
            point=None if name is None else ("organisations", "org_id"),
            called={
                "below": "officers paid below the living wage",
                "unknown": "officers whose pay cannot be held against a wage",
                "officers": "all verified officers",
            },
            made=made,
            assessed=int((known & enough.notna()).loc[mine].sum()),
            in_scope=int(manned(rows).loc[mine].sum()),
            words={
                **words,
                "below": f"{total(heads.where(~enough.fillna(True)).loc[mine]):,.0f}",
                "all": f"{total(heads.loc[mine]):,.0f}",
                "of": "programme" if name is None else "force",
            },
        )

    forces = sorted(force.dropna().unique())
    return [share(None), *(share(f) for f in forces if len(forces) > 1)]


def _cost(
    book: Book, found: pd.DataFrame, enough: pd.Series, least: float
) -> tuple[list[Quotient], dict[str, str]]:
    """What it takes to bring everyone to the living wage: as figures, and in words.

    Over the rows that could be judged; where deductions are blank, pay is the most it can be.
    """
    rows = pay(book).loc[found.index]
    judged = enough.notna() & rows["officers"].notna()
    heads, ratio = rows["officers"].where(judged), found["ratio"].where(judged)
    made = [
        _mean("plain_mean", "pay over the living wage, by officers", ratio, heads, RATIO),
        _mean(
            "capped_index",
            "the same, no rank counting more than 1",
            ratio.clip(upper=1.0),
            heads,
            CAPPED,
        ),
    ]
    mean = made[0].value
    if mean is None:
        return [], {"cost": "", "mean": "–"}
    short = (found["wage"] * least - found["pay"]).clip(lower=0.0)
    moved, currency = converted(book, heads * short, rows)
    moved_bill, _ = converted(book, heads * found["pay"], rows)
    gap, bill = moved["value"], moved_bill["value"]
    priced = (gap.notna() | ~judged).all()
    if not priced or not total(bill):  # an amount has no rate, so the sums would be too low
        return made, {"cost": "", "mean": percent(mean, 1.0)}
    month, part = total(gap), total(gap) / total(bill)
    short_by = "officers x what their pay lacks to the living wage"
    gaps = _heads("gap", "part", gap, weight=LACK, rate=moved["rate"])
    bills = _heads("bill", "whole", bill, weight=EARNED, rate=moved_bill["rate"])
    made += [
        Quotient("gap_a_month", short_by, gaps, unit=currency),
        Quotient("gap_a_year", f"{short_by}, x 12", gaps, times=12, unit=currency),
        Quotient("gap_of_wage_bill", f"{short_by}, over pay", gaps, bills, unit="share"),
    ]
    partly = "" if judged.all() and found["exact"].all() else "at least "
    cost = (
        f"; closing the gap costs {partly}{amount(month, currency)} a month ({percent(part)} of "
        f"the wage bill), {amount(12 * month, currency)} a year"
    )
    return made, {"cost": cost, "mean": percent(mean, 1.0)}


def _heads(
    figure: str,
    role: str,
    amounts: pd.Series,
    *,
    field: str = "headcount_verified",
    **by: pd.Series,
) -> pd.DataFrame:
    """Entries of Police pay that come from a count of officers, as it stands or times something:
    its `weight` (see `headcount.worked`), and the `rate` of that.
    """
    return entries(figure, role, "police_pay", amounts, field=field, **by)


def _mean(
    name: str, what: str, values: pd.Series, officers: pd.Series, weight: str | None = None
) -> Quotient:
    """The mean by officers, sum(h x) / sum(h), of the rows where both are known."""
    both = values.notna() & officers.notna()
    by = {"weight": weight} if weight else {}
    above = _heads(name, "part", (officers * values)[both], **by)
    return Quotient(name, what, above, _heads(name, "whole", officers[both]), unit="share")


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
        share = _percents(high.loc[labels], least)
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
    share = _mean("on_time_share", what, in_time, rows["officers"].where(scope))
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
        of_year = _percents(left.loc[labels], 1.0)
        return {
            "who": _officers(rows.loc[labels, "officers"], "its officers")
            + (rows.loc[labels, "officers"] == 1).fillna(False).map({True: " is", False: " are"}),
            "months": months.map(lambda m: f"{m:g} {plural('month', m)}"),
            "worth": (", " + _said(value.loc[labels], rows["currency"]) + " in all").fillna(""),
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
    mean = _mean("mean_months", "months owed, by officers", months, officers, MONTHS)
    if mean.value is None:
        return []
    long = grave.loc[rows.index].astype("Float64")
    owed = _heads("officer_months", "part", officers * months, weight=MONTHS)
    made = [
        Quotient("officer_months", "officers x months owed", owed, unit="officer-months"),
        replace(mean, unit="months"),
        _mean("owed_a_month_share", "officers who are owed a month or more", long, officers),
    ]
    moved, currency = converted(book, value.loc[rows.index], rows)
    moved_bill, _ = converted(book, officers * rows["cash"], rows)
    worth, bill = moved["value"], moved_bill["value"]
    if worth.notna().all() and total(bill):
        what = "officers x months owed x pay before deductions"
        values = _heads("value", "part", worth, weight=OWED, rate=moved["rate"])
        bills = _heads("bill", "whole", bill, weight=CASH, rate=moved_bill["rate"])
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
        over = _percents(beyond.loc[labels], limits["pay.ghost_max_pct"] / 100) + " more"
        return {
            "more": over.fillna("none of them was there"),
            "excess": _officers((paid - there).loc[labels], ""),
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
        _heads("paid", "part", paid[known], field="headcount_paid"),
        _heads("verified", "whole", there[known]),
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
            "net": _said(net.loc[labels], currency),
            "due": _said(due.loc[labels], currency),
            "pct": _percents(part.loc[labels], least),
            "lost": _said((due - net).loc[labels], currency),
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


@check(
    "PAY-08",
    "No rank is paid below the legal minimum wage",
    name="Not below the legal minimum",
    scope="unit, rank",
    origin="brief",
    brief=FAIR_PAY,
    needs={
        "police_pay": PAY,
        "police_units": ["unit_id", "benchmark_area"],
        "pay_benchmarks": BENCHMARKS,
    },
    weighs={"police_pay": ["deductions_mandatory", "headcount_verified"]},
    severity=Severity.ERROR,
)
def legal_minimum(book: Book, limits: Limits) -> list[RowVerdicts]:
    """Base pay and regular cash allowances of each rank, in the latest month that its unit reports.

    Mandatory deductions come off where the minimum is given net; the minimum is that of the year,
    else of the latest year before. Housing and food do not count: a legal minimum is owed in money.
    Why: a state that pays its police less than the law asks cannot ask them to uphold it.
    Fix: correct it at once.
    Out of scope: (1) earlier months; (2) ranks of which no officer was present.
    Example: 260 against a minimum of 240 is none; 239 is an error.
    """
    rows, found = pay(book), measured(book, LEGAL_MINIMUM)
    scope = rows["latest"].astype("boolean") & manned(rows)  # (1) (2)
    with_wage, without = _split(book, scope, LEGAL_MINIMUM, "legal minimum wage")

    def words(labels: pd.Index) -> Mapping[str, pd.Series | str]:
        low, own = found.loc[labels], rows.loc[labels]
        in_kind = _said(own["in_kind"].mask(own["in_kind"] == 0), own["currency"])
        return {
            **_benchmark(book, low),
            "kind": (" Housing and food worth " + in_kind + " do not count.").fillna(""),
            "raise": _said(low["wage"] - low["pay"], own["currency"]),
        }

    verdict = RowVerdicts(
        "police_pay",
        in_scope=scope.loc[with_wage],
        meets=adequate(found, 1.0).loc[with_wage],
        at="base_pay",
        message="{rank} in {unit_id}, {pay_period}: regular pay of {earned} is below the legal "
        "minimum of {wage} a month ({by}).{kind}",
        remedy="Raise it by {raise} a month at once; this is a legal breach where the law covers "
        "police.",
        expected="at least the legal minimum wage",
        words=words,
        blank=PAY_CELLS,
    )
    return [verdict, without]
