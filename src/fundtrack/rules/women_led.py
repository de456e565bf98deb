"""Women-led organisations: how much reaches them, counted as the local share is?"""

from __future__ import annotations

import pandas as pd

from fundtrack.book import Book
from fundtrack.flows import Flows, flows
from fundtrack.model import Basis, Clause, Limits, Severity, Threshold
from fundtrack.money import reaches, total
from fundtrack.rules import check
from fundtrack.rules.local_share import MONEY, STATUS
from fundtrack.verdicts import Ask, Share, entries

TARGET, FLOOR = "wym.target_pct", "wym.floor_pct"


@check(
    "WYM-01",
    "At least {wym.target_pct}% of the money reaches women-led local organisations directly or "
    "through one intermediary",
    name="Women-led local CSOs’ share",
    scope="portfolio",
    origin="brief + source",
    brief=Clause(
        "KF10 (p. 9)",
        "Given the tendency to exclude women and youth organizations, particular efforts should "
        "be made to identify and engage them",
    ),
    needs={"grants": MONEY, "organisations": ["org_type", "women_led"]},
    weighs={"grants": ["recipient_country", "subgrants_reported"], "organisations": STATUS},
    thresholds=[
        Threshold(
            TARGET,
            15,
            "% of value",
            Basis.HOUSE,
            ("S34",),
            "Borrowed: the source sets 15% for the purpose of gender equality, not for "
            "organisations.",
        ),
        Threshold(
            FLOOR,
            1,
            "% of value",
            Basis.SOURCE,
            ("S35",),
            "1% of all aid, straight to women's organisations.",
        ),
    ],
    severity=Severity.WARNING,
    severity_note="an error below the floor",
)
def women_led_share(book: Book, limits: Limits) -> Share:
    """Money for local independent organisations that women lead, over the same total as the local
    share (LOC-01).

    A blank under “Women-led?” is unknown: it widens the bounds, and is asked for by name.
    Why: women's organisations see trouble first, and are the last to be funded.
    Fix: a window for small grants, or a women's fund that can pass money on.
    Out of scope: (1) cancelled grants; (2) grants to state bodies; (3) grants outside the period;
    (4) women-led organisations that are not local and independent; (5) money that passed through
    two or more intermediaries; (6) purchases of services.
    Example: 46,500 direct and 30,000 through one intermediary, of 800,000, is 9.5625%: a warning.
    """
    f = flows(book)
    grants, subs = f.grants, f.subgrants
    leads, sub_leads = _women_led(f, grants["org_id"]), _women_led(f, subs["org_id"])
    target, floor = TARGET, limits[FLOOR] / 100
    rest, of_subs = _may_reach(f, leads, sub_leads)
    unknown = {
        "direct": f.direct.where(leads.isna()),
        "one_step": f.one_step.where(sub_leads.isna()),
        "rest": rest,
        "of_subs": of_subs,
    }
    terms = [
        entries("direct", "part", "grants", f.direct.where(leads.fillna(False))),
        entries("one_step", "part", "subgrants", f.one_step.where(sub_leads.fillna(False))),
        entries("unknown", "unknown", "grants", unknown["direct"]),
        entries("unknown", "unknown", "subgrants", unknown["one_step"]),
        entries("unknown", "unknown", "grants", rest),
        entries("unknown", "unknown", "subgrants", of_subs),
        entries("T", "whole", "grants", grants["value"].where(grants["counted"])),
    ]
    return Share(
        pd.concat(terms, ignore_index=True),
        at_least=target,
        message="{share} of the money ({part} of {whole}) reaches women-led local organisations "
        "directly or through one intermediary; the floor is {wym.floor_pct}%, the target "
        "{threshold}." + f.caveat,
        remedy="Open a window for small grants, or give through a women's fund: {gap} more would "
        "reach the target.",
        called={
            "direct": "grants straight to local organisations that women lead",
            "one_step": "sub-grants that reach such organisations through one intermediary",
            "unknown": "what may reach them, as far as is known",
            "T": "all grants of the period but those to state bodies",
        },
        asks=_asks(f, leads, sub_leads, unknown),
        assessed=int((grants["counted"] & ~_open(grants.index, subs, unknown)).sum()),
        in_scope=int((grants["live"] & f.in_period & ~grants["state"].astype(bool)).sum()),
        left_out=f.unvalued,
        severity=lambda high, _: Severity.WARNING if reaches(high, floor) else Severity.ERROR,
        hard=lambda high: not reaches(high, floor),
    )


def _women_led(f: Flows, org_ids: pd.Series) -> pd.Series:
    """Whether women lead each organisation; blank where the register does not say."""
    answer = f.about(org_ids, "women_led")
    return (answer == "yes").astype("boolean").where(answer.notna())


def _may_reach(f: Flows, leads: pd.Series, sub_leads: pd.Series) -> tuple[pd.Series, pd.Series]:
    """What could be added at best, beyond what is known to be one step away: of grants, of
    sub-grants (see `Flows.may_reach`).

    The whole rest where the recipient may be local and led by women, or where it is unknown what
    it passed on; else its sub-grants to women-led organisations that may be local.
    """
    local = f.grants["local"]
    itself = local.isna() & leads.fillna(True)
    silent = ~local.fillna(False) & ~f.grants["reported"]
    return f.may_reach(itself | silent, f.maybe_local & sub_leads.fillna(True))


def _open(index: pd.Index, subs: pd.DataFrame, unknown: dict[str, pd.Series]) -> pd.Series:
    """The grants of which some money is unknown."""
    own = unknown["direct"].notna() | unknown["rest"].notna()
    of_subs = unknown["one_step"].notna() | (unknown["of_subs"] > 0).fillna(False)
    passed = index.isin(subs["grant"][of_subs])
    return own | pd.Series(passed, index=index)


def _asks(
    f: Flows, leads: pd.Series, sub_leads: pd.Series, unknown: dict[str, pd.Series]
) -> list[Ask]:
    """The facts that would settle the share, the weightiest first."""
    grants, subs = f.grants, f.subgrants
    unled = pd.concat([unknown["direct"], unknown["one_step"]])
    unplaced = pd.concat(
        [
            grants["value"].where(grants["counted"] & grants["local"].isna() & leads.fillna(True)),
            subs["value"].where(subs["first"] & subs["local"].isna() & sub_leads.fillna(True)),
        ]
    )
    org_ids = pd.concat([grants["org_id"], subs["org_id"]])
    asks = [ask for ask in f.asks() if ask.table != "organisations"]
    for fields, open_ in ((["women_led"], unled), (["org_type", *STATUS, "women_led"], unplaced)):
        weight = open_.groupby(org_ids.array).sum()
        about = f.register.reindex(weight.index[(weight > 0).fillna(False)])
        about = about[about[fields].isna().any(axis=1) & about["label"].notna()]
        if len(about):
            labels = pd.Index(about["label"].astype("int64"))
            asks.append(Ask("organisations", fields, labels, total(weight.loc[about.index])))
    return sorted((ask for ask in asks if ask.amount), key=lambda ask: -ask.amount)
