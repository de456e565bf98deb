"""What a check is given: typed tables, the settings and the numbers in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, TypeVar

import pandas as pd

from fundtrack import schema
from fundtrack.model import Fault, Limits, Table
from fundtrack.money import Rates
from fundtrack.schema import DTYPES

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """How the workbook is to be judged. `None` is unknown; the clock is never asked."""

    reporting_currency: str | None = None
    reference_date: date | None = None
    period_start: date | None = None
    period_end: date | None = None
    value_basis: str = "commitment"
    recipient_countries: frozenset[str] = frozenset()
    treat_unknown_affiliation_as: str = "unknown"
    organisation_id: str | None = None

    @property
    def today(self) -> pd.Timestamp:
        """The reference date for ages and overdue tests; not a day where none is known."""
        return pd.Timestamp(self.reference_date) if self.reference_date else pd.NaT

    def like(self, told: Mapping[str, Any]) -> Settings:
        """These settings as `as_dict` told those of another run."""
        given: dict[str, Any] = {name: told.get(name, now) for name, now in self.as_dict().items()}
        for name in ("reference_date", "period_start", "period_end"):
            given[name] = date.fromisoformat(given[name]) if given[name] else None
        return Settings(**{**given, "recipient_countries": frozenset(given["recipient_countries"])})

    def as_dict(self) -> dict[str, Any]:
        """The settings with ISO dates, for the JSON and the provenance sheet."""
        plain: dict[str, Any] = {}
        for name, value in vars(self).items():
            if isinstance(value, date):
                plain[name] = value.isoformat()
            else:
                plain[name] = sorted(value) if isinstance(value, frozenset) else value
        return plain


@dataclass(frozen=True)
class Book:
    """The typed tables of one portfolio. `book["grants"]` is its frame, empty if there is none."""

    tables: Mapping[str, Table]
    settings: Settings
    limits: Limits
    faults: Sequence[Fault] = ()
    _kept: dict[Any, Any] = field(default_factory=dict, compare=False)

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name in self.tables:
            return self.tables[name].frame
        return self.once(("empty", name), lambda: _empty(name))

    def has(self, table: str, name: str) -> bool:
        """True where some sheet gives the field, even if every cell is blank."""
        return table in self.tables and self.tables[table].has(name)

    def heading(self, table: str, name: str) -> str:
        """The field's heading in the workbook's own words, else the template's."""
        for part in self.tables[table].parts if table in self.tables else ():
            if name in part.headings:
                return part.headings[name]
        return schema.tables()[table].field(name).title

    def sheet(self, table: str) -> str:
        """The name of the table's sheet in the workbook, else the template's."""
        return (
            self.tables[table].parts[0].sheet
            if table in self.tables
            else schema.tables()[table].sheet
        )

    @cached_property
    def rates(self) -> Rates:
        """The exchange rates, with the age limit in force."""
        return self._rates(self.limits["fx.max_age_days"])

    @cached_property
    def rates_of_any_age(self) -> Rates:
        """The exchange rates, however long before the value date."""
        return self._rates(365_000)

    def _rates(self, max_age_days: float) -> Rates:
        return Rates(self["exchange_rates"], max_age_days, self.settings.reporting_currency)

    def money(self, table: str, amount: str = "amount") -> pd.DataFrame:
        """`amount`, `currency`, `value_date`, `value` (in the reporting currency), `rate`,
        `rate_date`.

        Indexed like the table; `value` is blank where the amount, its currency or a rate is
        unknown.
        """

        def convert() -> pd.DataFrame:
            frame = self[table]
            on = self.value_date(table)
            to = self.settings.reporting_currency or ""
            converted = self.rates.convert(frame[amount], frame["currency"], on, to)
            first = {"amount": frame[amount], "currency": frame["currency"], "value_date": on}
            return pd.concat([pd.DataFrame(first), converted], axis=1)

        return self.once(("money", table, amount), convert)

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """What `make` gives, made once a book; for figures that several checks share."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: T = self._kept[key]
        return kept

    def value_date(self, table: str) -> pd.Series:
        """The day whose rate applies: the value date, else what stands in for it in that table."""
        frame = self[table]
        if table == "grants":
            return (
                frame["value_date"]
                .fillna(frame["signature_date"])
                .fillna(frame["planned_start_date"])
            )
        if table == "subgrants":
            return frame["value_date"].fillna(frame["planned_start_date"])
        if table == "transactions":
            return frame["value_date"].fillna(frame["transaction_date"])
        if table == "budget_lines":
            return frame["value_date"].fillna(self._parents_value_date(frame))
        return frame["value_date"]

    def _parents_value_date(self, lines: pd.DataFrame) -> pd.Series:
        """A budget line without a value date takes that of its grant or sub-grant."""
        days = pd.Series(pd.NaT, index=lines.index, dtype="datetime64[s]")
        for kind, table in (("grant", "grants"), ("subgrant", "subgrants")):
            key = schema.tables()[table].key
            parent = pd.Series(self.value_date(table).array, index=self[table][key].array)
            parent = parent[parent.index.notna() & ~parent.index.duplicated()]
            mine = lines["parent_id"].where(lines["parent_type"] == kind)
            days = days.fillna(pd.Series(parent.reindex(mine.array).array, index=lines.index))
        return days


def _empty(name: str) -> pd.DataFrame:
    """The frame of a table that no sheet feeds: every column, no row."""
    index = pd.Index([], dtype="int64")
    columns = {
        f.name: pd.Series(dtype=DTYPES[f.type], index=index) for f in schema.tables()[name].fields
    }
    return pd.DataFrame(columns)
