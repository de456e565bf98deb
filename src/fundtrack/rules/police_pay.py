"""Police pay: is it enough to live on, and no less than the law asks?

Pay means base pay and regular cash allowances of one officer. A benchmark is never ours: without
one that the workbook gives with its source, there is no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from fundtrack.book import Book
from fundtrack.headcount import (
    CAPPED,
    EARNED,
    LACK,
    LEGAL_MINIMUM,
    LIVING_WAGE,
    RATIO,
    adequate,
    converted,
    manned,
    mean_by_officers,
    measured,
    of_officers,
    pay,
)
from fundtrack.model import Basis, Clause, Limits, Quotient, Severity, Threshold
from fundtrack.money import reaches, total
from fundtrack.rules import check
from fundtrack.verdicts import RowVerdicts, Share
from fundtrack.words import amount, percent
from fundtrack.words_by_row import said_amounts, said_officers, said_percents

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


def _benchmark(book: Book, found: pd.DataFrame) -> dict[str, pd.Series]:
    """How a message names each row's benchmark: its amount and its source, with their years."""
    own = pay(book).loc[found.index]
    older = (found["of_year"] < own["year"]).fillna(False)
    year = found["of_year"].astype("string")
    year = year.mask(older, year + ", as none is listed for " + own["year"].astype("string"))
    moved = (found["listed_in"] != own["currency"]).fillna(False)
    listed = said_amounts(found["amount"], found["listed_in"])
    from_ = ("; " + listed + " at the rate of pay day").where(moved, "")
    doubt = pd.Series("", index=found.index).mask(~found["exact"], ", before any deductions,")
    return {
        "earned": said_amounts(found["pay"], own["currency"]) + doubt,
        "wage": said_amounts(found["wage"], own["currency"]),
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
            "pct": said_percents(low["ratio"], least),
            "raise": said_amounts(low["wage"] * least - low["pay"], own["currency"]),
            "each": "each of " + said_officers(own["officers"], "its officers"),
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
            of_officers("below", "part", heads.where(~enough.fillna(True)), org_id=force),
            of_officers("unknown", "unknown", heads.where(enough.isna()), org_id=force),
            of_officers("officers", "whole", heads, org_id=force),
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
        mean_by_officers(
            "plain_mean", "pay over the living wage, by officers", ratio, heads, RATIO
        ),
        mean_by_officers(
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
    moved_bill, bill_in = converted(book, heads * found["pay"], rows)
    gap, bill = moved["value"], moved_bill["value"]
    priced = (gap.notna() | ~judged).all()
    if not priced or not total(bill):  # an amount has no rate, so the sums would be too low
        return made, {"cost": "", "mean": percent(mean, 1.0)}
    month, part = total(gap), total(gap) / total(bill)
    short_by = "officers x what their pay lacks to the living wage"
    gaps = of_officers("gap", "part", gap, weight=LACK, to=currency or "")
    bills = of_officers("bill", "whole", bill, weight=EARNED, to=bill_in or "")
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
        in_kind = said_amounts(own["in_kind"].mask(own["in_kind"] == 0), own["currency"])
        return {
            **_benchmark(book, low),
            "kind": (" Housing and food worth " + in_kind + " do not count.").fillna(""),
            "raise": said_amounts(low["wage"] - low["pay"], own["currency"]),
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
