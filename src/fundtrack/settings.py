"""What is in force for one workbook: its settings, its numbers, its accepted exceptions.

An option of the command wins over the settings sheet, and the report says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from fundtrack import schema
from fundtrack.book import Settings
from fundtrack.cells import NUMBER
from fundtrack.model import Fault, Limit, Limits, Options, Severity, Table, Threshold

MOST = 1_000_000  # of a threshold: no days, months, percentages or people are more
MONEY_TABLES = ("grants", "subgrants", "budget_lines", "transactions")
EVENTS = {
    "grants": ("signature_date", "planned_start_date"),
    "subgrants": ("planned_start_date",),
    "transactions": ("transaction_date",),
}


@dataclass(frozen=True)
class Exemption:
    """An accepted exception: findings of one check on one object, until a day."""

    check: str
    object: str
    reason: str | None
    approved_by: str | None
    approved_on: date | None
    expires: date | None

    def valid_on(self, day: date | None) -> bool:
        """True on every day up to its end. One without an end, or a day not known, is not valid."""
        return day is not None and self.expires is not None and day <= self.expires

    def as_dict(self) -> dict[str, Any]:
        """With ISO dates, for the provenance sheet."""
        return {k: v.isoformat() if isinstance(v, date) else v for k, v in vars(self).items()}


@dataclass(frozen=True)
class InForce:
    """The settings, numbers and exceptions of one run."""

    settings: Settings
    limits: Limits
    exemptions: Sequence[Exemption]
    faults: Sequence[Fault] = ()
    remarks: Sequence[str] = field(default_factory=list)


def in_force(
    tables: Mapping[str, Table],
    numbers: Mapping[str, Threshold],
    checks: Sequence[str],
    options: Options,
) -> InForce:
    """Reads the sheets Settings, Thresholds and Exceptions, and fills in what they leave open."""
    remarks: list[str] = []
    settings = _settings(tables, options, remarks)
    limits, faults = _limits(tables.get("thresholds"), numbers)
    exemptions, more = _exemptions(tables.get("exceptions"), checks)
    return InForce(settings, limits, exemptions, [*faults, *more, *_template(tables)], remarks)


def _template(tables: Mapping[str, Table]) -> Iterator[Fault]:
    """Another version of the template than the present one, or another kind than its sheets."""
    given = _one_row(tables.get("settings"))
    present, version = int(schema.version()), given.get("schema_version")
    if version is not None and version != schema.version():
        number = int(version) if version.isdecimal() else None
        if number is None:
            said = "“{heading}” holds “{value}”, which is no version of the template."
            cure = f"Write {present}, if the sheets are those of the present template."
        elif number < present:
            said = f"The template is of version {{value}}; the present one is {present}."
            cure = "Run `fundtrack template --from` on this workbook: it moves the data over."
        else:
            said = f"The template is of version {{value}}, but this fundtrack knows {present}."
            cure = "Update fundtrack, so that it reads the columns that are new in it."
        yield _of_template("schema_version", said, cure, f"version {present}")
    own = [t for t in schema.tables().values() if t.workbooks == ["programme"]]
    filled = [t.sheet for t in own if t.name in tables and len(tables[t.name].frame)]
    kind = given.get("workbook_type")
    if kind == "donor" and filled:
        listed = ", ".join(f"“{sheet}”" for sheet in filled)
        said = f"“{{heading}}” says donor, but a programme's sheets are filled: {listed}."
        cure = "Write programme, or move the data: `fundtrack template programme --from` this file."
        yield _of_template("workbook_type", said, cure, "programme")
    elif kind == "programme" and not any(t.name in tables for t in own):
        said = "“{heading}” says programme, but there is no sheet of a programme."
        cure = "Write donor, or move the data: `fundtrack template donor --from` this file."
        yield _of_template("workbook_type", said, cure, "donor")


def _of_template(name: str, said: str, cure: str, expected: str) -> Fault:
    return Fault(
        "SCH-template", Severity.WARNING, "settings", name, said, cure, expected, labels=[1]
    )


def _settings(tables: Mapping[str, Table], options: Options, remarks: list[str]) -> Settings:
    given = _one_row(tables.get("settings"))
    reference = given.get("reference_date")
    if options.as_of:
        if reference and reference != options.as_of:
            remarks.append(
                f"The reference date {options.as_of} was given on the command line; the settings "
                f"sheet says {reference}."
            )
        reference = options.as_of
    elif reference is None:
        reference = _latest_event(tables)
        if reference:
            remarks.append(
                f"No usable reference date is given: {reference}, the latest signature, start or "
                "payment in the data, was used. Give another with --as-of."
            )
    currency = given.get("reporting_currency")
    if options.reporting_currency:
        if currency and currency != options.reporting_currency:
            remarks.append(
                f"The reporting currency {options.reporting_currency} was given on the command "
                f"line; the settings sheet says {currency}."
            )
        currency = options.reporting_currency
    elif currency is None:
        used = _currencies(tables)
        if len(used) == 1:
            currency = used[0]
            remarks.append(
                f"No reporting currency is given: {currency}, the only currency in the data, was "
                "used."
            )
        elif used:
            remarks.append(
                f"No reporting currency is given, and the data uses {', '.join(used)}: give one "
                "with --reporting-currency and the rates in a sheet Exchange rates."
            )
    affiliation = given.get("treat_unknown_affiliation_as") or "unknown"
    if affiliation == "no":
        remarks.append(
            "As the settings ask, a blank affiliation to an international NGO was counted as none."
        )
    countries = given.get("recipient_countries") or ""
    return Settings(
        reporting_currency=currency,
        reference_date=reference,
        period_start=given.get("period_start"),
        period_end=given.get("period_end"),
        value_basis=given.get("value_basis") or "commitment",
        recipient_countries=frozenset(c for c in countries.split(",") if c),
        treat_unknown_affiliation_as=affiliation,
        organisation_id=given.get("organisation_id"),
    )


def _one_row(table: Table | None) -> dict[str, Any]:
    if table is None or table.frame.empty:
        return {}
    row = table.frame.iloc[0]
    return {name: _plain(row[name]) for name in table.frame.columns}


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.date() if isinstance(value, pd.Timestamp) else value


def _latest_event(tables: Mapping[str, Table]) -> date | None:
    days = [tables[t].frame[f].max() for t, names in EVENTS.items() if t in tables for f in names]
    known = [day for day in days if not pd.isna(day)]
    return max(known).date() if known else None


def _currencies(tables: Mapping[str, Table]) -> list[str]:
    used: set[str] = set()
    for name in MONEY_TABLES:
        if name in tables:
            used |= set(tables[name].frame["currency"].dropna().unique())
    return sorted(used)


def _limits(table: Table | None, numbers: Mapping[str, Threshold]) -> tuple[Limits, list[Fault]]:
    limits = {p: Limit(t, t.value) for p, t in numbers.items()}
    faults: list[Fault] = []
    if table is None:
        return Limits(limits), faults
    for label, row in table.frame.iterrows():
        parameter = row["parameter"]
        if pd.isna(parameter):
            continue
        if parameter not in numbers:
            faults.append(_unknown(table, int(label), "parameter", "a parameter of the checks"))
            continue
        number = _number(row["value"], numbers[parameter].unit)
        if number is None:
            faults.append(_unknown(table, int(label), "value", f"a number from 0 to {MOST:,}"))
            continue
        limits[parameter] = Limit(
            numbers[parameter],
            number,
            _plain(row["confirmed_by"]),
            _plain(row["confirmed_date"]),
            _plain(row["source_note"]),
        )
    return Limits(limits), faults


def _number(text: Any, unit: str) -> float | None:
    if pd.isna(text):
        return None
    figure = text.removesuffix("%").rstrip() if "%" in unit else text
    if not NUMBER.fullmatch(figure):
        return None
    number = float(figure)
    return number if 0 <= number <= MOST else None


def _exemptions(table: Table | None, checks: Sequence[str]) -> tuple[list[Exemption], list[Fault]]:
    found: list[Exemption] = []
    faults: list[Fault] = []
    if table is None:
        return found, faults
    for label, row in table.frame.iterrows():
        values = {name: _plain(row[name]) for name in table.frame.columns}
        if values["check_id"] is None or values["object_id"] is None:
            continue
        if values["check_id"] not in checks:
            faults.append(
                _unknown(table, int(label), "check_id", "the id of a check, such as DUR-01")
            )
            continue
        found.append(
            Exemption(
                values["check_id"],
                values["object_id"],
                values["reason"],
                values["approved_by"],
                values["approved_date"],
                values["expires_date"],
            )
        )
    return found, faults


def _unknown(table: Table, label: int, name: str, expected: str) -> Fault:
    return Fault(
        "DAT-06",
        Severity.ERROR,
        table.name,
        name,
        "“{heading}” holds “{value}”, which is not " + expected + "; the row was not used.",
        "Correct it; `fundtrack checks` lists the checks, `fundtrack explain` the parameters of "
        "each.",
        expected,
        [label],
    )
