"""Data integrity: DAT-01 to DAT-08, the faults of the schemas, and what every finding must be."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import date

import openpyxl
import pytest

from books import (
    DEFAULTS,
    FAIL,
    NOT_APPLICABLE,
    NOT_ASSESSABLE,
    PASS,
    REGISTER,
    UNDETERMINED,
    as_quoted,
    book,
    found,
    group,
    held,
    keys,
    only,
    result,
    rows_of,
    status,
)
from fundtrack.model import Options, Severity
from fundtrack.pipeline import assess

ERROR, WARNING = Severity.ERROR, Severity.WARNING


def grant(number: int = 1, **more: object) -> dict[str, object]:
    return {"grant_id": f"G{number}", **more}


def fields(seen, check):
    """Which fields of which records a check has findings of."""
    return {(f.key, f.field) for f in found(seen, check)}


# --- DAT-01: dates --------------------------------------------------------------------------------

DATES = rows_of("""
grant_id | planned_start_date | planned_end_date | wrong              | because
D01      | 2024-01-01         | 2026-12-31       |                    |
D02      | "2024-01-01"       | "2026-12-31"     |                    |
D03      | 2024-01-01         | "03/04/2026"     | planned_end_date   | either way round
D04      | 2024-01-01         | "3.4.26"         | planned_end_date   | either way round
D05      | 2024-01-01         | "31 March 26"    | planned_end_date   | not a real date
D06      | 2024-01-01         | "2026-02-30"     | planned_end_date   | no such day
D07      | 45292              | 2026-12-31       | planned_start_date | not formatted as a date
D08      | 1989-12-31         | 2026-12-31       | planned_start_date | outside the years
D09      | 1990-01-01         | 2026-12-31       |                    |
D10      | 2024-01-01         | 2034-12-31       |                    |
D11      | 2024-01-01         | 2035-01-01       | planned_end_date   | outside the years
D12      | 2024-02-02         | 2024-02-01       | planned_end_date   | before “Start date as
D13      | 2024-02-02         | 2024-02-02       |                    |
D14      | "tbc"              | 2026-12-31       | planned_start_date | not a real date
D15      | #REF!              | 2026-12-31       |                    |
""")


@pytest.fixture(scope="module")
def dates(tmp_path_factory):
    rows = [{k: v for k, v in row.items() if k not in ("wrong", "because")} for row in DATES]
    return assess(book(tmp_path_factory.mktemp("dates"), grants=rows))


@pytest.mark.parametrize("row", DATES, ids=lambda row: row["grant_id"])
def test_dates(dates, row):
    hits = found(dates, "DAT-01", key=row["grant_id"])
    assert [f.field for f in hits] == ([row["wrong"]] if row["wrong"] else [])
    assert all(row["because"] in f.message and f.severity is ERROR for f in hits)


def test_a_date_that_cannot_be_read_is_quoted_as_it_stands(dates):
    finding = only(dates, "DAT-01", key="D03")
    assert (finding.value, finding.cell, finding.heading) == (
        "03/04/2026",
        "G4",
        "End date as signed",
    )
    assert finding.message.startswith(
        "“End date as signed” of D03 holds “03/04/2026”, which is not a real date"
    )
    assert only(dates, "SCH-type", key="D15").value == "#REF!"


def test_an_extension_that_ends_before_the_start(judge):
    seen = judge(
        grants=[grant(amended_end_date="2023-12-31"), grant(2, amended_end_date="2024-01-01")]
    )
    assert fields(seen, "DAT-01") == {("G1", "amended_end_date")}


def test_a_workbook_that_counts_its_days_from_1904(judge):
    seen = judge(grants=[grant(planned_end_date="2024-06-30")], from_1904=True)
    assert found(seen, "DAT-01") == []
    assert only(seen, "DUR-01").value == "2024-06-30"


def test_dates_of_every_sheet(judge):
    seen = judge(
        grants=[grant()],
        subgrants=[{"subgrant_id": "X", "planned_start_date": "2026-07-01"}],
        transactions=[{"transaction_id": "X", "transaction_date": '"02.03.2024"'}],
        budget_lines=[{"line_id": "X", "value_date": "1909-03-01"}],
        exchange_rates=[{"rate_date": '"1/2/2024"'}],
        thresholds=[{"parameter": "dur.short_months", "value": 6, "confirmed_date": '"1/2/24"'}],
        exceptions=[{"check_id": "DUR-01", "object_id": "G1", "expires_date": '"1/2/2025"'}],
        organisations=[{"org_id": "LOC-A", "recognition_letter_date": '"1/2/2025"'}],
    )
    assert {(f.table, f.field) for f in found(seen, "DAT-01")} == {
        ("subgrants", "planned_end_date"),
        ("transactions", "transaction_date"),
        ("budget_lines", "value_date"),
        ("exchange_rates", "rate_date"),
        ("thresholds", "confirmed_date"),
        ("exceptions", "expires_date"),
        ("organisations", "recognition_letter_date"),
    }


def test_dates_of_the_settings(judge):
    seen = judge(
        grants=[grant()], settings={"period_start": "2025-01-01", "reference_date": '"31/12/2024"'}
    )
    assert fields(seen, "DAT-01") == {
        ("the settings", "period_end"),
        ("the settings", "reference_date"),
    }
    assert {f.cell for f in found(seen, "DAT-01")} == {"B6", "B7"}


def test_a_stated_duration_against_the_dates(judge):
    """The dates begin on 1 January: exactly six months, or six and a half."""
    rows = rows_of("""
    grant_id | start      | end        | planned_duration_months | apart
    X1       | 2024-01-01 | 2024-06-30 | 6                       |
    X2       | 2024-01-01 | 2024-06-30 | 7                       |
    X3       | 2024-01-01 | 2024-06-30 | 5                       |
    X4       | 2024-01-01 | 2024-06-30 | 8                       | yes
    X5       | 2024-01-01 | 2024-06-30 | 4                       | yes
    X6       | 2024-01-01 | 2024-06-30 | 7.5                     | yes
    X7       | 2024-01-01 | 2024-07-15 | 6                       |
    X8       | 2024-01-01 | 2024-07-15 | 7                       |
    X9       | 2024-01-01 | 2024-07-15 | 8                       | yes
    X10      | 2024-01-01 | 2024-07-15 | 5                       | yes
    """)
    apart = [row["grant_id"] for row in rows if row.pop("apart")]
    hits = found(judge(grants=rows), "DAT-01")
    assert [f.key for f in hits] == apart
    assert {(f.field, f.severity) for f in hits} == {("planned_duration_months", WARNING)}


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({"grants": [grant()]}, PASS),
        ({"grants": [grant(planned_end_date='"soon"')]}, FAIL),
        (
            {
                "grants": [grant()],
                "settings": None,
                "without": {"grants": ["planned_start_date", "planned_end_date", "signature_date"]},
            },
            NOT_APPLICABLE,
        ),
    ],
    ids=["pass", "fail", "no date column"],
)
def test_verdicts_of_dat_01(judge, given, verdict):
    assert status(judge(**given), "DAT-01") is verdict


# --- DAT-02: rates --------------------------------------------------------------------------------

RATES = """
from_currency | to_currency | rate_date  | rate
USD           | EUR         | 2024-03-01 | 0.92
USD           | EUR         | 2024-03-11 | 0.95
EUR           | GBP         | 2024-03-01 | 0.8
KES           | USD         | 2024-03-01 | 0.01
USD           | NGN         | 2024-03-01 | 1600
JPY           | CHF         | 2024-03-01 | 0.006
"""
# What 100,000 of each comes to in EUR; blank where there is no rate, with how grave that is.
CONVERTED = rows_of("""
grant_id | currency | value_date | euros   | fault
R1       | EUR      | 2020-01-01 | 100,000 |
R2       | USD      | 2024-03-01 | 92,000  |
R3       | USD      | 2024-03-10 | 92,000  |
R4       | USD      | 2024-03-11 | 95,000  |
R5       | USD      | 2024-04-11 | 95,000  |
R6       | USD      | 2024-04-12 |         | warning
R7       | USD      | 2024-02-29 |         | error
R8       | GBP      | 2024-03-01 | 125,000 |
R9       | KES      | 2024-03-01 | 920     |
R10      | NGN      | 2024-03-01 | 57.5    |
R11      | NGN      | 2024-04-11 |         | warning
R12      | JPY      | 2024-03-01 |         | error
R13      | XTS      | 2024-03-01 |         | error
""")


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    rows = [{k: v for k, v in row.items() if k not in ("euros", "fault")} for row in CONVERTED]
    whole = {"period_start": "2020-01-01"}
    return assess(
        book(tmp_path_factory.mktemp("rates"), grants=rows, exchange_rates=RATES, settings=whole)
    )


@pytest.mark.parametrize("row", CONVERTED, ids=lambda row: row["grant_id"])
def test_each_amount_at_the_rate_of_its_value_date(converted, row):
    terms = result(converted, "LOC-01").terms
    label = 2 + CONVERTED.index(row)
    values = terms.loc[(terms["figure"] == "T") & (terms["label"] == label), "value"]
    expected = [float(row["euros"].replace(",", ""))] if row["euros"] else []
    assert list(values) == pytest.approx(expected, rel=1e-12)
    assert [f.severity.value for f in found(converted, "DAT-02", key=row["grant_id"])] == (
        [row["fault"]] if row["fault"] else []
    )


def test_a_missing_rate_says_which_and_where(converted):
    stale, never = (only(converted, "DAT-02", key=key) for key in ("R6", "R7"))
    assert "no rate from USD to EUR on 2024-04-12 or in the 31 days before it" in stale.message
    assert "left out of every total" in stale.message
    assert (stale.heading, stale.value) == ("Currency", "USD")
    assert "Exchange rates" in never.remedy


@pytest.mark.parametrize(
    ("thresholds", "faults"),
    [
        (None, [WARNING, ERROR]),
        ([{"parameter": "fx.max_age_days", "value": 31}], [ERROR, ERROR]),
        ([{"parameter": "fx.max_age_days", "value": 32}], [ERROR]),
        ([{"parameter": "fx.max_age_days", "value": 32, "confirmed_by": ""}], [ERROR]),
        ([{"parameter": "fx.max_age_days", "value": 30, "confirmed_by": ""}], [WARNING, ERROR]),
    ],
    ids=["unconfirmed", "confirmed", "set to 32", "set to 32 by nobody", "set to 30 by nobody"],
)
def test_an_unconfirmed_age_is_a_warning_a_confirmed_one_an_error(judge, thresholds, faults):
    """One rate 32 days before the first grant, none at all before the second."""
    seen = judge(
        grants="""
        grant_id | currency | value_date
        G1       | USD      | 2024-04-02
        G2       | USD      | 2024-02-29
        """,
        exchange_rates=[{"rate_date": "2024-03-01"}],
        thresholds=thresholds,
    )
    assert [f.severity for f in found(seen, "DAT-02")] == faults


def test_payments_sub_grants_and_budget_lines_need_rates_too(judge):
    seen = judge(
        grants=[grant(recipient_org_id="INGO-X")],
        subgrants=[{"subgrant_id": "S1", "currency": "USD"}],
        transactions=[{"transaction_id": "T1", "currency": "USD"}],
        budget_lines=[{"line_id": "L1", "currency": "USD"}],
    )
    assert {f.key for f in found(seen, "DAT-02")} == {"S1", "T1", "L1"}


@pytest.mark.parametrize(
    ("grants", "verdict"),
    [
        ([grant()], NOT_APPLICABLE),
        ([grant(currency="USD", value_date="2024-01-01")], PASS),
        ([grant(currency="USD", value_date="2023-12-31")], FAIL),
        (
            [grant(i, currency="USD", value_date="2024-01-01") for i in range(5)]
            + [grant(9, currency="USD", signature_date="", planned_start_date="")],
            UNDETERMINED,
        ),
        ([grant(currency="USD", signature_date="", planned_start_date="")], NOT_ASSESSABLE),
    ],
    ids=[
        "all in the reporting currency",
        "a rate",
        "no rate",
        "one of six without any date",
        "without any date",
    ],
)
def test_verdicts_of_dat_02(judge, grants, verdict):
    seen = judge(grants=grants, exchange_rates=[{"rate_date": "2024-01-01"}])
    assert status(seen, "DAT-02") is verdict


# --- DAT-03: identifiers --------------------------------------------------------------------------


def test_an_identifier_given_twice(judge):
    seen = judge(grants=[grant(1, amount=1), grant(2, amount=2), grant(1, amount=3)])
    first, second = found(seen, "DAT-03")
    assert (first.cell, second.cell) == ("A2", "A4")
    assert "row 2, row 4" in first.message
    assert first.id != second.id
    assert result(seen, "LOC-01").figures["T"] == 6  # none left out or merged


def test_a_key_of_several_columns_given_twice(judge):
    rates = [{"rate": 0.9}, {"rate": 0.91}, {"rate": 0.9, "rate_date": "2024-01-02"}]
    assert len(found(judge(grants=[grant()], exchange_rates=rates), "DAT-03")) == 2


def test_a_reference_that_leads_nowhere(judge):
    seen = judge(
        grants=[
            grant(1, recipient_org_id="CSO-41"),
            grant(2, provider_org_id="NOBODY"),
            grant(3, renewal_of_grant_id="G0"),
        ],
        subgrants=[
            {"subgrant_id": "S1", "parent_grant_id": "G7"},
            {"subgrant_id": "S2", "parent_subgrant_id": "S0"},
        ],
        transactions=[{"transaction_id": "T1", "grant_id": "G8"}],
        budget_lines=[
            {"line_id": "L1", "parent_id": "G9"},
            {"line_id": "L2", "parent_type": "subgrant", "parent_id": "G1"},
        ],
    )
    lost = {
        (f.key, f.field, f.value, re.search("in the sheet “(.*?)”", f.message)[1])
        for f in found(seen, "DAT-03", severity=ERROR)
    }
    assert lost == {
        ("G1", "recipient_org_id", "CSO-41", "Organisations"),
        ("G2", "provider_org_id", "NOBODY", "Organisations"),
        ("G3", "renewal_of_grant_id", "G0", "Grants"),
        ("S1", "parent_grant_id", "G7", "Grants"),
        ("S2", "parent_subgrant_id", "S0", "Sub-grants"),
        ("T1", "grant_id", "G8", "Grants"),
        ("L1", "parent_id", "G9", "Grants"),
        ("L2", "parent_id", "G1", "Sub-grants"),
    }
    assert "“CSO-41”, which does not exist" in found(seen, "DAT-03")[0].message


def test_a_reference_to_an_absent_sheet_is_not_tested(judge):
    seen = judge(grants=[grant()], organisations=None)
    assert (status(seen, "DAT-03"), found(seen, "DAT-03")) == (PASS, [])


def test_dat_03_does_not_apply_to_a_workbook_without_identifiers(judge):
    seen = judge(
        grants=[{"amount": 1}],
        organisations=None,
        settings=None,
        without={"grants": ["provider_org_id", "recipient_org_id"]},
    )
    assert status(seen, "DAT-03") is NOT_APPLICABLE


# --- DAT-04: reconciliation -----------------------------------------------------------------------

UNDER = [grant(recipient_org_id="INGO-X", amount=100_000)]
CONFIRMED = [{"parameter": "dat.tolerance_pct", "value": 2}]
PARENT = {"subgrants": "parent_grant_id", "transactions": "grant_id"}


def parts(kind: str, *amounts: float, **more: object) -> list[dict]:
    amount = "value" if kind == "transactions" else "amount"
    key = {"subgrants": "subgrant_id", "transactions": "transaction_id", "budget_lines": "line_id"}[
        kind
    ]
    return [{key: f"{kind[0].upper()}{i}", amount: a, **more} for i, a in enumerate(amounts, 1)]


# Parts of a grant of 100,000, and how grave their sum is once the tolerance of 2% is confirmed.
SUMS = [
    ("subgrants", [40_000, 60_000], None),
    ("subgrants", [52_000, 50_000], None),
    ("subgrants", [52_000, 50_000.01], ERROR),
    ("subgrants", [10_000], None),
    ("transactions", [102_000], None),
    ("transactions", [102_001], ERROR),
    ("transactions", [110_000, -8_000], None),
    ("transactions", [1_000], None),
    ("budget_lines", [40_000, 60_000], None),
    ("budget_lines", [102_000], None),
    ("budget_lines", [102_001], WARNING),
    ("budget_lines", [98_000], None),
    ("budget_lines", [97_999], WARNING),
]


@pytest.mark.parametrize("confirmed", [False, True], ids=["unconfirmed", "confirmed"])
def test_the_parts_of_a_grant_of_100_000(judge, confirmed):
    """An unconfirmed tolerance is never worth more than a warning."""
    tables: dict[str, list] = {"subgrants": [], "transactions": [], "budget_lines": []}
    expected = {}
    for n, (kind, amounts, fault) in enumerate(SUMS):
        parent = "parent_id" if kind == "budget_lines" else PARENT[kind]
        for row in parts(kind, *amounts):
            key = next(iter(row))
            tables[kind].append({**row, key: f"{n}-{row[key]}", parent: f"G{n}"})
        if fault:
            expected[f"G{n}"] = fault if confirmed else WARNING
    grants = [{**UNDER[0], "grant_id": f"G{n}"} for n in range(len(SUMS))]
    seen = judge(grants=grants, thresholds=CONFIRMED if confirmed else None, **tables)
    assert {f.key: f.severity for f in found(seen, "DAT-04")} == expected


def test_exactly_102_percent_agrees_whatever_the_amount(judge):
    """Amounts in cents reach the mark exactly; a machine's fractions must not push them over it."""
    amounts = [50 * n + 0.5 * (n % 100) for n in range(1, 400, 7)]
    seen = judge(
        grants=[grant(i, recipient_org_id="INGO-X", amount=a) for i, a in enumerate(amounts)],
        subgrants=[
            {"subgrant_id": f"S{i}-{n}", "parent_grant_id": f"G{i}", "amount": part}
            for i, a in enumerate(amounts)
            for n, part in enumerate((a, round(2 * a) / 100))
        ],
        transactions=[
            {"transaction_id": f"T{i}", "grant_id": f"G{i}", "value": round(102 * a) / 100}
            for i, a in enumerate(amounts)
        ],
        budget_lines=[
            {"line_id": f"L{i}", "parent_id": f"G{i}", "amount": round(98 * a) / 100}
            for i, a in enumerate(amounts)
        ],
    )
    assert keys(seen, "DAT-04") == []


def test_what_dat_04_says(judge):
    seen = judge(grants=UNDER, subgrants=parts("subgrants", 70_000, 45_000))
    finding = only(seen, "DAT-04")
    assert (
        finding.message
        == "Grant G1 is 100,000 EUR, but its sub-grants come to 115,000 EUR: 15,000 EUR over."
    )
    assert (finding.heading, finding.value) == ("Amount awarded", 100_000)


def test_a_revised_budget_replaces_the_first_one(judge):
    lines = """
    line_id | budget_type | amount
    L1      | 1           | 60,000
    L2      | 1           | 40,000
    L3      | 2           | 70,000
    L4      | 2           | 30,000
    """
    assert found(judge(grants=UNDER, budget_lines=lines), "DAT-04") == []
    short = only(judge(grants=UNDER, budget_lines=lines.replace("30,000", "10,000")), "DAT-04")
    assert "budget lines come to 80,000 EUR: 20,000 EUR under" in short.message


def test_parts_in_another_currency_are_compared_in_the_currency_of_the_grant(judge):
    seen = judge(
        grants=[
            grant(
                recipient_org_id="INGO-X", amount=100_000, currency="USD", value_date="2024-01-01"
            )
        ],
        subgrants=parts("subgrants", 90_000, value_date="2024-01-01"),
        exchange_rates=[{"rate": 0.9}],
    )
    assert found(seen, "DAT-04") == []
    over = judge(
        grants=[
            grant(
                recipient_org_id="INGO-X", amount=100_000, currency="USD", value_date="2024-01-01"
            )
        ],
        subgrants=parts("subgrants", 99_000, value_date="2024-01-01"),
        exchange_rates=[{"rate": 0.9}],
    )
    assert "come to 110,000 USD" in only(over, "DAT-04").message


def test_a_sub_grant_is_held_against_what_came_out_of_it(judge):
    subs = """
    subgrant_id | parent_subgrant_id | provider_org_id | receiver_org_id | amount
    S1          |                    | INGO-X          | AFF-Y           | 50,000
    S2          | S1                 | AFF-Y           | LOC-E           | 60,000
    """
    finding = only(judge(grants=UNDER, subgrants=subs), "DAT-04")
    assert finding.message.startswith(
        "Sub-grant S1 is 50,000 EUR, but its sub-grants come to 60,000 EUR"
    )


@pytest.mark.parametrize(
    ("grants", "subgrants", "verdict"),
    [
        (UNDER, parts("subgrants", 1), PASS),
        (UNDER, parts("subgrants", 200_000), FAIL),
        ([{**UNDER[0], "activity_status": "5"}], parts("subgrants", 200_000), NOT_APPLICABLE),
        (UNDER, None, NOT_APPLICABLE),
        (UNDER, parts("subgrants", 1, currency="KES"), NOT_ASSESSABLE),
        (UNDER, [*parts("subgrants", 200_000), {"subgrant_id": "K", "currency": "KES"}], FAIL),
        (
            [grant(i, recipient_org_id="INGO-X") for i in range(1, 7)],
            [
                {
                    "subgrant_id": f"S{i}",
                    "parent_grant_id": f"G{i}",
                    "currency": "KES" if i == 3 else "EUR",
                }
                for i in range(1, 7)
            ],
            UNDETERMINED,
        ),
    ],
    ids=[
        "agrees",
        "over",
        "cancelled",
        "nothing to compare",
        "a part without a rate",
        "over without it",
        "one of six without a rate",
    ],
)
def test_verdicts_of_dat_04(judge, grants, subgrants, verdict):
    assert status(judge(grants=grants, subgrants=subgrants), "DAT-04") is verdict


# --- DAT-06: codes --------------------------------------------------------------------------------


def test_codes_are_read_whatever_their_case_or_name(judge):
    seen = judge(
        grants="""
        grant_id | currency | country | reported       | activity_status | recipient
        G1       | eur      | ng      | Not applicable | closed          | O1
        G2       | " Euro " | Nigeria | Oui            | Cancelled       | O2
        """,
        organisations=[
            {"org_id": "O1", "org_type": 24, "intl_affiliated": False, "state_controlled": "NON"},
            {
                "org_id": "O2",
                "org_type": "international ngo",
                "intl_affiliated": True,
                "state_controlled": "n",
            },
        ],
    )
    assert (status(seen, "DAT-06"), found(seen, "DAT-06")) == (PASS, [])
    assert result(seen, "LOC-01").value == 1  # G2 is cancelled, O1 is local


def test_codes_that_are_not_in_their_lists(judge):
    wrong = [
        ("currency", "Bitcoin", "“Bitcoin” is not an allowed code for “Currency”"),
        ("currency", "EURR", "Did you mean “EUR”"),
        ("recipient_country", "Nigera", "Did you mean “NG”"),
        ("activity_status", 9, "“9” is not an allowed code for “Status”"),
        ("subgrants_reported", "maybe", "“maybe” is not an allowed code"),
        ("gender_marker", "principle", "it was read as blank"),
    ]
    seen = judge(grants=[grant(n, **{field: cell}) for n, (field, cell, _) in enumerate(wrong)])
    hits = found(seen, "DAT-06")
    assert status(seen, "DAT-06") is FAIL
    assert [(f.key, f.field) for f in hits] == [(f"G{n}", w[0]) for n, w in enumerate(wrong)]
    for finding, (_, _, words) in zip(hits, wrong, strict=True):
        assert finding.severity is ERROR
        assert words in finding.message
        assert finding.remedy.startswith("Choose a code from the list:")


def test_codes_alike_are_sought_for_a_thousand_wrong_ones(judge):
    """With more it is another column; each is a finding all the same."""
    rows = [grant(n, recipient_country=f"Nigeria {n}") for n in range(1100)]
    hits = found(judge(grants=rows), "DAT-06")
    hinted = [f.key for f in hits if "Did you mean “NG”" in f.message]
    assert len(hits) == 1100 and hinted == [f"G{n}" for n in range(1000)]


def test_codes_of_settings_numbers_and_exceptions(judge):
    seen = judge(
        grants=[grant()],
        settings={"reporting_currency": "EURR", "recipient_countries": "NG, Atlantis"},
        thresholds=[
            {"parameter": "dur.short_month", "value": 6},
            {"parameter": "dur.short_months", "value": "six"},
        ],
        exceptions=[{"check_id": "DUR-99", "object_id": "G1"}],
    )
    assert {(f.sheet, f.cell) for f in found(seen, "DAT-06")} == {
        ("Settings", "B4"),
        ("Settings", "B9"),
        ("Thresholds", "A2"),
        ("Thresholds", "B3"),
        ("Exceptions", "A2"),
    }


def test_dat_06_does_not_apply_without_codes(judge):
    without = {"grants": ["currency", "recipient_country", "subgrants_reported"]}
    seen = judge(grants=[grant()], organisations=None, settings=None, without=without)
    assert status(seen, "DAT-06") is NOT_APPLICABLE


# --- DAT-07: enough data --------------------------------------------------------------------------


def test_dat_07_names_the_checks_that_blanks_left_open(judge):
    clear = judge(grants=[grant(recipient_org_id="LOC-A")])
    assert (status(clear, "DAT-07"), found(clear, "DAT-07")) == (PASS, [])
    rows = [grant(i, planned_end_date="" if i == 1 else "2026-12-31") for i in range(1, 7)]
    seen = judge(grants=rows)
    assert status(seen, "DAT-07") is FAIL
    notes = {f.key: f for f in found(seen, "DAT-07")}
    assert "DUR-01" in notes
    assert notes["DUR-01"].severity is Severity.NOTE
    assert "“End date as signed”" in notes["DUR-01"].message
    assert "5 of 6" in notes["DUR-01"].message or "1 of 6" in notes["DUR-01"].message
    assert "LOC-01" not in notes


def test_below_the_coverage_a_check_is_not_assessable_and_the_donor_sets_it(judge):
    rows = [grant(i, planned_end_date="" if i <= 2 else "2026-12-31") for i in range(1, 11)]
    assert status(judge(grants=rows), "DUR-01") is UNDETERMINED  # exactly 80%
    higher = judge(grants=rows, thresholds=[{"parameter": "dat.coverage_min_pct", "value": 81}])
    assert status(higher, "DUR-01") is NOT_ASSESSABLE


# --- DAT-08: persons ------------------------------------------------------------------------------

EMAIL, PHONE = "amina.k@example.org", "+234 803 555 0142"


@pytest.mark.parametrize(
    "secret", [EMAIL, PHONE, "00234-803-555-0142"], ids=["e-mail", "phone", "phone, 00"]
)
def test_a_personal_identifier_is_found_and_never_repeated(judge, secret):
    """The row and the sheet have other faults too, which quote other cells."""
    seen = judge(
        grants=[
            grant(title=f"Dialogue, ask {secret}", planned_end_date="2024-03-31", currency="EURR"),
            grant(title="Dialogue"),
        ],
        exceptions=[{"check_id": "DUR-01", "object_id": "G1", "reason": f"Agreed with {secret}"}],
    )
    assert status(seen, "DAT-08") is FAIL
    assert {(f.sheet, f.field, f.severity) for f in found(seen, "DAT-08")} == {
        ("Grants", "title", ERROR),
        ("Exceptions", "reason", ERROR),
    }
    said = [
        json.dumps(dataclasses.asdict(f), default=str, ensure_ascii=False) for f in seen.findings
    ]
    said += [str(r.reason) for r in seen.results] + list(seen.remarks)
    assert not [text for text in said if secret in text]


@pytest.mark.parametrize("field", ["recipient_country", "amount", "planned_end_date"])
def test_a_personal_identifier_in_the_wrong_column_is_not_repeated_either(judge, field):
    """The fault of the cell is found with its address, without what the cell holds."""
    seen = judge(grants=[grant(**{field: f'"ask {EMAIL}"'})])
    assert ("G1", field) in {(f.key, f.field) for f in seen.findings}
    assert not [f.message for f in seen.findings if EMAIL in f"{f.message}{f.remedy}{f.value}"]


def test_what_is_no_personal_identifier(judge):
    titles = [
        "Dialogue 2024-2026",
        "Grant 2024/0012/3456789",
        "12,345,678.90 EUR",
        "NG-BO-12345678",
        "@peace",
        "100 000 000",
    ]
    seen = judge(grants=[grant(n, title=title) for n, title in enumerate(titles)])
    assert [f.message for f in found(seen, "DAT-08")] == []
    assert status(seen, "DAT-08") is PASS


def test_dat_08_does_not_apply_without_free_text(judge):
    assert status(judge(grants=[grant()], settings=None), "DAT-08") is NOT_APPLICABLE


# --- SCH: types and constraints -------------------------------------------------------------------

NUMBERS = rows_of("""
grant_id | amount        | used   | fault   | because
N1       | 1,000         | 1000   |         |
N2       | "2000"        | 2000   | warning | stored as text
N3       | "1 200,50"    |        | error   | separators or a currency sign
N4       | "€ 500"       | 500    | warning | stored as text
N5       | "abc"         |        | error   | not a plain number
N6       | #DIV/0!       |        | error   | shows the error #DIV/0!
N7       | =             |        | error   | never calculated
N8       | =1000*4 4000  | 4000   |         |
N9       | 0             |        | error   | more than 0
N10      | -5            |        | error   | more than 0
N11      |               |        | error   | is blank
N12      | "NaN"         |        | error   | not a plain number
N13      | "1e400"       |        | error   | not a plain number
N14      | 1e308         |        | error   | No figure is as large
""")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    rows = [{"grant_id": row["grant_id"], "amount": row["amount"]} for row in NUMBERS]
    path = book(tmp_path_factory.mktemp("numbers"), grants=rows)
    return path, assess(path)


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row["grant_id"])
def test_amounts(numbers, row):
    _, seen = numbers
    hits = [f for f in seen.findings if f.key == row["grant_id"] and f.field == "amount"]
    assert [f.severity.value for f in hits] == ([row["fault"]] if row["fault"] else [])
    assert all(f.check.startswith("SCH-") and row["because"] in f.message for f in hits)
    table = seen.tables["grants"].frame
    value = table.loc[table["grant_id"] == row["grant_id"], "amount"].iloc[0]
    assert str(value) == (str(float(row["used"])) if row["used"] else "<NA>")


def test_a_formula_that_was_never_calculated_is_no_blank(numbers):
    _, seen = numbers
    facts = next(s for s in seen.sheets if s.table == "grants")
    cell = only(seen, "SCH-type", key="N7").cell
    assert list(facts.uncalculated) == [cell]
    assert list(facts.error_cells) == [only(seen, "SCH-type", key="N6").cell]


def test_percentages(judge):
    rows = rows_of("""
    grant_id | indirect_cost_pct | used | fault
    P1       | 10                | 10   |
    P2       | 10%               | 10   |
    P3       | 0.5%              | 0.5  |
    P4       | 0.1               | 0.1  | SCH-percent
    P5       | 1                 | 1    |
    P6       | 0                 | 0    |
    P7       | 101               |      | SCH-minimum
    P8       | "10%"             | 10   | SCH-type
    P9       |                   |      |
    """)
    cells = [{k: row[k] for k in ("grant_id", "indirect_cost_pct")} for row in rows]
    seen = judge(grants=cells)
    faults = {f.key: f.check for f in seen.findings if f.field == "indirect_cost_pct"}
    assert faults == {row["grant_id"]: row["fault"] for row in rows if row["fault"]}
    used = seen.tables["grants"].frame["indirect_cost_pct"].astype(object)
    expected = [float(row["used"]) if row["used"] else None for row in rows]
    assert list(used.where(used.notna(), None)) == pytest.approx(expected)


def test_a_missing_cell_and_a_missing_column(judge):
    cell = only(judge(grants=[grant(), grant(2, signature_date="")]), "SCH-required")
    assert (cell.cell, cell.key, cell.value) == ("E3", "G2", None)
    assert "“Signed on” of G2 is blank" in cell.message
    column = only(
        judge(grants=[grant(), grant(2)], without={"grants": ["signature_date"]}), "SCH-required"
    )
    assert (column.cell, column.scope, column.heading) == (None, "sheet", "Signed on")
    assert "Sheet “Grants” has no column “Signed on”" in column.message


def test_identifiers_with_spaces(judge):
    assert [f.key for f in found(judge(grants=[{"grant_id": "G 1"}]), "SCH-pattern")] == ["G 1"]


def test_a_purpose_code_has_five_digits(judge):
    seen = judge(grants=[grant(purpose_code=15220), grant(2, purpose_code="152")])
    finding = only(seen, "SCH-pattern")
    assert (finding.key, finding.expected) == ("G2", "five digits")


# --- Headings and rows ----------------------------------------------------------------------------


def test_a_near_miss_of_a_heading_is_asked_about_and_not_taken(judge):
    seen = judge(grants=[grant()], headings={"grants": {"recipient_org_id": "Recipiant"}})
    near = only(seen, "SCH-heading")
    assert (near.severity, near.cell, near.value) == (WARNING, "C1", "Recipiant")
    assert "Did you mean “Recipient”?" in near.message
    assert status(seen, "LOC-01") is NOT_ASSESSABLE
    assert [f.field for f in found(seen, "SCH-required", scope="sheet")] == ["recipient_org_id"]
    facts = next(s for s in seen.sheets if s.table == "grants")
    assert ("C", "Recipiant") in list(facts.ignored_columns)


def test_a_sheet_under_another_name_is_known_by_its_headings(judge):
    seen = judge(grants=[grant()], sheets={"grants": "Register 2024"})
    facts = next(s for s in seen.sheets if s.table == "grants")
    assert (facts.sheet, facts.how) == ("Register 2024", "by its headings")
    assert result(seen, "LOC-01").figures["T"] == 100_000


def test_a_near_miss_of_a_sheet_is_asked_about_and_not_taken(judge):
    seen = judge(
        grants=[grant()],
        transactions=[{"transaction_id": "T1"}],
        sheets={"transactions": "Transactons"},
        headings={
            "transactions": {
                "transaction_id": "Line",
                "transaction_date": "When",
                "value": "How much",
            }
        },
    )
    assert "Did you mean “Transactions”?" in only(seen, "SCH-heading").message
    assert status(seen, "DUR-06") is NOT_ASSESSABLE


def test_two_columns_for_one_field_name_both_and_neither_is_used(judge):
    seen = judge(grants=[{"grant_id": "G1", "amount": 5, "Grant value": '"6"'}])
    finding = only(seen, "SCH-two-columns")
    assert finding.severity is ERROR
    columns = finding.message.split(" both ")[0]
    assert columns.startswith("Two columns, ")
    assert sorted(columns.removeprefix("Two columns, ").rstrip(",").split(" and ")) == ["H1", "K1"]
    assert seen.tables["grants"].frame["amount"].isna().all()


@pytest.mark.parametrize(
    "spelling",
    ["grant_id", "  GRÁNT-id ", "iati-identifier"],
)
def test_headings_are_recognised_whatever_their_spelling(judge, spelling):
    seen = judge(grants=[grant()], headings={"grants": {"grant_id": spelling}})
    assert list(seen.tables["grants"].frame["grant_id"]) == ["G1"]


def test_totals_blank_and_hxl_rows_are_skipped_and_said(judge):
    seen = judge(
        grants="""
        grant_id  | amount  | currency
        #grant+id | #value  | #currency
        G1        | 10,000  | EUR
                  |         |
        G2        | 20,000  | EUR
        Total     | 30,000  |
        """,
        above={"grants": [["Grants of the donor 2024"], []]},
    )
    facts = next(s for s in seen.sheets if s.table == "grants")
    assert (facts.header_row, facts.rows) == (3, 2)
    assert {reason: list(rows) for reason, rows in facts.skipped.items()} == {
        "HXL tag rows": [4],
        "blank rows": [6],
        "totals rows": [8],
    }
    assert result(seen, "LOC-01").figures["T"] == 30_000
    assert [f for f in seen.findings if f.row in (4, 6, 8) and f.table == "grants"] == []


def test_a_row_without_an_identifier_still_counts(judge):
    seen = judge(
        grants=[
            grant(amount=10_000),
            {"grant_id": "", "amount": 20_000, "planned_end_date": "2024-03-31"},
        ]
    )
    assert result(seen, "LOC-01").figures["T"] == 30_000
    blank = only(seen, "SCH-required", table="grants")
    assert (blank.cell, blank.key) == ("A3", "row 3")
    short = only(seen, "DUR-01")
    assert (short.key, short.row) == ("row 3", 3)


def test_a_number_as_an_identifier_is_the_same_identifier_as_text(judge):
    seen = judge(
        grants=[{"grant_id": 2024001, "recipient_org_id": "INGO-X", "subgrants_reported": "yes"}],
        subgrants=[{"subgrant_id": "S1", "parent_grant_id": "2024001", "amount": 50_000}],
    )
    assert found(seen, "DAT-03") == []
    assert result(seen, "LOC-01").value == 0.5


# --- Findings over time ---------------------------------------------------------------------------

FAULTY = """
grant_id | title         | recipient | start      | end          | amount | currency | country
G1       | Forum         | LOC-A     | 2024-01-01 | 2024-06-30   | 10,000 | EUR      | NG
G2       | Forum         | AFF-Y     | 2024-01-01 | "03/04/2024" | 20,000 | EUR      | NG
G3       | x@example.org | CSO-77    | 2024-01-01 | 2024-03-30   | "3000" | EURR     | NG
G4       |               | INGO-X    | 2024-05-01 | 2024-04-01   | #N/A   | USD      | Nigera
G4       |               | LOC-B     | 2024-01-01 | 2024-02-01   | 5,000  | EUR      | LK
G4       |               | LOC-B     | 2024-01-01 | 2024-02-01   | 5,000  | EUR      | LK
         | Nameless      | LOC-A     | 2024-01-01 | 2024-02-01   | 6,000  | EUR      | NG
         | Nameless      | LOC-A     | 2024-01-01 | 2024-02-01   | 7,000  | USD      | NG
"""
SUBS = """
subgrant_id | parent_grant_id | receiver_org_id | planned_end_date | amount
S1          | G1              | LOC-C           | 2024-05-01       | 90,000
S2          | G9              | LOC-Q           | 2026-06-30       | 1,000
"""


def test_every_finding_has_an_id_of_its_own_that_does_not_know_rows(judge):
    grants, subs = rows_of(FAULTY), rows_of(SUBS)
    first = judge(grants=grants, subgrants=subs)
    ids = [f.id for f in first.findings]
    assert len(ids) > 25
    assert len(set(ids)) == len(ids)
    blank = dict.fromkeys(grants[0], "")
    moved = judge(
        grants=[blank, *reversed(grants[:4]), blank, *grants[4:]],
        subgrants=list(reversed(subs)),
        organisations=list(reversed(rows_of(REGISTER))),
        above={"grants": [["Grants"], [], []]},
    )
    assert {f.id for f in moved.findings} == set(ids)
    before, after = ({f.id: f for f in seen.findings} for seen in (first, moved))
    same = ("check", "table", "field", "severity", "value", "expected")
    for name, finding in before.items():
        assert [getattr(finding, a) for a in same] == [getattr(after[name], a) for a in same]


def test_each_address_holds_the_value_that_the_finding_quotes(write):
    path = write(grants=FAULTY, subgrants=SUBS, above={"grants": [["Grants"], []]})
    seen = assess(path)
    opened = [f for f in seen.findings if f.cell]
    assert {f.sheet for f in opened} == {"Grants", "Sub-grants", "Organisations"}
    for finding in opened:
        value, heading = held(path, finding)
        if finding.check != "DAT-08":
            assert as_quoted(value) == finding.value, finding.message
        if finding.sheet == "Grants":
            sheet_heading = heading_above(path, finding)
            assert sheet_heading == finding.heading
        else:
            assert heading == finding.heading


def heading_above(path, finding):
    import openpyxl

    sheet = openpyxl.load_workbook(path)[finding.sheet]
    return sheet[f"{finding.cell.rstrip('0123456789')}3"].value


def test_findings_of_a_companion_name_its_file(write):
    main = write(grants=[grant(currency="USD", value_date="2024-03-01")], organisations=None)
    other = write(
        name="register.xlsx",
        settings=None,
        organisations=REGISTER.replace("LOC-C  | 22", "LOC-C  | 2X"),
    )
    seen = assess(main, [other])
    finding = only(seen, "DAT-06")
    assert (finding.file, finding.sheet, finding.cell, finding.main) == (
        "register.xlsx",
        "Organisations",
        "B4",
        False,
    )
    assert only(seen, "DAT-02").file == "book.xlsx"


# --- Exceptions and options -----------------------------------------------------------------------

SHORT = grant(planned_end_date="2024-06-30")


@pytest.mark.parametrize(
    ("exception", "accepted", "words"),
    [
        ({"expires_date": "2025-12-31"}, True, None),
        ({"expires_date": "2024-12-31"}, True, None),
        ({"expires_date": "2024-12-30"}, False, "An exception for it ended on 2024-12-30."),
        ({"expires_date": ""}, False, "An exception for it has no end"),
        ({"object_id": "G2"}, False, None),
        ({"check_id": "DUR-02"}, False, None),
    ],
    ids=["valid", "its last day", "expired", "without end", "another grant", "another check"],
)
def test_accepted_exceptions(judge, exception, accepted, words):
    """The reference date is 2024-12-31."""
    seen = judge(
        grants=[SHORT], exceptions=[{"check_id": "DUR-01", "object_id": "G1", **exception}]
    )
    finding = only(seen, "DUR-01")
    assert finding.accepted is accepted
    assert status(seen, "DUR-01") is (PASS if accepted else FAIL)
    counted = [f for f in seen.findings if f.severity is ERROR and not f.accepted]
    assert (finding in counted) is not accepted
    assert seen.counts()[ERROR] == len(counted)
    if words:
        assert words in finding.message


def test_an_accepted_finding_does_not_hide_another(judge):
    seen = judge(
        grants=[SHORT, grant(2, planned_end_date="2024-03-31")],
        exceptions=[{"check_id": "DUR-01", "object_id": "G1"}],
    )
    assert [(f.key, f.accepted) for f in found(seen, "DUR-01")] == [("G1", True), ("G2", False)]
    assert status(seen, "DUR-01") is FAIL


def test_a_whole_share_can_be_accepted(judge):
    rows = [grant(recipient_org_id="INGO-X", subgrants_reported="yes")]
    seen = judge(grants=rows, exceptions=[{"check_id": "LOC-03", "object_id": "INGO-X"}])
    assert only(seen, "LOC-03").accepted
    assert status(seen, "LOC-03") is PASS
    assert group(seen, "LOC-03", org_id="INGO-X").status is FAIL


@pytest.mark.parametrize(("expires", "accepted"), [("2025-12-31", True), ("2024-06-30", False)])
def test_an_exception_for_the_whole_portfolio(judge, expires, accepted):
    rows = [grant(recipient_org_id="INGO-X", subgrants_reported="yes")]
    exception = {"check_id": "LOC-01", "object_id": "portfolio", "expires_date": expires}
    seen = judge(grants=rows, exceptions=[exception])
    finding = only(seen, "LOC-01")
    assert finding.accepted is accepted
    assert status(seen, "LOC-01") is (PASS if accepted else FAIL)
    assert ("ended on 2024-06-30" in finding.message) is not accepted


def test_the_reference_date_is_never_the_clock(judge):
    given = {
        "grants": [SHORT],
        "exceptions": [{"check_id": "DUR-01", "object_id": "G1", "expires_date": "2024-02-01"}],
    }
    from_data = judge(**given, settings=None)
    assert from_data.settings["reference_date"] == "2024-01-15"
    assert any("date is given: 2024-01-15" in remark for remark in from_data.remarks)
    assert only(from_data, "DUR-01").accepted
    told = judge(Options(as_of=date(2024, 2, 2)), **given)
    assert told.settings["reference_date"] == "2024-02-02"
    assert not only(told, "DUR-01").accepted
    assert any("2024-12-31" in remark for remark in told.remarks)


def test_a_changed_number_is_in_force(judge):
    seen = judge(
        grants=[grant(planned_end_date="2024-12-31")],
        thresholds=[{"parameter": "dur.short_months", "value": 12}],
    )
    finding = only(seen, "DUR-01")
    assert finding.expected == "more than 12 months"
    assert result(seen, "DUR-01").threshold == 12


# --- Whatever is sent, every check answers --------------------------------------------------------

PORTFOLIO = {
    "grants": [
        grant(1, recipient_org_id="INGO-X", subgrants_reported="yes"),
        grant(2, planned_end_date="2024-03-31"),
    ],
    "subgrants": [{"subgrant_id": "S1"}],
    "transactions": [{"transaction_id": "T1"}],
    "budget_lines": [
        {"line_id": "L1"},
        {"line_id": "L2", "parent_type": "subgrant", "parent_id": "S1"},
    ],
    "exchange_rates": [{"rate": 0.9}],
}


@pytest.mark.parametrize("table", PORTFOLIO)
def test_a_sheet_without_rows(judge, table):
    seen = judge(**{**PORTFOLIO, table: [dict.fromkeys(DEFAULTS[table], "")]})
    names = [r.check.id for r in seen.results]
    assert len(names) == len(set(names)) >= 16
    for one in seen.results:
        assert one.status is not NOT_ASSESSABLE or one.reason


@pytest.mark.parametrize("field", ["recipient_org_id", "recipient_country", "amount"])
@pytest.mark.parametrize("how", ["blank", "an error", "no column"])
def test_a_column_of_blanks_of_errors_or_none(judge, field, how):
    filled = {"blank": "", "an error": "#REF!", "no column": ""}[how]
    rows = [{**row, field: filled} for row in PORTFOLIO["grants"]]
    without = {"grants": [field]} if how == "no column" else None
    seen = judge(**{**PORTFOLIO, "grants": rows}, without=without)
    for one in seen.results:
        assert one.status is not UNDETERMINED or one.reason
        texts = [one.reason or "", *(f.message + f.remedy for f in one.findings)]
        assert not [
            t
            for t in texts
            for odd in ("<NA>", "NaT", "nan", "  ", "{", "fill of", "add of")
            if odd in t
        ]


def test_sheets_meant_for_pseudonyms_are_looked_at_more_closely(write):
    path = write(
        grants=[grant()],
        convenings=[{"event_id": "EV-1", "format": "in_person", "start_date": "2024-06-01"}],
        participants="""
            participant_ref | event_id | sector
            P-014           | EV-1     | cso
            X1234567        | EV-1     | cso
            """,
    )
    sheets = openpyxl.load_workbook(path)
    sheets["Participants"].cell(1, sheets["Participants"].max_column + 1, "Surname")
    sheets.save(path)
    found_ = [f for f in assess(path).findings if f.check == "DAT-08"]
    assert [(f.cell[0], f.row, f.severity) for f in found_] == [
        (found_[0].cell[0], 1, ERROR),
        ("A", 3, ERROR),
    ]
    assert "“Surname”" in found_[0].message
    assert "a passport number" in found_[1].message
    assert "X1234567" not in f"{found_[1].message}{found_[1].value}"
