"""Amounts in one currency, each converted at the rate of its own value date."""

from __future__ import annotations

from math import fsum
from typing import Any

import numpy as np
import pandas as pd

from fundtrack.model import Pieces, Taken


def total(amounts: pd.Series) -> float:
    """The exact sum of the known amounts, whatever their order."""
    return fsum(amounts.dropna().to_numpy(dtype="float64"))


def times(rate: Any) -> Pieces:
    """A formula's “converted at the rate”, whose pieces are blank within one currency."""
    return ["*", *rate] if isinstance(rate, tuple) else []


# Decimal figures are not exact in binary: 115.26 / 113 is a hair over 1.02. Far below any real gap.
HAIR = 1e-12


def reaches(share: Any, least: float) -> Any:
    """Whether a share (a number or a series) is at least so much; blank stays blank."""
    return share >= least * (1 - HAIR)


def stays_within(share: Any, most: float) -> Any:
    """Whether a share (a number or a series) is at most so much; blank stays blank."""
    return share <= most * (1 + HAIR)


class Rates:
    """Exchange rates by day.

    Looked up for a value date: the same day, else the latest earlier day within `max_age_days`;
    then the inverse rate; then one cross through a third currency, the reporting currency first.
    """

    def __init__(self, rates: pd.DataFrame, max_age_days: float, reporting: str | None) -> None:
        known = rates.dropna(subset=["from_currency", "to_currency", "rate_date", "rate"])
        known = known[known["rate"].astype("float64") > 0]
        self._quotes = pd.DataFrame(
            {
                "pair": known["from_currency"].astype(object)
                + ">"
                + known["to_currency"].astype(object),
                "day": known["rate_date"].astype("datetime64[s]"),
                "rate": known["rate"].astype("float64"),
                "source": known["source"].fillna("").astype(object),
                "label": known.index,
            }
        ).sort_values("day", kind="stable")
        currencies = sorted({*known["from_currency"], *known["to_currency"]})
        self._via = sorted(currencies, key=lambda c: (c != reporting, c))
        self._age = pd.Timedelta(days=max_age_days)

    def convert(
        self, amount: pd.Series, currency: pd.Series, on: pd.Series, to: pd.Series | str
    ) -> pd.DataFrame:
        """`value`, `rate` and `rate_date` of each row; blank where no rate is found.

        Same index as `amount`. A row already in the target currency has rate 1 and no rate date.
        """
        target = pd.Series(to, index=amount.index, dtype="string") if isinstance(to, str) else to
        asked = pd.DataFrame({"from": currency, "to": target, "day": on})
        same = (asked["from"] == asked["to"]).fillna(False).astype(bool)
        found = pd.DataFrame(
            {
                "rate": np.where(same, 1.0, np.nan),
                "rate_date": pd.Series(pd.NaT, index=amount.index, dtype="datetime64[s]"),
            },
            index=amount.index,
        )
        needed = asked[~same].dropna()
        if len(needed):
            pairs = needed.drop_duplicates()
            priced = self._price(pairs).set_index(["from", "to", "day"])[["rate", "rate_date"]]
            got = priced.reindex(pd.MultiIndex.from_frame(needed)).set_axis(needed.index)
            found.loc[needed.index, "rate"] = got["rate"]
            found.loc[needed.index, "rate_date"] = got["rate_date"].astype("datetime64[s]")
        found["rate"] = found["rate"].astype("Float64")
        found.insert(0, "value", amount.astype("Float64") * found["rate"])
        return found

    def origins(self, currency: pd.Series, on: pd.Series, to: pd.Series | str) -> pd.DataFrame:
        """`rate_kind` (as listed, inverse, or through which currency), `source` and `rate_from` of
        each row's rate: the last is how it is made of cells, in pieces of a formula.

        Same index as `currency`; blank where the row is in the target currency or has no rate.
        """
        asked = pd.DataFrame({"from": currency, "to": to, "day": on})
        needed = asked[(asked["from"] != asked["to"]).fillna(False).astype(bool)].dropna()
        facts = ["rate_kind", "source", "rate_from"]
        if needed.empty:
            return pd.DataFrame(index=currency.index, columns=facts, dtype=object)
        priced = self._price(needed.drop_duplicates())
        priced = priced[priced["rate"].notna()].set_index(["from", "to", "day"])
        legs = zip(priced["first"], priced["second"], strict=True)
        priced["rate_from"] = [self._pieces(*pair) for pair in legs]
        got = priced[facts].reindex(pd.MultiIndex.from_frame(needed)).set_axis(needed.index)
        return got.astype(object).reindex(currency.index)

    def _pieces(self, *legs: float) -> Pieces:
        """The rate as a product of cells, or of 1 over them where the label is below zero."""
        pieces = list[str | Taken]()
        for leg in legs:
            if not pd.isna(leg):
                label = int(abs(leg))
                rate = self._quotes.at[label, "rate"]
                taken = Taken("exchange_rates", label, "rate", float(rate))
                pieces += [*("*" if pieces else ""), *(["1/"] if leg < 0 else []), taken]
        return tuple(pieces)

    def _price(self, pairs: pd.DataFrame) -> pd.DataFrame:
        """The pairs by day, with `rate`, `rate_date`, `rate_kind`, `source`, and the rows of the
        sheet that make the rate: `first`, and `second` of a cross. Below zero: 1 over that one.
        """
        priced = pairs.sort_values("day", kind="stable").reset_index(drop=True)
        found = self._leg(priced["from"], priced["to"], priced["day"]).assign(second=np.nan)
        for via in self._via:
            if found["rate"].notna().all():
                break
            middle = pd.Series(via, index=priced.index, dtype=object)
            one = self._leg(priced["from"], middle, priced["day"])
            two = self._leg(middle, priced["to"], priced["day"])
            earlier = one["rate_date"].where(one["rate_date"] <= two["rate_date"], two["rate_date"])
            both = one["source"] + "; " + two["source"]
            cross = one.assign(
                rate=one["rate"] * two["rate"],
                rate_date=earlier,
                rate_kind=f"through {via}",
                source=one["source"].where(one["source"] == two["source"], both),
                second=two["first"],
            )
            found = found.mask(found["rate"].isna() & cross["rate"].notna(), cross)
        return pd.concat([priced, found], axis=1)

    def _leg(self, source: pd.Series, to: pd.Series, on: pd.Series) -> pd.DataFrame:
        """The rate of each row, its day, its kind, who published it, and its row (see `_price`)."""
        direct = self._latest(source, to, on)
        inverse = self._latest(to, source, on)
        listed = direct["rate"].notna()
        return pd.DataFrame(
            {
                "rate": direct["rate"].fillna(1 / inverse["rate"]),
                "rate_date": direct["found"].fillna(inverse["found"]),
                "rate_kind": listed.map({True: "as listed", False: "inverse"}),
                "source": direct["source"].where(listed, inverse["source"]).fillna(""),
                "first": direct["label"].fillna(-inverse["label"]),
            }
        )

    def _latest(self, source: pd.Series, to: pd.Series, on: pd.Series) -> pd.DataFrame:
        asked = pd.DataFrame({"pair": source.astype(object) + ">" + to.astype(object), "day": on})
        quotes = self._quotes.assign(found=self._quotes["day"])
        return pd.merge_asof(asked, quotes, on="day", by="pair", tolerance=self._age)[
            ["rate", "found", "source", "label"]
        ]
