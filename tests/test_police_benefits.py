"""Police benefits: the cover of 5.3 through a workbook, then each edge of BEN-01 and BEN-02.

The cover, worked by hand: constables 300 of 400, everyone else (150 + 100 + 40 + 8 + 2 = 300), so
600 / 700 = 85.71% for death and for injury, and 100 constables are the gap.
"""

from __future__ import annotations

import pytest

from books import (
    FAIL,
    NOT_APPLICABLE,
    NOT_ASSESSABLE,
    PASS,
    UNDETERMINED,
    found,
    held,
    keys,
    only,
    result,
    status,
)
from fundtrack.model import Severity
from fundtrack.pipeline import assess
from test_police_pay import CONFIRMED, FORCE, RANK, SETTINGS, UNIT, given, rows_of

POLICY = {
    "cover_id": "COV",
    "unit_id": "U1",
    "rank": "ALL",
    "cover_type": "death_and_injury",
    "headcount_covered": 700,
    "valid_from": "2024-01-01",
    "valid_to": "2024-12-31",
    "premium_paid_to": "2024-12-31",
}
OF_RANKS = [
    {"rank": r["rank"], "headcount_covered": 300 if r["rank"] == "Constable" else r["n"]}
    for r in ({**row, "n": row["headcount_verified"]} for row in rows_of(FORCE))
]
EVERYONE = [{"parameter": "ben.cover_min_pct", "value": 100, **CONFIRMED}]


def covered(policies, units=None, **more):
    """The tables of a programme: each policy told by what matters in it."""
    return {
        "settings": {**SETTINGS, **(more.pop("settings", None) or {})},
        "police_units": [{**UNIT, **u} for u in (units or [{}])],
        "police_cover": [{**POLICY, "cover_id": f"P{i}", **p} for i, p in enumerate(policies, 1)],
        **more,
    }


# --- Worked example 5.3 ---------------------------------------------------------------------------


def test_ben_01_names_the_hundred_constables(write):
    path = write(**given(FORCE), police_cover=[
        {**POLICY, "cover_id": f"P{i}", **p} for i, p in enumerate(OF_RANKS, 1)
    ])  # fmt: skip
    seen = assess(path)
    finding = only(seen, "BEN-01")
    assert finding.severity is Severity.WARNING  # an error once the 100% is confirmed
    assert finding.message == (
        "85.7% of the officers in U1 have death cover and 85.7% injury cover on 2024-06-30: 100 of "
        "700 lack one or both (Constable: 100)."
    )
    assert finding.remedy.startswith("Add the 100 uncovered officers to the policy")
    assert held(path, finding) == (700, "Headcount")
    figures = result(seen, "BEN-01").figures
    assert figures == {"death_share": 600 / 700, "injury_share": 600 / 700}
    assert status(seen, "BEN-02") is PASS


def test_ben_01_is_an_error_once_everyone_is_confirmed(judge):
    seen = judge(**covered([{"headcount_covered": 600}], thresholds=EVERYONE))
    assert only(seen, "BEN-01").severity is Severity.ERROR
    assert only(seen, "BEN-01").message.endswith("100 of 700 lack one or both.")


# --- BEN-01: each edge ----------------------------------------------------------------------------

NONE = {"headcount_covered": 0}
TWO = [{}, {"unit_id": "U2"}]
# Policies of one unit of 700 officers, and what is said of it.
BEN_01 = {
    PASS: [
        ([{}], None),
        ([{"headcount_covered": 900}], None),
        ([{"headcount_covered": 400}, {"headcount_covered": 300}], None),
        ([{"cover_type": "death"}, {"cover_type": "injury"}], None),
        ([{"valid_to": "2024-06-30"}], None),
        ([{"valid_from": "2024-06-30"}], None),
        ([{"premium_paid_to": "2024-01-01"}], None),  # BEN-02 asks for that
        ([{"valid_to": ""}, {}], None),
    ],
    FAIL: [
        ([{"headcount_covered": 699}], "99.9% of the officers in U1 have death cover and 99.9%"),
        ([{"cover_type": "death"}], "100% of the officers in U2 have death cover and 0% injury"),
        ([{"cover_type": "health"}], "0% of the officers in U3 have death cover and 0% injury"),
        ([{"valid_to": "2024-06-29"}], "0% of the officers in U4"),
        ([{"valid_from": "2024-07-01"}], "0% of the officers in U5"),
        ([{"valid_to": "", "headcount_covered": 600}], "at most 85.7% of the officers in U6"),
    ],
    NOT_ASSESSABLE: [
        ([{"valid_to": ""}], None),
        ([{"valid_from": ""}], None),
        ([{"headcount_covered": ""}], None),
        ([{"cover_type": ""}], None),
    ],
}


@pytest.mark.parametrize("verdict", BEN_01, ids=lambda v: v.value)
def test_verdicts_of_ben_01(judge, verdict):
    cases = BEN_01[verdict]
    names = [f"U{i}" for i, _ in enumerate(cases, 1)]
    policies = [{"unit_id": n, **p} for n, (of, _) in zip(names, cases, strict=True) for p in of]
    seen = judge(**covered(policies, [{"unit_id": n} for n in names]))
    one = result(seen, "BEN-01")
    assert one.status is verdict
    assert one.assessed_rows == (0 if verdict is NOT_ASSESSABLE else len(cases))
    hits = found(seen, "BEN-01")
    assert [f.key for f in hits] == (names if verdict is FAIL else [])
    for finding, (_, said) in zip(hits, cases, strict=False):
        assert finding.message.startswith(said)


@pytest.mark.parametrize(
    ("policies", "units", "verdict", "said"),
    [
        ([{"unit_id": "all"}], None, PASS, None),
        ([{"unit_id": "ALL", "headcount_covered": 1400}], TWO, PASS, None),
        ([{"unit_id": "ALL", "headcount_covered": 1399}], TWO, FAIL, "1 of 1,400 lack one or both"),
        ([{"unit_id": "ALL"}, {}], TWO, PASS, None),  # 700 for all, and the 700 of U1
        ([{"unit_id": "ALL", "headcount_covered": 699}, {}], TWO, FAIL, "99.9% of the officers in"),
        ([{"unit_id": ""}], None, NOT_ASSESSABLE, None),
        ([{}], [{"headcount": ""}], NOT_ASSESSABLE, None),
        ([{}], [{"headcount": 0}], NOT_APPLICABLE, None),
    ],
)
def test_policies_for_all_units(judge, policies, units, verdict, said):
    seen = judge(**covered(policies, units))
    assert status(seen, "BEN-01") is verdict
    if said:
        assert said in only(seen, "BEN-01").message


@pytest.mark.parametrize(
    ("policy", "severity"),
    [
        (NONE, Severity.ERROR),
        ({"headcount_covered": 1}, Severity.WARNING),
        ({"cover_type": "injury", "headcount_covered": 1}, Severity.WARNING),
        ({"unit_id": "ELSEWHERE"}, Severity.ERROR),
        ({"unit_id": "ALL", "headcount_covered": 0}, Severity.ERROR),
    ],
)
def test_nobody_covered_is_an_error_on_the_brief_alone(judge, policy, severity):
    assert only(judge(**covered([policy])), "BEN-01").severity is severity


def test_a_policy_of_one_rank_never_covers_more_than_the_rank(judge):
    """900 constables on paper are 6 of 10 officers here; the other rank has no policy."""
    ranks = [
        {**RANK, "headcount_verified": 6},
        {**RANK, "rank": "Sergeant", "headcount_verified": 4},
        {**RANK, "rank": "Sergeant", "headcount_verified": 9, "pay_period": "2024-01"},
    ]
    policy = {"rank": "constable", "headcount_covered": 900}
    seen = judge(**covered([policy], [{"headcount": 10}], police_pay=ranks))
    assert "60% of the officers in U1" in only(seen, "BEN-01").message
    assert only(seen, "BEN-01").message.endswith("4 of 10 lack one or both (Sergeant: 4).")


def test_units_are_judged_apart_and_a_policy_for_all_adds_to_each(judge):
    units = [{"unit_id": "U1", "headcount": 10}, {"unit_id": "U2", "headcount": 100}]
    units += [{"unit_id": f"V{i}", "headcount": 1} for i in range(8)]
    own = [{"unit_id": f"V{i}", "headcount_covered": 1} for i in range(8)]
    seen = judge(**covered([{"headcount_covered": 9}, {"unit_id": "U2"}, *own], units))
    assert keys(seen, "BEN-01") == ["U1"]
    # One officer more for all units can only be the one that U1 lacks, as all others are covered.
    some = {"unit_id": "ALL", "headcount_covered": 1}
    seen = judge(**covered([{"headcount_covered": 9}, {"unit_id": "U2"}, some, *own], units))
    assert status(seen, "BEN-01") is PASS
    # Where V7 lacks one too, nobody knows which of the two it is, only that one is missing.
    seen = judge(**covered([{"headcount_covered": 9}, {"unit_id": "U2"}, some, *own[:-1]], units))
    one = result(seen, "BEN-01")
    assert (one.assessed_rows, one.rows_in_scope) == (8 + 1, 10 + 1)  # the force is one more
    assert "a policy for all units is short" in one.reason
    assert "(U1, V7)" in one.reason
    assert only(seen, "BEN-01").key == "POLICE"
    assert "1 of 118 lack one or both" in only(seen, "BEN-01").message


def test_a_force_that_is_short_in_no_unit_that_can_be_named(judge):
    seen = judge(**covered([{"unit_id": "ALL", "headcount_covered": 1000}], TWO))
    finding = only(seen, "BEN-01")
    assert (finding.key, finding.scope, finding.cell) == ("POLICE", "force", None)
    assert finding.message == (
        "At most 71.4% of the officers of POLICE can have death cover and 71.4% injury cover: 400 "
        "of 1,400 lack one or both, but the policies for all units do not say where."
    )
    assert finding.severity is Severity.WARNING


def test_an_empty_sheet_of_policies_is_unknown_not_none(judge):
    tags = {name: f"#{name}" for name in POLICY}  # a row of tags under the headings, and no more
    one = result(judge(**{**covered([]), "police_cover": [tags]}), "BEN-01")
    assert one.status is NOT_ASSESSABLE
    assert "“Police cover” lists no policy" in one.reason


# --- BEN-02 ---------------------------------------------------------------------------------------

OTHERS = [{"unit_id": f"V{i}"} for i in range(4)]


@pytest.mark.parametrize(
    ("policy", "verdict", "heading"),
    [
        ({}, PASS, None),
        ({"valid_to": "2024-06-30", "premium_paid_to": "2024-06-30"}, PASS, None),
        ({"valid_to": "2024-06-29"}, FAIL, "To"),
        ({"valid_to": "2024-06-29", "premium_paid_to": "2024-05-31"}, FAIL, "To"),
        ({"premium_paid_to": "2024-06-29"}, FAIL, "Premium paid up to"),
        ({"premium_paid_to": ""}, UNDETERMINED, None),
        ({"valid_to": ""}, UNDETERMINED, None),
        ({"valid_from": "2024-07-01", "premium_paid_to": ""}, PASS, None),
    ],
    ids=lambda v: ", ".join(f"{k} {x}" for k, x in v.items()) if isinstance(v, dict) else None,
)
def test_verdicts_of_ben_02(judge, policy, verdict, heading):
    seen = judge(**covered([policy, *OTHERS]))
    assert status(seen, "BEN-02") is verdict
    if heading:
        finding = only(seen, "BEN-02")
        assert (finding.key, finding.heading, finding.severity) == ("P1", heading, Severity.ERROR)


def test_what_ben_02_says(judge):
    seen = judge(
        **covered([{"valid_to": "2024-06-29"}, {"unit_id": "U2", "premium_paid_to": "2024-03-31"}])
    )
    lapsed, unpaid = found(seen, "BEN-02")
    assert lapsed.message == ("Policy P1 lapsed on 2024-06-29: it was not in force on 2024-06-30.")
    assert unpaid.message == (
        "The premiums of policy P2 are paid up to 2024-03-31 only, before 2024-06-30."
    )
    assert (unpaid.value, unpaid.expected) == (
        "2024-03-31",
        "premiums paid up to 2024-06-30 or later",
    )


def test_a_policy_that_was_replaced_is_out_of_scope(judge):
    old = {"valid_to": "2024-03-31", "premium_paid_to": "2024-03-31"}
    seen = judge(
        **covered(
            [
                old,
                {**old, "cover_type": "death"},
                {**old, "cover_type": "health"},
                {**old, "rank": "Constable"},
                {**old, "unit_id": "U2"},
                {},
            ]
        )
    )
    assert keys(seen, "BEN-02") == ["P3", "P4", "P5"]


def test_without_a_reference_date_or_premiums_ben_02_stays_open(judge):
    # No other date in the workbook could stand in for it.
    one = result(judge(**covered([{}], settings={"reference_date": ""})), "BEN-02")
    assert (one.status, one.assessed_rows) == (NOT_ASSESSABLE, 0)
    assert "no reference date is known" in one.reason
    seen = judge(**covered([{}]), without={"police_cover": ["premium_paid_to"]})
    assert "“Premium paid up to” is blank" in result(seen, "BEN-02").reason
    nowhere = result(judge(**covered([{}], settings={"reference_date": ""})), "BEN-01")
    assert nowhere.status is NOT_ASSESSABLE
