"""Convenings: are visas possible in time, are journeys shared out, can the police come?

People at events are counted, never named: the sheet of participants is a restricted one.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from fundtrack.book import Book
from fundtrack.budgets import budget
from fundtrack.flows import flows
from fundtrack.model import Basis, Clause, Limits, Severity, Threshold
from fundtrack.months import age_at_most
from fundtrack.rules import check
from fundtrack.schema import codelists
from fundtrack.verdicts import Ask, NotAssessable, Remark, Remarks, RowVerdicts, Share, entries
from fundtrack.words import plural

IN_TIME = Clause(
    "FL5a (p. 16)",
    "Ensure events are confirmed with ample time and documentation to support civil society "
    "participants to obtain necessary visa",
)
LEADS = [
    Threshold(
        "con.lead_error_days",
        45,
        "days",
        Basis.SOURCE,
        ("S21",),
        "The longest that a decision on a Schengen visa may lawfully take.",
    ),
    Threshold(
        "con.lead_warn_days",
        84,
        "days",
        Basis.SOURCE,
        ("S22", "S23"),
        "Twelve weeks: the upper end of one organiser's proposal, beside another's two months. "
        "Neither is an official norm.",
    ),
]
LEAD_NOTE = "a warning between the two lead times"
YEAR = 12  # months


def _days(start: pd.Series | pd.Timestamp, end: pd.Series) -> pd.Series:
    """Whole days from one day to the other; blank where either is."""
    return (end - start).dt.days.astype("Int64")


def _ample(days: pd.Series, limits: Limits) -> tuple[pd.Series, pd.Series]:
    """Whether so many days are enough for a visa, and how grave it is where they are not."""
    least = [limits[threshold.parameter] for threshold in LEADS]
    short = (days < least[0]).fillna(False)
    severity = pd.Series(Severity.WARNING, index=days.index, dtype=object)
    return days >= max(least), severity.mask(short, Severity.ERROR)


def _when(days: pd.Series) -> list[str]:
    """“30 days before”, “on” or “1 day after”: how a day lies to the first day of an event."""
    told = [(abs(n), "before" if n > 0 else "after") for n in days]
    return [f"{n} {plural('day', n)} {side}" if n else "on" for n, side in told]


def _needs_visa(people: pd.DataFrame) -> pd.Series:
    """Which participants are of civil society and need a visa; blank where that is not known."""
    answer: pd.Series = (people["sector"] == "cso") & (people["visa_required"] == "yes")
    return answer


def taken(by_key: pd.Series, keys: pd.Series) -> pd.Series:
    """The value of each row's key; blank where it has none. Of a key given twice, the first."""
    known = by_key[by_key.index.notna() & ~by_key.index.duplicated()]
    return pd.Series(known.reindex(keys.array).array, index=keys.index)


@check(
    "CON-01",
    "Events are confirmed at least {con.lead_warn_days} days ahead where civil society needs visas",
    name="Events confirmed in time for visas",
    scope="event",
    origin="brief + source",
    brief=IN_TIME,
    needs={
        "convenings": ["format", "start_date", "confirmed_date"],
        "participants": ["event_id", "sector", "visa_required"],
    },
    thresholds=LEADS,
    severity=Severity.ERROR,
    severity_note=LEAD_NOTE,
)
def confirmed_in_time(book: Book, limits: Limits) -> RowVerdicts:
    """The days from the confirmation of date and place to the first day of the event.

    Why: nobody can ask for a visa before the place and the day are sure.
    Fix: settle both earlier, or choose a place that people can enter without a visa.
    Out of scope: (1) online events; (2) events at which nobody of civil society needs a visa.
    Example: confirmed 45 days ahead is a warning, 44 days an error, 84 days neither.
    """
    events, people = book["convenings"], book["participants"]
    needs = _needs_visa(people).groupby(people["event_id"])
    wanted = taken(needs.any(skipna=False), events["event_id"])  # blank where nobody is listed
    lead = _days(events["confirmed_date"], events["start_date"])
    meets, severity = _ample(lead, limits)

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        count = taken(needs.sum(), events.loc[labels, "event_id"])
        people = [
            f"{n} civil society {plural('participant', n)} needed {plural('a visa', n, 'visas')}"
            for n in count
        ]
        return {
            "when": pd.Series(_when(lead.loc[labels]), index=labels),
            "people": pd.Series(people, index=labels),
        }

    return RowVerdicts(
        "convenings",
        in_scope=(events["format"] != "online") & wanted,  # (1) (2)
        meets=meets,
        at="confirmed_date",
        message="Event {event_id} was confirmed to its participants {when} its first day, "
        "{start_date}; {people}.",
        remedy="Fix date and place at least {con.lead_warn_days} days ahead. Where that is not "
        "possible, let people join from afar, or meet where they need no visa.",
        expected="confirmed {con.lead_warn_days} days or more before the first day",
        words=words,
        severity=severity,
        blank=[
            ("convenings", "confirmed_date"),
            ("convenings", "start_date"),
            ("convenings", "format"),
            ("participants", "visa_required"),
            ("participants", "sector"),
        ],
        otherwise=": no participant is listed",
    )


@check(
    "CON-02",
    "Civil society participants have their visa documents at least {con.lead_warn_days} days ahead",
    name="Visa documents sent in time",
    scope="participant",
    origin="brief + source",
    brief=IN_TIME,
    needs={
        "participants": ["event_id", "sector", "visa_required", "documents_sent_date"],
        "convenings": ["format", "start_date"],
    },
    thresholds=LEADS,
    severity=Severity.ERROR,
    severity_note=LEAD_NOTE,
)
def documents_in_time(book: Book, limits: Limits) -> RowVerdicts:
    """The days from the sending of each person's visa documents to the first day of the event.

    Documents without a day of sending count as not sent: they are late as soon as fewer than
    {con.lead_warn_days} days are left on the reference date.
    Why: a consulate takes no request without a letter and proof of money and lodging.
    Fix: send everything together when the event is confirmed.
    Out of scope: (1) online events; (2) people of other sectors, and those who need no visa;
    (3) documents not sent yet while there is still time.
    Example: nothing sent 45 days before the event is a warning, 44 days before it an error.
    """
    people, events = book["participants"], book["convenings"].set_index("event_id")
    sent, start = people["documents_sent_date"], taken(events["start_date"], people["event_id"])
    unsent = sent.isna() & ~people.index.isin(_faulty(book, "participants", sent.name))
    lead = _days(sent, start).mask(unsent, _days(book.settings.today, start))
    meets, severity = _ample(lead, limits)
    format_ = taken(events["format"], people["event_id"])
    concerned = (format_ != "online") & _needs_visa(people)  # (1) (2)
    due = ~(unsent & meets).fillna(False)  # (3)

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        event = people.loc[labels, "event_id"]
        each = people["event_id"].where(concerned.fillna(False))
        late = each[(concerned & due & ~meets).fillna(False)].value_counts()
        said = unsent.loc[labels].map({True: "are still not marked as sent, ", False: "went out "})
        return {
            "said": said + _when(lead.loc[labels]),
            "first": start.loc[labels].dt.strftime("%Y-%m-%d"),
            "late": taken(late, event),
            "k": taken(each.value_counts(), event),
        }

    return RowVerdicts(
        "participants",
        in_scope=concerned & due,
        meets=meets,
        at="documents_sent_date",
        message="The visa documents for this participant {said} the first day of {event_id}, "
        "{first}. Of the civil society participants who needed them, {late} of {k} had theirs "
        "fewer than {con.lead_warn_days} days ahead or not at all.",
        remedy="Send letter, programme and proof of funds and lodging together, on the day on "
        "which the event is confirmed, and enter that day.",
        expected="sent {con.lead_warn_days} days or more before the first day",
        words=words,
        severity=severity,
        blank=[
            ("participants", "visa_required"),
            ("participants", "sector"),
            ("convenings", "start_date"),
            ("convenings", "format"),
        ],
        otherwise=": the event is not listed, the day of sending cannot be read, or no reference "
        "date is known",
    )


def _faulty(book: Book, table: str, field: object) -> list[int]:
    """The rows with a fault in that cell: where it is blank all the same, it could not be read."""
    faults = [f for f in book.faults if (f.table, f.field) == (table, field)]
    return [label for fault in faults for label in fault.labels]


@check(
    "CON-04",
    "At most {con.region_max_share_pct}% of the events of a year are held in one region",
    name="Convene in different regions",
    scope="portfolio, year",
    origin="brief + house",
    brief=Clause(
        "FL5b (p. 16)", "Convene in different regions whenever possible to reduce travel burdens"
    ),
    needs={"convenings": ["format", "start_date", "host_region|host_country"]},
    weighs={
        "convenings": ["host_region", "host_country"],
        "participants": ["event_id", "from_country"],
    },
    thresholds=[
        Threshold("con.region_max_share_pct", 60, "%", Basis.HOUSE),
        Threshold(
            "con.region_min_events",
            3,
            "events / 12 months",
            Basis.HOUSE,
            (),
            "With fewer events the check does not apply.",
        ),
    ],
    severity=Severity.WARNING,
)
def different_regions(book: Book, limits: Limits) -> Share | Remarks | NotAssessable:
    """The share of the region with the most events, in the twelve months up to the reference date.

    Regions are the UN's sub-regions; a smaller one, such as Eastern Africa, counts as part of its
    own. One region alone is never enough, whatever the share that is allowed.
    Why: the same people should not make the long journey every time.
    Fix: hold the next event where most participants live.
    Out of scope: (1) online events; (2) events of other years; (3) fewer than
    {con.region_min_events} events.
    Example: three of five events in one region are 60%, which is allowed; three of four are 75%.
    """
    today = book.settings.today
    if pd.isna(today):
        return NotAssessable("No reference date is known, so neither are the last 12 months.")
    events, n = _last_year(book, today)  # (1) (2)
    if len(events) < limits["con.region_min_events"]:  # (3)
        events = events.iloc[:0]
    regions = events.loc[events["sure"], "region"].value_counts().sort_index()
    largest = str(regions.idxmax()) if len(regions) else ""
    if len(regions) < 2 and limits["con.region_max_share_pct"] >= 100:
        return _one_region(events, largest)
    names, home = codelists()["m49_subregion"].codes, _home(book, events, largest)
    nearer = (
        f"in {names[home]}, from where most of the participants from elsewhere travel"
        if home
        else "in another region, nearer to those who travel furthest"
    )
    unplaced, unsure = events.index[events["sure"] & events["region"].isna()], ~events["sure"]
    return Share(
        _weighed(events, largest, enough=n >= limits["con.region_min_events"]),
        at_least="con.region_max_share_pct",
        message="{share} of the {n} events in the 12 months up to {today} were held in {region}; "
        "the benchmark is at most {threshold}.",
        remedy="Hold the next event {nearer}.",
        expected="at most {threshold} in one region",
        most=True,
        counted="events",
        called={
            "in_largest_region": "events in the region with the most",
            "events": "events of the last 12 months",
            "region_unknown": "events whose region is unknown",
            "perhaps_in_it": "events that may count, if in that region",
            "perhaps_elsewhere": "events that may count, if elsewhere",
        },
        asks=[
            Ask("convenings", fields, labels, float(len(labels)))
            for fields, labels in (
                (["host_region"], unplaced),
                (["start_date", "format"], events.index[unsure]),
            )
            if len(labels)
        ],
        assessed=int(events["sure"].sum()),
        in_scope=len(events),
        words={
            "n": str(n),
            "today": f"{today:%Y-%m-%d}",
            "region": names.get(largest, "one region"),
            "nearer": nearer,
        },
    )


def _region(codes: pd.Series, codelist: str) -> pd.Series:
    """The UN's sub-region of countries, or of its own smaller regions; blank where unknown."""
    extra = codelists()[codelist].extra
    known = {code: more["m49"] for code, more in extra.items() if "m49" in more}
    return codes.map(known).astype("string")


def _last_year(book: Book, today: pd.Timestamp) -> tuple[pd.DataFrame, int]:
    """The events to which people travelled, surely or perhaps, and how many surely did count.

    `region`: blank where unknown; `sure`: False where the day or the format is blank.
    """
    events = book["convenings"]
    start = events["start_date"]
    recent = age_at_most(start, today, YEAR).astype("boolean")
    recent = recent.mask((start > today).astype(bool), False)  # yet to come
    counts = recent & (events["format"] != "online")
    host = _region(events["host_region"], "m49_subregion")
    rows = pd.DataFrame(
        {
            "event_id": events["event_id"],
            "region": host.fillna(_region(events["host_country"], "country")),
            "sure": counts.fillna(False).astype(bool),
        }
    )
    return rows[counts.fillna(True)], int(rows["sure"].sum())


def _weighed(events: pd.DataFrame, largest: str, *, enough: bool) -> pd.DataFrame:
    """The events behind the share. An unknown region may be the largest, or any other.

    Where it is not sure that there are enough events, none of them is sure to count.
    """
    sure = events["sure"] & enough
    there = (events["region"] == largest).fillna(False)
    one = pd.Series(1.0, index=events.index)
    unsure = one.where(~sure)
    roles = {
        ("in_largest_region", "part"): one.where(sure & there),
        ("events", "whole"): one.where(sure),
        ("region_unknown", "unknown"): one.where(sure & events["region"].isna()),
        # Not known to count: at best for the largest region, at worst for none of the sums.
        ("perhaps_in_it", "doubtful"): unsure,
        ("perhaps_elsewhere", "burden"): unsure,
    }
    terms = [
        entries(figure, role, "convenings", ones, field=None, event_id=events["event_id"])
        for (figure, role), ones in roles.items()
    ]
    return pd.concat(terms, ignore_index=True)


def _home(book: Book, events: pd.DataFrame, largest: str) -> str | None:
    """The region, other than the largest host, from which most participants travel."""
    people = book["participants"]
    there = people["event_id"].isin(events["event_id"].dropna())
    homes = _region(people.loc[there, "from_country"], "country")
    away = homes[(homes != largest).fillna(False)].value_counts().sort_index()
    return str(away.idxmax()) if len(away) else None


def _one_region(events: pd.DataFrame, region: str) -> Remarks:
    """What there is to say where a donor allows any share: two regions are still the least."""
    open_ = int((~events["sure"] | events["region"].isna()).sum())
    name = codelists()["m49_subregion"].codes.get(region)
    found = Remark(
        "portfolio",
        f"All {len(events)} events of the last 12 months were held in {name}.",
        "Hold the next event in another region.",
        "events in two regions or more",
    )
    known = len(events) - open_
    why = f"The region or the day of {open_} of {len(events)} events is unknown." if open_ else ""
    return Remarks([found] if known and not open_ else [], known, open_, why)


@check(
    "CON-06",
    "Wherever the police are partners, there is money for them to meet other sectors",
    name="Budget for security practitioners to convene",
    scope="security grant, programme",
    origin="brief",
    brief=Clause(
        "FL5c (p. 16)",
        "Budget for security sector practitioners at the local and national level to engage in "
        "cross-sectoral and international convenings",
    ),
    needs={"budget_lines": ["category", "parent_type", "parent_id", "amount"]},
    weighs={
        "organisations": ["is_security_agency"],
        "programmes": ["works_with_security"],
    },
    severity=Severity.WARNING,
)
def security_convenes(book: Book, limits: Limits) -> list[RowVerdicts]:
    """The lines for security practitioners at convenings, in the budgets in force.

    Lines of a grant's sub-grants count for the grant, and lines of its grants for a programme.
    Why: officers learn from other sectors only if somebody pays for the journey.
    Fix: a line of its own, with places for officers of stations and districts.
    Out of scope: (1) cancelled grants; (2) grants to others than security agencies, and programmes
    that do not work with them.
    Example: a grant to a police force with lines for training only is a finding.
    """
    lines = paying(book, "CONV_SECPROF")
    grants, programmes = flows(book).grants, book["programmes"]
    agency = flows(book).about(grants["org_id"], "is_security_agency") == "yes"
    agency = agency.mask(agency.isna() & grants["cso"].fillna(False), False)
    security = programmes["works_with_security"] == "yes"
    heading = book.heading("organisations", "is_security_agency")
    own = lines["parent_id"].where(lines["parent_type"] == "programme")
    through = book["grants"]["programme_id"].reindex(lines["grant"].array)
    of_programme = own.fillna(pd.Series(through.array, index=lines.index))
    by_grant = lines["pays"].groupby(lines["grant"]).any(skipna=False)
    by_programme = lines["pays"].groupby(of_programme).any(skipna=False)
    no_line = "no line of its budget is listed, or their category or amount is blank"
    return [
        RowVerdicts(
            table,
            in_scope=in_scope.astype("boolean"),  # (1) (2)
            meets=meets.astype("boolean"),
            at=key,
            message=f"{said} has no budget for security practitioners to attend meetings with "
            "other sectors.",
            remedy="Add a line of the category CONV_SECPROF (security practitioners at "
            "convenings), with places for officers of stations and districts.",
            expected="a budget line for security practitioners at convenings",
            blank=blank,
            otherwise=f": {why}",
            scope=scope,
        )
        for table, key, scope, said, in_scope, meets, blank, why in (
            (
                "grants",
                "grant_id",
                "security grant",
                "Grant {grant_id} to {recipient_org_id}",
                agency & grants["live"],
                by_grant.reindex(grants.index),
                [("grants", "recipient_org_id")],
                f"“{heading}” of the recipient is blank, or {no_line}",
            ),
            (
                "programmes",
                "programme_id",
                "programme",
                "Programme {programme_id}",
                security,
                taken(by_programme, programmes["programme_id"]),
                [("programmes", "works_with_security")],
                no_line,
            ),
        )
        if table in book.tables
    ]


def paying(book: Book, category: str) -> pd.DataFrame:
    """The budget lines in force but for those of cancelled grants, with `pays`.

    `pays`: whether the line puts money on the category; blank where its category or amount is. The
    currency does not matter, so no exchange rate is needed.
    """
    lines = budget(book)
    live = flows(book).grants["live"].reindex(lines["grant"].array).array
    lines = lines[pd.Series(live, index=lines.index).astype("boolean").fillna(True)]
    amount = book["budget_lines"]["amount"].reindex(lines.index)
    return lines.assign(pays=(lines["category"] == category) & (amount > 0))
