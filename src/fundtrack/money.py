"""Amounts in one currency, each converted at the rate of its own value date."""

from __future__ import annotations

from math import fsum
from typing import Any

import numpy as np
import pandas as pd


def total(amounts: pd.Series) -> float:
    """The exact sum of the known amounts, whatever their order."""
    return fsum(amounts.dropna().to_numpy(dtype="float64"))


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

    def origins(self, currency: pd.Series, on: pd.Series, to: str) -> pd.DataFrame:
        """`rate_kind` (as listed, inverse, or through which currency) and `source` of each row's
        rate.

        Same index as `currency`; blank where the row is in the target currency or has no rate.
        """
        asked = pd.DataFrame({"from": currency, "to": to, "day": on})
        needed = asked[(asked["from"] != to).fillna(False).astype(bool)].dropna()
        found = pd.DataFrame(index=currency.index, columns=["rate_kind", "source"], dtype=object)
        if len(needed):
            priced = self._price(needed.drop_duplicates()).set_index(["from", "to", "day"])
            got = priced.reindex(pd.MultiIndex.from_frame(needed)).set_axis(needed.index)
            got = got[got["rate"].notna()]
            found.loc[got.index] = got[["rate_kind", "source"]].astype(object)
        return found

    def _price(self, pairs: pd.DataFrame) -> pd.DataFrame:
        priced = pairs.sort_values("day", kind="stable").reset_index(drop=True)
        rate, day, kind, source = self._leg(priced["from"], priced["to"], priced["day"])
        for via in self._via:
            if rate.notna().all():
                break
            middle = pd.Series(via, index=priced.index, dtype=object)
            first, first_day, _, first_source = self._leg(priced["from"], middle, priced["day"])
            second, second_day, _, second_source = self._leg(middle, priced["to"], priced["day"])
            cross = first * second
            used = rate.isna() & cross.notna()
            kind = kind.mask(used, f"through {via}")
            both = first_source.where(
                first_source == second_source, first_source + "; " + second_source
            )
            source = source.mask(used, both)
            day = day.where(
                rate.notna() | cross.isna(), first_day.where(first_day <= second_day, second_day)
            )
            rate = rate.fillna(cross)
        return priced.assign(rate=rate, rate_date=day, rate_kind=kind, source=source)

    def _leg(
        self, source: pd.Series, to: pd.Series, on: pd.Series
    ) -> tuple[pd.Series, pd.Series, pd.Series, pd.Series]:
        """The rate of each row, its day, its kind and who published it."""
        direct = self._latest(source, to, on)
        inverse = self._latest(to, source, on)
        listed = direct["rate"].notna()
        return (
            direct["rate"].fillna(1 / inverse["rate"]),
            direct["found"].fillna(inverse["found"]),
            listed.map({True: "as listed", False: "inverse"}),
            direct["source"].where(listed, inverse["source"]).fillna("").astype(object),
        )

    def _latest(self, source: pd.Series, to: pd.Series, on: pd.Series) -> pd.DataFrame:
        asked = pd.DataFrame({"pair": source.astype(object) + ">" + to.astype(object), "day": on})
        quotes = self._quotes.assign(found=self._quotes["day"])
        return pd.merge_asof(asked, quotes, on="day", by="pair", tolerance=self._age)[
            ["rate", "found", "source"]
        ]
