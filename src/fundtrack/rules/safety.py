"""Safety of civil society actors: are those who are engaged protected, and did they agree to it?

The sheets on their safety are restricted and often kept in a file of their own. Without them
nothing is judged: that nobody handed them over does not mean that there is no protection. What is
said of an organisation's danger stands at its row there, never in the register, and names nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from fundtrack.book import Book
from fundtrack.budgets import budget
from fundtrack.engaged import engaged, engagements, first_joint
from fundtrack.flows import flows
from fundtrack.model import Basis, Clause, Limits, Severity, Threshold
from fundtrack.money import total
from fundtrack.months import Terms, age_at_most
from fundtrack.rules import check
from fundtrack.verdicts import Ask, NotAssessable, RowVerdicts, Share, entries

PROTECTION = "CSO_SECURITY"
GRAVE = ["high", "severe"]
DANGER = ["risk_level", "state_actor_threat"]
ADEQUATE = Clause("FL4 (p. 16)", "receive adequate personal security protection")


def _threatened(rows: pd.Series | pd.DataFrame) -> pd.Series:
    """Whether state actors threaten each organisation; blank where that is not said."""
    return rows["state_actor_threat"] == "yes"


def _exposed(rows: pd.DataFrame) -> pd.Series:
    """Whether its risk is high or severe or state actors threaten it; blank where unknown."""
    risk = rows["risk_level"]
    return risk.isin(GRAVE).astype("boolean").where(risk.notna()) | _threatened(rows)


def _error_where(grave: pd.Series) -> pd.Series:
    """An error where it is known to be grave, a warning elsewhere."""
    return grave.fillna(False).map({True: Severity.ERROR, False: Severity.WARNING})


def _who(rows: pd.DataFrame) -> pd.Series:
    """“CSO-1 (risk high, threatened by state actors)”, as far as it is known."""
    risk = ("risk " + rows["risk_level"]).fillna("")
    threat = pd.Series("threatened by state actors", index=rows.index)
    threat = threat.where(_threatened(rows).fillna(False), "")
    both = (risk + ", " + threat).str.strip(", ")
    return rows["org_id"].fillna("The organisation") + (" (" + both + ")").where(both != "", "")


def _without_row(book: Book, org_ids: pd.Index) -> pd.Series:
    """For each registered organisation, whether it is a CSO among those and has no row on its
    safety; blank where its type is unknown.
    """
    orgs = book["organisations"]["org_id"]
    among = orgs.isin(org_ids) & ~orgs.isin(book["cso_security"]["org_id"]) & ~orgs.duplicated()
    return among.astype("boolean") & flows(book).is_cso(orgs)


def _not_filled(book: Book) -> NotAssessable | None:
    """A template's sheet that was left empty says as little as one that is not there."""
    if len(book["cso_security"]):
        return None
    return NotAssessable(
        f"The sheet “{book.sheet('cso_security')}” has no rows. Fill in one for each organisation "
        "that is engaged, or give the file that has them with --with."
    )


def _unreadable(book: Book, table: str, name: str) -> pd.Series:
    """True where a cell holds something that could not be read, and so is not simply blank."""
    frame = book[table][name]
    if not book.has(table, name):
        return pd.Series(False, index=frame.index)
    given = book.tables[table].given[name].astype("string").str.strip()
    return frame.isna() & (given.fillna("") != "").astype(bool)


@check(
    "SAF-01",
    "Every civil society organisation that is engaged has a security protocol",
    name="A security protocol is in place",
    scope="organisation",
    origin="brief",
    brief=Clause(
        "FL4 (p. 16)",
        "Ensure engaged civil society actors receive adequate personal security protection, review "
        "protocols regularly, especially if they face threats from state actors.",
    ),
    needs={"cso_security": ["org_id", "protocol_in_place"]},
    weighs={"cso_security": DANGER, "organisations": ["org_type"]},
    severity=Severity.ERROR,
    severity_note="a warning where the risk is neither high nor severe and no threat from state "
    "actors is known, and where an organisation has no row",
)
def protocol(book: Book, limits: Limits) -> list[RowVerdicts] | NotAssessable:
    """Each organisation in the sheet on their safety, and those that are engaged but not in it.

    Engaged are civil society organisations, international ones too, that receive a grant or
    sub-grant running in the period, work as partners of a security agency, or deliver or monitor
    an activity; and all that the sheet itself lists.
    Why: those who deal with security forces for you carry the danger home.
    Fix: fund a risk assessment and a protocol before the next joint activity.
    Out of scope: (1) organisations that are not in that sheet and not known to be engaged; (2)
    those not in it that are not civil society; (3) a workbook where that sheet is missing or empty.
    Example: a partner at severe risk with “no” is an error; a partner without a row is a warning.
    """
    if empty := _not_filled(book):  # (3)
        return empty
    rows, orgs = book["cso_security"], book["organisations"]
    ties = engaged(book)

    def words(labels: pd.Index) -> Mapping[str, pd.Series | str]:
        how = pd.Series(ties.reindex(orgs.loc[labels, "org_id"].array).array, index=labels)
        return {"how": how, "list": book.sheet("cso_security")}

    answered = RowVerdicts(
        "cso_security",
        in_scope=pd.Series(True, index=rows.index),
        meets=rows["protocol_in_place"] == "yes",
        at="protocol_in_place",
        message="{who} is engaged with security actors and has no security protocol.",
        remedy="Fund a risk assessment and a protocol before the next joint activity.",
        expected="yes",
        words=lambda labels: {"who": _who(rows.loc[labels])},
        severity=_error_where(_exposed(rows)),
        blank=[("cso_security", "protocol_in_place")],
    )
    missing = RowVerdicts(
        "organisations",
        in_scope=_without_row(book, ties.index),  # (1) (2)
        meets=pd.Series(False, index=orgs.index),
        at="org_id",
        message="{org_id} is engaged ({how}), but the sheet “{list}” has no row for it: no "
        "security protocol is on record.",
        remedy="Add its row, in a file of its own if that is safer. If it has no protocol, fund a "
        "risk assessment and a protocol before the next joint activity.",
        expected="a row in the sheet “{list}”",
        words=words,
        severity=pd.Series(Severity.WARNING, index=orgs.index),
        blank=[("organisations", "org_type")],
    )
    return [answered, missing]


@check(
    "SAF-02",
    "A security protocol is reviewed at least every {saf.review_months} months, in danger every "
    "{saf.review_months_high}",
    name="Protocol reviewed regularly",
    scope="organisation",
    origin="brief + house",
    brief=Clause(
        "FL4 (p. 16)",
        "review protocols regularly, especially if they face threats from state actors",
    ),
    needs={"cso_security": ["org_id", "protocol_in_place", "protocol_last_review_date"]},
    weighs={"cso_security": DANGER},
    thresholds=[
        Threshold(
            "saf.review_months",
            12,
            "months",
            Basis.HOUSE,
            ("S20",),
            "The source says “regularly”; none gives a number.",
        ),
        Threshold(
            "saf.review_months_high",
            6,
            "months",
            Basis.HOUSE,
            ("S20", "brief, p. 16"),
            "For a high or severe risk, and wherever state actors threaten.",
        ),
    ],
    severity=Severity.WARNING,
    severity_note="an error where state actors threaten the organisation",
)
def reviewed(book: Book, limits: Limits) -> RowVerdicts:
    """How long before the reference date each protocol was last reviewed.

    {saf.review_months_high} months count where the risk is high or severe or state actors threaten
    the organisation; where that is not known, only what both limits agree on is judged.
    Why: danger changes, and an old protocol protects against the danger of yesterday.
    Fix: plan the review now, and pay for the partner's time.
    Out of scope: (1) organisations without a protocol, which SAF-01 judges.
    Example: on 2024-12-31 a review of 2024-01-01 is exactly twelve months old and will do, one of
    2023-12-31 is a day too old.
    """
    rows, today = book["cso_security"], book.settings.today
    reviewed_on = rows["protocol_last_review_date"]
    strict = _exposed(rows)
    usual = age_at_most(reviewed_on, today, limits["saf.review_months"])
    soon = age_at_most(reviewed_on, today, limits["saf.review_months_high"])

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        closer = strict.loc[labels].fillna(False).astype(bool)
        months = [limits["saf.review_months_high"], limits["saf.review_months"]]
        return {
            "age": Terms(reviewed_on.loc[labels], pd.Series(today, index=labels)).words(),
            "limit": pd.Series(np.where(closer, *(f"{m:g}" for m in months)), index=labels),
            "why": pd.Series(np.where(closer, " for its danger", ""), index=labels),
        }

    return RowVerdicts(
        "cso_security",
        in_scope=rows["protocol_in_place"] == "yes",  # (1)
        meets=(strict & soon) | (~strict & usual) | (soon & usual),
        at="protocol_last_review_date",
        message="{org_id} last reviewed its protocol {age} before the reference date; the "
        "limit{why} is {limit} months.",
        remedy="Plan the review now, and pay for the partner's time.",
        expected="at most {limit} months before the reference date",
        words=words,
        severity=_error_where(_threatened(rows)),
        blank=[
            ("cso_security", "protocol_in_place"),
            ("cso_security", "protocol_last_review_date"),
            *(("cso_security", name) for name in DANGER),
        ],
        otherwise=": no reference date is known, or the review is dated after it",
        rests_on=["saf.review_months_high"],  # alone behind an error: a state threat sets it
    )


@check(
    "SAF-03",
    "The protocol is reviewed within {saf.after_incident_days} days of every incident of severity "
    "{saf.incident_min_severity} or more",
    name="Reviewed after every incident",
    scope="incident",
    origin="brief + source",
    brief=Clause("FL4 (p. 16)", "review protocols regularly"),
    needs={"incidents": ["org_id", "incident_date", "severity", "protocol_review_date"]},
    thresholds=[
        Threshold(
            "saf.incident_min_severity",
            2,
            "of 4",
            Basis.HOUSE,
            (),
            "From moderate upwards: work disturbed or people threatened.",
        ),
        Threshold(
            "saf.after_incident_days",
            30,
            "days",
            Basis.HOUSE,
            ("S20",),
            "The source says “especially following significant incidents”, without a number.",
        ),
    ],
    severity=Severity.ERROR,
    severity_note="a warning where the review came late, and while the numbers are unconfirmed",
)
def reviewed_after_incident(book: Book, limits: Limits) -> RowVerdicts:
    """Incidents of severity {saf.incident_min_severity} or more, and the day of the review after
    each.

    A blank review date is read as the sheet explains it: no review. A review before the incident
    does not count.
    Why: an incident shows what the protocol did not foresee.
    Fix: hold the review with the partner, and pay for its time.
    Out of scope: (1) lesser incidents; (2) incidents without a review whose
    {saf.after_incident_days} days have not passed on the reference date.
    Example: after an incident of 2024-09-01 a review of 2024-10-01 is in time; a day later is a
    warning; none by then is an error once the donor has confirmed the number of days.
    """
    rows, today = book["incidents"], book.settings.today
    day, review = rows["incident_date"], rows["protocol_review_date"]
    last = day + pd.Timedelta(days=limits["saf.after_incident_days"])
    none = ~(review >= day)
    waits = none & (last >= today)
    readable = day.notna() & ~_unreadable(book, "incidents", "protocol_review_date")
    known = readable & ~(none & pd.isna(today))

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        on = review.loc[labels].dt.strftime("%Y-%m-%d")
        days = (review - day).loc[labels].dt.days.astype("Int64").astype("string")
        early = "the review of " + on + " came before it, and none is recorded after it"
        late = "the protocol was reviewed only " + days + " days after it"
        said = early.where(none.loc[labels], late)
        return {
            "day": day.loc[labels].dt.strftime("%Y-%m-%d"),
            "said": said.fillna("no review of the protocol is recorded after it"),
        }

    return RowVerdicts(
        "incidents",
        in_scope=(rows["severity"] >= limits["saf.incident_min_severity"])  # (1)
        & ~(waits & readable),  # (2)
        meets=(~none & (review <= last)).astype("boolean").where(known),
        at="protocol_review_date",
        message="Incident {incident_id} of {day} at {org_id}: {said}; it is due within "
        "{saf.after_incident_days} days.",
        remedy="Hold the review with the partner now, and after the next incident within "
        "{saf.after_incident_days} days.",
        expected="a review within {saf.after_incident_days} days after {day}",
        words=words,
        severity=_error_where(none.astype("boolean")),
        blank=[("incidents", "severity"), ("incidents", "incident_date")],
        otherwise=": the day of the review cannot be read, or no reference date is known",
    )


# --- Money for protection -------------------------------------------------------------------------


def _purses(book: Book) -> pd.DataFrame:
    """The budgets that could pay for each organisation's protection: its own grants and sub-grants,
    the grant above, the security grant of its partnership, the programme of its activity.
    """
    pairs = engagements(book)[["org_id", "parent_type", "parent_id"]]
    return pairs.dropna().drop_duplicates()


def _protection(book: Book) -> pd.DataFrame:
    """Which budget lines in force pay, or may pay, for which organisation's protection.

    Columns: `org_id`, `line` (its row label), `amount` (in its own currency), `value`, `sure`. A
    line that names nobody is for the recipient of its grant or sub-grant; it may be for the others
    whom that budget could pay for. A line whose category cannot be read may be for protection.
    """
    lines = budget(book)
    live = flows(book).grants["live"]
    lines = lines.assign(amount=book["budget_lines"]["amount"].reindex(lines.index))
    lines = lines[~lines["grant"].isin(live.index[~live])]
    lines = lines[(lines["category"] == PROTECTION).fillna(True).astype(bool)]
    lines = lines.rename(columns={"org_id": "recipient"}).rename_axis("line").reset_index()
    named = lines.assign(org_id=lines["beneficiary_org_id"]).dropna(subset=["org_id"])
    others = lines[lines["beneficiary_org_id"].isna()].merge(_purses(book))
    pairs = pd.concat([named, others], ignore_index=True)
    own = pairs["beneficiary_org_id"].notna() | (pairs["org_id"] == pairs["recipient"])
    sure = (own & pairs["category"].notna()).fillna(False).astype(bool)
    return pairs.assign(sure=sure)[["org_id", "line", "amount", "value", "sure", "category"]]


def _budgeted(book: Book) -> pd.Index:
    """The organisations of which at least one budget that could pay for them has lines."""
    listed = _purses(book).merge(budget(book)[["parent_type", "parent_id"]].drop_duplicates())
    return pd.Index(listed["org_id"].unique())


@check(
    "SAF-04",
    "There is money for the protection of every civil society organisation that is engaged",
    name="Money for protection exists",
    scope="grant, organisation",
    origin="brief",
    brief=ADEQUATE,
    needs={"budget_lines": ["parent_type", "parent_id", "category", "amount"]},
    weighs={"budget_lines": ["beneficiary_org_id"], "cso_security": DANGER},
    severity=Severity.ERROR,
    severity_note="a warning where the risk is neither high nor severe and no threat from state "
    "actors is known",
)
def money_for_protection(book: Book, limits: Limits) -> list[RowVerdicts]:
    """One verdict an organisation: whether any budget line for protection is for it.

    A line that names no organisation is for the recipient of the grant or sub-grant; for its
    partners that leaves the question open, as does an organisation of whose grants, sub-grants,
    partnerships and activities no budget is listed.
    Why: a protocol without money is paper.
    Fix: a budget line for protection, which is not taken from the partner's overhead.
    Out of scope: (1) organisations that are not engaged, as SAF-01 reads it; (2) budget lines that
    a revised budget replaced, and those of cancelled grants.
    Example: a partner at high risk whose grant has lines, but none for protection, is an error.
    """
    pairs, rows, orgs = _protection(book), book["cso_security"], book["organisations"]  # (2)
    paid = pairs["sure"] & (pairs["amount"] > 0).fillna(False).astype(bool)
    doubt = (~pairs["sure"] | pairs["amount"].isna()) & (pairs["amount"] != 0).fillna(True)
    open_, budgeted = pairs.loc[doubt.astype(bool), "org_id"], _budgeted(book)

    def has_money(org_ids: pd.Series) -> pd.Series:
        some = org_ids.isin(pairs.loc[paid, "org_id"]).astype("boolean")
        surely_none = org_ids.isin(budgeted) & ~org_ids.isin(open_)
        return some.where(some | surely_none)

    listed = RowVerdicts(
        "cso_security",
        in_scope=pd.Series(True, index=rows.index),
        meets=has_money(rows["org_id"]),
        at="org_id",
        message="{who} is engaged with security actors, and no budget has money for its "
        "protection.",
        remedy="Add a budget line for its security and name it there; do not take the money from "
        "the partner's overhead.",
        expected="a budget line for its protection",
        words=lambda labels: {"who": _who(rows.loc[labels])},
        severity=_error_where(_exposed(rows)),
        otherwise=": no budget that could pay for them is listed, or a line may be for them",
        scope="organisation",
    )
    ties = engaged(book)
    return [
        listed,
        replace(
            listed,
            table="organisations",
            in_scope=_without_row(book, ties.index),  # (1)
            meets=has_money(orgs["org_id"]),
            message="{org_id} is engaged ({how}), and no budget has money for its protection.",
            words=lambda labels: {
                "how": pd.Series(ties.reindex(orgs.loc[labels, "org_id"].array).array, index=labels)
            },
            severity=pd.Series(Severity.WARNING, index=orgs.index),
            blank=[("organisations", "org_type")],
        ),
    ]


@check(
    "SAF-05",
    "What an organisation needs for its protection is funded to {saf.funded_min_pct}%",
    name="Protection is fully costed and funded",
    scope="organisation",
    origin="brief + source",
    brief=ADEQUATE,
    needs={
        "cso_security": ["org_id", "costed_need", "currency"],
        "budget_lines": ["parent_type", "parent_id", "category", "amount", "currency"],
    },
    weighs={
        "budget_lines": ["beneficiary_org_id"],
        "cso_security": ["value_date", "state_actor_threat"],
    },
    thresholds=[
        Threshold(
            "saf.funded_min_pct",
            100,
            "% of costed need",
            Basis.SOURCE,
            ("S16", "S17", "S19"),
            "The sector asks for budgets from a costed risk assessment, not for flat percentages.",
        )
    ],
    severity=Severity.WARNING,
    severity_note="an error where state actors threaten the organisation",
)
def fully_funded(book: Book, limits: Limits) -> list[Share] | NotAssessable:
    """Budget lines for an organisation's protection over what it has worked out that it needs.

    Each amount is converted at its own value date. A line that names no organisation is for the
    recipient of the grant or sub-grant, and may be for those whom that budget could pay for.
    Why: protection that is half paid for leaves open the door that was costed.
    Fix: fund the gap, by the partner's own costing and not by a flat percentage.
    Out of scope: (1) organisations whose need is not costed: they are counted as not judged, never
    as needing nothing; (2) a costed need of zero.
    Example: 4,500 for a need of 6,000 is 75%; 1,500 is the gap.
    """
    rows = book["cso_security"]
    to = book.settings.reporting_currency or ""
    dated = rows["costed_need"], rows["currency"], rows["value_date"]
    need = book.rates.convert(*dated, to)["value"]
    need = need.where(~rows["org_id"].duplicated())  # of a row entered twice, the first
    if len(rows) and need.isna().all():  # (1)
        heading, sheet = book.heading("cso_security", "costed_need"), book.sheet("cso_security")
        return NotAssessable(f"No row of the sheet “{sheet}” has a usable “{heading}”.")
    terms, asks = _funding(book, need)
    threatened = rows.loc[_threatened(rows).fillna(False), "org_id"]
    under_threat = terms["org_id"].isin(threatened)
    others = Share(
        terms[~under_threat],
        at_least="saf.funded_min_pct",
        message="{org_id} needs {whole} for its protection and has {part} set aside for it "
        "({share}).",
        remedy="Fund the gap of {gap}; use the partner's costed risk assessment, not a flat "
        "percentage.",
        expected="{threshold} of the costed need",
        by=["org_id"],
        called={
            "funded": "budget lines for its protection",
            "perhaps": "budget lines that may be for its protection",
            "no_budget_listed": "the need of those whose budgets are not listed",
            "need": "what it has worked out that it needs",
        },
        point=("cso_security", "costed_need"),
        asks=asks,
        assessed=int(need.notna().sum()),
        in_scope=len(rows),
    )
    severe = replace(others, terms=terms[under_threat], severity=lambda *_: Severity.ERROR)
    return [others, severe]


def _funding(book: Book, need: pd.Series) -> tuple[pd.DataFrame, list[Ask]]:
    """The terms of each organisation's share, and what would settle those that are open."""
    of = book["cso_security"]["org_id"]
    needs = need.groupby(of).sum()
    pairs = _protection(book)
    pairs = pairs[pairs["org_id"].isin(of[need > 0])]  # (2) of the check
    most = pd.Series(needs.reindex(pairs["org_id"].array).array, index=pairs.index)
    sure = pairs["sure"] & pairs["value"].notna()
    open_ = pairs["value"].fillna(most).where(~sure)
    unlisted = need.where(~of.isin(_budgeted(book)) & ~of.isin(pairs["org_id"]))
    org_id, line = pairs["org_id"], pairs["line"]
    costed: dict[str, Any] = {"field": "costed_need", "org_id": of}
    terms = pd.concat(
        [
            _of_lines("funded", "part", pairs["value"].where(sure), org_id, line),
            _of_lines("perhaps", "unknown", open_, org_id, line),
            entries("no_budget_listed", "unknown", "cso_security", unlisted, **costed),
            entries("need", "whole", "cso_security", need, **costed),
        ],
        ignore_index=True,
    )
    nameless = pairs[~pairs["sure"] & pairs["category"].notna()].drop_duplicates("line")
    fields = ["category", "amount", "beneficiary_org_id"]
    asks = [
        Ask("budget_lines", fields[2:], pd.Index(nameless["line"]), total(nameless["value"])),
        Ask("budget_lines", fields, pd.Index([]), total(unlisted)),
    ]
    return terms, [ask for ask in asks if ask.amount]


def _of_lines(
    figure: str, role: str, amounts: pd.Series, org_ids: pd.Series, lines: pd.Series
) -> pd.DataFrame:
    """Entries of budget lines, of which one may stand for several organisations."""
    terms = entries(figure, role, "budget_lines", amounts, org_id=org_ids)
    return terms.assign(label=lines.reindex(terms["label"]).to_numpy())


# --- Consent --------------------------------------------------------------------------------------

WAIT = "Stop joint activity until the organisation has set its terms, and enter the day."
NEXT = "Ask before the first meeting next time; if it had agreed earlier, correct the day."


@check(
    "SAF-07",
    "A civil society organisation has agreed to work with security actors before it first does",
    name="Engagement follows the CSO’s lead",
    scope="organisation, activity",
    origin="brief",
    brief=Clause(
        "PT9 (p. 15)",
        "Follow the lead of civil society on how/when/which actors to engage within the security "
        "sector",
    ),
    needs={"cso_security": ["org_id", "engagement_consent", "engagement_consent_date"]},
    weighs={
        "security_partnerships": ["partner_org_id", "start_date"],
        "activities": ["activity_type", "start_date"],
    },
    severity=Severity.ERROR,
)
def consent(book: Book, limits: Limits) -> list[RowVerdicts] | NotAssessable:
    """Each organisation's consent against its first joint activity with security actors.

    Joint are partnerships with a security agency, trainings of police, joint forums and other work
    with security forces that the organisation delivers or monitors, in any year. Where nothing
    stands in the cell, or the organisation has no row, no consent is on record: a finding, since
    silence is no consent.
    Why: meeting the police can put an organisation at risk; it alone knows when and with whom.
    Fix: stop joint activity until the organisation has set its terms, and write down the day.
    Out of scope: (1) organisations without a joint activity that had begun by the reference date;
    (2) events, whose participants are listed without their organisation; (3) organisations without
    a row that are not engaged in the period or not civil society; (4) a sheet that is missing or
    empty.
    Example: consent of 2024-02-01 for a partnership that began that day will do; a day later is an
    error.
    """
    if empty := _not_filled(book):  # (4)
        return empty
    if not {"security_partnerships", "activities"} & set(book.tables):
        return NotAssessable("There is no sheet “Security partnerships” or “Activities”.")
    rows, orgs, joint = book["cso_security"], book["organisations"], first_joint(book)  # (1) (2)

    def words(labels: pd.Index, of: pd.Series, said: pd.Series | str) -> Mapping[str, pd.Series]:
        first = joint.reindex(of.loc[labels].array).set_index(labels)
        day = first["met"].dt.strftime("%Y-%m-%d").fillna("a day not given")
        met = first["how"] + " (" + first["record"].fillna("–") + ", from " + day + ")"
        said = pd.Series(said, index=labels)
        late = said.str.startswith("it agreed").astype(bool)
        return {"met": met, "said": said, "cure": pd.Series(WAIT, index=labels).mask(late, NEXT)}

    asked = RowVerdicts(
        "cso_security",
        in_scope=_has_met(rows["org_id"], joint),
        meets=_agreed(book, joint),
        at=pd.Series("engagement_consent", index=rows.index).mask(
            rows["engagement_consent"].isin(["yes", "conditional"]), "engagement_consent_date"
        ),
        message="{org_id} works with security actors: {met}, but {said}.",
        remedy="{cure}",
        expected="yes or conditional, agreed on or before the first joint activity",
        words=lambda labels: words(labels, rows["org_id"], _refusal(rows.loc[labels])),
        blank=[
            ("cso_security", "engagement_consent_date"),
            ("security_partnerships", "start_date"),
            ("activities", "activity_type"),
            ("activities", "start_date"),
        ],
    )
    unlisted = replace(
        asked,
        table="organisations",
        in_scope=_without_row(book, engaged(book).index)  # (3)
        & _has_met(orgs["org_id"], joint),
        meets=pd.Series(False, index=orgs.index),
        at="org_id",
        words=lambda labels: words(labels, orgs["org_id"], "no consent of it is on record"),
        blank=[("organisations", "org_type"), ("activities", "activity_type")],
    )
    return [asked, unlisted]


def _has_met(org_ids: pd.Series, joint: pd.DataFrame) -> pd.Series:
    """Whether an organisation took part in a joint activity; blank where it only may have."""
    met = org_ids.isin(joint.index[joint["sure"]]).astype("boolean")
    return met.where(met | ~org_ids.isin(joint.index))


def _agreed(book: Book, joint: pd.DataFrame) -> pd.Series:
    """Whether each organisation agreed in time; blank where a day or a kind that decides is not
    known.
    """
    rows = book["cso_security"]
    answer, on = rows["engagement_consent"], rows["engagement_consent_date"]
    first = joint.reindex(rows["org_id"].array).set_index(rows.index)
    willing = answer.isin(["yes", "conditional"])
    in_time = (on <= first["met"]) & first["open"].eq(False)
    late = on > first["met"]
    agreed = in_time.astype("boolean").where(in_time | late)
    refused = pd.Series(False, index=rows.index, dtype="boolean")
    refused = refused.mask(_unreadable(book, "cso_security", "engagement_consent"))
    return agreed.where(willing, refused)


def _refusal(rows: pd.DataFrame) -> pd.Series:
    """What stands in the way, in words: a no, nothing at all, or a day that is too late."""
    on = rows["engagement_consent_date"].dt.strftime("%Y-%m-%d")
    late = "it agreed only on " + on
    no = late.mask(rows["engagement_consent"] == "no", "it does not agree to engage")
    return no.mask(rows["engagement_consent"].isna(), "no consent of it is on record")
