"""Refinements whose data is already there: WYM-01, TRN-02, LOC-04 (example 5.1) and DAT-05."""

from __future__ import annotations

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
from fundtrack.model import Severity
from fundtrack.pipeline import assess
from test_local_share import EXAMPLE, GRANTS, SUBGRANTS


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Example 5.1 as a workbook, judged."""
    return assess(book(tmp_path_factory.mktemp("example"), **EXAMPLE))


def register(**changed: dict[str, str]) -> list[dict[str, str]]:
    """Example 5.1's organisations, some cells otherwise: LOC_B={"women_led": ""}."""
    return [
        {**row, **changed.get(row["org_id"].replace("-", "_"), {})} for row in rows_of(REGISTER)
    ]


# --- WYM-01 ---------------------------------------------------------------------------------------


def test_wym_01_of_the_example(example):
    one = result(example, "WYM-01")
    assert (one.status, one.value, one.low, one.high) == (FAIL, 0.095625, 0.095625, 0.095625)
    assert (one.figures["direct"], one.figures["one_step"]) == (46_500, 30_000)
    assert (one.figures["T"], one.threshold) == (800_000, 0.15)
    hit = only(example, "WYM-01")
    assert (hit.severity, hit.key) == (Severity.WARNING, "portfolio")
    assert hit.message == (
        "9.6% of the money (76,500 EUR of 800,000 EUR) reaches women-led local organisations "
        "directly or through one intermediary; the floor is 1%, the target 15%. (The benchmark is "
        "a house default that no donor has confirmed.)"
    )
    assert "43,500 EUR more" in hit.remedy


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(76_500 / 1_000_000, id="dividing by the whole portfolio"),
        pytest.param(46_500 / 800_000, id="leaving out what intermediaries passed on"),
        pytest.param(76_500 / 286_500, id="dividing by the local share"),
        pytest.param(80_000 / 799_500, id="one rate for all"),
    ],
)
def test_wym_01_is_not_what_a_mistake_would_give(example, wrong):
    assert result(example, "WYM-01").value != pytest.approx(wrong, abs=1e-4)


@pytest.mark.parametrize(
    ("changed", "low", "high", "asked"),
    [
        ({"LOC_B": {"women_led": ""}}, 30_000, 76_500, "“Women-led?” of LOC-B"),
        ({"LOC_D": {"women_led": ""}}, 46_500, 76_500, "“Women-led?” of LOC-D"),
        ({"LOC_A": {"women_led": ""}}, 76_500, 196_500, "“Women-led?” of LOC-A"),
        (
            {"LOC_B": {"intl_affiliated": ""}},
            30_000,
            76_500,
            "“Affiliated to an international NGO?” of LOC-B",
        ),
        ({"LOC_D": {"intl_affiliated": ""}}, 46_500, 76_500, "LOC-D"),
        ({"LOC_A": {"intl_affiliated": ""}}, 76_500, 76_500, ""),
        ({"AFF_Y": {"women_led": "yes"}}, 76_500, 76_500, ""),
        ({"LOC_E": {"women_led": "yes"}}, 76_500, 76_500, ""),
        ({"LOC_A": {"women_led": "yes"}}, 196_500, 196_500, ""),
    ],
    ids=["direct", "one step", "over the target perhaps", "perhaps not local", "nor the partner",
         "men-led, perhaps local", "not local", "two steps away", "reaches the target"],
)  # fmt: skip
def test_bounds_of_wym_01(judge, changed, low, high, asked):
    one = result(judge(**EXAMPLE, organisations=register(**changed)), "WYM-01")
    assert (one.low, one.high) == (low / 800_000, high / 800_000)
    target = 120_000
    assert one.status in (
        {PASS} if low >= target else {FAIL} if high < target else {UNDETERMINED, NOT_ASSESSABLE}
    )
    assert asked in (one.reason or "")


def test_a_blank_that_leaves_wym_01_open_names_its_cell(judge):
    one = result(judge(**EXAMPLE, organisations=register(LOC_A={"women_led": ""})), "WYM-01")
    assert (one.status, one.findings) == (UNDETERMINED, [])
    assert "(Organisations!G2), on which 120,000 EUR hang" in one.reason


def test_sub_grants_that_are_not_listed_leave_wym_01_open(judge):
    grants = [
        {**row, "reported": ""} if row["grant_id"] == "G2" else row for row in rows_of(GRANTS)
    ]
    one = result(judge(**{**EXAMPLE, "grants": grants}), "WYM-01")
    # 460,000 less the 90,000 and 30,000 that are known to have gone elsewhere or are counted
    assert (one.low, one.high) == (0.095625, (76_500 + 340_000) / 800_000)
    assert "“All sub-grants listed?” of G2" in one.reason


@pytest.mark.parametrize(
    ("women", "severity"),
    [
        (15_000, None),
        (14_999, Severity.WARNING),
        (1_000, Severity.WARNING),
        (999, Severity.ERROR),
        (0, Severity.ERROR),
    ],
)
def test_target_and_floor(judge, women, severity):
    """Of 100,000. The floor is a cited number: below it is an error, confirmed target or not."""
    grants = [{"grant_id": "G1", "amount": 100_000 - women}]
    if women:
        grants.append({"grant_id": "G2", "amount": women, "recipient_org_id": "LOC-D"})
    seen = judge(grants=grants)
    assert [f.severity for f in found(seen, "WYM-01")] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({"grants": [{"grant_id": "G1", "recipient_org_id": "POLICE"}]}, NOT_APPLICABLE),
        ({"grants": [{"grant_id": "G1"}], "without": {"organisations": ["women_led"]}},
         NOT_ASSESSABLE),
        ({"grants": [{"grant_id": "G1", "recipient_org_id": "LOC-D"}]}, PASS),
    ],
    ids=["the police", "no column", "all"],
)  # fmt: skip
def test_verdicts_of_wym_01(judge, given, verdict):
    assert status(judge(**given), "WYM-01") is verdict


# --- TRN-02 ---------------------------------------------------------------------------------------


def test_trn_02_of_the_example(example):
    """G2 460,000 and G6 93,500 to INGO-X are listed; G3 to AFF-Y passes nothing on."""
    one = result(example, "TRN-02")
    assert (one.status, one.value, one.findings) == (PASS, 1, [])
    assert one.figures["intermediaries"] == 553_500


@pytest.mark.parametrize("answer", ["", "no"])
def test_a_blank_and_a_no_are_both_not_listed(judge, answer):
    grants = [
        {**row, "reported": answer} if row["grant_id"] == "G6" else row for row in rows_of(GRANTS)
    ]
    seen = judge(**{**EXAMPLE, "grants": grants})
    assert result(seen, "TRN-02").value == 460_000 / 553_500
    hit = only(seen, "TRN-02")
    assert hit.severity is Severity.WARNING
    assert hit.message.startswith(
        "Sub-grants are listed for 83.1% of the money given to intermediaries (460,000 EUR of "
        "553,500 EUR); the benchmark is 95%."
    )
    assert "first of all from INGO-X (93,500 EUR)" in hit.remedy
    assert group(seen, "TRN-02", org_id="INGO-X").value == 460_000 / 553_500


INGO = {"recipient_org_id": "INGO-X", "subgrants_reported": "yes"}
BLANK = {"subgrants_reported": ""}

# How much of a grant of 100 is listed, of how much to an intermediary; “” where it is none.
RECIPIENTS = rows_of("""
org_id      | org_type | intl_affiliated | answer         | status | listed | whole
INGO        | 21       | no              | yes            |        | 100    | 100
INGO-BLANK  | 21       | no              |                |        | 0      | 100
INGO-NO     | 21       | no              | no             |        | 0      | 100
INGO-NONE   | 21       | no              | not_applicable |        |        |
CANCELLED   | 21       | no              |                | 5      |        |
UN          | 40       |                 |                |        | 0      | 100
FOUNDATION  | 60       |                 |                |        | 0      | 100
AFFILIATE   | 24       | yes             |                |        | 0      | 100
LOCAL       | 24       | no              | yes            |        |        |
LOCAL-BLANK | 24       | no              |                |        |        |
LOCAL-NO    | 24       | no              | no             |        | 0      | 100
COMPANY     | 70       |                 |                |        |        |
COMPANY-YES | 70       |                 | yes            |        | 100    | 100
MINISTRY    | 10       |                 | no             |        |        |
""")


@pytest.fixture(scope="module")
def recipients(tmp_path_factory):
    grants = [
        {"grant_id": f"G-{row['org_id']}", "recipient_org_id": row["org_id"], "amount": 100,
         "subgrants_reported": row["answer"], "activity_status": row["status"]}
        for row in RECIPIENTS
    ]  # fmt: skip
    orgs = [{n: row[n] for n in ("org_id", "org_type", "intl_affiliated")} for row in RECIPIENTS]
    folder = tmp_path_factory.mktemp("recipients")
    return assess(book(folder, grants=grants, organisations=orgs))


@pytest.mark.parametrize("row", RECIPIENTS, ids=lambda row: row["org_id"])
def test_who_is_an_intermediary(recipients, row):
    groups = [g for g in result(recipients, "TRN-02").breakdown if g.by["org_id"] == row["org_id"]]
    assert len(groups) == bool(row["whole"])
    for one in groups:
        assert one.figures["intermediaries"] == float(row["whole"])
        assert one.figures.get("listed", 0) == float(row["listed"])


@pytest.mark.parametrize(("silent", "verdict"), [(5_000, PASS), (5_001, FAIL)])
def test_edges_of_trn_02(judge, silent, verdict):
    grants = [
        {"grant_id": "G1", "amount": 100_000 - silent, **INGO},
        {"grant_id": "G2", "amount": silent, **INGO, **BLANK},
    ]
    assert status(judge(grants=grants), "TRN-02") is verdict


def test_trn_02_does_not_apply_without_intermediaries(judge):
    assert status(judge(grants=[{"grant_id": "G1"}]), "TRN-02") is NOT_APPLICABLE


def test_a_local_organisation_with_listed_sub_grants_is_an_intermediary(judge):
    seen = judge(grants=[{"grant_id": "G1", **BLANK}], subgrants=[{"subgrant_id": "S1"}])
    assert (status(seen, "TRN-02"), result(seen, "TRN-02").value) == (FAIL, 0)


def test_trn_02_without_its_column(judge):
    seen = judge(grants=[{"grant_id": "G1", **INGO}], without={"grants": ["subgrants_reported"]})
    assert status(seen, "TRN-02") is NOT_ASSESSABLE


# --- LOC-04 ---------------------------------------------------------------------------------------


def test_loc_04_of_the_example(example, write):
    hit = only(example, "LOC-04")
    assert (hit.key, hit.severity) == ("S4", Severity.WARNING)
    assert hit.message == (
        "Sub-grant S4 reached LOC-E through 2 intermediaries, AFF-Y the last of them; 20,000 USD "
        "does not count in LOC-01."
    )
    assert held(write(**EXAMPLE), hit) == ("S3", "From sub-grant")
    one = result(example, "LOC-04")
    assert (one.status, one.rows_in_scope) == (FAIL, 3)  # S1, S2, S4; AFF-Y is not local
    assert 18_000 not in list(result(example, "LOC-01").terms["value"])


CHAINS = """
subgrant_id | from_grant | from_subgrant | provider | receiver | purpose
S1          | G2         |               | INGO-X   | AFF-Y    |
S2          | G2         | S1            | AFF-Y    | LOC-C    |
S3          | G2         | S2            | LOC-C    | LOC-E    |
S4          | G2         | S1            | AFF-Y    | LOC-A    | services
S5          | G2         | S1            | AFF-Y    | AFF-Y    |
S6          | G2         | S5            | AFF-Y    | LOC-D    |
S7          | G1         |               | LOC-A    | AFF-Y    |
S8          | G1         | S7            | AFF-Y    | LOC-E    |
S9          | G5         |               | INGO-X   | AFF-Y    |
S10         | G5         | S9            | AFF-Y    | LOC-E    |
S11         | G2         | S12           | AFF-Y    | LOC-E    |
S12         | G2         | S11           | AFF-Y    | LOC-E    |
"""
PARENTS = """
grant_id | recipient | activity_status
G1       | LOC-A     |
G2       | INGO-X    |
G5       | INGO-X    | 5
"""


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        (None, {"S2": "2", "S6": "3"}),
        ([{"parameter": "loc.max_intermediaries", "value": 2}], {"S6": "3"}),
    ],
    ids=["at most one", "at most two"],
)
def test_chains(judge, thresholds, expected):
    """S3, S8: the money had reached a local organisation. S4: a purchase. S10: cancelled. S11 and
    S12 are a loop, of which nobody can tell how long it is.
    """
    seen = judge(grants=PARENTS, subgrants=CHAINS, thresholds=thresholds)
    hits = found(seen, "LOC-04")
    assert {f.key: f.message.split("through ")[1][0] for f in hits} == expected
    one = result(seen, "LOC-04")
    assert one.rows_in_scope - one.assessed_rows == 2
    assert "S11, S12" in one.reason


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, FAIL),
        ({"LOC_E": {"intl_affiliated": ""}}, NOT_ASSESSABLE),
        ({"LOC_E": {"intl_affiliated": "yes"}}, PASS),
        ({"AFF_Y": {"intl_affiliated": ""}}, NOT_ASSESSABLE),
        ({"AFF_Y": {"intl_affiliated": "no"}}, PASS),
    ],
    ids=["as it is", "perhaps not local", "not local", "perhaps local on the way", "local on the "
         "way"],
)  # fmt: skip
def test_what_is_unknown_on_the_way(judge, changed, verdict):
    one = result(judge(**EXAMPLE, organisations=register(**changed)), "LOC-04")
    assert one.status is verdict
    assert ("S4" in (one.reason or "")) == (verdict is NOT_ASSESSABLE)


def test_verdicts_of_loc_04(judge):
    first = [row for row in rows_of(SUBGRANTS) if row["subgrant_id"] in ("S1", "S2")]
    third = [row for row in rows_of(SUBGRANTS) if row["subgrant_id"] == "S3"]
    assert status(judge(**{**EXAMPLE, "subgrants": first}), "LOC-04") is PASS
    assert status(judge(**{**EXAMPLE, "subgrants": third}), "LOC-04") is NOT_APPLICABLE
    assert status(judge(grants=GRANTS), "LOC-04") is NOT_ASSESSABLE


# --- DAT-05 ---------------------------------------------------------------------------------------

AWARDS = """
grant_id | recipient | amount | currency | start      | activity_status | renewal_of_grant_id
G1       | LOC-A     | 50,000 | EUR      | 2024-03-01 |                 |
G2       | LOC-A     | 50,000 | EUR      | 2024-03-01 |                 |
G3       | LOC-A     | 50,001 | EUR      | 2024-03-01 |                 |
G4       | LOC-A     | 50,000 | USD      | 2024-03-01 |                 |
G5       | LOC-A     | 50,000 | EUR      | 2024-03-02 |                 |
G6       | LOC-B     | 50,000 | EUR      | 2024-03-01 |                 |
G7       | LOC-A     | 50,000 | EUR      | 2024-03-01 | 5               |
G8       | LOC-A     | 50,000 | EUR      | 2024-03-01 |                 | G1
"""
PAYMENTS = """
transaction_id | grant_id | subgrant_id | transaction_date | value
T1             | G1       |             | 2024-03-05       | 10,000
T2             | G1       |             | 2024-03-05       | 10,000
T3             | G1       | S1          | 2024-03-05       | 10,000
T4             | G1       |             | 2024-03-06       | 10,000
T5             | G3       |             | 2024-03-05       | 10,000
T6             | G1       | S1          | 2024-03-05       | 10,000
"""


def test_the_same_award_and_the_same_payment_twice(judge, write):
    given = {"grants": AWARDS, "transactions": PAYMENTS, "subgrants": [{"subgrant_id": "S1"}]}
    seen = judge(**given)
    award, second, third = found(seen, "DAT-05")
    assert (award.key, award.severity, award.cell) == ("G2", Severity.WARNING, "A3")
    assert award.message == (
        "Grants G2 and G1 (Grants, row 2) look like the same award entered twice; this is row 3."
    )
    assert award.remedy == "Delete one of them, or fill “Renews grant” if they are two awards."
    assert held(write(**given), award) == ("G2", "Grant ID")
    assert (second.key, third.key) == ("T2", "T6")
    assert third.message == (
        "Payments T6 and T3 (Transactions, row 4) on grant G1 look like the same payment entered "
        "twice; this is row 7."
    )
    one = result(seen, "DAT-05")
    assert (one.status, one.rows_in_scope, one.assessed_rows) == (FAIL, 6 + 6, 6 + 6)


def test_the_order_of_rows_does_not_matter(judge):
    there = judge(grants=rows_of(AWARDS))
    back = judge(grants=list(reversed(rows_of(AWARDS))))
    assert keys(there, "DAT-05") == keys(back, "DAT-05") == ["G2"]
    assert only(there, "DAT-05").id == only(back, "DAT-05").id


def test_three_of_a_kind_are_two_findings(judge):
    rows = [{"grant_id": f"G{i}", "amount": 7} for i in (1, 2, 3)]
    assert keys(judge(grants=rows), "DAT-05") == ["G2", "G3"]


def test_an_identifier_given_twice_is_another_fault(judge):
    seen = judge(grants=[{"grant_id": "G1"}, {"grant_id": "G1"}])
    assert (keys(seen, "DAT-05"), set(keys(seen, "DAT-03"))) == ([], {"G1"})


@pytest.mark.parametrize(
    ("grants", "verdict"),
    [
        ([{"grant_id": "G1"}, {"grant_id": "G2", "amount": 5}], PASS),
        ([{"grant_id": "G1"}, {"grant_id": "G2"}], FAIL),
        ([{"grant_id": "G1", "activity_status": "5"}], NOT_APPLICABLE),
        ([{"grant_id": "G1", "amount": ""}], NOT_ASSESSABLE),
        ([{"grant_id": f"G{i}", "amount": i or ""} for i in range(6)], UNDETERMINED),
    ],
    ids=["two awards", "one award twice", "cancelled", "blank", "one blank"],
)
def test_verdicts_of_dat_05(judge, grants, verdict):
    assert status(judge(grants=grants), "DAT-05") is verdict
