"""Police pay: the force of 5.3 through a workbook, its traps, then each edge of PAY-01 to 05, 08.

The force, worked by hand (living wage 300 net, no deductions):

    rank            officers  base + regular   pay    / 300     h x pay   short of 300
    Constable          400     220 +    40     260    86.67%    104,000         16,000
    Corporal           150     250 +    40     290    96.67%     43,500          1,500
    Sergeant           100     300 +    45     345   115.00%     34,500              0
    Inspector           40     420 +    60     480   160.00%     19,200              0
    Superintendent       8     700 +   100     800   266.67%      6,400              0
    Commissioner         2   1,200 +   200   1,400   466.67%      2,800              0
    all                700                                      210,400         17,500

    below: 550 / 700 = 78.57%    capped index: 641.667 / 700 = 91.67%
    mean:  210,400 / 700 = 300.57, 100.19% of 300: looks adequate, and is not
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from books import (
    FAIL,
    NOT_APPLICABLE,
    NOT_ASSESSABLE,
    PASS,
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

SETTINGS = {
    "workbook_type": "programme",
    "reporting_currency": "XTS",
    "reference_date": "2024-06-30",
}
FORCE = """
rank           | headcount_verified | base_pay | regular_allowances | hazard_allowance | overtime_pay | months_in_arrears | paid_date  | headcount_paid
Constable      | 400                | 220      | 40                 | 30               | 25           | 2                 | 2024-06-24 | 412
Corporal       | 150                | 250      | 40                 | 30               | 20           | 1                 | 2024-06-07 | 150
Sergeant       | 100                | 300      | 45                 | 30               | 0            | 0.5               | 2024-05-31 | 100
Inspector      | 40                 | 420      | 60                 | 0                | 0            | 0                 | 2024-05-31 | 40
Superintendent | 8                  | 700      | 100                | 0                | 0            | 0                 | 2024-05-31 | 8
Commissioner   | 2                  | 1,200    | 200                | 0                | 0            | 0                 | 2024-05-31 | 2
"""  # noqa: E501
RANK = {
    "unit_id": "U1",
    "rank": "Constable",
    "pay_period": "2024-05",
    "headcount_verified": 10,
    "headcount_paid": 10,
    "base_pay": 300,
    "regular_allowances": 0,
    "in_kind_value": "",
    "deductions_mandatory": 0,
    "currency": "XTS",
    "due_date": "2024-05-31",
    "paid_date": "2024-05-31",
    "months_in_arrears": 0,
    "gross_due_total": 3000,
    "net_paid_total": 3000,
}
UNIT = {
    "unit_id": "U1",
    "org_id": "POLICE",
    "area_code": "A",
    "benchmark_area": "A",
    "as_of_date": "2024-05-01",
    "headcount": 700,
}
LIVING = {
    "benchmark_area": "A",
    "type": "living_wage",
    "amount": 300,
    "currency": "XTS",
    "basis": "net",
    "year": 2024,
    "source": "Wage study",
}
MINIMUM = {**LIVING, "type": "minimum_wage", "amount": 240, "source": "Labour act"}
CONFIRMED = {
    "confirmed_by": "Head of Grants",
    "confirmed_date": "2024-01-10",
    "source_note": "Policy",
}


def given(ranks, units=None, benchmarks=None, **more):
    """The tables of a programme: rows of Police pay, each told by what matters in it."""
    settings = {**SETTINGS, **(more.pop("settings", None) or {})}
    ranks = rows_of(ranks)
    return {
        "settings": settings,
        "police_units": [{**UNIT, **u} for u in (units or [{}])],
        "pay_benchmarks": [LIVING, MINIMUM] if benchmarks is None else benchmarks,
        "police_pay": [{**RANK, **row} for row in ranks],
        **more,
    }


def confirmed(**values):
    return [{"parameter": n.replace("__", "."), "value": v, **CONFIRMED} for n, v in values.items()]


def each_apart(cases):
    """The tables for many cases in one workbook: each its own unit, force, area and benchmarks.

    A case is what it says of the pay row, and of its living wage and legal minimum.
    """
    names = [f"U{i}" for i, _ in enumerate(cases, 1)]
    wages = [
        {**wage, "benchmark_area": name, **case[1]}
        for name, case in zip(names, cases, strict=True)
        for wage in (LIVING, MINIMUM)
    ]
    return given(
        [{"unit_id": name, **case[0]} for name, case in zip(names, cases, strict=True)],
        units=[{"unit_id": n, "org_id": f"F{n}", "benchmark_area": n} for n in names],
        benchmarks=wages,
        organisations=[{"org_id": f"F{n}", "org_type": "10"} for n in names],
    )


def judged_alike(seen, check, verdict, cases):
    """Every case of a workbook has this verdict, and its finding says what it should."""
    one, n = result(seen, check), len(cases)
    hits = found(seen, check)
    assert one.status is verdict
    assert len(hits) == len({f.key for f in hits}) == (n if verdict is FAIL else 0), keys(
        seen, check
    )
    if verdict is NOT_APPLICABLE:
        assert one.rows_in_scope == 0
    else:
        assert one.rows_in_scope - one.assessed_rows == (n if verdict is NOT_ASSESSABLE else 0)
    for finding, case in zip(hits, cases, strict=False):
        assert case[-1] is None or isinstance(case[-1], dict) or case[-1] in finding.message


@pytest.fixture(scope="module")
def force(tmp_path_factory):
    """The workbook of 5.3, and its assessment."""
    path = book(tmp_path_factory.mktemp("force"), **given(FORCE))
    return path, assess(path)


# --- Worked example 5.3 ---------------------------------------------------------------------------


def test_pay_01_fails_two_ranks(force):
    path, seen = force
    low, nearly = found(seen, "PAY-01")
    assert (low.key, nearly.key) == ("U1, Constable, 2024-05", "U1, Corporal, 2024-05")
    assert {low.severity, nearly.severity} == {Severity.ERROR}
    assert low.message == (
        "Constable in U1, 2024-05: regular pay of 260 XTS is 86.7% of the living wage of 300 XTS "
        "a month (Wage study, 2024)."
    )
    assert low.remedy.startswith("Raise pay by 40 XTS a month for each of 400 officers")
    assert "96.7%" in nearly.message
    assert held(path, low) == (220, "Base pay")
    assert result(seen, "PAY-01").assessed_rows == 6


def test_pay_08_passes(force):
    assert status(force[1], "PAY-08") is PASS


def test_pay_02_counts_officers_and_is_not_fooled_by_the_mean(force):
    seen = force[1]
    one = result(seen, "PAY-02")
    assert one.status is FAIL
    assert one.value == 550 / 700
    assert one.value == pytest.approx(0.785714285714, abs=1e-12)
    assert one.figures["capped_index"] == pytest.approx((346 + 2 / 3 + 295) / 700, abs=1e-12)
    assert one.figures["plain_mean"] == pytest.approx(210_400 / 700 / 300, abs=1e-12)
    assert round(one.figures["plain_mean"] * 100, 2) == 100.19
    assert (one.figures["gap_a_month"], one.figures["gap_a_year"]) == (17_500, 210_000)
    assert round(one.figures["gap_of_wage_bill"] * 100, 2) == 8.32
    finding = only(seen, "PAY-02")
    assert finding.severity is Severity.WARNING  # an error once the 0% is confirmed
    assert finding.message == (
        "78.6% of officers (550 of 700) are paid below the living wage; closing "
        "the gap costs 17,500 XTS a month (8.3% of the wage bill), 210,000 XTS a year; the limit "
        "is 0%. The mean over all officers, 100.2% of the living wage, does not show it. "
        "(The benchmark is a house default that no donor has confirmed.)"
    )
    assert group(seen, "PAY-02", org_id="POLICE").value == 550 / 700


def test_pay_03_finds_the_ranks_paid_late(force):
    path, seen = force
    late, later = only(seen, "PAY-03", row=2), only(seen, "PAY-03", row=3)
    assert len(found(seen, "PAY-03")) == 2
    assert {late.severity, later.severity} == {Severity.WARNING}
    assert late.message == (
        "Constable in U1, 2024-05: paid 24 days after pay day, 2024-05-31. 21.4% of the officers "
        "of POLICE were paid within 5 days of it that month; the benchmark is 95%."
    )
    assert "paid 7 days after" in later.message
    assert held(path, late)[1] == "Paid on"
    assert result(seen, "PAY-03").figures["on_time_share"] == 150 / 700


def test_pay_04_tells_one_month_from_less(force):
    path, seen = force
    two, one, half = found(seen, "PAY-04")
    assert [f.severity for f in (two, one, half)] == [*[Severity.ERROR] * 2, Severity.WARNING]
    assert two.message == (
        "Constable in U1: 400 officers are owed 2 months of pay, 208,000 XTS in all. A year with "
        "so much unpaid comes to 72.2% of the living wage."
    )
    assert "owed 1 month of pay, 43,500 XTS in all" in one.message
    assert "88.6%" in one.message
    assert "owed 0.5 months of pay, 17,250 XTS in all" in half.message
    assert "110.2%" in half.message
    assert held(path, two) == (2, "Months owed")
    figures = result(seen, "PAY-04").figures
    assert (figures["officer_months"], figures["value"]) == (1000, 268_750)
    assert figures["mean_months"] == pytest.approx(1000 / 700, abs=1e-12)
    assert round(figures["value_of_month_bill"] * 100, 2) == 127.73
    assert figures["owed_a_month_share"] == 550 / 700


def test_pay_05_finds_the_twelve_who_were_not_there(force):
    path, seen = force
    finding = only(seen, "PAY-05")
    assert finding.severity is Severity.WARNING  # an error once the 1% is confirmed
    assert finding.message == (
        "Constable in U1, 2024-05: 412 paid, 400 verified present (3% more)."
    )
    assert "the 12 officers too many" in finding.remedy
    assert held(path, finding) == (412, "Officers paid")
    assert round(result(seen, "PAY-05").figures["paid_beyond_verified"] * 100, 2) == 1.71


def test_confirmed_house_numbers_make_errors(judge):
    seen = judge(
        **given(FORCE, thresholds=confirmed(pay__below_max_pct=0, pay__ghost_max_pct=1)),
    )
    assert only(seen, "PAY-02").severity is Severity.ERROR
    assert "house default" not in only(seen, "PAY-02").message
    assert only(seen, "PAY-05").severity is Severity.ERROR


def test_risk_money_and_overtime_never_make_pay_adequate(judge):
    """With them constables would have 315 and corporals 340, and both would pass."""
    rows = [{k: v for k, v in r.items() if k not in ("hazard_allowance", "overtime_pay")}
            for r in rows_of(FORCE)]  # fmt: skip
    without = judge(**given(rows))
    assert len(keys(without, "PAY-01")) == 2
    assert result(without, "PAY-02").value == 550 / 700


def test_without_a_column_of_deductions_only_what_is_sure_is_said(judge):
    """Blank is unknown: two ranks are too low even before deductions, the others stay open."""
    seen = judge(**given(FORCE), without={"police_pay": ["deductions_mandatory"]})
    assert keys(seen, "PAY-01") == ["U1, Constable, 2024-05", "U1, Corporal, 2024-05"]
    assert "260 XTS, before any deductions, is" in found(seen, "PAY-01")[0].message
    one = result(seen, "PAY-01")
    assert (one.status, one.assessed_rows, one.rows_in_scope) == (FAIL, 2, 6)
    assert "“Mandatory deductions” is blank" in one.reason
    share = result(seen, "PAY-02")
    assert (share.status, share.low, share.high) == (FAIL, 550 / 700, 1.0)
    assert "costs at least 17,500 XTS" in only(seen, "PAY-02").message


# --- PAY-01: each edge ----------------------------------------------------------------------------

MANY = [{"rank": f"R{i}", "base_pay": 500} for i in range(9)]  # nine ranks that are well paid


PAY_01 = {
    PASS: [
        ({"base_pay": 300}, {}),
        ({"base_pay": 260, "regular_allowances": 40}, {}),
        ({"base_pay": 300, "deductions_mandatory": 1}, {"basis": "gross"}),
        ({"base_pay": 300, "deductions_mandatory": ""}, {"basis": "gross"}),
        ({"base_pay": 210, "in_kind_value": 90}, {}),  # 30% of 300 counts
        ({"base_pay": 210, "in_kind_value": 500}, {}),
    ],
    FAIL: [
        ({"base_pay": 299.99}, {}),
        ({"base_pay": 300, "deductions_mandatory": 1}, {}),
        ({"base_pay": 299, "deductions_mandatory": ""}, {}),
        ({"base_pay": 209, "in_kind_value": 90}, {}),
        ({"base_pay": 209, "in_kind_value": 500}, {}),
        ({"base_pay": 299, "in_kind_value": ""}, {}),
        ({"headcount_verified": "", "base_pay": 1}, {}),
        ({"base_pay": 299}, {"year": 2022}),
        ({"base_pay": 299}, {"basis": ""}),  # too low even if the living wage were gross
    ],
    NOT_ASSESSABLE: [
        ({"base_pay": 300, "deductions_mandatory": ""}, {}),
        ({"base_pay": ""}, {}),
        ({"base_pay": 299, "regular_allowances": ""}, {}),
        ({"base_pay": 300}, {"year": 2025}),
        ({"base_pay": 300}, {"source": ""}),
        ({"base_pay": 300}, {"basis": ""}),
        ({"base_pay": 300}, {"benchmark_area": "ELSEWHERE"}),
        ({"base_pay": 300}, {"type": "national_average"}),
        ({"base_pay": 300}, {"currency": "USD"}),
        ({"base_pay": 1, "unit_id": "UNLISTED"}, {}),
        ({"base_pay": 1, "pay_period": ""}, {}),
    ],
    NOT_APPLICABLE: [({"headcount_verified": 0, "base_pay": 1}, {})],
}


@pytest.mark.parametrize("verdict", PAY_01, ids=lambda v: v.value)
def test_verdicts_of_pay_01(judge, verdict):
    judged_alike(judge(**each_apart(PAY_01[verdict])), "PAY-01", verdict, PAY_01[verdict])


def test_what_pay_01_says_of_its_benchmark(judge):
    seen = judge(
        **given(
            [
                {"rank": "OLD", "pay_period": "2023-12", "base_pay": 100},
                {"rank": "NEW", "pay_period": "2024-05", "base_pay": 299, "headcount_verified": ""},
                {"rank": "AWAY", "unit_id": "U2", "base_pay": 200, "headcount_verified": 1},
                {"rank": "NONE", "unit_id": "U3", "base_pay": 1},
                {"rank": "OPEN", "deductions_mandatory": ""},
            ],
            units=[
                {},
                {"unit_id": "U2", "benchmark_area": "B"},
                {"unit_id": "U3", "benchmark_area": "C"},
            ],
            benchmarks=[
                {**LIVING, "year": 2021, "amount": 200},
                {**LIVING, "year": 2022, "amount": 250},
                {**LIVING, "amount": 300},
                {**LIVING, "amount": 900, "source": "Given twice"},
                {**LIVING, "benchmark_area": "B", "amount": 110, "currency": "EUR"},
            ],
            exchange_rates=[
                {
                    "from_currency": "EUR",
                    "to_currency": "XTS",
                    "rate_date": "2024-05-20",
                    "rate": 2,
                    "source": "Bank",
                }
            ],
        )
    )
    old, new, away = found(seen, "PAY-01")
    assert "40% of the living wage of 250 XTS" in old.message
    assert "(Wage study, 2022, as none is listed for 2023)" in old.message
    assert "99.7% of the living wage of 300 XTS a month (Wage study, 2024)" in new.message
    assert "for each of its officers" in new.remedy
    assert "living wage of 220 XTS" in away.message
    assert "(Wage study, 2024; 110 EUR at the rate of pay day)" in away.message
    assert "for each of 1 officer," in away.remedy
    reason = result(seen, "PAY-01").reason
    assert "“Mandatory deductions” is blank or not usable (U1, OPEN, 2024-05)" in reason
    assert "no living wage with its source is listed for the pay benchmark area" in reason
    assert "(U3, NONE, 2024-05)" in reason
    assert result(seen, "PAY-08").status is NOT_ASSESSABLE


def test_only_the_cap_on_housing_and_food_rests_on_a_house_number(judge):
    ranks = [
        {"rank": "CAP", "base_pay": 209, "in_kind_value": 500},  # in full it would be enough
        {"rank": "LOW", "base_pay": 100, "in_kind_value": 100},
    ]
    seen = judge(**given(ranks))
    assert [f.severity for f in found(seen, "PAY-01")] == [Severity.WARNING, Severity.ERROR]
    assert "299 XTS" in found(seen, "PAY-01")[0].message
    seen = judge(**given(ranks, thresholds=confirmed(pay__in_kind_cap_pct=30)))
    assert [f.severity for f in found(seen, "PAY-01")] == [Severity.ERROR, Severity.ERROR]


def test_one_open_rank_of_ten_is_undetermined(judge):
    seen = judge(**given([*MANY, {"deductions_mandatory": ""}]))
    assert status(seen, "PAY-01") is UNDETERMINED
    share = result(seen, "PAY-02")
    assert (share.status, share.low, share.high) == (UNDETERMINED, 0.0, 0.1)


# --- PAY-02 ---------------------------------------------------------------------------------------


def test_a_unit_is_counted_once_in_its_latest_month(judge):
    """Twelve months of one unit, one of another: 10 of 30 officers are below, not 130 of 150."""
    ranks = [{"pay_period": f"2024-{m:02}", "base_pay": 100} for m in range(1, 5)]
    ranks += [{"base_pay": 299}, {"base_pay": 1}]  # the latest month; the same rank again is DAT-03
    ranks += [{"unit_id": "U2", "pay_period": "2024-03", "headcount_verified": 20}]
    seen = judge(**given(ranks, units=[{}, {"unit_id": "U2"}]))
    one = result(seen, "PAY-02")
    assert (one.value, one.figures["gap_a_month"]) == (10 / 30, 10)
    assert len(found(seen, "PAY-01")) == 6


def test_each_force_of_several_is_judged_apart(judge):
    units = [{}, {"unit_id": "U2", "org_id": "GUARD"}]
    orgs = "org_id | org_type\nPOLICE | 10\nGUARD | 10"
    ranks = [{"base_pay": 299}, {"unit_id": "U2", "rank": "Guard", "headcount_verified": 30}]
    seen = judge(**given(ranks, units=units, organisations=orgs))
    whole, police = found(seen, "PAY-02")
    assert (whole.key, whole.value) == ("portfolio", 0.25)
    assert (police.key, police.sheet, police.value) == ("POLICE", "Organisations", "POLICE")
    assert police.message.startswith("POLICE: 100% of officers (10 of 10)")
    assert "closing the gap costs 10 XTS a month (0.3% of the wage bill)" in police.message
    assert group(seen, "PAY-02", org_id="GUARD").status is PASS


@pytest.mark.parametrize(
    ("ranks", "more", "verdict"),
    [
        ([{"base_pay": 300}], {}, PASS),
        ([{"base_pay": 299}], {}, FAIL),
        ([{"base_pay": 299}, *MANY], {"thresholds": confirmed(pay__below_max_pct=10)}, PASS),
        ([{"base_pay": 299}, *MANY], {"thresholds": confirmed(pay__below_max_pct=9.9)}, FAIL),
        ([{"headcount_verified": ""}], {}, NOT_APPLICABLE),
        ([{"headcount_verified": 0}], {}, NOT_APPLICABLE),
        ([{"headcount_verified": ""}, {"rank": "R"}], {}, NOT_ASSESSABLE),
        ([{"base_pay": ""}], {}, NOT_ASSESSABLE),
    ],
    ids=[
        "enough", "below", "a tenth allowed", "less allowed", "not counted", "nobody",
        "half not counted", "no pay",
    ],
)  # fmt: skip
def test_verdicts_of_pay_02(judge, ranks, more, verdict):
    assert status(judge(**given(ranks, **more)), "PAY-02") is verdict


# --- PAY-03 ---------------------------------------------------------------------------------------


def after(days):
    return (date(2024, 5, 31) + timedelta(days=days)).isoformat()


# Days late, other officers of the force who were paid on the day, what is said.
PAY_03 = {
    PASS: [(-3, 0, None), (5, 0, None), (6, 190, None), (31, 190, None)],  # 190 of 200 is 95%
    FAIL: [
        (6, 0, "paid 6 days after"),
        (6, 189, "paid 6 days after"),
        (31, 189, "paid 31 days after"),
        (32, 190, "paid 32 days after"),
    ],
}


@pytest.mark.parametrize("verdict", PAY_03, ids=lambda v: v.value)
def test_edges_of_pay_03(judge, verdict):
    tables = each_apart([({"paid_date": after(late)}, {}) for late, _, _ in PAY_03[verdict]])
    tables["police_pay"] += [
        {**RANK, "unit_id": f"U{i}", "rank": "R", "headcount_verified": others}
        for i, (_, others, _) in enumerate(PAY_03[verdict], 1)
    ]
    seen = judge(**tables)
    judged_alike(seen, "PAY-03", verdict, PAY_03[verdict])
    severities = [Severity.WARNING] * 3 + [Severity.ERROR]
    assert [f.severity for f in found(seen, "PAY-03")] == (severities if verdict is FAIL else [])


def test_no_payment_is_late_once_the_grace_has_passed(judge):
    due = {6: "2024-06-24", 31: "2024-05-30", 32: "2024-05-29"}  # days before 2024-06-30
    unpaid = [({"paid_date": "", "due_date": day}, {}) for day in due.values()]
    seen = judge(**each_apart(unpaid))
    assert [f.severity for f in found(seen, "PAY-03")] == [
        Severity.WARNING,
        Severity.WARNING,
        Severity.ERROR,
    ]
    for days, finding in zip(due, found(seen, "PAY-03"), strict=True):
        assert f": not paid {days} days after pay day" in finding.message
        assert finding.value is None
    pending = [({"paid_date": "", "due_date": d}, {}) for d in ("2024-06-25", "2024-07-31")]
    judged_alike(judge(**each_apart(pending)), "PAY-03", NOT_APPLICABLE, pending)
    timeless = {**given([{"paid_date": ""}]), "settings": {**SETTINGS, "reference_date": ""}}
    one = result(judge(**timeless), "PAY-03")
    assert one.status is NOT_ASSESSABLE
    assert "no reference date is known" in one.reason


def test_the_share_of_pay_03_is_of_one_force_in_one_month(judge):
    ranks = [
        {"rank": "LATE", "paid_date": after(20)},  # with UNKNOWN in time: 10 of 20
        {"rank": "UNKNOWN", "due_date": ""},
        {"rank": "OTHER", "unit_id": "U2", "headcount_verified": 1000},
        {"rank": "EARLIER", "pay_period": "2024-04", "headcount_verified": 1000},
        {"rank": "ABSENT", "headcount_verified": 0, "paid_date": after(90)},
    ]
    orgs = "org_id | org_type\nPOLICE | 10\nGUARD | 10"
    units = [{}, {"unit_id": "U2", "org_id": "GUARD"}]
    seen = judge(**given(ranks, units=units, organisations=orgs))
    assert "At most 50% of the officers of POLICE" in only(seen, "PAY-03").message
    assert "“Pay day” is blank" in result(seen, "PAY-03").reason
    ranks = [{"paid_date": after(20)}, {"rank": "BIG", "due_date": "", "headcount_verified": 999}]
    assert status(judge(**given(ranks)), "PAY-03") is NOT_ASSESSABLE  # it may be 99% in time


# --- PAY-04 ---------------------------------------------------------------------------------------


PAY_04 = {
    PASS: [({"months_in_arrears": 0}, {})],
    FAIL: [({"months_in_arrears": months}, {}) for months in (0.01, 0.99, 1, 14)],
    NOT_ASSESSABLE: [({"months_in_arrears": ""}, {})],
    NOT_APPLICABLE: [({"months_in_arrears": 3, "headcount_verified": 0}, {})],
}


@pytest.mark.parametrize("verdict", PAY_04, ids=lambda v: v.value)
def test_verdicts_of_pay_04(judge, verdict):
    seen = judge(**each_apart(PAY_04[verdict]))
    judged_alike(seen, "PAY-04", verdict, PAY_04[verdict])
    if verdict is FAIL:
        grave = [f.severity is Severity.ERROR for f in found(seen, "PAY-04")]
        assert grave == [False, False, True, True]


def test_arrears_are_said_for_the_latest_month_and_without_a_benchmark(judge):
    ranks = [
        {"pay_period": "2024-04", "months_in_arrears": 9},
        {"rank": "ONE", "months_in_arrears": 13, "headcount_verified": 1},
        {"rank": "UNCOUNTED", "months_in_arrears": 1, "headcount_verified": ""},
        {"rank": "OPEN", "months_in_arrears": 1, "deductions_mandatory": ""},
    ]
    one, uncounted, open_ = found(judge(**given(ranks)), "PAY-04")
    assert one.message == (
        "ONE in U1: 1 officer is owed 13 months of pay, 3,900 XTS in all. A year with so much "
        "unpaid comes to 0% of the living wage."
    )
    assert uncounted.message.startswith("UNCOUNTED in U1: its officers are owed 1 month of pay. A")
    assert open_.message == "OPEN in U1: 10 officers are owed 1 month of pay, 3,000 XTS in all."
    seen = judge(
        **{**given([{"months_in_arrears": 2}]), "pay_benchmarks": None, "police_units": None}
    )
    assert only(seen, "PAY-04").message.endswith("owed 2 months of pay, 6,000 XTS in all.")
    assert status(seen, "PAY-01") is NOT_ASSESSABLE


def test_sums_in_several_currencies_are_converted_or_left_out(judge):
    ranks = [
        {"months_in_arrears": 1, "base_pay": 200},
        {"rank": "EURO", "currency": "EUR", "base_pay": 100, "months_in_arrears": 1},
    ]
    rate = {
        "from_currency": "EUR",
        "to_currency": "XTS",
        "rate_date": "2024-05-31",
        "rate": 2,
        "source": "Bank",
    }
    figures = {}
    for rates in ([rate], [{**rate, "rate_date": "2023-01-01"}]):
        seen = judge(**given(ranks, exchange_rates=rates))
        figures[len(figures)] = {**result(seen, "PAY-04").figures, **result(seen, "PAY-02").figures}
    assert (figures[0]["value"], figures[0]["gap_a_month"]) == (4000, 2000)
    assert figures[0]["officer_months"] == figures[1]["officer_months"] == 20
    assert "value" not in figures[1]


# --- PAY-05 ---------------------------------------------------------------------------------------


PAY_05 = {
    PASS: [
        ({"headcount_verified": 100, "headcount_paid": 101}, {}),
        ({"headcount_verified": 100, "headcount_paid": 90}, {}),
        ({"net_paid_total": 2970}, {}),  # 99% of 3,000
        ({"net_paid_total": 2475, "deductions_mandatory": 50}, {}),  # 99% of 2,500
        ({"net_paid_total": 2970, "deductions_mandatory": ""}, {}),
    ],
    FAIL: [
        ({"headcount_verified": 100, "headcount_paid": 102}, {}, "(2% more)"),
        ({"headcount_verified": 1000, "headcount_paid": 1011}, {}, "(1.1% more)"),
        (
            {"net_paid_total": 2969},
            {},
            "2,969 XTS was paid of 3,000 XTS due after deductions, 98.9",
        ),
        ({"net_paid_total": 2474, "deductions_mandatory": 50}, {}, "of 2,500 XTS due"),
        ({"headcount_verified": 0, "headcount_paid": 4}, {}, "(none of them was there)"),
    ],
    NOT_ASSESSABLE: [
        ({"headcount_paid": ""}, {}),
        ({"net_paid_total": ""}, {}),
        ({"gross_due_total": ""}, {}),
        ({"net_paid_total": 2969, "deductions_mandatory": ""}, {}),
    ],
    NOT_APPLICABLE: [
        (
            {
                "headcount_verified": 0,
                "headcount_paid": 0,
                "gross_due_total": 0,
                "net_paid_total": 0,
            },
            {},
        )
    ],
}


@pytest.mark.parametrize("verdict", PAY_05, ids=lambda v: v.value)
def test_verdicts_of_pay_05(judge, verdict):
    seen = judge(**each_apart(PAY_05[verdict]))
    judged_alike(seen, "PAY-05", verdict, PAY_05[verdict])
    if verdict is FAIL:  # that nobody was there rests on no number of the house
        grave = [f.severity is Severity.ERROR for f in found(seen, "PAY-05")]
        assert grave == [False] * 4 + [True]


def test_pay_05_judges_what_it_has(judge):
    columns = ["gross_due_total", "net_paid_total"]
    seen = judge(**given([{"headcount_paid": 11}]), without={"police_pay": columns})
    assert only(seen, "PAY-05").heading == "Officers paid"
    assert "“Total gross due”, “Total net paid” are blank" in result(seen, "PAY-05").reason
    seen = judge(**given([{}]), without={"police_pay": ["headcount_paid", *columns]})
    assert status(seen, "PAY-05") is NOT_ASSESSABLE
    assert "There is no column" in result(seen, "PAY-05").reason


# --- PAY-08 ---------------------------------------------------------------------------------------


LEGAL = {"amount": 240}
PAY_08 = {
    PASS: [
        ({"base_pay": 240}, LEGAL),
        ({"base_pay": 240, "deductions_mandatory": 1}, {**LEGAL, "basis": "gross"}),
    ],
    FAIL: [
        ({"base_pay": 239}, LEGAL),
        ({"base_pay": 199, "regular_allowances": 40}, LEGAL),
        ({"base_pay": 240, "deductions_mandatory": 1}, LEGAL),
        ({"base_pay": 200, "in_kind_value": 90}, LEGAL),
    ],
    NOT_ASSESSABLE: [
        ({"base_pay": 240, "deductions_mandatory": ""}, LEGAL),
        ({"base_pay": 240}, {**LEGAL, "year": 2025}),
        ({"base_pay": ""}, LEGAL),
    ],
    NOT_APPLICABLE: [({"base_pay": 1, "headcount_verified": 0}, LEGAL)],
}


@pytest.mark.parametrize("verdict", PAY_08, ids=lambda v: v.value)
def test_verdicts_of_pay_08(judge, verdict):
    judged_alike(judge(**each_apart(PAY_08[verdict])), "PAY-08", verdict, PAY_08[verdict])


def test_what_pay_08_says(judge):
    ranks = [
        {"pay_period": "2024-04", "base_pay": 1},  # no longer the latest month
        {"base_pay": 200, "in_kind_value": 90},
    ]
    finding = only(judge(**given(ranks)), "PAY-08")
    assert finding.severity is Severity.ERROR
    assert finding.message == (
        "Constable in U1, 2024-05: regular pay of 200 XTS is below the legal minimum of 240 XTS a "
        "month (Labour act, 2024). Housing and food worth 90 XTS do not count."
    )
    assert finding.remedy.startswith("Raise it by 40 XTS a month at once")
