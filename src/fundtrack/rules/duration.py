"""Durations: does the money last beyond the three-to-six-month cycle?

A grant is judged by its dates as signed, since extending it later does not undo a short commitment.
Every grant of the register is judged, whatever the period; cancelled ones are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fundtrack.book import Book
from fundtrack.flows import CANCELLED, flows
from fundtrack.model import (
    Basis,
    Clause,
    Formula,
    Limits,
    Quotient,
    Severity,
    Step,
    Taken,
    Threshold,
    Worked,
)
from fundtrack.money import total
from fundtrack.months import MEAN_MONTHS, STEPS, Terms
from fundtrack.rules import check
from fundtrack.verdicts import Ask, RowVerdicts, Share, entries
from fundtrack.words import duration, plural
from fundtrack.words_by_row import either

SHORT = Threshold(
    "dur.short_months",
    6,
    "months",
    Basis.BRIEF,
    ("brief, p. 31",),
    "Flagged at or below. Both ends of the brief's pattern count; anything under three months is "
    "shorter still.",
)
BAND_LOW = Threshold(
    "dur.band_low_months",
    3,
    "months",
    Basis.BRIEF,
    ("brief, p. 31",),
    "Only tells the band from what lies below it.",
)
MULTI_YEAR = Threshold(
    "dur.multi_year_months",
    24,
    "months",
    Basis.SOURCE,
    ("S05", "S06", "S07"),
    "Reached at signature. The brief's own example took two years to build trust (p. 27).",
)
SHORT_CYCLE = Clause(
    "p. 31",
    "CSOs often facing three to six-month implementation periods for work that requires long "
    "term commitment",
)


def live_grants(book: Book) -> pd.DataFrame:
    """The grants that were not cancelled."""
    grants = book["grants"]
    return grants[(grants["activity_status"] != CANCELLED).fillna(True)]


def signed(frame: pd.DataFrame) -> Terms:
    """The terms as signed; a stated duration stands in where a date is missing."""
    stated = frame.get("planned_duration_months")
    return Terms(frame["planned_start_date"], frame["planned_end_date"], stated)


AS_SIGNED = "months as signed"  # what the value of a grant is multiplied by; see `worked`


def worked(book: Book, labels: Sequence[int]) -> Worked:
    """How the months of each grant are worked out from its cells."""
    rows = book["grants"].loc[list(dict.fromkeys(labels))]  # several payments may be of one grant
    steps = signed(rows).steps
    dated = steps["whole"].notna()
    first, last = rows["planned_start_date"][dated], rows["planned_end_date"][dated]
    stated = rows["planned_duration_months"][~dated].astype("float64")
    given = {
        label: Formula("{0}", [Taken("grants", label, stated.name, months)])
        for label, months in stated.items()
    }
    formula = {name: Formula(template, []) for name, template in STEPS.items()}
    return Worked(
        "grants",
        {**dict.fromkeys(rows.index[dated], Formula(MEAN_MONTHS, [])), **given},
        {
            "first": Step("First day", first, "planned_start_date"),
            "last": Step("Last day", last, "planned_end_date"),
            **{
                name: Step(heading, steps[name][dated], worked=formula[name])
                for name, heading in _SAID.items()
            },
        },
    )


_SAID = {
    "whole": "Whole months",
    "reached": "Whole months end before",
    "next": "One month more ends before",
}


def _said_in(grants: pd.DataFrame) -> pd.Series:
    """The field that tells how long each grant lasts: its end, else its stated duration."""
    dated = grants[["planned_start_date", "planned_end_date"]].notna().all(axis=1)
    stated = ~dated & grants["planned_duration_months"].notna()
    return either(stated, "planned_duration_months", "planned_end_date")


@check(
    "DUR-01",
    "A grant to a civil society organisation lasts more than six months",
    name="Short grant (six months or less)",
    scope="grant",
    origin="brief",
    brief=SHORT_CYCLE,
    needs={
        "grants": [
            "planned_start_date|planned_duration_months",
            "planned_end_date|planned_duration_months",
            "recipient_org_id",
        ],
        "organisations": ["org_type"],
    },
    thresholds=[SHORT, BAND_LOW],
    severity=Severity.ERROR,
)
def short_grant(book: Book, limits: Limits) -> RowVerdicts:
    """Each grant's dates as signed, first and last day included.

    Why: short cycles make partners chase the next grant instead of building trust.
    Fix: one agreement that is longer, or an exception with its reason where the work is truly
    short.
    Out of scope: (1) cancelled grants; (2) recipients that are not civil society organisations.
    Example: 2024-01-01 to 2024-06-30 is exactly six months: a finding; one day more is none.
    """
    grants = live_grants(book)  # (1)
    terms = signed(grants)

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        rows, short = grants.loc[labels], terms.of(labels)
        below = (short.months < limits["dur.band_low_months"]).fillna(False)
        now = Terms(rows["planned_start_date"], rows["amended_end_date"]).words()
        return {
            "duration": short.words(),
            "pattern": either(
                below,
                "below even the three-to-six-month pattern",
                "inside the three-to-six-month pattern",
            ),
            "extended": ("; extended since, it is now " + now).where(
                rows["amended_end_date"].notna(), ""
            ),
        }

    return RowVerdicts(
        "grants",
        in_scope=flows(book).is_cso(grants["recipient_org_id"]),  # (2)
        meets=~terms.at_most(limits["dur.short_months"]),
        at=_said_in(grants),
        message="Grant {grant_id} to {recipient_org_id} runs {duration}: {pattern} that the brief "
        "criticises{extended}.",
        remedy="Sign it anew as one agreement of more than {dur.short_months} months, or record "
        "in the sheet Exceptions why the work is truly short.",
        expected="more than {dur.short_months} months",
        words=words,
        blank=_dates_and_type("grants"),
    )


@check(
    "DUR-02",
    "A sub-grant to a civil society organisation lasts more than six months",
    name="Short sub-grant (six months or less)",
    scope="sub-grant",
    origin="brief",
    brief=SHORT_CYCLE,
    needs={
        "subgrants": ["planned_start_date", "planned_end_date", "receiver_org_id"],
        "organisations": ["org_type"],
    },
    thresholds=[SHORT],
    severity=Severity.ERROR,
)
def short_subgrant(book: Book, limits: Limits) -> RowVerdicts:
    """Each sub-grant's dates as signed, first and last day included.

    Why: an intermediary with a long grant can still leave its partner in the short cycle.
    Fix: bring the sub-grant to the term of the grant that it comes from.
    Out of scope: (1) purchases of services; (2) receivers that are not civil society organisations.
    Example: a sub-grant from 2024-03-15 to 2024-09-14 is exactly six months: a finding.
    """
    subs = book["subgrants"]
    subs = subs[(subs["purpose"] != "services").fillna(True)]  # (1)
    terms = signed(subs)

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        parents = flows(book).subgrants.loc[labels, "grant"]
        grants = book["grants"].reindex(parents.array).set_axis(labels)
        return {"duration": terms.of(labels).words(), "parent": signed(grants).words()}

    return RowVerdicts(
        "subgrants",
        in_scope=flows(book).is_cso(subs["receiver_org_id"]),  # (2)
        meets=~terms.at_most(limits["dur.short_months"]),
        at="planned_end_date",
        message="Sub-grant {subgrant_id} to {receiver_org_id} runs {duration}, while the grant "
        "{parent_grant_id} that it comes from runs {parent}.",
        remedy="Ask {provider_org_id} to bring the sub-grant to the term of its own grant.",
        expected="more than {dur.short_months} months",
        words=words,
        blank=_dates_and_type("subgrants"),
    )


@check(
    "DUR-04",
    "At least {dur.multi_year_share_min_pct}% of the money for civil society is committed for "
    "{dur.multi_year_months} months or more",
    name="Multi-year share of CSO funding",
    scope="portfolio",
    origin="brief + source",
    brief=Clause(
        "p. 31",
        "The donor community must revisit its own processes to allow for greater flexibility in "
        "funding timelines",
    ),
    needs={
        "grants": [
            "planned_start_date|planned_duration_months",
            "planned_end_date|planned_duration_months",
            "recipient_org_id",
            "amount",
            "currency",
        ],
        "organisations": ["org_type"],
    },
    thresholds=[
        MULTI_YEAR,
        Threshold(
            "dur.multi_year_share_min_pct",
            30,
            "% of CSO value",
            Basis.HOUSE,
            ("S09",),
            "The mark against which the Grand Bargain Secretariat reports donors; not a rule for "
            "preventing violent extremism.",
        ),
    ],
    severity=Severity.WARNING,
)
def multi_year_share(book: Book, limits: Limits) -> Share:
    """Value of grants to civil society that last two years or more, over the value of all of them.

    Why: trust takes years, and a partner cannot plan for longer than its money lasts.
    Fix: turn the renewals that DUR-05 lists into one agreement each: they are long-term already.
    Out of scope: (1) cancelled grants; (2) recipients that are not civil society organisations.
    Example: 300,000 of 500,000 in grants of 24 months or more is 60%.
    """
    grants = live_grants(book)  # (1)
    money = flows(book).grants["value"].reindex(grants.index)
    cso = flows(book).is_cso(grants["recipient_org_id"])
    terms = signed(grants)
    long = terms.at_least(limits["dur.multi_year_months"])
    sure, doubt = cso.fillna(False), cso.isna()  # (2)
    value, months = money.where(sure), terms.mean_months
    timed = value.where(months.notna())
    of = grants["recipient_org_id"]
    terms_of_share = pd.concat(
        [
            entries("multi_year", "part", "grants", value.where(long.fillna(False)), org_id=of),
            entries("cso_value", "whole", "grants", value, org_id=of),
            entries("unknown_duration", "unknown", "grants", value.where(long.isna()), org_id=of),
            entries(
                "perhaps_cso_long",
                "doubtful",
                "grants",
                money.where(doubt & long.fillna(True)),
                org_id=of,
            ),
            entries(
                "perhaps_cso_short",
                "burden",
                "grants",
                money.where(doubt & ~long.fillna(False)),
                org_id=of,
            ),
        ],
        ignore_index=True,
    )
    mean = Quotient(
        "mean_months",
        "value x months as signed, over the value: the mean length of a grant by value",
        entries("mean_months", "part", "grants", timed * months, weight=AS_SIGNED),
        entries("mean_months", "whole", "grants", timed),
        unit="months",
    )
    return Share(
        terms_of_share,
        at_least="dur.multi_year_share_min_pct",
        message="{share} of the money for civil society ({part} of {whole}) is in grants of "
        "{dur.multi_year_months} months or more; the benchmark is {threshold}. The mean grant "
        "lasts {mean} months by value.",
        remedy="Convert {gap} to agreements of {dur.multi_year_months} months or more; the "
        "largest shorter grants are {levers}. Begin with the chains of renewals under DUR-05.",
        called={
            "multi_year": "grants to civil society that last so long",
            "cso_value": "all grants to civil society",
            "unknown_duration": "grants to civil society of unknown length",
            "perhaps_cso_long": "long grants to organisations of unknown type",
            "perhaps_cso_short": "short grants to organisations of unknown type",
        },
        made=[mean],
        asks=_asks(book, money, sure & long.isna(), doubt),
        levers=("grants", value.where(~long.fillna(True))),
        assessed=int((sure & long.notna() & money.notna()).sum()),
        in_scope=int((sure | doubt).sum()),
        left_out=int(((sure | doubt) & money.isna()).sum()),
        words={"mean": f"{mean.value or 0:.1f}"},
    )


def _asks(book: Book, money: pd.Series, undated: pd.Series, untyped: pd.Series) -> list[Ask]:
    """The dates and the types that would settle the multi-year share."""
    grants, known, asks = book["grants"], money.notna(), []
    if len(rows := money.index[undated & known]):
        fields = ["planned_start_date", "planned_end_date"]
        asks.append(Ask("grants", fields, rows, total(money.loc[rows])))
    if len(rows := money.index[untyped & known]):
        names = grants.loc[rows, "recipient_org_id"].dropna().unique()
        labels = flows(book).register.reindex(names)["label"].dropna().astype("int64")
        asks.append(Ask("organisations", ["org_type"], pd.Index(labels), total(money.loc[rows])))
    return asks


@check(
    "DUR-05",
    "A partner that is funded again and again has one agreement, not a chain of short ones",
    name="Serial short renewals",
    scope="recipient chain",
    origin="brief + house",
    brief=Clause(
        "p. 31",
        "the perception that international actors view the lives and communities of those "
        "affected by extremism as a “project.”",
    ),
    needs={
        "grants": ["provider_org_id", "recipient_org_id", "planned_start_date", "planned_end_date"]
    },
    thresholds=[
        Threshold("dur.chain_gap_days", 90, "days", Basis.HOUSE, (), "One quarter."),
        Threshold("dur.chain_min_grants", 3, "grants", Basis.HOUSE),
        Threshold("dur.chain_grant_max_months", 12, "months", Basis.HOUSE),
        Threshold("dur.chain_span_min_months", 12, "months", Basis.HOUSE),
    ],
    severity=Severity.WARNING,
)
def serial_renewals(book: Book, limits: Limits) -> RowVerdicts:
    """Grants of one provider to one recipient that follow each other, seen as one chain.

    A grant joins the chain when it renews a grant in it, or begins within {dur.chain_gap_days} days
    of the chain's latest end, under the same programme where programmes are given. Overlaps count
    once.
    Why: a chain of short grants is a long commitment without its security.
    Fix: replace the next renewal by one agreement of several years, and fund the gap.
    Out of scope: (1) cancelled grants; (2) recipients that are known not to be civil society
    organisations;
    (3) chains of fewer than {dur.chain_min_grants} grants.
    Example: three grants of six months with gaps of 14 and 17 days are one chain of 19 months, 31
    days unfunded.
    """
    grants = live_grants(book)  # (1)
    not_cso = (~flows(book).is_cso(grants["recipient_org_id"])).fillna(False)
    known = (
        grants[["planned_start_date", "planned_end_date", "provider_org_id", "recipient_org_id"]]
        .notna()
        .all(axis=1)
    )
    undated = grants[~not_cso & ~known]
    dated = grants[~not_cso & known]  # (2)
    grants = _in_company(dated, limits["dur.chain_min_grants"])
    chains, members = _chains(grants, limits["dur.chain_gap_days"])
    enough = chains["grants"] >= limits["dur.chain_min_grants"]
    span = Terms(chains["start"], chains["end"])
    serial = (chains["longest"] <= limits["dur.chain_grant_max_months"]) & span.at_least(
        limits["dur.chain_span_min_months"]
    )

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        return {
            "n": chains.loc[labels, "grants"].astype("string"),
            "span": span.of(labels).words(),
            "gap": _unfunded(chains.loc[labels, "gap"]),
            "ids": _chained(chains.loc[labels], members),
        }

    return RowVerdicts(
        "grants",
        in_scope=pd.concat([enough.astype("boolean"), _perhaps(undated, dated, limits)]),  # (3)
        meets=(~serial).reindex([*chains.index, *undated.index]),
        at="grant_id",
        message="{recipient_org_id} has had {n} grants from {provider_org_id} that follow each "
        "other or overlap, each of at most {dur.chain_grant_max_months} months, over {span}{gap}: "
        "{ids}.",
        remedy="Replace the next renewal by one agreement of several years.",
        expected="one agreement instead of {dur.chain_min_grants} or more short ones",
        words=words,
        key=chains["first"],
    )


def _in_company(grants: pd.DataFrame, least: float) -> pd.DataFrame:
    """The grants whose parties have enough of them for a chain; most registers have few."""
    parties = ["provider_org_id", "recipient_org_id"]
    if grants["renewal_of_grant_id"].isna().all():
        parties.append("programme_id")
    counts = grants.groupby(parties, dropna=False, sort=False)["grant_id"].transform("size")
    return grants[counts >= least]


def _perhaps(undated: pd.DataFrame, dated: pd.DataFrame, limits: Limits) -> pd.Series:
    """Grants without dates: in no chain for sure where their parties have too few, else unknown."""
    parties = ["provider_org_id", "recipient_org_id"]
    counts = pd.concat([undated, dated]).groupby(parties).size().rename("n")
    n = undated[parties].join(counts, on=parties)["n"].fillna(0)
    few = n < limits["dur.chain_min_grants"]
    return pd.Series(False, index=undated.index, dtype="boolean").where(few)


def _chains(grants: pd.DataFrame, gap_days: float) -> tuple[pd.DataFrame, list[str]]:
    """One row a chain, indexed by the label of its latest grant; and all grants' ids, chain by
    chain.

    Columns: first (the id of its first grant), grants (count), start, end, longest (months, a spare
    day counts as more), gap (unfunded days), begins (where its grants stand in the list of ids).
    """
    parties = ["provider_org_id", "recipient_org_id", "programme_id"]
    ordered = grants.sort_values(
        [*parties, "planned_start_date", "planned_end_date", "grant_id"], kind="stable"
    )
    one = ordered[parties].fillna("")
    party = (one != one.shift()).any(axis=1).cumsum()
    day = np.timedelta64(1, "D")
    until = ordered.groupby(party)["planned_end_date"].cummax().groupby(party).shift()
    apart = ordered["planned_start_date"] - until > np.timedelta64(int(gap_days) + 1, "D")
    chain = _linked((until.isna() | apart).cumsum(), ordered)
    by = ordered.assign(chain=chain).sort_values(
        ["chain", "planned_start_date", "planned_end_date"], kind="stable"
    )
    reached = by.groupby("chain")["planned_end_date"].cummax().groupby(by["chain"]).shift()
    idle = ((by["planned_start_date"] - reached - day) // day).clip(lower=0).fillna(0)
    terms = signed(by)
    longest = (
        terms.months + (terms.days > 0).astype("Float64") / 2
    )  # only tells “more than n months”
    grouped = by.assign(idle=idle, longest=longest, label=by.index).groupby("chain", sort=True)
    chains = pd.DataFrame(
        {
            "label": grouped["label"].last(),
            "first": grouped["grant_id"].first(),
            "grants": grouped.size(),
            "start": grouped["planned_start_date"].min(),
            "end": grouped["planned_end_date"].max(),
            "longest": grouped["longest"].max(),
            "gap": grouped["idle"].sum().astype("int64"),
        }
    )
    chains["begins"] = chains["grants"].cumsum() - chains["grants"]
    return chains.set_index("label"), list(by["grant_id"])


def _unfunded(days: pd.Series) -> pd.Series:
    texts = [f", {n} {plural('day', n)} of them without money" if n else "" for n in days]
    return pd.Series(texts, index=days.index, dtype="string")


def _chained(chains: pd.DataFrame, members: list[str]) -> pd.Series:
    """The ids of each chain's grants in order; only worked out for the chains that are shown."""
    spans = zip(chains["begins"], chains["grants"], strict=True)
    texts = [", ".join(str(m) for m in members[b : b + n] if not pd.isna(m)) for b, n in spans]
    return pd.Series(texts, index=chains.index, dtype="string")


def _linked(chain: pd.Series, ordered: pd.DataFrame) -> pd.Series:
    """Chains joined where a grant says that it renews one in another chain."""
    ids = ordered["grant_id"]
    home = pd.Series(chain.array, index=ids.array)
    home = home[home.index.notna() & ~home.index.duplicated()]
    renews = pd.Series(
        home.reindex(ordered["renewal_of_grant_id"].array).array, index=ordered.index
    )
    links = pd.DataFrame({"a": chain, "b": renews}).dropna().astype("int64")
    links = links[links["a"] != links["b"]].drop_duplicates()
    root = np.arange(int(chain.max()) + 1 if len(chain) else 1)
    while len(links):  # the smaller number spreads along the links until nothing changes
        a, b = root[links["a"]], root[links["b"]]
        if (a == b).all():
            break
        low = np.minimum(a, b)
        np.minimum.at(root, links["a"].to_numpy(), low)
        np.minimum.at(root, links["b"].to_numpy(), low)
        root = root[root]
    return pd.Series(root[chain], index=chain.index)


@check(
    "DUR-06",
    "A grant still has more than six months to run when its first money arrives",
    name="Effective implementation period",
    scope="grant",
    origin="brief + source",
    brief=SHORT_CYCLE,
    needs={
        "grants": ["planned_start_date", "planned_end_date"],
        "transactions": ["grant_id", "transaction_type", "transaction_date"],
    },
    thresholds=[SHORT],
    severity=Severity.WARNING,
)
def effective_period(book: Book, limits: Limits) -> RowVerdicts:
    """From the first disbursement (or the start, if that is later) to the end as it now stands.

    Why: a year's grant whose money comes in July is a grant of six months.
    Fix: extend it at no cost by the days lost, and pay the first instalment at signature next time.
    Out of scope: (1) cancelled grants; (2) recipients that are known not to be civil society
    organisations;
    (3) grants that were signed for six months or less, which DUR-01 judges.
    Example: signed for 2024, first paid on 2024-07-10: 191 days late, 5 months 22 days are left.
    """
    grants = live_grants(book)  # (1)
    not_cso = (~flows(book).is_cso(grants["recipient_org_id"])).fillna(False)
    grants = grants[~not_cso]  # (2)
    first = flows(book).first_payments.reindex(grants["grant_id"].array)
    paid = pd.Series(first.array, index=grants.index).astype("datetime64[s]")
    start = grants["planned_start_date"]
    begins = paid.where(paid > start, start).where(paid.notna())
    terms = Terms(begins, grants["amended_end_date"].fillna(grants["planned_end_date"]))
    # Money that came after the end left no time at all: a finding, not an unknown.
    over = (begins > terms.end).astype("boolean")

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        left = terms.of(labels).words()
        late = ((paid - start).loc[labels] // np.timedelta64(1, "D")).astype("Int64")
        return {
            "duration": signed(grants.loc[labels]).words(),
            "late": late.astype("string"),
            "left": left.where(~over.loc[labels].fillna(False), duration(0, 0)),
            "paid": paid.loc[labels].dt.strftime("%Y-%m-%d"),
        }

    return RowVerdicts(
        "grants",
        in_scope=~signed(grants).at_most(limits["dur.short_months"]),  # (3)
        meets=~(terms.at_most(limits["dur.short_months"]) | over),
        at="planned_end_date",
        message="Grant {grant_id} was signed for {duration}, but its first money came on {paid}, "
        "{late} days after the start: {left} remained.",
        remedy="Grant an extension of {late} days at no cost, and pay the first instalment at "
        "signature next time.",
        expected="more than {dur.short_months} months after the first payment",
        words=words,
        blank=_dates_and_type("grants")[:2],
        otherwise=": no disbursement to them is listed",
    )


def _dates_and_type(table: str) -> list[tuple[str, str]]:
    return [
        (table, "planned_start_date"),
        (table, "planned_end_date"),
        ("organisations", "org_type"),
    ]
