"""Local share: example 5.1 to the last digit, then each edge of LOC-01, 02, 03 and 05."""

from __future__ import annotations

import re

import pytest

from books import (
    FAIL,
    NOT_APPLICABLE,
    NOT_ASSESSABLE,
    PASS,
    REGISTER,
    UNDETERMINED,
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

GRANTS = """
grant_id | recipient | country | amount  | currency | value_date | reported
G1       | LOC-A     | NG      | 120,000 | EUR      | 2024-02-15 | not_applicable
G2       | INGO-X    | NG      | 500,000 | USD      | 2024-03-01 | yes
G3       | AFF-Y     | NG      | 80,000  | EUR      | 2024-04-10 | not_applicable
G4       | LOC-B     | LK      | 50,000  | USD      | 2024-07-01 | not_applicable
G5       | POLICE    | NG      | 200,000 | EUR      | 2024-05-02 | not_applicable
G6       | INGO-X    | NG      | 93,500  | EUR      | 2024-09-15 | yes
"""
SUBGRANTS = """
subgrant_id | from_grant | from_subgrant | provider | receiver | amount  | currency | value_date
S1          | G2         |               | INGO-X   | LOC-C    | 100,000 | USD      | 2024-06-01
S2          | G2         |               | INGO-X   | LOC-D    | 30,000  | EUR      | 2024-06-20
S3          | G2         |               | INGO-X   | AFF-Y    | 50,000  | USD      | 2024-06-01
S4          | G2         | S3            | AFF-Y    | LOC-E    | 20,000  | USD      | 2024-09-02
"""
RATES = """
rate_date  | rate
2024-03-01 | 0.92
2024-06-01 | 0.90
2024-07-01 | 0.93
2024-09-02 | 0.90
"""
EXAMPLE = {"grants": GRANTS, "subgrants": SUBGRANTS, "exchange_rates": RATES}


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Example 5.1 as a workbook, judged."""
    return assess(book(tmp_path_factory.mktemp("example"), **EXAMPLE))


# --- Example 5.1 ----------------------------------------------------------------------------------


def test_loc_01_of_the_example(example):
    loc = result(example, "LOC-01")
    assert (loc.status, loc.value, loc.low, loc.high) == (PASS, 0.358125, 0.358125, 0.358125)
    assert (loc.threshold, loc.severity, loc.findings, loc.reason) == (0.25, None, [], None)
    figures = loc.figures
    assert (figures["T"], figures["D"], figures["I1"]) == (800_000, 166_500, 120_000)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(411_500 / 800_000, id="trusting organisation type 24"),
        pytest.param(304_500 / 800_000, id="counting the second tier"),
        pytest.param(288_000 / 799_500, id="one rate of 0.92 for all"),
        pytest.param(286_500 / 1_000_000, id="dividing by the whole portfolio"),
        pytest.param(486_500 / 1_000_000, id="counting the police as a local actor"),
        pytest.param(166_500 / 800_000, id="leaving out what intermediaries passed on"),
        pytest.param(
            240_000 / 800_000, id="asking for a headquarters in one country for all grants"
        ),
    ],
)
def test_loc_01_is_not_what_a_mistake_would_give(example, wrong):
    loc = result(example, "LOC-01")
    assert loc.value == 0.358125
    assert all(bound != pytest.approx(wrong, abs=1e-4) for bound in (loc.value, loc.low, loc.high))


def test_the_grand_bargain_comparator_is_given_but_not_used(example):
    assert result(example, "LOC-01").figures["GB_share"] == 0.4865


def test_loc_01_by_country(example):
    nigeria, sri_lanka = (group(example, "LOC-01", country=c) for c in ("NG", "LK"))
    assert nigeria.value == pytest.approx(240_000 / 753_500)
    assert sri_lanka.value == 1
    assert sri_lanka.figures["T"] == 46_500


def test_loc_02_of_the_example_is_a_note(example):
    loc = result(example, "LOC-02")
    assert (loc.value, loc.threshold) == (0.208125, None)
    note = only(example, "LOC-02")
    assert (note.severity, note.key, note.value) == (Severity.NOTE, "portfolio", 0.208125)
    assert "166,500 EUR of 800,000 EUR" in note.message


def test_loc_03_of_the_example(example):
    assert status(example, "LOC-03") is FAIL
    whole = group(example, "LOC-03", org_id="INGO-X")
    assert (whole.status, whole.value) == (FAIL, 120_000 / 553_500)
    second = group(example, "LOC-03", org_id="INGO-X", grant_id="G2")
    assert (second.status, second.value) == (PASS, 120_000 / 460_000)
    sixth = group(example, "LOC-03", org_id="INGO-X", grant_id="G6")
    assert (sixth.status, sixth.value) == (FAIL, 0)
    assert [(f.key, f.severity) for f in found(example, "LOC-03")] == [
        ("INGO-X", Severity.WARNING),
        ("G6", Severity.WARNING),
    ]


def test_loc_03_speaks_of_money_and_points_to_the_cells(example):
    of_organisation, of_grant = found(example, "LOC-03")
    assert of_organisation.message.startswith(
        "INGO-X passed 21.7% of what it received (120,000 EUR of 553,500 EUR)"
    )
    assert (of_organisation.sheet, of_organisation.value) == ("Organisations", "INGO-X")
    assert "grant G6" in of_grant.message
    assert (of_grant.sheet, of_grant.heading, of_grant.value) == (
        "Grants",
        "All sub-grants listed?",
        "yes",
    )


def test_loc_05_of_the_example(example, write):
    note = only(example, "LOC-05")
    assert (note.key, note.severity, note.heading, note.value) == (
        "AFF-Y",
        Severity.NOTE,
        "Affiliated to an international NGO?",
        "yes",
    )
    assert note.message == (
        "AFF-Y is coded 24 but is affiliated to an international NGO; it is not counted as local."
    )
    assert held(write(**EXAMPLE), note) == ("yes", "Affiliated to an international NGO?")


def test_dat_04_of_the_example(example):
    """G2: 165,000 of 460,000 EUR passed on; S3: 18,000 of 45,000."""
    assert (status(example, "DAT-04"), found(example, "DAT-04")) == (PASS, [])


def test_every_amount_has_its_own_rate(example):
    terms = result(example, "LOC-01").terms
    grants = terms[terms["figure"] == "T"]
    assert list(grants["value"]) == [120_000, 460_000, 80_000, 46_500, 93_500]
    assert list(terms[terms["figure"] == "I1"]["value"]) == [90_000, 30_000]


# --- What is not known ----------------------------------------------------------------------------

HEADINGS = {
    "org_type": ("B", "Organisation type"),
    "hq_country": ("C", "Headquarters country"),
    "intl_affiliated": ("D", "Affiliated to an international NGO?"),
    "state_controlled": ("E", "Controlled by a government?"),
}


def without_answer(org: str, field: str) -> list[dict[str, str]]:
    return [{**row, **({field: ""} if row["org_id"] == org else {})} for row in rows_of(REGISTER)]


@pytest.mark.parametrize("field", HEADINGS)
def test_one_blank_cell_of_loc_a_leaves_loc_01_undetermined(judge, field):
    seen = judge(**EXAMPLE, organisations=without_answer("LOC-A", field))
    loc = result(seen, "LOC-01")
    assert (loc.status, loc.value, loc.low, loc.high) == (UNDETERMINED, None, 0.208125, 0.358125)
    assert loc.findings == []
    letter, heading = HEADINGS[field]
    assert f"“{heading}” of LOC-A" in loc.reason
    assert re.findall(r"[\w-]+![A-Z]+\d+", loc.reason) == [f"Organisations!{letter}2"]
    assert [f.key for f in found(seen, "DAT-07") if f.key == "LOC-01"] == ["LOC-01"]
    direct = result(seen, "LOC-02")
    assert (direct.low, direct.high) == (46_500 / 800_000, 0.208125)


def test_the_reason_names_the_blank_cells_and_no_other(judge):
    """LOC-A's affiliation and LOC-B's control are blank; what stands beside them is filled."""
    register = rows_of(REGISTER)
    register[0]["intl_affiliated"] = register[1]["state_controlled"] = ""
    loc = result(judge(**EXAMPLE, organisations=register), "LOC-01")
    assert (loc.low, loc.high) == (0.15, 0.358125)
    assert sorted(re.findall(r"[\w-]+![A-Z]+\d+", loc.reason)) == [
        "Organisations!D2",
        "Organisations!E3",
    ]


def test_a_blank_affiliation_counts_as_none_where_the_settings_say_so(judge):
    seen = judge(
        **EXAMPLE,
        organisations=without_answer("LOC-A", "intl_affiliated"),
        settings={"treat_unknown_affiliation_as": "no"},
    )
    assert (status(seen, "LOC-01"), result(seen, "LOC-01").value) == (PASS, 0.358125)
    assert keys(seen, "LOC-05") == ["AFF-Y"]
    assert any("blank affiliation" in remark for remark in seen.remarks)
    for check in ("LOC-02", "LOC-03", "LOC-05"):
        assert all("blank affiliation was counted as none" in f.message for f in found(seen, check))


def test_sub_grants_not_told_of_may_be_all_or_nothing(judge):
    seen = judge(
        grants="""
        grant_id | recipient_org_id | amount | subgrants_reported
        G1       | LOC-A            | 10,000 | not_applicable
        G2       | INGO-X           | 90,000 |
        """
    )
    loc = result(seen, "LOC-01")
    assert (loc.status, loc.low, loc.high) == (UNDETERMINED, 0.1, 1)
    assert "“All sub-grants listed?” of G2" in loc.reason
    assert "90,000 EUR" in loc.reason
    passed_on = result(seen, "LOC-03")
    assert (passed_on.status, passed_on.findings) == (NOT_ASSESSABLE, [])
    assert "“All sub-grants listed?” of G2" in passed_on.reason
    assert (result(seen, "LOC-02").low, result(seen, "LOC-02").high) == (0.1, 0.1)


def test_a_list_that_is_not_complete_only_adds_to_the_lower_bound(judge):
    seen = judge(
        grants="""
        grant_id | recipient_org_id | amount  | subgrants_reported
        G1       | INGO-X           | 100,000 | no
        """,
        subgrants="""
        subgrant_id | amount
        S1          | 30,000
        """,
    )
    loc = result(seen, "LOC-01")
    assert (loc.status, loc.low, loc.high) == (PASS, 0.3, 1)
    assert group(seen, "LOC-03", org_id="INGO-X").status is PASS


@pytest.mark.parametrize("receiver", ["", "NEW-1"], ids=["blank", "not in the register"])
def test_an_unknown_receiver_may_be_local(judge, receiver):
    seen = judge(
        grants="""
        grant_id | recipient_org_id | amount  | subgrants_reported
        G1       | INGO-X           | 100,000 | yes
        """,
        subgrants=f"""
        subgrant_id | receiver_org_id | amount
        S1          | LOC-C           | 20,000
        S2          | {receiver}      | 30,000
        """,
    )
    loc = result(seen, "LOC-01")
    assert (loc.status, loc.low, loc.high) == (UNDETERMINED, 0.2, 0.5)
    assert status(seen, "LOC-03") is UNDETERMINED
    assert "30,000 EUR" in loc.reason


def test_work_in_several_countries(judge):
    """With a blank country, a local organisation is one of a country that the programme serves."""
    grants = """
    grant_id | recipient_org_id | recipient_country | amount
    G1       | LOC-A            |                   | 30,000
    G2       | LOC-B            |                   | 20,000
    G3       | INGO-X           | NG                | 50,000
    """
    served = judge(grants=grants, settings={"recipient_countries": "NG, KE"})
    assert result(served, "LOC-01").value == 0.3
    both = judge(grants=grants, settings={"recipient_countries": "lk; Nigeria"})
    assert result(both, "LOC-01").value == 0.5
    unknown = judge(grants=grants)
    loc = result(unknown, "LOC-01")
    assert (loc.status, loc.low, loc.high) == (UNDETERMINED, 0, 0.5)
    assert "Country where the work is done" in loc.reason
    assert re.findall(r"[\w-]+![A-Z]+\d+", loc.reason) == ["Grants!D2", "Grants!D3"]


# --- What counts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("local", "other", "verdict", "severity", "share"),
    [
        (25_000, 75_000, PASS, None, None),
        (24_999, 75_001, FAIL, Severity.WARNING, "24.999%"),
        (12_500, 87_500, FAIL, Severity.WARNING, "12.5%"),
        (12_499, 87_501, FAIL, Severity.ERROR, "12.5%"),
        (0, 100_000, FAIL, Severity.ERROR, "0%"),
    ],
    ids=["exactly 25%", "1 EUR below", "exactly half of it", "below half", "nothing"],
)
def test_at_and_below_the_benchmark(judge, local, other, verdict, severity, share):
    rows = [
        {"grant_id": "G1", "recipient_org_id": "LOC-A", "amount": local},
        {"grant_id": "G2", "recipient_org_id": "INGO-X", "amount": other},
    ]
    seen = judge(grants=[row for row in rows if row["amount"]])
    loc = result(seen, "LOC-01")
    assert (loc.status, loc.severity, loc.value) == (verdict, severity, local / 100_000)
    if verdict is FAIL:
        finding = only(seen, "LOC-01")
        assert finding.message.startswith(f"{share} of the money ({local:,} EUR of 100,000 EUR)")
        assert "benchmark is 25%" in finding.message
        assert "requirement" not in finding.message
        assert f"{25_000 - local:,} EUR" in finding.remedy
        assert f"G2 ({other:,} EUR)" in finding.remedy
        assert finding.difference == f"{25_000 - local:,} EUR short"


def test_a_failing_portfolio_names_the_three_largest_grants_to_international_ngos(judge):
    seen = judge(
        grants="""
        grant_id | recipient_org_id | amount
        G1       | INGO-X           | 10,000
        G2       | INGO-X           | 40,000
        G3       | INGO-X           | 20,000
        G4       | INGO-X           | 30,000
        G5       | AFF-Y            | 90,000
        """
    )
    remedy = only(seen, "LOC-01").remedy
    assert re.findall(r"G\d", remedy) == ["G2", "G4", "G3"]


LOCAL = {"grant_id": "G1", "recipient_org_id": "LOC-A", "amount": 30_000}
INGO = {
    "grant_id": "G2",
    "recipient_org_id": "INGO-X",
    "amount": 70_000,
    "subgrants_reported": "yes",
}


def counted(seen, figure: str, table: str, key: str) -> list[str]:
    """The records that enter one figure of LOC-01."""
    terms = result(seen, "LOC-01").terms
    labels = terms.loc[terms["figure"] == figure, "label"]
    return list(seen.tables[table].frame.loc[labels, key])


def test_which_grants_count(judge):
    """“T” is counted in the whole, “D” also as straight to a local independent organisation."""
    rows = rows_of("""
    grant_id  | recipient | country | activity_status | value_date | signature_date | counts
    LOCAL     | LOC-A     | NG      |                 | 2024-05-01 | 2024-01-15     | T D
    TYPE-22   | LOC-C     | NG      |                 | 2024-05-01 | 2024-01-15     | T D
    CLOSED    | LOC-A     | NG      | 4               | 2024-05-01 | 2024-01-15     | T D
    CANCELLED | LOC-A     | NG      | 5               | 2024-05-01 | 2024-01-15     |
    EARLY     | LOC-A     | NG      |                 | 2023-12-31 | 2024-01-15     |
    FIRST-DAY | LOC-A     | NG      |                 | 2024-01-01 | 2024-01-15     | T D
    LAST-DAY  | LOC-A     | NG      |                 | 2024-12-31 | 2024-01-15     | T D
    LATE      | LOC-A     | NG      |                 | 2025-01-01 | 2024-01-15     |
    SIGNED    | LOC-A     | NG      |                 |            | 2023-11-30     |
    SIGNED-IN | LOC-A     | NG      |                 |            | 2024-11-30     | T D
    STATE     | POLICE    | NG      |                 | 2024-05-01 | 2024-01-15     |
    AFFILIATE | AFF-Y     | NG      |                 | 2024-05-01 | 2024-01-15     | T
    ABROAD    | LOC-A     | LK      |                 | 2024-05-01 | 2024-01-15     | T
    INGO      | INGO-X    | NG      |                 | 2024-05-01 | 2024-01-15     | T
    """)
    counts = {row["grant_id"]: row.pop("counts") for row in rows}
    seen = judge(grants=rows)
    for figure in ("T", "D"):
        expected = [name for name, figures in counts.items() if figure in figures.split()]
        assert counted(seen, figure, "grants", "grant_id") == expected


def test_which_sub_grants_count(judge):
    rows = rows_of("""
    subgrant_id | from_grant | provider | receiver | purpose        | value_date | counts
    ONE-STEP    | G2         | INGO-X   | LOC-C    | implementation | 2024-05-01 | yes
    NO-KIND     | G2         | INGO-X   | LOC-C    |                | 2024-05-01 | yes
    LATER       | G2         | INGO-X   | LOC-C    | implementation | 2025-03-01 | yes
    SERVICES    | G2         | INGO-X   | LOC-C    | services       | 2024-05-01 |
    AFFILIATE   | G2         | INGO-X   | AFF-Y    | implementation | 2024-05-01 |
    ABROAD      | G2         | INGO-X   | LOC-B    | implementation | 2024-05-01 |
    STATE       | G2         | INGO-X   | POLICE   | implementation | 2024-05-01 |
    AGAIN       | G1         | LOC-A    | LOC-C    | implementation | 2024-05-01 |
    CANCELLED   | G3         | INGO-X   | LOC-C    | implementation | 2024-05-01 |
    """)
    once = [row["subgrant_id"] for row in rows if row.pop("counts")]
    gone = {**INGO, "grant_id": "G3", "activity_status": "5"}
    seen = judge(grants=[LOCAL, INGO, gone], subgrants=[{**row, "amount": 1_000} for row in rows])
    assert counted(seen, "I1", "subgrants", "subgrant_id") == once
    assert result(seen, "LOC-01").value == (30_000 + 3_000) / 100_000


def test_what_may_be_local_itself_counts_at_least_by_what_it_passed_on(judge):
    """LOC-A may be local: its whole grant. If not, it is an intermediary of LOC-C's 40,000."""
    seen = judge(
        grants=[{**LOCAL, "amount": 120_000}, {**INGO, "amount": 80_000}],
        subgrants=[
            {
                "subgrant_id": "S1",
                "parent_grant_id": "G1",
                "provider_org_id": "LOC-A",
                "amount": 40_000,
            }
        ],
        organisations=without_answer("LOC-A", "intl_affiliated"),
    )
    loc = result(seen, "LOC-01")
    assert (loc.status, loc.low, loc.high) == (UNDETERMINED, 0.2, 0.6)


def test_sub_grants_that_lead_round_in_a_ring_count_for_nothing(judge):
    subs = """
    subgrant_id | parent_grant_id | parent_subgrant_id
    S1          | G2              | S2
    S2          | G2              | S1
    S3          | G2              | S3
    """
    assert result(judge(grants=[LOCAL, INGO], subgrants=subs), "LOC-01").value == 0.3


@pytest.mark.parametrize(("country", "share"), [("NG", 0.65), ("GB", 0.15)])
def test_the_comparator_counts_state_bodies_of_the_country_only(judge, country, share):
    register = [
        {**row, "hq_country": country} if row["org_id"] == "POLICE" else row
        for row in rows_of(REGISTER)
    ]
    police = {"grant_id": "G3", "recipient_org_id": "POLICE", "amount": 100_000}
    seen = judge(grants=[LOCAL, INGO, police], organisations=register)
    assert result(seen, "LOC-01").figures["GB_share"] == share
    assert result(seen, "LOC-01").value == 0.3


def test_what_was_paid_instead_of_what_was_promised(judge):
    """Promised: 150,000 of 400,000. Paid: 60,000 and 30,000 of 160,000, a refund taken off."""
    tables = {
        "grants": """
        grant_id | recipient_org_id | amount  | subgrants_reported
        G1       | LOC-A            | 100,000 | not_applicable
        G2       | INGO-X           | 300,000 | yes
        """,
        "subgrants": """
        subgrant_id | parent_grant_id | amount
        S1          | G2              | 50,000
        """,
        "transactions": """
        transaction_id | grant_id | subgrant_id | transaction_type | value   | transaction_date
        T1             | G1       |             | 3                | 60,000  | 2024-02-01
        T2             | G2       |             | 3                | 110,000 | 2024-02-01
        T3             | G2       |             | 3                | -10,000 | 2024-10-01
        T4             | G2       | S1          | 3                | 30,000  | 2024-03-01
        T5             | G2       |             | 2                | 300,000 | 2024-01-15
        T6             | G2       |             | 4                | 5,000   | 2024-04-01
        """,
    }
    promised = result(judge(**tables), "LOC-01")
    assert (promised.figures["T"], promised.value) == (400_000, 0.375)
    paid = result(judge(**tables, settings={"value_basis": "disbursement"}), "LOC-01")
    assert (paid.figures["T"], paid.figures["D"], paid.figures["I1"]) == (160_000, 60_000, 30_000)
    assert paid.value == 0.5625


# --- Every verdict --------------------------------------------------------------------------------

ONE_LOCAL = [LOCAL, INGO]
TO_POLICE = [{"grant_id": "G1", "recipient_org_id": "POLICE"}]
TWO_CURRENCIES = [LOCAL, {**INGO, "currency": "USD"}]


@pytest.mark.parametrize(
    ("given", "verdict", "words"),
    [
        ({"grants": ONE_LOCAL}, PASS, None),
        ({"grants": [INGO]}, FAIL, None),
        ({"grants": TO_POLICE}, NOT_APPLICABLE, None),
        ({"grants": [{**LOCAL, "activity_status": "5"}]}, NOT_APPLICABLE, None),
        (
            {"grants": [LOCAL, {**INGO, "amount": ""}]},
            NOT_ASSESSABLE,
            "1 of 2 rows could not be judged",
        ),
        ({"grants": ONE_LOCAL, "organisations": None}, NOT_ASSESSABLE, "no sheet “Organisations”"),
        (
            {"grants": ONE_LOCAL, "without": {"organisations": ["org_type"]}},
            NOT_ASSESSABLE,
            "no column “Organisation type” (Organisations)",
        ),
        (
            {"grants": TWO_CURRENCIES, "settings": None},
            NOT_ASSESSABLE,
            "--reporting-currency",
        ),
    ],
    ids=[
        "pass",
        "fail",
        "only state bodies",
        "only cancelled",
        "too little has an amount",
        "no register",
        "no types",
        "no currency to report in",
    ],
)
def test_verdicts_of_loc_01(judge, given, verdict, words):
    loc = result(judge(**given), "LOC-01")
    assert loc.status is verdict
    assert (loc.reason is None) if words is None else (words in loc.reason)


def test_without_settings_the_only_currency_is_reported_in_and_said(judge):
    seen = judge(grants=ONE_LOCAL, settings=None)
    assert result(seen, "LOC-01").value == 0.3
    assert any("EUR, the only currency" in remark for remark in seen.remarks)
    other = judge(
        Options(reporting_currency="USD"), grants=ONE_LOCAL, exchange_rates=[{"rate": 0.5}]
    )
    assert result(other, "LOC-01").figures["T"] == 200_000
    assert any("USD was given on the command line" in remark for remark in other.remarks)


TARGET = [{"parameter": "loc.direct_min_pct", "value": 25}]


@pytest.mark.parametrize(
    ("given", "verdict", "severity"),
    [
        ({"grants": ONE_LOCAL, "thresholds": TARGET}, PASS, None),
        ({**EXAMPLE, "thresholds": TARGET}, FAIL, Severity.WARNING),
        (
            {**EXAMPLE, "organisations": without_answer("LOC-A", "intl_affiliated")},
            UNDETERMINED,
            Severity.NOTE,
        ),
        ({"grants": TO_POLICE}, NOT_APPLICABLE, None),
        ({"grants": ONE_LOCAL, "organisations": None}, NOT_ASSESSABLE, None),
    ],
    ids=[
        "above the donor's target",
        "below it",
        "bounds apart",
        "only state bodies",
        "no register",
    ],
)
def test_verdicts_of_loc_02(judge, given, verdict, severity):
    loc = result(judge(**given), "LOC-02")
    assert (loc.status, loc.severity) == (verdict, severity)


@pytest.mark.parametrize(
    ("grants", "subgrants", "verdict", "named"),
    [
        ([INGO], [{"subgrant_id": "S1", "parent_grant_id": "G2", "amount": 17_500}], PASS, []),
        (
            [INGO],
            [{"subgrant_id": "S1", "parent_grant_id": "G2", "amount": 17_499}],
            FAIL,
            ["INGO-X"],
        ),
        ([INGO], None, FAIL, ["INGO-X"]),
        (
            [INGO],
            [
                {
                    "subgrant_id": "S1",
                    "parent_grant_id": "G2",
                    "amount": 20_000,
                    "receiver_org_id": "?",
                }
            ],
            UNDETERMINED,
            [],
        ),
        ([{**INGO, "subgrants_reported": ""}], None, NOT_ASSESSABLE, []),
        ([{**INGO, "subgrants_reported": "not_applicable"}], None, NOT_APPLICABLE, []),
        ([LOCAL], None, NOT_APPLICABLE, []),
        (
            [{**LOCAL, "recipient_org_id": "AFF-Y", "subgrants_reported": "yes"}],
            None,
            FAIL,
            ["AFF-Y"],
        ),
    ],
    ids=[
        "exactly 25%",
        "1 EUR below",
        "“yes” with no rows is 0%",
        "receiver unknown",
        "not told",
        "passes nothing on by agreement",
        "a local organisation",
        "an affiliate passes nothing on",
    ],
)
def test_verdicts_of_loc_03(judge, grants, subgrants, verdict, named):
    seen = judge(grants=grants, subgrants=subgrants)
    assert (status(seen, "LOC-03"), keys(seen, "LOC-03")) == (verdict, named)


def test_loc_03_without_the_column_names_it(judge):
    loc = result(judge(grants=[INGO], without={"grants": ["subgrants_reported"]}), "LOC-03")
    assert loc.status is NOT_ASSESSABLE
    assert "“All sub-grants listed?” (Grants)" in loc.reason


# All work in Nigeria; “marked” is the field whose cell is marked.
STATUSES = """
org_id | org_type | hq_country | intl_affiliated | state_controlled | marked
O-01   | 24       | NG         | no              | no               |
O-02   | 24       | LK         | no              | no               | hq_country
O-03   | 24       | NG         | yes             | no               | intl_affiliated
O-04   | 24       | NG         | no              | yes              | state_controlled
O-05   | 24       |            | no              | no               | hq_country
O-06   | 24       | NG         |                 | no               | intl_affiliated
O-07   | 24       | NG         | no              |                  | state_controlled
O-08   | 22       | NG         | no              | no               |
O-09   | 22       | GB         | no              | no               | hq_country
O-10   | 21       | GB         | yes             | no               |
O-11   | 21       | NG         | no              | no               | org_type
O-12   | 21       | NG         |                 | no               |
O-13   | 23       | KE         | no              | no               |
O-14   | 40       | CH         |                 |                  |
"""


def test_each_reason_of_loc_05(judge):
    rows = rows_of(STATUSES)
    grants = [{"grant_id": f"G-{row['org_id']}", "recipient_org_id": row["org_id"]} for row in rows]
    orgs = [{k: v for k, v in row.items() if k != "marked"} for row in rows]
    seen = judge(grants=grants, organisations=[*orgs, {**orgs[2], "org_id": "UNFUNDED"}])
    marked = {f.key: f.field for f in found(seen, "LOC-05")}
    assert marked == {row["org_id"]: row["marked"] for row in rows if row["marked"]}
    assert {f.severity for f in found(seen, "LOC-05")} == {Severity.NOTE}
    (twice,) = (f for f in found(seen, "LOC-05") if f.key == "O-11")
    assert "counted as international" in twice.message


@pytest.mark.parametrize(
    ("funded", "blank", "verdict"),
    [
        (["LOC-A"], None, PASS),
        (["AFF-Y"], None, FAIL),
        (["LOC-A", "LOC-B", "LOC-C", "LOC-D", "LOC-E", "INGO-X"], "LOC-C", UNDETERMINED),
        (["LOC-C"], "LOC-C", NOT_ASSESSABLE),
        (["POLICE"], None, NOT_APPLICABLE),
    ],
    ids=[
        "pass",
        "fail",
        "headquarters of one type 22 blank",
        "of the only one",
        "none that could be local",
    ],
)
def test_verdicts_of_loc_05(judge, funded, blank, verdict):
    grants = [
        {
            "grant_id": f"G{i}",
            "recipient_org_id": org,
            "recipient_country": "LK" if org == "LOC-B" else "NG",
        }
        for i, org in enumerate(funded)
    ]
    seen = judge(
        grants=grants, organisations=without_answer(blank, "hq_country") if blank else REGISTER
    )
    assert status(seen, "LOC-05") is verdict
    if verdict in (UNDETERMINED, NOT_ASSESSABLE):
        assert "Headquarters country" in result(seen, "LOC-05").reason
        assert "LOC-C" in result(seen, "LOC-05").reason
