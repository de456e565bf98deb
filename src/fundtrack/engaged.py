"""Which organisations the work engages, through what, and since when beside security actors.

`guidance` 1.3: recipients and sub-recipients, partners of a security agency, and those who deliver
or monitor an activity. The participants of an event are listed without their organisation, and so
engage none.
"""

from __future__ import annotations

import pandas as pd

from fundtrack.book import Book
from fundtrack.flows import flows

# The kinds of activity in which security actors take part by their very name.
JOINT = ["police_training", "joint_forum", "cso_security_engagement"]


def engagements(book: Book) -> pd.DataFrame:
    """Each tie of an organisation to the work, worked out once; cancelled grants make none.

    Columns: `org_id`; `how` and `record`, the tie in words and its identifier; `begins`, `ends`;
    `current`, whether it touches the period (a blank date does not exclude it); `joint`, whether
    security actors take part, blank where the kind of activity is; `parent_type` and `parent_id`,
    a budget that could pay for the organisation's protection. A sub-grant has two such budgets, and
    so two rows.
    """
    return book.once("engagements", lambda: _engagements(book))


def engaged(book: Book) -> pd.Series:
    """How each organisation is engaged in the period, in words, by its id; the first tie of
    several.
    """
    ties = engagements(book)
    return ties[ties["current"]].drop_duplicates("org_id").set_index("org_id")["how"]


def first_joint(book: Book) -> pd.DataFrame:
    """The first joint activity of each organisation with security actors, by the organisation's id.

    Columns: `met`, its first day; `how`, `record`; `sure`, False where it is only possible that
    there was one; `open`, True where one that is not dated, or of unknown kind, may have been
    earlier. What has not begun on the reference date is left out.
    """
    ties = engagements(book)
    ahead = ties["begins"] > book.settings.today
    ties = ties[ties["joint"].fillna(True).astype(bool) & ~ahead]
    sure = ties[ties["joint"].fillna(False).astype(bool)]
    ordered = sure.sort_values(["begins", "record"], na_position="last")
    first = ordered.drop_duplicates("org_id").set_index("org_id")
    met = pd.Series(first["begins"].reindex(ties["org_id"].array).array, index=ties.index)
    undated = ties["begins"].isna() | met.isna()
    earlier = undated | (ties["joint"].isna() & (ties["begins"] < met))
    found = first.reindex(pd.Index(ties["org_id"].unique(), dtype="string", name="org_id"))
    return pd.DataFrame(
        {
            "met": found["begins"],
            "how": found["how"],
            "record": found["record"],
            "sure": found.index.isin(sure["org_id"]),
            "open": found.index.isin(ties.loc[earlier, "org_id"]),
        }
    )


def _engagements(book: Book) -> pd.DataFrame:
    f = flows(book)
    grants = book["grants"][f.grants["live"]]
    cancelled = f.grants.index[~f.grants["live"]]
    subs = book["subgrants"][~f.subgrants["grant"].isin(cancelled)]
    ends = grants["amended_end_date"].fillna(grants["planned_end_date"])
    pairs, acts = book["security_partnerships"], book["activities"]
    joint = acts["activity_type"].isin(JOINT).astype("boolean").where(acts["activity_type"].notna())
    ties = [
        _ties(
            grants["recipient_org_id"],
            "it receives a grant",
            grants["grant_id"],
            (grants["planned_start_date"], ends),
            False,
            ("grant", grants["grant_id"]),
        ),
        *(
            _ties(
                subs["receiver_org_id"],
                "it receives a sub-grant",
                subs["subgrant_id"],
                (subs["planned_start_date"], subs["planned_end_date"]),
                False,
                (kind, subs[purse]),
            )
            for kind, purse in (("subgrant", "subgrant_id"), ("grant", "parent_grant_id"))
        ),
        _ties(
            pairs["partner_org_id"],
            "it is the partner of a security agency",
            pairs["partnership_id"],
            (pairs["start_date"], pairs["end_date"]),
            True,
            ("grant", pairs["security_grant_id"]),
        ),
        *(
            _ties(
                acts[who],
                how,
                acts["activity_id"],
                (acts["start_date"], acts["end_date"]),
                joint,
                ("programme", acts["programme_id"]),
            )
            for who, how in (
                ("delivered_by_org_id", "it delivers an activity"),
                ("independent_monitor_org_id", "it monitors an activity"),
            )
        ),
    ]
    found = pd.concat(ties, ignore_index=True).dropna(subset=["org_id"])
    return found.assign(current=_touches_period(book, found["begins"], found["ends"]))


def _ties(
    org_ids: pd.Series,
    how: str,
    records: pd.Series,
    term: tuple[pd.Series, pd.Series],
    joint: pd.Series | bool,
    purse: tuple[str, pd.Series],
) -> pd.DataFrame:
    ties = pd.DataFrame({"org_id": org_ids, "how": how, "record": records})
    ties["begins"], ties["ends"] = term
    ties["parent_type"], ties["parent_id"] = purse
    joint = joint if isinstance(joint, pd.Series) else pd.Series(joint, index=ties.index)
    return ties.assign(joint=joint.astype("boolean"))


def _touches_period(book: Book, begins: pd.Series, ends: pd.Series) -> pd.Series:
    start, end = book.settings.period_start, book.settings.period_end
    touches = pd.Series(True, index=begins.index)
    if start:
        touches &= ends.isna() | (ends >= pd.Timestamp(start))
    if end:
        touches &= begins.isna() | (begins <= pd.Timestamp(end))
    return touches
