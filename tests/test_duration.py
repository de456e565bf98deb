"""Durations: the rows of 5.2 through a workbook, then each edge of DUR-01, 02, 04, 05 and 06."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from books import (
    FAIL,
    NOT_APPLICABLE,
    NOT_ASSESSABLE,
    PASS,
    UNDETERMINED,
    book,
    found,
    held,
    keys,
    only,
    result,
    rows_of,
    status,
)
from fundtrack.model import Severity
from fundtrack.pipeline import assess

TERMS = rows_of("""
row | start      | end        | runs              | pattern
A   | 2024-01-01 | 2024-03-31 | 3 months 0 days   | inside
B   | 2024-01-01 | 2024-06-30 | 6 months 0 days   | inside
C   | 2024-01-01 | 2024-07-01 |                   |
D   | 2024-03-15 | 2024-09-14 | 6 months 0 days   | inside
E   | 2024-03-15 | 2024-09-15 |                   |
F   | 2023-08-31 | 2024-02-28 | 5 months 29 days  | inside
G   | 2023-08-31 | 2024-02-29 | 6 months 0 days   | inside
H   | 2024-08-31 | 2025-02-28 | 6 months 0 days   | inside
I   | 2024-01-31 | 2024-04-30 | 3 months 0 days   | inside
J   | 2024-02-29 | 2025-02-28 |                   |
K   | 2024-12-01 | 2026-11-29 |                   |
L   | 2024-12-01 | 2026-11-30 |                   |
M   | 2024-01-01 | 2024-03-30 | 2 months 30 days  | below even
N   | 2024-02-29 | 2024-08-28 | 6 months 0 days   | inside
""")
SHORT_ONES = [row for row in TERMS if row["runs"]]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A workbook with each row of 5.2 as a grant and as a sub-grant, and its assessment."""
    dates = [{"planned_start_date": r["start"], "planned_end_date": r["end"]} for r in TERMS]
    path = book(
        tmp_path_factory.mktemp("terms"),
        grants=[{"grant_id": r["row"], **d} for r, d in zip(TERMS, dates, strict=True)],
        subgrants=[
            {"subgrant_id": f"S-{r['row']}", "parent_grant_id": "L", **d}
            for r, d in zip(TERMS, dates, strict=True)
        ],
    )
    return path, assess(path)


# --- DUR-01: short grants -------------------------------------------------------------------------


def test_dur_01_finds_the_short_rows_of_the_table(table):
    _, seen = table
    assert status(seen, "DUR-01") is FAIL
    assert keys(seen, "DUR-01") == [row["row"] for row in SHORT_ONES]
    assert {f.severity for f in found(seen, "DUR-01")} == {Severity.ERROR}


@pytest.mark.parametrize("row", SHORT_ONES, ids=lambda row: row["row"])
def test_dur_01_says_how_long_and_marks_the_end(table, row):
    path, seen = table
    finding = only(seen, "DUR-01", key=row["row"])
    pattern = f"{row['pattern']} the three-to-six-month pattern that the brief criticises"
    assert finding.message == f"Grant {row['row']} to LOC-A runs {row['runs']}: {pattern}."
    assert (finding.value, finding.heading) == (row["end"], "End date as signed")
    value, heading = held(path, finding)
    assert (value.date().isoformat(), heading) == (row["end"], "End date as signed")
    assert finding.expected == "more than 6 months"


SHORT = {"planned_start_date": "2024-01-01", "planned_end_date": "2024-06-30"}
LONG = {"planned_start_date": "2024-01-01", "planned_end_date": "2026-12-31"}


def test_which_grants_dur_01_judges(judge):
    rows = rows_of("""
    grant_id | recipient | activity_status | signature_date | judged
    N24      | LOC-A     | 2               | 2024-01-15     | yes
    N22      | LOC-C     | 2               | 2024-01-15     | yes
    N21      | INGO-X    | 2               | 2024-01-15     | yes
    AFF      | AFF-Y     | 2               | 2024-01-15     | yes
    STATE    | POLICE    | 2               | 2024-01-15     |
    GONE     | LOC-A     | 5               | 2024-01-15     |
    CLOSED   | LOC-A     | 4               | 2024-01-15     | yes
    BEFORE   | LOC-A     | 2               | 2020-01-01     | yes
    """)
    judged = [row["grant_id"] for row in rows if row.pop("judged")]
    assert keys(judge(grants=[{**row, **SHORT} for row in rows]), "DUR-01") == judged


def test_extending_a_short_grant_does_not_undo_it(judge):
    seen = judge(
        grants="""
        grant_id | planned_start_date | planned_end_date | amended_end_date
        G1       | 2024-01-01         | 2024-06-30       | 2024-12-31
        G2       | 2024-01-01         | 2024-12-31       | 2024-05-31
        """
    )
    finding = only(seen, "DUR-01")
    assert (finding.key, finding.value) == ("G1", "2024-06-30")
    assert "runs 6 months 0 days" in finding.message
    assert "now 12 months" in finding.message


def test_a_stated_duration_stands_in_for_the_dates(judge):
    """As 360Giving files have it: a duration, and no columns for the dates."""
    seen = judge(
        grants="""
        grant_id | planned_duration_months
        G1       | 6
        G2       | 7
        G3       | 2
        """,
        without={"grants": ["planned_start_date", "planned_end_date"]},
    )
    assert keys(seen, "DUR-01") == ["G1", "G3"]
    first, second = found(seen, "DUR-01")
    assert (first.heading, first.value) == ("Duration as signed (months)", 6)
    assert "runs 6 months" in first.message
    assert "below even" in second.message


def test_a_stated_duration_beside_blank_dates_is_what_is_marked(judge):
    seen = judge(
        grants="""
        grant_id | planned_end_date | planned_duration_months
        G1       |                  | 6
        G2       | 2026-12-31       |
        """
    )
    finding = only(seen, "DUR-01")
    assert (finding.key, finding.heading, finding.value) == ("G1", "Duration as signed (months)", 6)


@pytest.mark.parametrize(
    ("given", "verdict", "words"),
    [
        ({"grants": [{"grant_id": "G1", **LONG}]}, PASS, None),
        ({"grants": [{"grant_id": "G1", **SHORT}]}, FAIL, None),
        (
            {
                "grants": [
                    {"grant_id": f"G{i}", "planned_end_date": "" if i == 1 else "2026-12-31"}
                    for i in range(1, 7)
                ]
            },
            UNDETERMINED,
            "1 of 6 rows in Grants could not be judged: “End date as signed” is blank or not "
            "usable (G1).",
        ),
        (
            {"grants": [{"grant_id": "G1", "planned_end_date": ""}, {"grant_id": "G2", **LONG}]},
            NOT_ASSESSABLE,
            "“End date as signed” is blank",
        ),
        (
            {"grants": [{"grant_id": "G1", **SHORT, "recipient_org_id": "NEW"}]},
            NOT_ASSESSABLE,
            "(G1)",
        ),
        ({"grants": [{"grant_id": "G1", **LONG, "recipient_org_id": "NEW"}]}, PASS, None),
        (
            {"grants": [{"grant_id": "G1", **SHORT, "recipient_org_id": "POLICE"}]},
            NOT_APPLICABLE,
            None,
        ),
        (
            {"grants": [{"grant_id": "G1"}], "without": {"grants": ["planned_end_date"]}},
            NOT_ASSESSABLE,
            "no column “End date as signed” or “Duration as signed (months)” (Grants)",
        ),
    ],
    ids=[
        "longer",
        "short",
        "one end of six blank",
        "one end of two blank",
        "short, of an unknown kind of organisation",
        "long, so the kind does not matter",
        "no civil society",
        "no column",
    ],
)
def test_verdicts_of_dur_01(judge, given, verdict, words):
    one = result(judge(**given), "DUR-01")
    assert one.status is verdict
    assert (one.reason is None) if words is None else (words in one.reason)


@effort(max_examples=2)
@given(
    st.lists(
        st.tuples(
            st.dates(date(2022, 1, 1), date(2027, 1, 1)), st.integers(0, 400), st.integers(1, 400)
        ),
        min_size=40,
        max_size=80,
    )
)
def test_a_longer_grant_never_adds_a_dur_01(terms):
    def judged(*, longer: bool) -> set[str | None]:
        rows = [
            {
                "grant_id": f"G{i}",
                "planned_start_date": start,
                "planned_end_date": start + timedelta(days=days + (more if longer else 0)),
            }
            for i, (start, days, more) in enumerate(terms)
        ]
        with tempfile.TemporaryDirectory() as folder:
            return set(keys(assess(book(Path(folder), grants=rows)), "DUR-01"))

    assert judged(longer=True) <= judged(longer=False)


# --- DUR-02: short sub-grants ---------------------------------------------------------------------


def test_dur_02_finds_the_short_rows_of_the_table(table):
    _, seen = table
    assert status(seen, "DUR-02") is FAIL
    assert keys(seen, "DUR-02") == [f"S-{row['row']}" for row in SHORT_ONES]
    finding = only(seen, "DUR-02", key="S-G")
    assert finding.severity is Severity.ERROR
    assert finding.message == (
        "Sub-grant S-G to LOC-C runs 6 months 0 days, while the grant L that it comes from runs "
        "24 months 0 days."
    )
    assert (finding.sheet, finding.value) == ("Sub-grants", "2024-02-29")


SUB = {"subgrant_id": "S1", **SHORT}
PARENT = [{"grant_id": "G1", "recipient_org_id": "INGO-X"}]


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({"subgrants": [{**SUB, **LONG}]}, PASS),
        ({"subgrants": [SUB]}, FAIL),
        ({"subgrants": [{**SUB, "receiver_org_id": "INGO-X"}]}, FAIL),
        ({"subgrants": [{**SUB, "purpose": "services"}]}, NOT_APPLICABLE),
        ({"subgrants": [{**SUB, "receiver_org_id": "POLICE"}]}, NOT_APPLICABLE),
        (
            {
                "subgrants": [{**SUB, **LONG, "subgrant_id": f"S{i}"} for i in range(5)]
                + [{**SUB, "planned_end_date": ""}]
            },
            UNDETERMINED,
        ),
        ({"subgrants": [{**SUB, "planned_start_date": ""}]}, NOT_ASSESSABLE),
        ({}, NOT_ASSESSABLE),
    ],
    ids=[
        "longer",
        "short",
        "to an INGO",
        "services",
        "to the police",
        "one of six blank",
        "blank",
        "no sheet",
    ],
)
def test_verdicts_of_dur_02(judge, given, verdict):
    assert status(judge(grants=PARENT, **given), "DUR-02") is verdict


# --- DUR-04: the share of money for two years or more ---------------------------------------------

PORTFOLIO = """
grant_id | planned_start_date | planned_end_date | amount
B        | 2024-01-01         | 2024-06-30       | 60,000
C        | 2024-01-01         | 2024-07-01       | 40,000
J        | 2024-02-29         | 2025-02-28       | 100,000
L        | 2024-12-01         | 2026-11-30       | 300,000
"""


def test_dur_04_of_the_example(judge):
    one = result(judge(grants=PORTFOLIO), "DUR-04")
    assert (one.status, one.value, one.threshold) == (PASS, 0.6, 0.3)
    assert (one.figures["multi_year"], one.figures["cso_value"]) == (300_000, 500_000)
    mean = (60_000 * 6 + 40_000 * (6 + 1 / 31) + 100_000 * 12 + 300_000 * 24) / 500_000
    assert one.figures["mean_months"] == pytest.approx(mean, rel=1e-12)
    assert round(one.figures["mean_months"], 4) == 18.0026


def amounts(long: int, short: int, *more: dict) -> list[dict]:
    rows = [{"grant_id": "L", **LONG, "amount": long}, {"grant_id": "S", **SHORT, "amount": short}]
    return [*rows, *more]


@pytest.mark.parametrize(
    ("grants", "verdict", "low", "high"),
    [
        (amounts(30_000, 70_000), PASS, 0.3, 0.3),
        (amounts(29_999, 70_001), FAIL, 0.29999, 0.29999),
        (
            [
                {
                    "grant_id": "K",
                    "planned_start_date": "2024-12-01",
                    "planned_end_date": "2026-11-29",
                    "amount": 1,
                },
                {
                    "grant_id": "L",
                    "planned_start_date": "2024-12-01",
                    "planned_end_date": "2026-11-30",
                    "amount": 1,
                },
            ],
            PASS,
            0.5,
            0.5,
        ),
        (
            amounts(
                20_000,
                60_000,
                *({"grant_id": f"T{i}", **SHORT, "amount": 1} for i in range(3)),
                {"grant_id": "U", "planned_end_date": "", "amount": 19_997},
            ),
            UNDETERMINED,
            0.2,
            0.39997,
        ),
        (
            amounts(60_000, 30_000, {"grant_id": "U", "planned_end_date": "", "amount": 10_000}),
            NOT_ASSESSABLE,
            0.6,
            0.7,
        ),
        (
            amounts(30_000, 70_000, {"grant_id": "P", **SHORT, "recipient_org_id": "POLICE"}),
            PASS,
            0.3,
            0.3,
        ),
        (
            amounts(30_000, 70_000, {"grant_id": "X", **SHORT, "activity_status": "5"}),
            PASS,
            0.3,
            0.3,
        ),
        ([{"grant_id": "P", **SHORT, "recipient_org_id": "POLICE"}], NOT_APPLICABLE, None, None),
    ],
    ids=[
        "exactly 30%",
        "1 EUR below",
        "a day short of two years is not two years",
        "a blank end may tip it",
        "a third of the rows blank",
        "the police left out",
        "cancelled left out",
        "no civil society",
    ],
)
def test_verdicts_of_dur_04(judge, grants, verdict, low, high):
    one = result(judge(grants=grants), "DUR-04")
    assert (one.status, one.low, one.high) == (verdict, low, high)


def test_dur_04_is_a_benchmark_that_no_donor_has_confirmed(judge):
    seen = judge(grants=amounts(10_000, 90_000))
    finding = only(seen, "DUR-04")
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith(
        "10% of the money for civil society (10,000 EUR of 100,000 EUR)"
    )
    assert "house default that no donor has confirmed" in finding.message
    assert "S (90,000 EUR)" in finding.remedy
    assert "20,000 EUR" in finding.remedy
    confirmed = judge(
        grants=amounts(10_000, 90_000),
        thresholds=[{"parameter": "dur.multi_year_share_min_pct", "value": 30}],
    )
    assert "house default" not in only(confirmed, "DUR-04").message
    lower = judge(
        grants=amounts(10_000, 90_000),
        thresholds=[{"parameter": "dur.multi_year_share_min_pct", "value": 10}],
    )
    assert (status(lower, "DUR-04"), result(lower, "DUR-04").threshold) == (PASS, 0.1)


def test_dur_04_asks_for_the_dates_that_would_settle_it(judge):
    seen = judge(
        grants=amounts(20_000, 60_000, {"grant_id": "U", "planned_end_date": "", "amount": 20_000})
    )
    assert "“End date as signed” of U" in result(seen, "DUR-04").reason
    assert "20,000 EUR" in result(seen, "DUR-04").reason
    assert "“Start date as signed”" not in result(seen, "DUR-04").reason  # it is filled


# --- DUR-05: serial short renewals ----------------------------------------------------------------

CHAIN = """
grant_id | planned_start_date | planned_end_date
R1       | 2023-01-01         | 2023-06-30
R2       | 2023-07-15         | 2024-01-14
R3       | 2024-02-01         | 2024-07-31
"""


def test_dur_05_of_the_example(judge):
    seen = judge(grants=CHAIN)
    finding = only(seen, "DUR-05")
    assert finding.severity is Severity.WARNING
    assert finding.message == (
        "LOC-A has had 3 grants from DONOR that follow each other or overlap, each of at most "
        "12 months, over 19 months 0 days, 31 days of them without money: R1, R2, R3."
    )
    assert (finding.sheet, finding.value) == ("Grants", "R3")
    assert keys(seen, "DUR-01") == ["R1", "R2", "R3"]


def chain(*terms: tuple[str, str], **more: list[str]) -> list[dict]:
    rows = [
        {"grant_id": f"R{i}", "planned_start_date": s, "planned_end_date": e}
        for i, (s, e) in enumerate(terms, 1)
    ]
    for field, values in more.items():
        for row, value in zip(rows, values, strict=True):
            row[field] = value
    return rows


FIRST, SECOND = ("2023-01-01", "2023-06-30"), ("2023-07-01", "2023-12-31")
YEAR = ("2023-01-01", "2023-12-31")


# What stands in a chain, and how many of its days are unfunded; None where there is no finding.
CHAINS = {
    "no gap": (chain(FIRST, SECOND, ("2024-01-01", "2024-06-30")), 0),
    "a gap of 90 days": (chain(FIRST, SECOND, ("2024-03-31", "2024-09-30")), 90),
    "a gap of 91 days": (chain(FIRST, SECOND, ("2024-04-01", "2024-09-30")), None),
    "an overlap is not counted twice": (
        chain(FIRST, ("2023-06-01", "2023-12-31"), ("2024-01-11", "2024-06-30")),
        10,
    ),
    "one inside another: the latest end counts": (
        chain(YEAR, ("2023-03-01", "2023-06-30"), ("2024-01-01", "2024-06-30")),
        0,
    ),
    "a renewal beyond the gap": (
        chain(FIRST, SECOND, ("2024-07-01", "2024-12-31"), renewal_of_grant_id=["", "", "R2"]),
        182,
    ),
    "a renewal of an earlier one in the chain": (
        chain(FIRST, SECOND, ("2024-07-01", "2024-12-31"), renewal_of_grant_id=["", "", "R1"]),
        182,
    ),
    "one programme": (
        chain(FIRST, SECOND, ("2024-01-01", "2024-06-30"), programme_id=["P1", "P1", "P1"]),
        0,
    ),
    "two programmes": (
        chain(FIRST, SECOND, ("2024-01-01", "2024-06-30"), programme_id=["P1", "P1", "P2"]),
        None,
    ),
    "two recipients": (
        chain(
            FIRST,
            SECOND,
            ("2024-01-01", "2024-06-30"),
            recipient_org_id=["LOC-A", "LOC-A", "LOC-B"],
        ),
        None,
    ),
    "two providers": (
        chain(
            FIRST,
            SECOND,
            ("2024-01-01", "2024-06-30"),
            provider_org_id=["DONOR", "DONOR", "INGO-X"],
        ),
        None,
    ),
    "one of three cancelled": (
        chain(FIRST, SECOND, ("2024-01-01", "2024-06-30"), activity_status=["2", "5", "2"]),
        None,
    ),
    "a state body": (
        chain(FIRST, SECOND, ("2024-01-01", "2024-06-30"), recipient_org_id=["POLICE"] * 3),
        None,
    ),
    "a chain of two": (chain(FIRST, SECOND), None),
    "each exactly twelve months": (
        chain(YEAR, ("2024-01-01", "2024-12-31"), ("2025-01-01", "2025-12-31")),
        0,
    ),
    "one a day longer than twelve months": (
        chain(YEAR, ("2024-01-01", "2024-12-31"), ("2025-01-01", "2026-01-01")),
        None,
    ),
    "a span of exactly twelve months": (
        chain(
            ("2023-01-01", "2023-04-30"),
            ("2023-05-01", "2023-08-31"),
            ("2023-09-01", "2023-12-31"),
        ),
        0,
    ),
    "a span a day shorter": (
        chain(
            ("2023-01-01", "2023-04-30"),
            ("2023-05-01", "2023-08-31"),
            ("2023-09-01", "2023-12-30"),
        ),
        None,
    ),
}


@pytest.fixture(scope="module")
def chains(tmp_path_factory):
    """Every chain in one workbook, each with a provider of its own."""
    rows = []
    for n, (grants, _) in enumerate(CHAINS.values()):
        for row in grants:
            own = {
                name: f"{n}-{row[name]}"
                for name in ("grant_id", "renewal_of_grant_id")
                if row.get(name)
            }
            rows.append(
                {**row, **own, "provider_org_id": f"{n}-{row.get('provider_org_id', 'DONOR')}"}
            )
    return assess(book(tmp_path_factory.mktemp("chains"), grants=rows))


@pytest.mark.parametrize("name", CHAINS)
def test_what_makes_a_chain(chains, name):
    unfunded = CHAINS[name][1]
    hits = [f for f in found(chains, "DUR-05") if f.key.startswith(f"{list(CHAINS).index(name)}-")]
    assert len(hits) == (0 if unfunded is None else 1)
    gap = f", {unfunded} days of them without money" if unfunded else ""
    assert all(f"days{gap}: " in f.message for f in hits)


def test_two_chains_of_one_recipient_are_two_findings(judge):
    terms = [FIRST, SECOND, ("2024-01-01", "2024-06-30")]
    seen = judge(grants=chain(*terms, *terms, programme_id=["P1"] * 3 + ["P2"] * 3))
    assert len(found(seen, "DUR-05")) == 2
    assert len({f.id for f in found(seen, "DUR-05")}) == 2


def test_a_chain_keeps_its_id_when_it_grows(judge):
    longer = chain(FIRST, SECOND, ("2024-01-01", "2024-06-30"), ("2024-07-01", "2024-12-31"))
    assert only(judge(grants=longer), "DUR-05").id == only(judge(grants=longer[:3]), "DUR-05").id


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({"grants": CHAIN}, FAIL),
        ({"grants": chain(YEAR, ("2024-01-01", "2024-12-31"), ("2025-01-01", "2027-12-31"))}, PASS),
        ({"grants": chain(FIRST, SECOND)}, NOT_APPLICABLE),
        ({"grants": CHAIN, "without": {"grants": ["planned_end_date"]}}, NOT_ASSESSABLE),
    ],
    ids=["serial", "renewed for three years", "no chain", "no column"],
)
def test_verdicts_of_dur_05(judge, given, verdict):
    assert status(judge(**given), "DUR-05") is verdict


def test_a_blank_date_in_a_chain_is_not_read_as_no_chain(judge):
    """R2 has no end: R1 and R3 may or may not be one chain with it, and the report says so."""
    one = result(
        judge(grants=chain(FIRST, ("2023-07-15", ""), ("2024-02-01", "2024-07-31"))), "DUR-05"
    )
    assert one.status in (UNDETERMINED, NOT_ASSESSABLE)
    assert "R2" in one.reason


# --- DUR-06: what is left when the money arrives --------------------------------------------------

SIGNED = {"grant_id": "G1", "planned_start_date": "2024-01-01", "planned_end_date": "2024-12-31"}


def paid(*days: str, **more: object) -> list[dict]:
    return [
        {"transaction_id": f"T{i}", "transaction_date": day, **more} for i, day in enumerate(days)
    ]


def test_dur_06_of_the_example(judge):
    seen = judge(grants=[SIGNED], transactions=paid("2024-07-10"))
    finding = only(seen, "DUR-06")
    assert (finding.severity, finding.key) == (Severity.WARNING, "G1")
    assert finding.message == (
        "Grant G1 was signed for 12 months 0 days, but its first money came on 2024-07-10, "
        "191 days after the start: 5 months 22 days remained."
    )
    assert "191 days" in finding.remedy


# Signed from 2024-01-01; what remained when the money came, “” where the check has nothing to say.
LEFT = rows_of("""
grant_id  | end        | amended_end_date | paid                  | left
GUIDANCE  | 2024-12-31 |                  | 2024-07-10            | 5 months 22 days
EXACT     | 2024-12-31 |                  | 2024-07-01            | 6 months 0 days
DAY-MORE  | 2024-12-31 |                  | 2024-06-30            |
BEFORE    | 2024-12-31 |                  | 2023-12-01            |
FIRST     | 2024-12-31 |                  | 2024-10-01 2024-02-01 |
EXTENDED  | 2024-12-31 | 2025-06-30       | 2024-07-10            |
SHORTENED | 2024-12-31 | 2024-09-30       | 2024-04-01            | 6 months 0 days
AFTER     | 2024-12-31 |                  | 2025-01-15            | 0 months 0 days
LAST-DAY  | 2024-12-31 |                  | 2024-12-31            | 0 months 1 day
SHORT     | 2024-06-30 |                  | 2024-05-01            |
A-DAY     | 2024-07-01 |                  | 2024-01-02            | 6 months 0 days
""")


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    grants = [{k: v for k, v in row.items() if k not in ("paid", "left")} for row in LEFT]
    payments = [
        {
            "transaction_id": f"{row['grant_id']}-{n}",
            "grant_id": row["grant_id"],
            "transaction_date": day,
        }
        for row in LEFT
        for n, day in enumerate(row["paid"].split())
    ]
    return assess(book(tmp_path_factory.mktemp("left"), grants=grants, transactions=payments))


@pytest.mark.parametrize("row", LEFT, ids=lambda row: row["grant_id"])
def test_what_is_left_when_the_money_comes(left, row):
    hits = found(left, "DUR-06", key=row["grant_id"])
    assert len(hits) == bool(row["left"])
    assert all(f.message.endswith(f": {row['left']} remained.") for f in hits)
    assert all(f.severity is Severity.WARNING for f in hits)


def test_money_after_the_end_says_how_late_it_came(left):
    assert "380 days after the start" in only(left, "DUR-06", key="AFTER").message


@pytest.mark.parametrize(
    ("grant", "transactions", "verdict"),
    [
        ({}, paid("2024-01-15"), PASS),
        ({}, paid("2024-07-10"), FAIL),
        ({}, paid("2024-07-10", transaction_type="2"), NOT_ASSESSABLE),
        ({}, paid("2024-07-10", value=-500), NOT_ASSESSABLE),
        ({}, None, NOT_ASSESSABLE),
        ({"planned_end_date": "2024-06-30"}, paid("2024-05-01"), NOT_APPLICABLE),
        ({"recipient_org_id": "POLICE"}, paid("2024-07-10"), NOT_APPLICABLE),
        ({"activity_status": "5"}, paid("2024-07-10"), NOT_APPLICABLE),
    ],
    ids=[
        "in time",
        "late",
        "a promise is no payment",
        "a refund is no payment",
        "no payments in the workbook",
        "signed for six months: DUR-01's",
        "a state body",
        "cancelled",
    ],
)
def test_verdicts_of_dur_06(judge, grant, transactions, verdict):
    seen = judge(grants=[{**SIGNED, **grant}], transactions=transactions)
    assert status(seen, "DUR-06") is verdict


def test_a_grant_without_a_payment_is_not_judged(judge):
    grants = [{**SIGNED, "grant_id": f"G{i}"} for i in range(1, 7)]
    payments = [{"transaction_id": f"T{i}", "grant_id": f"G{i}"} for i in range(1, 6)]
    one = result(judge(grants=grants, transactions=payments), "DUR-06")
    assert (one.status, one.findings) == (UNDETERMINED, [])
    assert "1 of 6" in one.reason
    assert "G6" in one.reason


def test_a_payment_to_a_sub_partner_is_not_the_first_payment_of_the_grant(judge):
    seen = judge(
        grants=[SIGNED],
        subgrants=[{"subgrant_id": "S1"}],
        transactions=[
            {"transaction_id": "T1", "subgrant_id": "S1", "transaction_date": "2024-01-10"},
            {"transaction_id": "T2", "transaction_date": "2024-07-10"},
        ],
    )
    assert keys(seen, "DUR-06") == ["G1"]
