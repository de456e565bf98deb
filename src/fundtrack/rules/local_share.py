"""Local share: how much reaches local independent organisations, and through how many hands?

Who is local decides everything, so what is not known of a recipient widens the bounds of a share
and is asked for by name; it is never read as “no”.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from fundtrack.book import Book
from fundtrack.flows import INTERMEDIARY_TYPES, Flows, flows
from fundtrack.model import Basis, Clause, Limits, Quotient, Severity, Threshold
from fundtrack.money import total
from fundtrack.rules import check
from fundtrack.verdicts import Ask, RowVerdicts, Share, entries
from fundtrack.words import amount as say_amount

SHIFT = Clause(
    "p. 34, text after the box",
    "there is a critical need to shift resources to local independent organizations, not just "
    "large international NGOs",
)
MONEY = ["recipient_org_id", "amount", "currency"]
NO_AMOUNT = ": their amount is blank or not usable, or has no exchange rate"
CALLED = {
    "D": "grants straight to local independent organisations",
    "I1": "sub-grants that reach them through one intermediary",
    "unknown": "what may reach them, as far as is known",
    "T": "all grants of the period but those to state bodies",
}
STATUS = ["hq_country", "intl_affiliated", "state_controlled"]


@check(
    "LOC-01",
    "At least {loc.as_direct_min_pct}% of the money reaches local independent organisations "
    "directly or through one intermediary",
    name="Local independent CSO share, as directly as possible",
    scope="portfolio, country",
    origin="brief + source",
    brief=SHIFT,
    needs={"grants": MONEY, "organisations": ["org_type"]},
    weighs={"grants": ["recipient_country", "subgrants_reported"], "organisations": STATUS},
    thresholds=[
        Threshold(
            "loc.as_direct_min_pct",
            25,
            "% of value",
            Basis.SOURCE,
            ("S01", "S02", "S04"),
            "A benchmark borrowed from humanitarian finance, where state bodies count too; here "
            "only independent organisations do, as the brief asks.",
        )
    ],
    severity=Severity.WARNING,
    severity_note="an error below half of the benchmark",
)
def as_direct_share(book: Book, limits: Limits) -> Share:
    """Direct grants (D) and sub-grants one step away (I1), over all grants but to state bodies (T).

    Local and independent: a national organisation with its headquarters where it works, neither
    affiliated to an international NGO nor controlled by the state. Each amount is converted at its
    own value date.
    Why: organisations rooted in their communities carry the work and the risk.
    Fix: more direct grants, or a minimum that intermediaries pass on.
    Out of scope: (1) cancelled grants; (2) grants to state bodies; (3) grants outside the period;
    (4) money that passed through two or more intermediaries; (5) purchases of services.
    Example: 166,500 direct and 120,000 through one intermediary, of 800,000, is 35.8125%.
    """
    f = flows(book)
    grants = f.grants
    of_grants, of_subs = f.may_reach(f.open, f.maybe_local)
    terms = pd.concat(
        [
            _of_grants("D", "part", f.direct, grants),
            _of_subgrants("I1", "part", f.one_step, f.subgrants),
            _of_grants("unknown", "unknown", of_grants, grants),
            _of_subgrants("unknown", "unknown", of_subs, f.subgrants),
            _of_grants("T", "whole", f.grants["value"].where(grants["counted"]), grants),
        ],
        ignore_index=True,
    )
    international = f.is_type(grants["org_id"], ["21"]).fillna(False) & grants["counted"]
    return Share(
        terms,
        at_least="loc.as_direct_min_pct",
        message="{share} of the money ({part} of {whole}) reaches local independent "
        "organisations directly or through "
        "one intermediary; the benchmark is {threshold}." + f.caveat,
        remedy="Move {gap} to direct grants, or write a minimum to pass on into the largest "
        "grants to international NGOs: {levers}.",
        breakdown=["country"],
        called=CALLED,
        made=_comparator(book, f),
        asks=f.asks(),
        levers=("grants", grants["value"].where(international)),
        assessed=int(grants["counted"].sum()),
        in_scope=int((grants["live"] & f.in_period & ~grants["state"].astype(bool)).sum()),
        left_out=f.unvalued,
        otherwise=NO_AMOUNT,
        severity=lambda high, threshold: (
            Severity.ERROR if high < threshold / 2 else Severity.WARNING
        ),
    )


def _comparator(book: Book, f: Flows) -> list[Quotient]:
    """The Grand Bargain's own reading: state bodies of the country count as local, nothing is left
    out.
    """
    grants = f.grants
    whole = grants["value"].where(grants["live"] & f.in_period)
    home = f.about(grants["org_id"], "hq_country") == grants["country"]
    state = whole.where(grants["state"].astype(bool) & home.fillna(False))
    reading = "the Grand Bargain's own reading, to compare with"
    below = entries("GB_T", "whole", "grants", whole)
    above = pd.concat(
        [
            entries("GB_local", "part", "grants", f.direct),
            entries("GB_local", "part", "subgrants", f.one_step),
            entries("GB_local", "part", "grants", state),
        ]
    )
    if not total(whole):
        return []
    share = f"local organisations and state bodies of the country, of all grants: {reading}"
    return [
        Quotient("GB_share", share, above, below, unit="share"),
        Quotient("GB_T", f"all grants of the period, state bodies included: {reading}", below),
    ]


def _of_grants(figure: str, role: str, amounts: pd.Series, grants: pd.DataFrame) -> pd.DataFrame:
    return entries(
        figure, role, "grants", amounts, country=grants["country"], org_id=grants["org_id"]
    )


def _of_subgrants(figure: str, role: str, amounts: pd.Series, subs: pd.DataFrame) -> pd.DataFrame:
    by = {"country": subs["country"], "org_id": subs["passed_on_by"]}
    return entries(figure, role, "subgrants", amounts, **by)


@check(
    "LOC-02",
    "Money goes straight to local independent organisations, with no intermediary",
    name="Direct local share",
    scope="portfolio, country",
    origin="brief + source",
    brief=SHIFT,
    needs={"grants": MONEY, "organisations": ["org_type"]},
    weighs={"grants": ["recipient_country"], "organisations": STATUS},
    thresholds=[
        Threshold(
            "loc.direct_min_pct",
            None,
            "% of value",
            Basis.SOURCE,
            ("S12",),
            "Reported only, until the donor sets a target. USAID aimed at 25 by 2025 and reached "
            "10.2, or 6 by a strict definition.",
        )
    ],
    severity=Severity.NOTE,
    severity_note="a warning where the donor has set a target",
)
def direct_share(book: Book, limits: Limits) -> Share:
    """Direct grants to local independent organisations (D) over all but those to the state (T).

    Why: each intermediary costs money and takes decisions away from those who do the work.
    Fix: a direct window, or a pooled fund that local organisations can enter.
    Out of scope: (1) cancelled grants; (2) grants to state bodies; (3) grants outside the period.
    Example: 166,500 of 800,000 is 20.8125%: a note, and a warning for a donor who aims at 25%.
    """
    f = flows(book)
    grants = f.grants
    terms = pd.concat(
        [
            _of_grants("D", "part", f.direct, grants),
            _of_grants("unknown", "unknown", f.may_be_direct, grants),
            _of_grants("T", "whole", grants["value"].where(grants["counted"]), grants),
        ],
        ignore_index=True,
    )
    return Share(
        terms,
        at_least="loc.direct_min_pct",
        message="{share} of the money ({part} of {whole}) goes straight to local independent "
        "organisations, with no "
        "intermediary." + f.caveat,
        remedy="Open a direct window, or a pooled fund that local organisations can enter."
        if limits.share("loc.direct_min_pct") is not None
        else "A figure to read. For a target, put loc.direct_min_pct in the sheet Thresholds.",
        expected="as much as possible; the donor has set {threshold}",
        breakdown=["country"],
        called=CALLED,
        asks=[ask for ask in f.asks() if ask.table == "organisations"],
        assessed=int(grants["counted"].sum()),
        in_scope=int((grants["live"] & f.in_period & ~grants["state"].astype(bool)).sum()),
        left_out=f.unvalued,
        otherwise=NO_AMOUNT,
        severity=lambda high, threshold: Severity.WARNING,
    )


@check(
    "LOC-03",
    "Each intermediary passes at least {loc.pass_through_min_pct}% on to local independent "
    "organisations",
    name="Pass-through by intermediary",
    scope="organisation, grant",
    origin="brief + source",
    brief=Clause("p. 34, text after the box", "to be effective they need their local counterparts"),
    needs={"grants": [*MONEY, "subgrants_reported"], "organisations": ["org_type"]},
    weighs={"organisations": STATUS},
    thresholds=[
        Threshold(
            "loc.pass_through_min_pct",
            25,
            "% of value",
            Basis.SOURCE,
            ("S10", "S11"),
            "The signatories' own pledge: 20 by May 2018, 25 by 2020 (the latter read "
            "second-hand).",
        )
    ],
    severity=Severity.WARNING,
)
def pass_through(book: Book, limits: Limits) -> list[Share]:
    """Sub-grants to local independent organisations over the grants received, by organisation and
    by grant.

    A grant whose sub-grants are not all listed leaves the share open; listed as complete with no
    rows is 0%.
    Why: international organisations work through local ones, and should share what they are given.
    Fix: a minimum to pass on in the next agreement, or the sub-grant report that is missing.
    Out of scope: (1) recipients that pass nothing on by agreement (“not applicable”); (2) local
    independent organisations without sub-grants; (3) state bodies, cancelled grants and grants
    outside the period.
    Example: 120,000 passed on of 553,500 is 21.68%: a warning at 25%.
    """
    f = flows(book)
    grants, subs = f.grants, f.subgrants
    judged = _intermediaries(book, f)  # (1) (2) (3)
    received = grants["value"].where(judged)
    mine = subs["grant"].isin(grants.index[judged])
    of_grants, of_subs = f.may_reach(f.open, f.maybe_local)
    sure = judged & grants["local"].notna()
    of_subs = of_subs.where(subs["grant"].isin(grants.index[sure]))
    ids = {"org_id": grants["org_id"], "grant_id": grants["grant_id"]}
    of_sub = {"org_id": subs["passed_on_by"], "grant_id": _grant_ids(subs, grants)}
    terms = pd.concat(
        [
            entries("passed_on", "part", "subgrants", f.one_step.where(mine), **of_sub),
            entries("unknown", "unknown", "grants", of_grants.where(sure), **ids),
            entries("unknown", "unknown", "subgrants", of_subs, **of_sub),
            entries("received", "whole", "grants", received, **ids),
        ],
        ignore_index=True,
    )
    silent = grants.index[judged & ~grants["reported"]]
    by_organisation = Share(
        terms,
        at_least="loc.pass_through_min_pct",
        message="{org_id} passed {share} of what it received ({part} of {whole}) on to local "
        "independent organisations; "
        "the benchmark is {threshold}." + f.caveat,
        remedy="Write a minimum of {threshold} into the next agreement; if sub-grants are missing "
        "from the list, add them.",
        by=["org_id"],
        called={
            "passed_on": "sub-grants that reach local independent organisations",
            "unknown": "what may reach them, as far as is known",
            "received": "grants received that are to be passed on",
        },
        point=("organisations", "org_id"),
        asks=[Ask("grants", ["subgrants_reported"], silent, total(received.loc[silent]))]
        if len(silent)
        else [],
        assessed=int((judged & grants["reported"]).sum()),
        in_scope=int(judged.sum()),
        words={"of": "organisation"},
    )
    several = received.dropna().groupby(grants["org_id"]).transform("size") > 1
    labels = several.index[several]
    by_grant = replace(
        by_organisation,
        terms=terms[terms["grant_id"].isin(grants.loc[labels, "grant_id"].dropna())],
        message="Of grant {grant_id}, {org_id} passed {share} ({part} of {whole}) on to local "
        "independent organisations; "
        "the benchmark is {threshold}." + f.caveat,
        by=["org_id", "grant_id"],
        point=("grants", "subgrants_reported"),
        words={"of": "grant"},
    )
    return [by_organisation, by_grant]


def _intermediaries(book: Book, f: Flows) -> pd.Series:
    """The counted grants whose recipient passes money on: by kind, by word, or as listed."""
    grants, to = f.grants, f.grants["org_id"]
    by_kind = f.is_type(to, INTERMEDIARY_TYPES).fillna(False) | f.is_affiliated(to).fillna(False)
    by_word = (book["grants"]["subgrants_reported"] == "yes").fillna(False)
    listed = grants.index.isin(f.subgrants["grant"].dropna())
    passes = (by_kind | by_word | listed) & grants["passes_on"].fillna(True)
    return grants["counted"] & passes & ~grants["local"].fillna(False)


def _grant_ids(subs: pd.DataFrame, grants: pd.DataFrame) -> pd.Series:
    return pd.Series(grants["grant_id"].reindex(subs["grant"].array).array, index=subs.index)


@check(
    "LOC-04",
    "Money reaches a local independent organisation through at most {loc.max_intermediaries} "
    "intermediary",
    name="At most one intermediary",
    scope="sub-grant",
    tier=2,
    origin="brief + source",
    brief=SHIFT,
    needs={
        "grants": ["recipient_org_id"],
        "subgrants": ["parent_grant_id", "parent_subgrant_id", "receiver_org_id"],
        "organisations": ["org_type"],
    },
    weighs={"grants": ["recipient_country"], "organisations": STATUS},
    thresholds=[
        Threshold(
            "loc.max_intermediaries",
            1,
            "organisations",
            Basis.SOURCE,
            ("S02", "S04"),
            "“As directly as possible”: through up to one intermediary.",
        )
    ],
    severity=Severity.WARNING,
)
def at_most_one(book: Book, limits: Limits) -> RowVerdicts:
    """How many organisations stand between the donor and each local independent organisation.

    Why: each pair of hands takes its costs, and its part of the decisions.
    Fix: contract the local partner at the first tier, or fund it directly.
    Out of scope: (1) sub-grants to others; (2) money that had already reached a local independent
    organisation, which counts there; (3) purchases of services; (4) cancelled grants and grants
    outside the period.
    Example: donor, international NGO, its affiliate, local organisation: two intermediaries.
    """
    f = flows(book)
    subs, sheet = f.subgrants, book["subgrants"]
    current = pd.Series(f.grants["live"] & f.in_period, dtype="boolean")
    current = pd.Series(current.reindex(subs["grant"].array).array, index=subs.index)  # (4)
    bought = (sheet["purpose"] == "services").fillna(False)  # (3)

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        hands = subs.loc[labels, "tier"].astype("string")
        value = f.book.money("subgrants").loc[labels]
        texts = [
            say_amount(float(a), None if pd.isna(c) else str(c)) if pd.notna(a) else "its amount"
            for a, c in zip(value["amount"], value["currency"], strict=True)
        ]
        return {"hands": hands, "sum": pd.Series(texts, index=labels)}

    return RowVerdicts(
        "subgrants",
        in_scope=subs["local"] & ~_was_local(f) & current & ~bought,  # (1) (2)
        meets=subs["tier"] <= limits["loc.max_intermediaries"],
        at="parent_subgrant_id",
        message="Sub-grant {subgrant_id} reached {receiver_org_id} through {hands} intermediaries, "
        "{provider_org_id} the last of them; {sum} does not count in LOC-01." + f.caveat,
        remedy="Contract {receiver_org_id} at the first tier, or fund it directly.",
        expected="at most {loc.max_intermediaries} intermediary",
        words=words,
        blank=[
            ("subgrants", "parent_grant_id"),
            ("subgrants", "receiver_org_id"),
            ("grants", "recipient_country"),
            ("organisations", "org_type"),
            *(("organisations", field) for field in STATUS),
        ],
        otherwise=": what is known of the organisations on the way does not settle it",
    )


def _was_local(f: Flows) -> pd.Series:
    """Whether some organisation on the way to each sub-grant was already local and independent;
    blank where that is unknown, as in a loop.
    """
    subs, above = f.subgrants, f.book["subgrants"]["parent_subgrant_id"]
    first = pd.Series(f.grants["local"].reindex(subs["grant"].array).array, index=subs.index)
    ids = subs["subgrant_id"]
    known = ids[ids.notna() & ~ids.duplicated()]
    was = first.astype("boolean")
    for _ in range(int(subs["tier"].max()) if subs["tier"].notna().any() else 0):
        reached = (was | subs["local"]).reindex(known.index)
        by_id = pd.Series(reached.array, index=known.array)
        passed = pd.Series(by_id.reindex(above.array).array, index=subs.index).astype("boolean")
        was = passed.where(above.notna(), first)
    return was.where(subs["tier"].notna())


@check(
    "LOC-05",
    "What is known of an organisation supports its coding as local or not",
    name="Local status is supported",
    scope="organisation",
    origin="brief + source",
    brief=Clause(
        "p. 29", "Independent local civil society forms much of the backbone of PVE in practice"
    ),
    needs={"organisations": ["org_id", "org_type"], "grants": ["recipient_org_id"]},
    weighs={"grants": ["recipient_country"], "organisations": STATUS},
    severity=Severity.NOTE,
)
def local_status(book: Book, limits: Limits) -> RowVerdicts:
    """Organisations whose type says one thing and whose other columns say another, or nothing.

    Why: an affiliate of an international NGO is often coded as a local organisation.
    Fix: confirm who raises the money and who governs, then fill or correct the cell, or leave it
    as it is.
    Out of scope: (1) types other than 21, 22 and 24; (2) organisations that receive no grant or
    sub-grant;
    (3) type 22 where the headquarters or the country of the work is blank.
    Example: type 24 with “affiliated: yes” is a note: the money is not counted as local.
    """
    f = flows(book)
    orgs = book["organisations"]
    kind = orgs["org_type"]
    met = pd.concat([f.grants[["org_id", "country"]], f.subgrants[["org_id", "country"]]])
    met = met.dropna(subset=["org_id"])
    away = _nowhere_at_home(f, met, orgs["org_id"])
    why, at = _doubts(book, orgs, away)
    received = orgs["org_id"].isin(met["org_id"])
    judged = (kind.isin(["21", "22", "24"]) & received).astype("boolean")  # (1) (2)

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        home = orgs.loc[labels, "hq_country"].fillna("–")
        texts = [w.replace("{home}", h) for w, h in zip(why.loc[labels], home, strict=True)]
        said = [orgs.at[label, at[label]] for label in labels]
        unknown = pd.Series([pd.isna(value) for value in said], index=labels)
        counted = pd.Series("it is not counted as local", index=labels)
        counted = counted.mask(unknown, "it is counted as local only in the highest possible share")
        counted = counted.mask(
            orgs.loc[labels, "org_type"] == "21", "it is counted as international"
        )
        return {"why": pd.Series(texts, index=labels), "counted": counted}

    return RowVerdicts(
        "organisations",
        in_scope=judged.where(kind.notna() | ~received),
        meets=(why == "").astype("boolean").mask((kind == "22") & away.isna()),  # (3)
        at=at,
        message="{org_id} is coded {org_type} but {why}; {counted}." + f.caveat,
        remedy="Confirm who raises its money and who governs it, then correct the cell, or leave "
        "it as it is.",
        expected="a type that the other columns support",
        words=words,
        blank=[
            ("organisations", "org_type"),
            ("organisations", "hq_country"),
            ("grants", "recipient_country"),
        ],
    )


def _nowhere_at_home(f: Flows, met: pd.DataFrame, org_ids: pd.Series) -> pd.Series:
    """True where an organisation works in no country of its own; blank where that is unknown."""
    home = f.about(met["org_id"], "hq_country")
    abroad = (home != met["country"]).astype("boolean").groupby(met["org_id"]).min()
    found = abroad.reindex(org_ids.array).array
    return pd.Series(found, index=org_ids.index, dtype="boolean")


def _doubts(book: Book, orgs: pd.DataFrame, away: pd.Series) -> tuple[pd.Series, pd.Series]:
    """What speaks against each organisation's type, and the field that says so; the first of "
    "several.
    """
    partner, national, international = (orgs["org_type"] == code for code in ("24", "22", "21"))
    affiliated, controlled = orgs["intl_affiliated"], orgs["state_controlled"]
    if book.settings.treat_unknown_affiliation_as == "no":
        affiliated = affiliated.fillna("no")
    every_mark = ~away & (affiliated == "no") & (controlled == "no")
    doubts = [
        (
            "hq_country",
            (partner | national) & away,
            "has its headquarters ({home}) elsewhere than its work",
        ),
        (
            "intl_affiliated",
            partner & (affiliated == "yes"),
            "is affiliated to an international NGO",
        ),
        ("state_controlled", partner & (controlled == "yes"), "is controlled by a government"),
        (
            "hq_country",
            partner & orgs["hq_country"].isna(),
            "does not say where its headquarters are",
        ),
        ("intl_affiliated", partner & affiliated.isna(), "does not say whether it is affiliated"),
        ("state_controlled", partner & controlled.isna(), "does not say who controls it"),
        ("org_type", international & every_mark, "has every mark of a local organisation"),
    ]
    why = pd.Series("", index=orgs.index, dtype="string")
    at = pd.Series("org_type", index=orgs.index, dtype="string")
    for field, holds, words in doubts:
        first = holds.fillna(False) & (why == "")
        at, why = at.mask(first, field), why.mask(first, words)
    return why, at
