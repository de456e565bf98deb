"""Resilience: one portfolio split by hand, then each rule of the split and each edge.

By hand, in EUR, all grants to LOC-A:

    G1  NG  100,000  strand security    lines: FORUM 30,000, STAFF 20,000, INDIV 10,000
                                        30,000 resilience, 20,000 + 40,000 left security, 10,000
                                        individual
    G2  NG   60,000  strand resilience  line: MEL 20,000 across all; 40,000 left resilience
    G3  LK   50,000  strand individual  lines of 80,000 (PARTNERSHIP 40,000, INDIV 40,000): pro
                                        rata 25,000 and 25,000
    G4  LK   10,000  strand none        left out

    resilience 30 + 40 + 25 = 95; individual 10 + 25 = 35; security 60; together 190,000
    across all 20,000, split as 95 : 35 : 60; whole 210,000, resilience 105,000: 50%
    NG alone: 70 + 10 of the 20 across, of 160: 50%; LK alone: 25 of 50
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
    group,
    keys,
    only,
    result,
    status,
)
from fundtrack import schema
from fundtrack.model import Severity
from fundtrack.pipeline import assess

GRANTS = """
grant_id | country | amount  | pve_strand
G1       | NG      | 100,000 | security
G2       | NG      | 60,000  | resilience
G3       | LK      | 50,000  | individual
G4       | LK      | 10,000  | none
"""
LINES = """
line_id | parent_id | category    | amount
L1      | G1        | FORUM       | 30,000
L2      | G1        | STAFF       | 20,000
L3      | G1        | INDIV       | 10,000
L4      | G2        | MEL         | 20,000
L5      | G3        | PARTNERSHIP | 40,000
L6      | G3        | INDIV       | 40,000
"""


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return assess(book(tmp_path_factory.mktemp("split"), grants=GRANTS, budget_lines=LINES))


def test_the_portfolio_of_the_table(example):
    one = result(example, "RES-01")
    assert (one.status, one.findings, one.reason) == (PASS, [], None)
    assert one.value == one.low == one.high == pytest.approx(0.5, abs=1e-15)
    figures = one.figures
    assert figures["T"] == 210_000
    assert (figures["individual"], figures["security"]) == (35_000, 60_000)
    assert figures["crosscutting"] == 20_000
    assert figures["resilience"] == 95_000
    assert figures["resilience_of_crosscutting"] == 10_000
    assert (one.assessed_rows, one.rows_in_scope) == (4, 4)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(60_000 / 210_000, id="the grants' strands alone"),
        pytest.param(95_000 / 210_000, id="nothing of what serves all"),
        pytest.param(115_000 / 210_000, id="all of what serves all"),
        pytest.param(105_000 / 220_000, id="dividing by the strand none as well"),
        pytest.param(125_000 / 240_000, id="lines beyond their grant"),
    ],
)
def test_res_01_is_not_what_a_mistake_would_give(example, wrong):
    assert result(example, "RES-01").value != pytest.approx(wrong, abs=1e-3)


def test_res_01_by_country(example):
    nigeria, lanka = (group(example, "RES-01", country=c) for c in ("NG", "LK"))
    assert nigeria.figures["T"] == 160_000
    assert (nigeria.value, lanka.value) == (pytest.approx(0.5), pytest.approx(0.5))


def test_res_02_of_the_table(example):
    assert (status(example, "RES-02"), result(example, "RES-02").rows_in_scope) == (PASS, 2)


def grant(number: int, amount: int, strand: str, **more: object) -> dict:
    return {"grant_id": f"G{number}", "amount": amount, "pve_strand": strand, **more}


def line(number: int, category: str, amount: object, **more: object) -> dict:
    return {"line_id": f"L{number}", "category": category, "amount": amount, **more}


OF_SUB = {"parent_type": "subgrant"}
CONFIRMED = [{"parameter": "res.resilience_min_pct", "value": 30}]

# The strand of a grant of 100, its lines, and the lowest and highest share of resilience.
SPLITS = [
    ("its own strand", "resilience", [], 1, 1),
    ("a line's strand before its category's", "security",
     [line(1, "FORUM", 40, pve_strand="individual")], 0, 0),
    ("a line's strand before its grant's", "security",
     [line(1, "OTHER", 40, pve_strand="resilience")], 0.4, 0.4),
    ("a category before the grant", "security", [line(1, "RESIL", 25)], 0.25, 0.25),
    ("staff as the grant", "resilience", [line(1, "STAFF", 25), line(2, "INDIV", 50)], 0.5, 0.5),
    ("overheads are for none", "security", [line(1, "OVERHEAD", 50), line(2, "RESIL", 25)],
     0.5, 0.5),
    ("lines over the grant, pro rata", "security", [line(1, "RESIL", 90), line(2, "INDIV", 90)],
     0.5, 0.5),
    ("a revised budget replaces the first", "security",
     [line(1, "RESIL", 100, budget_type="1"), line(2, "RESIL", 20, budget_type="2")], 0.2, 0.2),
    ("a line that says nothing", "resilience", [line(1, "", 50), line(2, "INDIV", 20)], 0.8, 0.8),
    ("a programme's line", "security", [line(1, "RESIL", 50, parent_type="programme")], 0, 0),
    ("no strand", "", [], 0, 1),
    ("no strand for what is left", "", [line(1, "RESIL", 30), line(2, "POL_PAY", 50)], 0.3, 0.5),
    ("no strand, and staff as the grant", "", [line(1, "STAFF", 20), line(2, "RESIL", 80)],
     0.8, 1),
    ("no strand, all in lines", "", [line(1, "RESIL", 30), line(2, "POL_PAY", 70)], 0.3, 0.3),
    ("no amount in one line", "security", [line(1, "RESIL", 30), line(2, "RESIL", "")], 0.3, 1),
    ("sub-grants by their own lines", "security",
     [line(1, "SUBGRANT", 60), line(2, "POL_PAY", 40),
      line(3, "RESIL", 45, **OF_SUB), line(4, "INDIV", 15, **OF_SUB)], 0.45, 0.45),
    ("sub-grants without lines as the grant", "resilience",
     [line(1, "SUBGRANT", 60), line(2, "POL_PAY", 40)], 0.6, 0.6),
    ("sub-grants with some lines", "security",
     [line(1, "SUBGRANT", 60), line(2, "INDIV", 40), line(3, "RESIL", 30, **OF_SUB)], 0.3, 0.3),
    ("a strand for the sub-grants' line", "security",
     [line(1, "SUBGRANT", 60, pve_strand="individual"), line(2, "RESIL", 40)], 0.4, 0.4),
    ("and lines beside it", "security",
     [line(1, "SUBGRANT", 60, pve_strand="resilience"), line(2, "POL_PAY", 40),
      line(3, "INDIV", 20, **OF_SUB)], 0.4, 0.4),
]  # fmt: skip


COUNTRY = list(schema.codelists()["country"].codes)


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """One grant a country, with its lines, and a sub-grant wherever one is needed."""
    grants, subgrants, lines = [], [], []
    for i, (_, strand, rows, _, _) in enumerate(SPLITS):
        grants.append(grant(i, 100, strand, country=COUNTRY[i]))
        subgrants.append({"subgrant_id": f"S{i}", "parent_grant_id": f"G{i}", "amount": 60})
        for n, row in enumerate(rows):
            of = f"S{i}" if row.get("parent_type") == "subgrant" else f"G{i}"
            lines.append({**row, "line_id": f"L{i}-{n}", "parent_id": of})
    folder = tmp_path_factory.mktemp("split")
    return assess(book(folder, grants=grants, subgrants=subgrants, budget_lines=lines))


@pytest.mark.parametrize("number", range(len(SPLITS)), ids=[s[0] for s in SPLITS])
def test_how_a_grant_is_split(split, number):
    one = group(split, "RES-01", country=COUNTRY[number])
    low, high = SPLITS[number][3:]
    assert (one.low, one.high) == (pytest.approx(low), pytest.approx(high))


def test_what_serves_all_beside_what_is_unknown(judge):
    """40 resilience, 40 unknown, 20 across all: between 40 and 80 of 80, and so of 100."""
    lines = [line(1, "RESIL", 40), line(2, "MEL", 20)]
    one = result(judge(grants=[grant(1, 100, "")], budget_lines=lines), "RES-01")
    assert (one.low, one.high) == (pytest.approx(0.5), pytest.approx(1))
    assert one.status is NOT_ASSESSABLE  # its only grant could not be judged


def test_a_purpose_code_suggests_a_strand_but_does_not_say_it(judge):
    one = result(judge(grants=[grant(1, 100, "", purpose_code="15220")]), "RES-01")
    assert (one.low, one.high) == (0, 1)
    assert "“Strand”" in one.reason


@pytest.mark.parametrize(
    ("resilience", "confirmed", "severity"),
    [
        (30_000, False, None),
        (29_999, False, Severity.WARNING),
        (29_999, True, Severity.WARNING),
        (0, False, Severity.ERROR),
    ],
)
def test_edges_of_res_01(judge, resilience, confirmed, severity):
    """A confirmed share stays a warning; nothing at all is an error on the brief alone."""
    grants = [grant(1, 100_000 - resilience, "security")]
    grants += [grant(2, resilience, "resilience")] if resilience else []
    seen = judge(grants=grants, thresholds=CONFIRMED if confirmed else None)
    hits = found(seen, "RES-01")
    assert [f.severity for f in hits] == ([severity] if severity else [])


def test_what_res_01_says(judge):
    grants = [
        grant(1, 20_000, "resilience"),
        grant(2, 50_000, "security", country="LK"),
        grant(3, 30_000, "individual"),
    ]
    hit = only(judge(grants=grants), "RES-01")
    assert hit.message == (
        "20% of the money (20,000 EUR of 100,000 EUR) goes to civic engagement and social "
        "cohesion, 30% to work with individuals and 50% to security; the benchmark is 30%. (The "
        "benchmark is a house default that no donor has confirmed.)"
    )
    assert hit.remedy == (
        "Shift 10,000 EUR to resilience in Sri Lanka (LK); the largest grants for the other "
        "strands are G2 (50,000 EUR), G3 (30,000 EUR)."
    )


@pytest.mark.parametrize(
    ("grants", "verdict"),
    [
        ([grant(1, 100, "none")], NOT_APPLICABLE),
        ([grant(1, 100, "crosscutting")], NOT_APPLICABLE),
        ([grant(1, 100, "security", activity_status="5")], NOT_APPLICABLE),
        ([grant(1, 100, "security", signature_date="2023-12-31")], NOT_APPLICABLE),
        ([grant(i, 100, "resilience" if i == 1 else "security") for i in range(4)]
         + [grant(5, 100, "")], UNDETERMINED),
        ([grant(i, 100, "resilience") for i in range(4)] + [grant(5, 100, "")], PASS),
        ([grant(i, 100, "security") for i in range(9)] + [grant(10, 100, "")], FAIL),
        ([grant(1, 100, "")], NOT_ASSESSABLE),
    ],
    ids=["none", "across all", "cancelled", "before the period", "one blank", "a blank that does "
         "not matter", "nor here", "all blank"],
)  # fmt: skip
def test_verdicts_of_res_01(judge, grants, verdict):
    assert status(judge(grants=grants), "RES-01") is verdict


def test_res_01_asks_for_the_strand_that_would_settle_it(judge):
    grants = [grant(i, 100, "resilience" if i == 1 else "security") for i in range(4)]
    one = result(judge(grants=[*grants, grant(5, 100, "")]), "RES-01")
    assert (one.low, one.high) == (0.2, 0.4)
    assert "fill “Strand” of G5" in one.reason
    assert "100 EUR hang" in one.reason


def test_disbursements_are_split_as_the_budget_is(judge):
    """Of 100 agreed, 25 by lines are resilience; 40 paid: 10 of them are."""
    seen = judge(
        settings={"value_basis": "disbursement"},
        grants=[grant(1, 100, "security")],
        budget_lines=[line(1, "RESIL", 25)],
        transactions=[{"transaction_id": "T1", "value": 40}],
    )
    figures = result(seen, "RES-01").figures
    assert (figures["T"], figures["resilience"]) == (40, 10)


# --- RES-02 ---------------------------------------------------------------------------------------

COUNTRIES = [
    grant(1, 200_000, "security", country="NG"),
    grant(2, 50_000, "individual", country="NG"),
    grant(3, 10_000, "security", country="LK"),
    grant(4, 1, "resilience", country="LK"),
    grant(5, 10_000, "individual", country="KE"),
    grant(6, 10_000, "crosscutting", country="KE"),
    grant(7, 10_000, "resilience", country="GH"),
    grant(8, 10_000, "none", country="SN"),
]


def test_countries_without_resilience_money(judge):
    seen = judge(grants=COUNTRIES)
    first, second = sorted(found(seen, "RES-02"), key=lambda f: str(f.key))
    assert (first.key, first.severity) == ("KE", Severity.ERROR)
    assert first.message == (
        "Kenya (KE) has 10,000 EUR of work with individuals, and no spending on resilience."
    )
    assert second.key == "NG"
    assert second.message == (
        "Nigeria (NG) has 200,000 EUR of security spending and 50,000 EUR of work with "
        "individuals, and no spending on resilience."
    )
    one = result(seen, "RES-02")
    assert (one.status, one.rows_in_scope, one.assessed_rows) == (FAIL, 3, 3)


@pytest.mark.parametrize(
    ("more", "found_in", "open_"),
    [
        ([], ["KE", "NG"], 0),
        ([grant(9, 10, "", country="NG")], ["KE"], 1),
        ([grant(9, 10, "", country="SN")], ["KE", "NG"], 1),
        ([grant(9, 10, "", country="GH")], ["KE", "NG"], 0),
        ([grant(9, 10, "resilience", country="")], [], 2),
        ([grant(9, 10, "security", country="")], ["KE", "NG"], 0),
    ],
    ids=["as it is", "a blank strand", "a blank strand where nothing else is", "a blank strand "
         "beside resilience", "resilience for no country named", "security for no country"],
)  # fmt: skip
def test_what_is_unknown_leaves_a_country_open(judge, more, found_in, open_):
    seen = judge(grants=[*COUNTRIES, *more])
    one = result(seen, "RES-02")
    assert sorted(map(str, keys(seen, "RES-02"))) == found_in
    assert one.rows_in_scope - one.assessed_rows == open_
    assert ("could not be judged" in (one.reason or "")) == bool(open_)


@pytest.mark.parametrize(
    ("grants", "verdict"),
    [
        (COUNTRIES[2:4], PASS),
        (COUNTRIES[:1], FAIL),
        (COUNTRIES[6:], NOT_APPLICABLE),
        ([COUNTRIES[0], grant(9, 10, "", country="NG")], NOT_ASSESSABLE),
        (
            [
                *(grant(i, 10, "security", country=c) for i, c in enumerate(["GH", "SN", "KE"])),
                *(
                    grant(i, 9, "resilience", country=c)
                    for i, c in enumerate(["GH", "SN", "KE"], 3)
                ),
                *(grant(i, 10, "security", country=c) for i, c in enumerate(["LK", "NG"], 6)),
                grant(8, 9, "resilience", country="LK"),
                grant(9, 9, "", country="NG"),
            ],
            UNDETERMINED,
        ),
    ],
    ids=["some", "none", "no security", "unknown", "one unknown among five"],
)
def test_verdicts_of_res_02(judge, grants, verdict):
    assert status(judge(grants=grants), "RES-02") is verdict


def test_an_accepted_exception_names_the_country(judge):
    rows = [{"check_id": "RES-02", "object_id": "NG"}]
    seen = judge(grants=COUNTRIES[:1], exceptions=rows)
    assert [f.accepted for f in found(seen, "RES-02")] == [True]


def test_two_currencies_and_no_reporting_currency(judge):
    grants = [grant(1, 100, "security"), grant(2, 100, "security", currency="USD")]
    seen = judge(settings=None, grants=grants)
    assert result(seen, "RES-02").status is NOT_ASSESSABLE
    assert "--reporting-currency" in result(seen, "RES-02").reason


def test_without_strands_and_budget_lines_nothing_is_judged(judge):
    seen = judge(grants=[{"grant_id": "G1"}])
    for check in ("RES-01", "RES-02"):
        assert result(seen, check).status is NOT_ASSESSABLE
        assert "There is no column “Strand” (Grants)" in result(seen, check).reason
    assert {"RES-01", "RES-02"}.isdisjoint(keys(seen, "DAT-07"))
