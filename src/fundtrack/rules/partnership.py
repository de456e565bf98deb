"""Partnerships: is money for security agencies tied to the community, and is its use watched?

A security grant is a grant to an organisation that the register calls a security agency. Every one
of the register is judged, whatever the period; cancelled ones are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fundtrack.book import Book
from fundtrack.flows import flows
from fundtrack.model import Basis, Clause, Limits, Severity, Threshold
from fundtrack.money import reaches
from fundtrack.months import Terms
from fundtrack.rules import check
from fundtrack.rules.duration import live_grants
from fundtrack.verdicts import RowVerdicts
from fundtrack.words import percent
from fundtrack.words_by_row import either

DAY = np.timedelta64(1, "D")
REPORTS = ["expenditure_report"]
AUDITS = ["audit", "spot_check"]


def _is_security(book: Book, grants: pd.DataFrame) -> pd.Series:
    """Whether each grant goes to a security agency; blank where the register does not say."""
    answer = flows(book).about(grants["recipient_org_id"], "is_security_agency")
    return (answer == "yes").astype("boolean").where(answer.notna())


def _end_now(grants: pd.DataFrame) -> pd.Series:
    """The last day of each grant as it now stands."""
    return grants["amended_end_date"].fillna(grants["planned_end_date"])


# --- LNK-01: days with a partner ------------------------------------------------------------------


@check(
    "LNK-01",
    "A grant to a security agency has a community or civil society partner for "
    "{lnk.cover_min_pct}% of its term",
    name="Security funding is tied to a partnership",
    scope="security grant",
    origin="brief",
    brief=Clause(
        "FL1 (p. 16)",
        "Link funding for local security agencies to effective community and civil society "
        "partnerships and monitor for responsible spending.",
    ),
    needs={
        "grants": ["recipient_org_id", "planned_start_date", "planned_end_date"],
        "organisations": ["is_security_agency"],
        "security_partnerships": ["security_grant_id", "start_date"],
    },
    weighs={"security_partnerships": ["partner_org_id", "end_date"]},
    thresholds=[
        Threshold(
            "lnk.cover_min_pct",
            90,
            "% of grant days",
            Basis.HOUSE,
            (),
            "No partnership on any day is an error on the brief alone.",
        )
    ],
    severity=Severity.ERROR,
    severity_note="a warning where some days are covered, but fewer than asked for",
)
def tied_to_partnership(book: Book, limits: Limits) -> RowVerdicts:
    """The days of each security grant, to its end as it now stands, on which a partnership ran.

    Days that two partnerships share count once; days between them do not. A partnership without
    an end goes on to the end of the grant.
    Why: police who answer to nobody outside the force do not win the trust that prevention needs.
    Fix: an agreement with a local organisation before the next instalment, listed in Security
    partnerships.
    Out of scope: (1) cancelled grants; (2) recipients that are not security agencies; (3)
    partnerships with a state body or with another security agency.
    Example: a grant of 100 days with partners on days 1 to 40 and 31 to 90 is covered for 90.
    """
    grants = live_grants(book)  # (1)
    cover = _covered(book, grants)
    days = cover["days"]
    least, best = cover["surely"] / days, cover["at_best"] / days
    nothing = (cover["at_best"] == 0).fillna(False).astype(bool)
    asked = limits["lnk.cover_min_pct"] / 100
    met = reaches(least, asked).astype("boolean")
    meets = met.mask(~met.fillna(False) & reaches(best, asked).fillna(True))
    meets = meets.mask(nothing, False)

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        none = nothing.loc[labels]
        term = days.loc[labels].astype("string")
        bare = (days - cover["at_best"]).loc[labels].astype("string")
        share = [percent(s, asked) for s in best.loc[labels].fillna(0)]
        covered = "; " + pd.Series(share, index=labels, dtype="string") + " of them are covered"
        of = " of the " + term + " days of its term"
        return {
            "bare": (either(none, "any", bare) + of).fillna("any day of its term"),
            "covered": covered.where(~none, ""),
        }

    return RowVerdicts(
        "grants",
        in_scope=_is_security(book, grants),  # (2)
        meets=meets,
        at="recipient_org_id",
        message="Grant {grant_id} funds {recipient_org_id}, but no community or civil society "
        "partnership is recorded for {bare}{covered}.",
        remedy="Hold the next instalment until an agreement with a local civil society "
        "organisation is signed, and list it in the sheet Security partnerships.",
        expected="a partner on at least {lnk.cover_min_pct}% of its days",
        words=words,
        severity=pd.Series(
            np.where(nothing, Severity.ERROR, Severity.WARNING), index=grants.index, dtype=object
        ),
        hard=nothing,
        blank=[
            ("grants", "planned_start_date"),
            ("grants", "planned_end_date"),
            ("organisations", "is_security_agency"),
            ("security_partnerships", "start_date"),
            ("security_partnerships", "partner_org_id"),
        ],
    )


def _covered(book: Book, grants: pd.DataFrame) -> pd.DataFrame:
    """For each grant `days` of its term, those `surely` covered, and those covered `at_best`.

    Whole days as Int64; blank where a date of the grant is, but for a grant that no partnership
    names: none of its days is covered, however many there are.
    """
    terms = pd.DataFrame(
        {
            "label": grants.index,
            "grant_id": grants["grant_id"].array,
            "first": grants["planned_start_date"].array,
            "last": _end_now(grants).array,
        }
    ).dropna(subset=["grant_id"])
    partners = book["security_partnerships"]
    partners = partners[~flows(book).is_state(partners["partner_org_id"])]  # (3)
    rows = terms.merge(partners, left_on="grant_id", right_on="security_grant_id")
    start = rows["start_date"].where(rows["start_date"] > rows["first"], rows["first"])
    end = rows["end_date"].fillna(rows["last"])
    rows = rows.assign(start=start, end=end.where(end < rows["last"], rows["last"]))
    known = rows[["start_date", "partner_org_id"]].notna().all(axis=1)
    length = (_end_now(grants) - grants["planned_start_date"]) // DAY + 1
    days = length.astype("Int64")
    days = days.where(days > 0)
    named = pd.Series(grants.index.isin(rows["label"]), index=grants.index)
    counted = {
        name: _union(some).reindex(grants.index).fillna(0).astype("Int64").where(days.notna())
        for name, some in (("surely", rows[known]), ("at_best", rows))
    }
    return pd.DataFrame(
        {"days": days, **{name: c.where(named, 0) for name, c in counted.items()}},
        index=grants.index,
    )


def _union(rows: pd.DataFrame) -> pd.Series:
    """How many days the terms `start` to `end` cover together, by `label`; overlaps once."""
    rows = rows[rows["end"] >= rows["start"]].sort_values(["label", "start"], kind="stable")
    reached = rows.groupby("label")["end"].cummax().groupby(rows["label"]).shift()
    fresh = rows["start"].where(~(reached >= rows["start"]), reached + DAY)
    return (((rows["end"] - fresh) // DAY + 1).clip(lower=0)).groupby(rows["label"]).sum()


# --- LNK-04: who looks at the spending ------------------------------------------------------------


@check(
    "LNK-04",
    "How a security grant is spent is reported, audited and followed up",
    name="Spending is monitored",
    scope="security grant",
    origin="brief + house",
    brief=Clause("FL1 (p. 16)", "monitor for responsible spending"),
    needs={
        "grants": ["recipient_org_id", "planned_start_date"],
        "organisations": ["is_security_agency"],
        "oversight": ["grant_id", "type", "done_date"],
    },
    weighs={"oversight": ["due_date", "finding", "follow_up_date"]},
    thresholds=[
        Threshold("lnk.report_max_months", 6, "months", Basis.HOUSE, (), "Two reports a year."),
        Threshold("lnk.audit_max_months", 12, "months", Basis.HOUSE, (), "One audit a year."),
    ],
    severity=Severity.ERROR,
    severity_note="a warning where steps were done, but one is late or not followed up",
)
def monitored(book: Book, limits: Limits) -> RowVerdicts:
    """The steps done on each security grant: an expenditure report within
    {lnk.report_max_months} months, an audit or a visit without notice within
    {lnk.audit_max_months}, nothing overdue, every major finding followed up.

    Counted back from the reference date, or from the grant's end if that came first. A step that
    is planned is not yet done; what a step found is unknown where the cell is blank.
    Why: money without oversight lets abuse pass for prevention.
    Fix: get what is missing, enter the day, and hold the next instalment until then.
    Out of scope: (1) cancelled grants; (2) recipients that are not security agencies; (3) a grant
    with no step yet that is no older than {lnk.report_max_months} months.
    Example: a grant that began a year ago, last reported on seven months ago, is a warning; one
    on which nothing was ever done is an error.
    """
    grants = live_grants(book)  # (1)
    watch = _Watch(book, grants)
    reported = watch.within(REPORTS, limits["lnk.report_max_months"])
    audited = watch.within(AUDITS, limits["lnk.audit_max_months"])
    young = watch.no_older(limits["lnk.report_max_months"])
    idle = watch.latest(None).isna()
    waiting = idle & ~watch.of_step(watch.overdue) & young  # (3)
    never = idle & (~young).fillna(False)
    meets = reported & audited & ~watch.of_step(watch.overdue) & watch.followed_up

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        lacks = [
            watch.since(REPORTS, "expenditure report", labels).where(~reported.fillna(True), ""),
            watch.since(AUDITS, "audit or visit without notice", labels).where(
                ~audited.fillna(True), ""
            ),
        ]
        none = pd.Series("no step to watch its spending was ever done", index=labels)
        lacks = [none.where(never.loc[labels], ""), *(p.where(~never, "") for p in lacks)]
        named = [watch.named(watch.overdue, "overdue: "), watch.named(watch.open, "not settled: ")]
        parts = [p.reindex(labels).fillna("").astype("string") for p in [*lacks, *named]]
        texts = ["; ".join(filter(None, row)) for row in zip(*parts, strict=True)]
        return {"lacks": pd.Series(texts, index=labels, dtype="string")}

    return RowVerdicts(
        "grants",
        in_scope=_is_security(book, grants) & ~waiting,  # (2)
        meets=meets if watch.dated else meets.mask(meets.notna()),
        at="grant_id",
        message="Grant {grant_id} to {recipient_org_id} is not watched as it should be: {lacks}.",
        remedy="Obtain what is missing and enter the day in the sheet Oversight; hold the next "
        "instalment until it is in.",
        expected="a report within {lnk.report_max_months} months, an audit or a visit within "
        "{lnk.audit_max_months}, nothing overdue, major findings followed up",
        words=words,
        severity=pd.Series(
            np.where(never, Severity.ERROR, Severity.WARNING), index=grants.index, dtype=object
        ),
        hard=never,
        blank=[
            ("grants", "planned_start_date"),
            ("organisations", "is_security_agency"),
            ("oversight", "type"),
            ("oversight", "finding"),
        ]
        if watch.dated
        else [],
        otherwise=": no reference date is known",
    )


class _Watch:
    """What was done to watch each grant, on the day that counts for it."""

    def __init__(self, book: Book, grants: pd.DataFrame) -> None:
        self.grants, self.steps = grants, book["oversight"]
        today, end = book.settings.today, _end_now(grants)
        self.dated = not pd.isna(today)
        self.day = end.where(end < today, today).astype("datetime64[s]")
        done, due = self.steps["done_date"].notna(), self.steps["due_date"]
        settled = self.steps["follow_up_date"].notna()
        self.overdue = (due < today) & ~done
        self.open = (self.steps["finding"] == "major").fillna(False) & ~settled
        self.untold = done & self.steps["finding"].isna() & ~settled

    def latest(self, types: list[str] | None, *, perhaps: bool = False) -> pd.Series:
        """The day of the last step of some types, of any where None; with `perhaps`, of those
        without a type as well.
        """
        kind = self.steps["type"]
        wanted = kind.isin(types) if types else kind.notna() | True
        steps = self.steps[wanted | (kind.isna() & perhaps)]
        days = steps.groupby("grant_id")["done_date"].max().reindex(self.grants["grant_id"].array)
        return pd.Series(days.array, index=self.grants.index).astype("datetime64[s]")

    def no_older(self, months: float) -> pd.Series:
        """Whether each grant has run for so many months or less; blank where its start is."""
        start = self.grants["planned_start_date"]
        ahead = (start > self.day).astype("boolean")
        return ahead | Terms(start, self.day).at_most(months)

    def within(self, types: list[str], months: float) -> pd.Series:
        """Whether the last step of some types is fresh enough, or the grant too young for one."""

        def fresh(days: pd.Series) -> pd.Series:
            recent = Terms(days, self.day).at_most(months).fillna(False)
            return recent | (days > self.day).astype("boolean")

        sure = fresh(self.latest(types)) | self.no_older(months)
        return sure.mask(~sure.fillna(True) & fresh(self.latest(types, perhaps=True)))

    def of_step(self, steps: pd.Series) -> pd.Series:
        """Whether any of these steps is of the grant."""
        named = self.grants["grant_id"].isin(self.steps.loc[steps, "grant_id"].dropna())
        return named.astype("boolean")

    @property
    def followed_up(self) -> pd.Series:
        """Whether every major finding was settled; blank where one cell does not say what was
        found.
        """
        open_ = self.of_step(self.open)
        return (~open_).mask(~open_ & self.of_step(self.untold))

    def since(self, types: list[str], what: str, labels: pd.Index) -> pd.Series:
        """“the last audit is of 2023-05-01 (20 months 1 day to 2024-12-31)”."""
        last, day = self.latest(types).loc[labels], self.day.loc[labels]
        age = Terms(last, day).words()
        text = f"the last {what} is of " + last.dt.strftime("%Y-%m-%d").astype("string")
        text = text + " (" + age + " to " + day.dt.strftime("%Y-%m-%d").astype("string") + ")"
        return text.where(last.notna(), f"no {what} is recorded")

    def named(self, steps: pd.Series, lead: str) -> pd.Series:
        """“overdue: OV-2 (due on 2024-10-31)”, by grant; blank where there is none."""
        some = self.steps[steps].sort_values(["due_date", "oversight_id"], kind="stable")
        due = " (due on " + some["due_date"].dt.strftime("%Y-%m-%d").astype("string") + ")"
        due = due if lead.startswith("overdue") else pd.Series(" (major)", index=some.index)
        texts = some["oversight_id"].fillna("a step without an ID") + due
        joined = texts.groupby(some["grant_id"]).agg(", ".join)
        found = joined.reindex(self.grants["grant_id"].array)
        return (lead + pd.Series(found.array, index=self.grants.index)).astype("string")
