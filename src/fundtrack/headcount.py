"""Police by head count: what a rank earns that counts, and the wage that it is held against.

What counts is base pay and regular cash allowances; overtime and risk money never do. Every mean
and share is weighted by officers who were verified, since a plain mean of ranks hides low pay.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from fundtrack import schema
from fundtrack.book import Book
from fundtrack.model import Pieces, Quotient, Taken
from fundtrack.money import reaches, times
from fundtrack.verdicts import entries

LIVING_WAGE, LEGAL_MINIMUM = "living_wage", "minimum_wage"


def units(book: Book) -> pd.DataFrame:
    """Police units by their id; of an id given twice, the first row."""
    rows = book["police_units"]
    return rows[rows["unit_id"].notna() & ~rows["unit_id"].duplicated()].set_index("unit_id")


def pay(book: Book) -> pd.DataFrame:
    """The rows of Police pay, worked out once, indexed like the sheet.

    `unit_id`, `rank`, `month` (YYYY-MM), `year`, `force`, `area` (of the benchmark), `officers`
    (verified), `cash` (base pay and regular allowances of one officer, before deductions),
    `in_kind`, `deductions`, `currency`, `due`, and `latest`: in the last month that the unit
    reports, so that a unit reported for twelve months is not counted twelve times. Of a rank given
    twice in a month only the first row is `latest`.
    """
    return book.once("police pay", lambda: _pay(book))


def _pay(book: Book) -> pd.DataFrame:
    rows = book["police_pay"]
    of = units(book).reindex(rows["unit_id"].array)
    month = pd.to_numeric(rows["pay_period"].str.replace("-", "")).astype("Int64")
    last = month.groupby(rows["unit_id"]).transform("max")
    twice = rows.duplicated(schema.tables()["police_pay"].primaryKey)
    return pd.DataFrame(
        {
            "unit_id": rows["unit_id"],
            "rank": rows["rank"],
            "month": rows["pay_period"],
            "year": month // 100,
            "force": pd.Series(of["org_id"].array, index=rows.index),
            "area": pd.Series(of["benchmark_area"].array, index=rows.index),
            "officers": rows["headcount_verified"].astype("Float64"),
            "cash": rows["base_pay"] + rows["regular_allowances"],
            "in_kind": rows["in_kind_value"],
            "deductions": rows["deductions_mandatory"],
            "currency": rows["currency"],
            "due": rows["due_date"],
            "latest": (month == last).fillna(False).astype(bool) & ~twice,
        }
    )


def manned(rows: pd.DataFrame) -> pd.Series:
    """False where no officer of the rank was there; a blank count is unknown, not nobody."""
    return (rows["officers"] != 0).fillna(True).astype("boolean")


def wages(book: Book, kind: str) -> pd.DataFrame:
    """The benchmark of one kind for each row of Police pay; blank where none holds for it.

    `wage` (a month, in the row's currency at its pay day), and as listed `amount`, `listed_in`
    (its currency), `basis`, `source`, `of_year`: the year of the row, else the latest earlier
    one, and `listed_at` (the row of Pay benchmarks). A benchmark without a source is not
    used; of two for one area and year the first is.
    """
    return book.once(("wages", kind), lambda: _wages(book, kind))


def _wages(book: Book, kind: str) -> pd.DataFrame:
    paid, listed = pay(book), book["pay_benchmarks"]
    listed = listed[(listed["type"] == kind).fillna(False)]
    listed = listed.dropna(subset=["benchmark_area", "year", "amount", "currency", "source"])
    listed = listed[~listed.duplicated(["benchmark_area", "year"])]
    right = pd.DataFrame(
        {
            "area": listed["benchmark_area"].astype(object),
            "year": listed["year"].astype("int64"),
            "of_year": listed["year"],
            "amount": listed["amount"],
            "listed_in": listed["currency"],
            "basis": listed["basis"],
            "source": listed["source"],
            "listed_at": listed.index,
        }
    ).sort_values("year", kind="stable")
    known = paid[["area", "year"]].dropna()
    left = known.astype({"area": object, "year": "int64"}).assign(label=known.index)
    left = left.sort_values("year", kind="stable")
    found = pd.merge_asof(left, right, on="year", by="area").set_index("label")
    kept = ["of_year", "amount", "listed_in", "basis", "source", "listed_at"]
    found = found.reindex(paid.index)[kept]
    moved = book.rates.convert(found["amount"], found["listed_in"], paid["due"], paid["currency"])
    return found.assign(wage=moved["value"])


def measured(book: Book, kind: str, in_kind_cap: float | None = None) -> pd.DataFrame:
    """What one officer's pay comes to against a benchmark, indexed like Police pay.

    The columns of `wages`, and `pay`, `ratio` (pay / wage) and `exact`. A net benchmark takes the
    mandatory deductions off. Where these are blank (or it is not said whether the benchmark is
    net), pay is given before deductions: the most that it can be, and not `exact`. Housing and
    food count up to `in_kind_cap` of the wage (None: they do not count); blank, they count nothing.
    """
    paid, against = pay(book), wages(book, kind)
    taken = paid["deductions"].where(against["basis"] == "net")
    taken = taken.mask((against["basis"] == "gross").fillna(False), 0.0)
    earned = paid["cash"]
    if in_kind_cap is not None:
        most = against["wage"] * in_kind_cap
        given = paid["in_kind"].fillna(0.0)
        earned = earned + given.where((given <= most).fillna(True), most)
    earned = earned - taken.fillna(0.0)
    return against.assign(pay=earned, ratio=earned / against["wage"], exact=taken.notna())


def adequate(found: pd.DataFrame, least: float) -> pd.Series:
    """Whether pay reaches `least` of the wage; blank where blank deductions could tip it."""
    enough = reaches(found["ratio"], least).astype("boolean")
    return enough.mask(enough.fillna(False) & ~found["exact"])


def in_one_currency(
    book: Book, amounts: pd.Series, rows: pd.DataFrame
) -> tuple[pd.Series, str | None]:
    """Amounts of rows of Police pay in their one currency, else in the reporting currency.

    Converted at the pay day; blank where there is no rate, and everywhere without a currency to
    turn them into.
    """
    moved, to = converted(book, amounts, rows)
    return moved["value"], to


def converted(
    book: Book, amounts: pd.Series, rows: pd.DataFrame
) -> tuple[pd.DataFrame, str | None]:
    """The same as `in_one_currency`, with the `rate` beside the `value`."""
    used = rows.loc[amounts.dropna().index, "currency"].dropna().unique()
    to = str(used[0]) if len(used) == 1 else book.settings.reporting_currency
    return book.rates.convert(amounts, rows["currency"], rows["due"], to or ""), to


# What the officers of a row are multiplied by; see `worked`.
RATIO, CAPPED, LACK, EARNED = "pay / wage", "pay / wage, at most 1", "what pay lacks", "pay"
MONTHS, OWED, CASH = "months owed", "months owed x pay", "pay before deductions"


def worked(
    book: Book, weight: str, labels: Sequence[int], to: str | None = None
) -> dict[int, Pieces]:
    """How the weight of each row of Police pay is worked out from cells, in pieces of a formula.

    The arithmetic of `measured` and of the checks, for those who follow it by hand. `to` is the
    currency of the total.
    """
    own = book["police_pay"].loc[labels].to_dict("index")
    paid, found = pay(book).loc[labels], wages(book, LIVING_WAGE).loc[labels]
    of_wage = book.rates.origins(found["listed_in"], paid["due"], paid["currency"])["rate_from"]
    moved = book.rates.origins(paid["currency"], paid["due"], to or "")["rate_from"]
    wage = found.assign(rate_from=of_wage).to_dict("index")
    return {
        label: _worked(book, weight, label, own[label], wage[label], times(moved.at[label]))
        for label in labels
    }


def _worked(
    book: Book,
    weight: str,
    label: int,
    cells: Mapping[Hashable, Any],
    against: Mapping[Hashable, Any],
    moved: Pieces,
) -> Pieces:
    def cell(field: str) -> Taken:
        return Taken("police_pay", label, field, float(cells[field]))

    if weight == MONTHS:
        return [cell("months_in_arrears")]
    cash: Pieces = [cell("base_pay"), "+", cell("regular_allowances")]
    if weight == OWED:
        return [cell("months_in_arrears"), "*(", *cash, ")", *moved]
    if weight == CASH:
        return ["(", *cash, ")", *moved]
    listed = Taken("pay_benchmarks", int(against["listed_at"]), "amount", float(against["amount"]))
    wage: Pieces = [listed, *times(against["rate_from"])]
    least, cap = (
        book.limits[f"pay.{name}"] / 100 for name in ("adequacy_min_pct", "in_kind_cap_pct")
    )
    pay_ = cash
    if not pd.isna(cells["in_kind_value"]):
        pay_ = [*pay_, "+MIN(", cell("in_kind_value"), ",", *wage, f"*{cap!r})"]
    if not pd.isna(cells["deductions_mandatory"]) and against["basis"] == "net":
        pay_ = [*pay_, "-", cell("deductions_mandatory")]
    ratio: Pieces = ["(", *pay_, ")/(", *wage, ")"]
    ways: dict[str, Pieces] = {
        RATIO: ratio,
        CAPPED: ["MIN(1,", *ratio, ")"],
        LACK: ["MAX(0,", *wage, f"*{least!r}", "-(", *pay_, "))", *moved],
        EARNED: ["(", *pay_, ")", *moved],
    }
    return ways[weight]


def of_officers(
    figure: str,
    role: str,
    amounts: pd.Series,
    *,
    field: str = "headcount_verified",
    **by: pd.Series | str,
) -> pd.DataFrame:
    """Entries of Police pay that come from a count of officers, as it stands or times something:
    its `weight` (see `worked`), and the currency `to` of that. Times nothing they are listed too,
    as that may change.
    """
    zeros = "weight" in by
    return entries(figure, role, "police_pay", amounts, field=field, zeros=zeros, **by)


def mean_by_officers(
    name: str, what: str, values: pd.Series, officers: pd.Series, weight: str | None = None
) -> Quotient:
    """The mean by officers, sum(h x) / sum(h), of the rows where both are known."""
    both = values.notna() & officers.notna()
    by = {"weight": weight} if weight else {}
    above = of_officers(name, "part", (officers * values)[both], **by)
    return Quotient(name, what, above, of_officers(name, "whole", officers[both]), unit="share")
