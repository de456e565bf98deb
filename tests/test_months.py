"""Rule M: months on the calendar, both days included (the worked examples' part 5.2)."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

import pandas as pd
import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from books import rows_of
from fundtrack.months import Terms, age_at_most, duration, months_and_days

# The fourteen rows of 5.2. “class”: what DUR-01 says, and which part of the pattern it is.
TERMS = rows_of("""
row | start      | end        | days | months | spare | class     | 24 months
A   | 2024-01-01 | 2024-03-31 | 91   | 3      | 0     | 3-6 band  | no
B   | 2024-01-01 | 2024-06-30 | 182  | 6      | 0     | 3-6 band  | no
C   | 2024-01-01 | 2024-07-01 | 183  | 6      | 1     | longer    | no
D   | 2024-03-15 | 2024-09-14 | 184  | 6      | 0     | 3-6 band  | no
E   | 2024-03-15 | 2024-09-15 | 185  | 6      | 1     | longer    | no
F   | 2023-08-31 | 2024-02-28 | 182  | 5      | 29    | 3-6 band  | no
G   | 2023-08-31 | 2024-02-29 | 183  | 6      | 0     | 3-6 band  | no
H   | 2024-08-31 | 2025-02-28 | 182  | 6      | 0     | 3-6 band  | no
I   | 2024-01-31 | 2024-04-30 | 91   | 3      | 0     | 3-6 band  | no
J   | 2024-02-29 | 2025-02-28 | 366  | 12     | 0     | longer    | no
K   | 2024-12-01 | 2026-11-29 | 729  | 23     | 29    | longer    | no
L   | 2024-12-01 | 2026-11-30 | 730  | 24     | 0     | longer    | yes
M   | 2024-01-01 | 2024-03-30 | 90   | 2      | 30    | under 3   | no
N   | 2024-02-29 | 2024-08-28 | 182  | 6      | 0     | 3-6 band  | no
""")


def terms(*pairs: tuple[date | None, date | None]) -> Terms:
    """Terms as the checks build them: typed columns of dates."""
    starts, ends = (
        pd.Series(pd.to_datetime(list(days)), dtype="datetime64[s]")
        for days in zip(*pairs, strict=True)
    )
    return Terms(starts, ends)


def of(row: dict[str, str]) -> tuple[date, date]:
    return date.fromisoformat(row["start"]), date.fromisoformat(row["end"])


def classed(months: float, spare: float = 0) -> str:
    """The class that a count of months would give."""
    if (months, spare) > (6, 0):
        return "longer"
    return "3-6 band" if months >= 3 else "under 3"


@pytest.mark.parametrize("row", TERMS, ids=lambda row: row["row"])
def test_each_row_of_the_table(row):
    start, end = of(row)
    one = terms((start, end))
    months, spare = months_and_days(one.start, one.end)
    assert (end - start).days + 1 == int(row["days"])
    assert (months[0], spare[0]) == (int(row["months"]), int(row["spare"]))
    assert bool(one.at_most(6)[0]) is (row["class"] != "longer")
    assert bool(one.at_least(24)[0]) is (row["24 months"] == "yes")
    assert classed(one.months[0], one.days[0]) == row["class"]


def test_the_table_at_once():
    whole = terms(*map(of, TERMS))
    assert [(m, d) for m, d in zip(whole.months, whole.days, strict=True)] == [
        (int(r["months"]), int(r["spare"])) for r in TERMS
    ]


@pytest.mark.parametrize(
    ("divisor", "misled"),
    [(30, set("BDFGHKMN")), (30.4375, set("ADGIL"))],
    ids=["days / 30", "days / 30.4375"],
)
def test_a_month_is_not_a_number_of_days(divisor, misled):
    """The rows that such a division would put into another class, or over or under 24 months."""
    wrong = set()
    for row in TERMS:
        months = int(row["days"]) / divisor
        verdict = (classed(months), months >= 24)
        one = terms(of(row))
        ours = (classed(one.months[0], one.days[0]), bool(one.at_least(24)[0]))
        assert ours == (row["class"], row["24 months"] == "yes")
        if verdict != ours:
            wrong.add(row["row"])
    assert wrong == misled


def test_month_ends_are_not_counted_as_dateutil_counts_them():
    """dateutil cuts 31 August + 6 months to 29 February: a day too much, or (F) a month."""
    differ = set()
    for row in TERMS:
        start, end = of(row)
        theirs = relativedelta(end + timedelta(days=1), start)
        ours = terms((start, end))
        if (theirs.years * 12 + theirs.months, theirs.days) != (ours.months[0], ours.days[0]):
            differ.add(row["row"])
    assert differ == set("FGHIJ")


def test_spare_days_are_a_fraction_only_in_a_mean():
    """C: the month from 1 July has 31 days. F: from 31 January to “31 February”, 1 March."""
    c, f = (next(r for r in TERMS if r["row"] == name) for name in "CF")
    assert list(terms(of(c), of(f)).mean_months) == pytest.approx([6 + 1 / 31, 5 + 29 / 30])


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (None, "2024-06-30"),
        ("2024-01-01", None),
        ("2024-06-30", "2024-01-01"),
        ("2024-06-30", "2024-06-29"),
    ],
    ids=["no start", "no end", "end before start", "end the day before"],
)
def test_an_unknown_term_has_no_length(start, end):
    one = terms(tuple(date.fromisoformat(d) if d else None for d in (start, end)))
    assert one.months.isna()[0]
    assert one.days.isna()[0]
    assert one.mean_months.isna()[0]
    assert pd.isna(one.at_most(6)[0])
    assert pd.isna(one.at_least(24)[0])
    assert list(one.words()) == ["an unknown time"]


def test_one_day_is_a_term():
    one = terms((date(2024, 2, 29), date(2024, 2, 29)))
    assert list(one.words()) == ["0 months 1 day"]


@pytest.mark.parametrize(
    ("months", "short", "long"), [(6, True, False), (6.5, False, False), (24, False, True)]
)
def test_a_stated_duration_stands_in_for_blank_dates_only(months, short, long):
    blank = pd.Series([pd.NaT, pd.Timestamp("2024-01-01")], dtype="datetime64[s]")
    ends = pd.Series([pd.NaT, pd.Timestamp("2024-12-31")], dtype="datetime64[s]")
    both = Terms(blank, ends, pd.Series([months, 99.0], dtype="Float64"))
    assert list(both.months) == [months, 12]
    assert (both.at_most(6)[0], both.at_least(24)[0]) == (short, long)
    assert list(both.mean_months) == [months, 12]


@pytest.mark.parametrize(
    ("day", "within"),
    [("2024-07-01", True), ("2024-06-30", False), ("2024-12-31", True), (None, None)],
)
def test_an_age_counts_as_a_term_does(day, within):
    """To the reference date, 2024-12-31, both included: six months to the day from 1 July."""
    days = pd.Series([pd.Timestamp(day) if day else pd.NaT], dtype="datetime64[s]")
    answer = age_at_most(days, pd.Timestamp("2024-12-31"), 6)[0]
    assert pd.isna(answer) if within is None else bool(answer) is within


@pytest.mark.parametrize(
    ("months", "days", "words"),
    [
        (6, 0, "6 months 0 days"),
        (1, 1, "1 month 1 day"),
        (12, 30, "12 months 30 days"),
        (6.5, 0, "6.5 months 0 days"),
    ],
)
def test_words(months, days, words):
    assert duration(months, days) == words


# --- The rule itself, written out day by day, against the functions that work on whole columns ----


def later(day: date, months: int) -> date:
    """So many months later; the 1st of the month after where that month is too short."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    length = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, length)) + timedelta(days=day.day > length)


def by_the_rule(start: date, end: date) -> tuple[int, int]:
    """Whole months and spare days: how often a month fits in before the day after the end."""
    after = end + timedelta(days=1)
    months = (after - start).days // 31  # no month is longer, so these have surely passed
    while later(start, months + 1) <= after:
        months += 1
    return months, (after - later(start, months)).days


DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31))
MONTH_ENDS = st.builds(
    lambda y, m, back: date(y, m, monthrange(y, m)[1]) - timedelta(days=back),
    st.integers(1990, 2100),
    st.integers(1, 12),
    st.integers(0, 3),
)
ORDERED = st.tuples(DAYS | MONTH_ENDS, DAYS | MONTH_ENDS).map(lambda pair: tuple(sorted(pair)))
SHORT = st.tuples(DAYS | MONTH_ENDS, st.integers(0, 800)).map(
    lambda p: (p[0], p[0] + timedelta(days=p[1]))
)
PAIRS = st.lists(ORDERED | SHORT, min_size=1, max_size=30)


@given(PAIRS, st.integers(0, 40))
def test_columns_of_dates_are_counted_by_the_rule(pairs, limit):
    ours = terms(*pairs)
    expected = [by_the_rule(*pair) for pair in pairs]
    assert list(zip(ours.months, ours.days, strict=True)) == expected
    for (start, end), at_most, at_least, mean in zip(
        pairs, ours.at_most(limit), ours.at_least(limit), ours.mean_months, strict=True
    ):
        after, mark = end + timedelta(days=1), later(start, limit)
        months, spare = by_the_rule(start, end)
        assert at_most == (after <= mark)
        assert at_least == (after >= mark)
        length = (later(start, months + 1) - later(start, months)).days
        assert mean == pytest.approx(months + spare / length)


@given(PAIRS)
def test_one_day_more_is_never_shorter(pairs):
    shorter = terms(*pairs)
    longer = terms(*((start, end + timedelta(days=1)) for start, end in pairs))
    before = list(zip(shorter.months, shorter.days, strict=True))
    after = list(zip(longer.months, longer.days, strict=True))
    assert all(a > b for b, a in zip(before, after, strict=True))
    assert (longer.mean_months > shorter.mean_months).all()


@given(PAIRS, st.integers(1, 500))
def test_a_longer_term_never_becomes_short(pairs, days):
    shorter = terms(*pairs)
    longer = terms(*((start, end + timedelta(days=days)) for start, end in pairs))
    assert not (longer.at_most(6) & ~shorter.at_most(6)).any()
    assert not (shorter.at_least(24) & ~longer.at_least(24)).any()
