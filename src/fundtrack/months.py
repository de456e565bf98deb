"""Rule M: how many calendar months a term lasts, both days included.

A period ends with the last day of a month that lacks the day on which it began (the idea of
Regulation (EEC, Euratom) 1182/71, Art. 3(2)(c)). Comparisons never use fractions of a month, nor
days divided by 30: both are wrong exactly at 3, 6 and 24 months.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from fundtrack.words import duration

Days = npt.NDArray[np.datetime64]


def add_months(days: Days, months: int | npt.NDArray[np.int64]) -> Days:
    """The same day of the month `months` later; the 1st of the month after where it lacks that day.

    `days` as datetime64[D]; NaT stays NaT.
    """
    first = days.astype("datetime64[M]")
    target = first + np.asarray(months).astype("timedelta64[M]")
    same_day = target.astype("datetime64[D]") + (days - first.astype("datetime64[D]"))
    following = (target + np.timedelta64(1, "M")).astype("datetime64[D]")
    return np.where(np.isnat(days), days, np.minimum(same_day, following))


def months_and_days(start: pd.Series, end: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Whole months and spare days of each term as Int64; blank where a date is blank or out of
    order.
    """
    begins = start.to_numpy().astype("datetime64[D]")
    after = end.to_numpy().astype("datetime64[D]") + np.timedelta64(1, "D")
    known = ~(np.isnat(begins) | np.isnat(after)) & (after > begins)
    b = np.where(known, begins, np.datetime64("2000-01-01"))
    x = np.where(known, after, np.datetime64("2000-01-01"))
    n = (x.astype("datetime64[M]") - b.astype("datetime64[M]")).astype("int64")
    n = np.where(add_months(b, n) > x, n - 1, n)
    spare = (x - add_months(b, n)).astype("int64")

    def blanked(values: npt.NDArray[np.int64]) -> pd.Series:
        return pd.Series(values, index=start.index).astype("Int64").where(known)

    return blanked(n), blanked(spare)


def age_at_most(day: pd.Series, reference: pd.Timestamp, months: float) -> pd.Series:
    """True where no more than `months` have passed from `day` to the reference date; blank if
    unknown.
    """
    return Terms(day, pd.Series(reference, index=day.index)).at_most(months)


def _after(months: str) -> str:
    """`add_months`, of which EDATE gives the last day of a month that lacks the day."""
    same = f"EDATE({{first}},{months})"
    return f"{same}+(DAY({same})<DAY({{first}}))"


# `Terms.mean_months` as formulas over the first and the last day of a row, each over those before.
STEPS = {
    "whole": 'DATEDIF({first},{last}+1,"m")',
    "reached": _after("{whole}"),
    "next": _after("{whole}+1"),
}
MEAN_MONTHS = "{whole}+({last}+1-{reached})/({next}-{reached})"


@dataclass(frozen=True)
class Terms:
    """How long each row lasts: from its dates, else from the stated number of months.

    All series share one index; `stated` may be absent.
    """

    start: pd.Series
    end: pd.Series
    stated: pd.Series | None = None

    @cached_property
    def _counted(self) -> tuple[pd.Series, pd.Series]:
        return months_and_days(self.start, self.end)

    @property
    def months(self) -> pd.Series:
        """Whole months as Float64; a stated duration as it is stated; blank where unknown."""
        months = self._counted[0].astype("Float64")
        return months if self.stated is None else months.fillna(self.stated)

    @property
    def days(self) -> pd.Series:
        """Days beyond the whole months as Int64; 0 for a stated duration, blank where unknown."""
        return self._counted[1].where(self._counted[1].notna() | self.months.isna(), 0)

    @property
    def mean_months(self) -> pd.Series:
        """Months with the spare days as a fraction of the month they stand in; for averages
        only.
        """
        whole, spare = self._counted
        steps = self.steps
        days = (steps["next"] - steps["reached"]).dt.days.astype("Float64")
        exact = whole.astype("Float64") + spare.astype("Float64") / days
        return exact if self.stated is None else exact.fillna(self.stated)

    @property
    def steps(self) -> pd.DataFrame:
        """How `mean_months` is worked out (see STEPS): `whole` months, the day after which they
        are `reached`, and the same of the `next` month. Blank where a date is.
        """
        whole = self._counted[0]
        begins = self.start.to_numpy().astype("datetime64[D]")
        n = whole.fillna(0).to_numpy(dtype="int64")
        days = {"reached": add_months(begins, n), "next": add_months(begins, n + 1)}
        frame = pd.DataFrame(
            {name: day.astype("datetime64[s]") for name, day in days.items()}, self.start.index
        )
        return frame.where(whole.notna()).assign(whole=whole)

    def at_most(self, months: float | pd.Series) -> pd.Series:
        """True where the term is no longer than so many months, to the day; blank where unknown."""
        whole, spare = self.months, self.days.astype("Float64")
        return (whole < months) | ((whole == months) & (spare == 0))

    def at_least(self, months: float | pd.Series) -> pd.Series:
        """True where the term reaches so many months; blank where unknown."""
        return self.months >= months

    def words(self) -> pd.Series:
        """“6 months 0 days”, for messages; call it on the rows that need it."""
        return pd.Series(
            [duration(m, d) for m, d in zip(self.months, self.days, strict=True)],
            index=self.start.index,
            dtype="string",
        )

    def of(self, labels: pd.Index) -> Terms:
        """The terms of some rows only."""
        stated = None if self.stated is None else self.stated.loc[labels]
        return Terms(self.start.loc[labels], self.end.loc[labels], stated)
