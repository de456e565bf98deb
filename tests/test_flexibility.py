"""Flexibility: outcomes with a baseline (FLX-04), and the day of the first payment (FLX-05).

FLX-05 by hand: due is the later of signature + 30 days and start - 10 days.

    signed 2024-01-15, start 2024-02-01: 2024-02-14 and 2024-01-22, so due 2024-02-14
    signed 2024-01-15, start 2024-06-01: 2024-02-14 and 2024-05-22, so due 2024-05-22
    signed 2024-01-15, start 2024-02-24: 2024-02-14 and 2024-02-14, the same day
"""

from __future__ import annotations

import pytest

from books import (
    FAIL,
    NOT_APPLICABLE,
    NOT_ASSESSABLE,
    PASS,
    UNDETERMINED,
    book,
    found,
    only,
    result,
    rows_of,
    status,
)
from fundtrack.model import Severity
from fundtrack.pipeline import assess

# --- FLX-04 ---------------------------------------------------------------------------------------

COUNTED = rows_of("""
grant_id  | recipient | outcome_indicators | outcome_indicators_with_baseline | said
BOTH      | LOC-A     | 3                  | 1                                |
ONE       | LOC-A     | 1                  | 1                                |
NO-BASE   | LOC-A     | 3                  | 0                                | has 3 outcome indicators, none of them with a baseline
ONE-BARE  | LOC-A     | 1                  | 0                                | has 1 outcome indicator, without a baseline
NONE      | INGO-X    | 0                  | 0                                | has no outcome indicator
NONE-OPEN | LOC-A     | 0                  |                                  | has no outcome indicator
BARE-OPEN | LOC-A     |                    | 0                                | has no outcome indicator with a baseline
BASE-OPEN | LOC-A     | 3                  |                                  | ?
BLANK     | LOC-A     |                    |                                  | ?
POLICE    | POLICE    | 0                  | 0                                |
""")  # noqa: E501


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    grants = [{k: v for k, v in row.items() if k != "said"} for row in COUNTED]
    grants.append({**grants[4], "grant_id": "CANCELLED", "activity_status": "5"})
    return assess(book(tmp_path_factory.mktemp("measured"), grants=grants))


@pytest.mark.parametrize("row", COUNTED, ids=lambda row: row["grant_id"])
def test_outcomes_of_each_grant(measured, row):
    hits = found(measured, "FLX-04", key=row["grant_id"])
    assert len(hits) == (row["said"] not in ("", "?"))
    for hit in hits:
        start = f"Grant {row['grant_id']} to {row['recipient']} {row['said']}: what it spends"
        assert hit.message.startswith(start)
        assert hit.severity is Severity.WARNING
        blank_base = "…" in hit.heading
        assert blank_base == (row["outcome_indicators"] != "0")


def test_flx_04_counts_and_says_what_it_could_not_judge(measured):
    """Of nine CSO grants of 100,000, two measure, five do not, two are open: 22% to 44%."""
    one = result(measured, "FLX-04")
    assert (one.status, one.rows_in_scope, one.assessed_rows) == (FAIL, 10, 8)
    assert "BASE-OPEN, BLANK" in one.reason
    low, high = one.figures["measured_share_low"], one.figures["measured_share_high"]
    assert (low, high) == (pytest.approx(2 / 9), pytest.approx(4 / 9))
    hit = only(measured, "FLX-04", key="portfolio")
    assert hit.message.startswith("At most 44.4% of the money for civil society is in grants that")
    assert hit.scope == "portfolio"
    assert "for 320,000 EUR more" in hit.remedy  # 80% of 900,000 less 400,000


def counted(number: int, amount: int, outcomes: object, **more: object) -> dict:
    both = {"outcome_indicators": outcomes, "outcome_indicators_with_baseline": outcomes}
    return {"grant_id": f"G{number}", "amount": amount, **both, **more}


@pytest.mark.parametrize(
    ("bare", "share"), [(20_000, False), (20_001, True)], ids=["exactly 80%", "a euro less"]
)
def test_the_share_by_value(judge, bare, share):
    seen = judge(grants=[counted(1, 100_000 - bare, 2), counted(2, bare, 0)])
    assert bool(found(seen, "FLX-04", key="portfolio")) is share
    assert len(found(seen, "FLX-04", key="G2")) == 1
    if share:
        assert only(seen, "FLX-04", key="portfolio").message == (
            "79.999% of the money for civil society is in grants that measure outcomes from a "
            "baseline; the benchmark is 80%."
        )


@pytest.mark.parametrize(
    ("grants", "verdict"),
    [
        ([counted(1, 100, 1)], PASS),
        ([counted(1, 100, 0)], FAIL),
        ([counted(1, 100, "")], NOT_ASSESSABLE),
        ([counted(1, 100, 0, recipient_org_id="POLICE")], NOT_APPLICABLE),
        ([counted(1, 100, 0, activity_status="5")], NOT_APPLICABLE),
        ([*(counted(i, 100, 1) for i in range(9)), counted(9, 100, "")], UNDETERMINED),
    ],
    ids=["measured", "not", "blank", "the police", "cancelled", "one blank of ten"],
)
def test_verdicts_of_flx_04(judge, grants, verdict):
    assert status(judge(grants=grants), "FLX-04") is verdict


# --- FLX-05 ---------------------------------------------------------------------------------------

PAID = rows_of("""
grant_id   | signed     | start      | paid                  | due        | late
EXACT      | 2024-01-15 | 2024-02-01 | 2024-02-14            |            |
DAY-LATE   | 2024-01-15 | 2024-02-01 | 2024-02-15            | 2024-02-14 | 1
BY-START   | 2024-01-15 | 2024-06-01 | 2024-05-22            |            |
AFTER-IT   | 2024-01-15 | 2024-06-01 | 2024-05-23            | 2024-05-22 | 1
SAME-DAY   | 2024-01-15 | 2024-02-24 | 2024-02-15            | 2024-02-14 | 1
FIRST      | 2024-01-15 | 2024-02-01 | 2024-06-01 2024-02-01 |            |
EARLY      | 2024-01-15 | 2024-02-01 | 2024-01-02            |            |
UNPAID     | 2024-11-30 | 2024-12-01 |                       | 2024-12-30 | 1
NOT-YET    | 2024-12-01 | 2024-12-01 |                       |            |
NO-START   | 2024-01-15 |            | 2024-02-15            |            |
NO-SIGNED  |            | 2024-02-01 | 2024-02-15            |            |
SURE-START |            | 2024-02-01 | 2024-01-22            |            |
SURE-SIGN  | 2024-01-15 |            | 2024-02-14            |            |
""")


@pytest.fixture(scope="module")
def paid(tmp_path_factory):
    grants = [
        {
            "grant_id": row["grant_id"],
            "signature_date": row["signed"],
            "planned_start_date": row["start"],
        }
        for row in PAID
    ]
    payments = [
        {"transaction_id": f"{row['grant_id']}-{i}", "grant_id": row["grant_id"],
         "transaction_date": day}
        for row in PAID
        for i, day in enumerate(row["paid"].split())
    ]  # fmt: skip
    return assess(book(tmp_path_factory.mktemp("paid"), grants=grants, transactions=payments))


@pytest.mark.parametrize("row", PAID, ids=lambda row: row["grant_id"])
def test_first_payments(paid, row):
    hits = found(paid, "FLX-05", key=row["grant_id"])
    assert len(hits) == bool(row["late"])
    for hit in hits:
        assert hit.message.endswith(f"; it was due by {row['due']} (days late: {row['late']}).")
        assert hit.severity is Severity.WARNING
        assert (hit.heading, hit.value) == ("Signed on", row["signed"])


def test_what_flx_05_says(paid):
    assert only(paid, "FLX-05", key="DAY-LATE").message == (
        "The first payment on grant DAY-LATE came on 2024-02-15, 31 days after signature; it was "
        "due by 2024-02-14 (days late: 1)."
    )
    assert only(paid, "FLX-05", key="UNPAID").message.startswith(
        "The first payment on grant UNPAID has not come, 31 days after signature; it was due by"
    )


def test_flx_05_counts_and_says_what_it_could_not_judge(paid):
    one = result(paid, "FLX-05")
    assert (one.rows_in_scope, one.assessed_rows) == (len(PAID) - 1, len(PAID) - 3)  # NOT-YET
    assert "NO-START, NO-SIGNED" in one.reason
    assert "“Signed on”" in one.reason


SIGNED = {"grant_id": "G1", "signature_date": "2024-01-15", "planned_start_date": "2024-02-01"}


@pytest.mark.parametrize(
    ("grant", "payment", "verdict"),
    [
        ({}, {}, PASS),
        ({}, {"transaction_date": "2024-03-01"}, FAIL),
        ({}, {"transaction_type": "2"}, FAIL),
        ({}, {"value": -1000}, FAIL),
        ({}, {"subgrant_id": "S1"}, FAIL),
        ({}, {"transaction_date": ""}, NOT_ASSESSABLE),
        ({"activity_status": "5"}, {"transaction_date": "2024-03-01"}, NOT_APPLICABLE),
        ({"signature_date": "2024-12-20"}, {"grant_id": "G2"}, NOT_APPLICABLE),
        ({}, None, NOT_ASSESSABLE),
    ],
    ids=[
        "in time",
        "late",
        "a promise is no payment",
        "a refund is no payment",
        "to a partner of the recipient",
        "a payment without a day",
        "cancelled",
        "not yet due",
        "no payments in the workbook",
    ],
)
def test_verdicts_of_flx_05(judge, grant, payment, verdict):
    payments = [{"transaction_id": "T1", **payment}] if payment is not None else None
    seen = judge(
        grants=[{**SIGNED, **grant}], transactions=payments, subgrants=[{"subgrant_id": "S1"}]
    )
    assert status(seen, "FLX-05") is verdict


def test_one_payment_without_a_day_among_many(judge):
    grants = [{**SIGNED, "grant_id": f"G{i}"} for i in range(6)]
    payments = [{"transaction_id": f"T{i}", "grant_id": f"G{i}"} for i in range(6)]
    payments[5]["transaction_date"] = ""
    assert status(judge(grants=grants, transactions=payments), "FLX-05") is UNDETERMINED


def test_the_donor_sets_the_days(judge):
    days = [{"parameter": "flx.first_payment_days", "value": 10}]
    seen = judge(grants=[SIGNED], transactions=[{"transaction_id": "T1"}], thresholds=days)
    assert "due by 2024-01-25 (days late: 7)" in only(seen, "FLX-05").message
