"""Writes a grants register of any size, as XlsxWriter writes it, with a known share of faults.

    python benchmarks/portfolio.py big.xlsx --rows 100000 --faults 0.01

Every fault is a short grant, an unknown code, an end before its start, a dangling reference, a
blank amount or a date kept as text, in turn. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import xlsxwriter

HEADINGS = [
    "Grant ID",
    "Title",
    "Provider",
    "Recipient",
    "Programme",
    "Country where the work is done",
    "Area",
    "Signed on",
    "Start date as signed",
    "End date as signed",
    "End date now (if extended)",
    "Amount awarded",
    "Currency",
    "Value date",
    "Status",
    "Type of aid",
    "Earmarking",
    "Purpose code",
    "Strand",
    "Gender equality marker",
    "Renews grant",
    "No-cost extension allowed?",
    "Share movable between lines without approval",
    "Indirect cost rate",
    "All sub-grants listed?",
    "Desk officer comment",
]
ORGANISATIONS = [
    "Organisation ID",
    "Organisation name or alias",
    "Organisation type",
    "Headquarters country",
    "Affiliated to an international NGO?",
    "Controlled by a government?",
    "Security agency?",
]
COUNTRIES = ["NG", "KE", "LK", "IQ", "ML", "PH"]
FAULTS: list[dict[str, Any]] = [
    {"months": 5},
    {"Status": "Perhaps"},
    {"months": -3},
    {"Recipient": "ORG-99999"},
    {"Amount awarded": None},
    {"Start date as signed": "03/04/2024"},
]


def write(path: Path, rows: int, faults: float, organisations: int = 800) -> None:
    """A donor workbook with `rows` grants of 26 columns, that share of which has one fault."""
    rng = random.Random(rows)
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    book.set_properties({"created": datetime(2025, 1, 15)})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    _settings(book, day)
    _organisations(book, organisations)
    sheet = book.add_worksheet("Grants")
    sheet.write_row(0, 0, HEADINGS)
    every = round(1 / faults) if faults else rows + 1
    for n in range(rows):
        grant = _grant(n, rng, organisations)
        if n % every == every - 1:
            fault = FAULTS[(n // every) % len(FAULTS)]
            months = fault.get("months")
            if months:
                grant["End date as signed"] = grant["Start date as signed"] + timedelta(
                    days=30 * months
                )
            else:
                grant |= fault
        for column, heading in enumerate(HEADINGS):
            value = grant[heading]
            if isinstance(value, date):
                sheet.write_datetime(n + 1, column, value, day)
            elif value is not None:
                sheet.write(n + 1, column, value)
    book.close()


def _grant(n: int, rng: random.Random, organisations: int) -> dict[str, Any]:
    signed = date(2024, 1, 1) + timedelta(days=rng.randrange(300))
    start = signed + timedelta(days=rng.randrange(1, 30))
    values = [
        f"G-{n:06d}",
        f"Work with residents, lot {n % 5000}",
        "ORG-00000",
        f"ORG-{rng.randrange(1, organisations):05d}",
        f"P-{n % 30:02d}-{n:06d}",
        rng.choice(COUNTRIES),
        f"area {n % 50}",
        signed,
        start,
        start + timedelta(days=rng.randrange(760, 1200)),
        None,
        rng.randrange(1000, 900000),
        "EUR",
        signed,
        2,
        "C01",
        3,
        15220,
        "resilience",
        1,
        None,
        "yes",
        10,
        7,
        "not_applicable",
        None,
    ]
    return dict(zip(HEADINGS, values, strict=True))


def _settings(book: xlsxwriter.Workbook, day: Any) -> None:
    sheet = book.add_worksheet("Settings")
    rows = [
        ("Workbook type", "donor"),
        ("Schema version", "1"),
        ("Organisation id", "ORG-00000"),
        ("Reporting currency", "EUR"),
        ("Period start", date(2024, 1, 1)),
        ("Period end", date(2024, 12, 31)),
        ("Reference date", date(2024, 12, 31)),
        ("Pseudonyms used", "yes"),
    ]
    for n, (name, value) in enumerate(rows):
        sheet.write(n, 0, name)
        if isinstance(value, date):
            sheet.write_datetime(n, 1, value, day)
        else:
            sheet.write(n, 1, value)


def _organisations(book: xlsxwriter.Workbook, count: int) -> None:
    sheet = book.add_worksheet("Organisations")
    sheet.write_row(0, 0, ORGANISATIONS)
    sheet.write_row(1, 0, ["ORG-00000", "Donor", 10, "NL", None, None, "no"])
    for n in range(1, count):
        kind, home = ((24, COUNTRIES[n % 6]), (21, "GB"), (40, "CH"))[n % 3]
        affiliated = "no" if kind == 24 else "yes"
        sheet.write_row(
            n + 1, 0, [f"ORG-{n:05d}", f"Partner {n}", kind, home, affiliated, "no", "no"]
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--faults", type=float, default=0.01)
    arguments = parser.parse_args()
    write(arguments.path, arguments.rows, arguments.faults)
