"""Budget lines: which are in force, what each pays for, and whose grant it belongs to."""

from __future__ import annotations

import pandas as pd

from fundtrack import schema
from fundtrack.book import Book
from fundtrack.flows import flows


def in_force(lines: pd.DataFrame) -> pd.Series:
    """True for the revised lines where their parent has any, else for the original ones."""
    revised = (lines["budget_type"] == "2").fillna(False)
    has_revised = lines["parent_id"].isin(lines.loc[revised, "parent_id"].dropna())
    return revised | ~has_revised


def budget(book: Book) -> pd.DataFrame:
    """The budget lines in force, worked out once.

    Indexed like the sheet, with `category`, `parent_type`, `parent_id`, `grant` (the row label of
    the grant that the line belongs to, by itself or through its sub-grant; blank for a programme's
    line), `org_id` (who receives that grant or sub-grant), `beneficiary_org_id`, `pve_strand`,
    `country` and `value` in the reporting currency (blank where it cannot be converted).
    """
    return book.once("budget", lambda: _budget(book))


def _budget(book: Book) -> pd.DataFrame:
    lines = book["budget_lines"]
    lines = lines[in_force(lines)]
    f = flows(book)
    grant = pd.Series(pd.NA, index=lines.index, dtype="Int64")
    org = pd.Series(pd.NA, index=lines.index, dtype="string")
    for kind, table, to in (("grant", "grants", f.grants), ("subgrant", "subgrants", f.subgrants)):
        key = schema.tables()[table].key
        ids = book[table][key]
        known = ids[ids.notna() & ~ids.duplicated()]
        label = pd.Series(known.index, index=known.array, dtype="Int64")
        mine = lines["parent_id"].where(lines["parent_type"] == kind)
        found = pd.Series(label.reindex(mine.array).array, index=lines.index)
        of = to.reindex(found.array)
        grant = grant.fillna(
            found if kind == "grant" else pd.Series(of["grant"].array, index=lines.index)
        )
        org = org.fillna(pd.Series(of["org_id"].array, index=lines.index).astype("string"))
    country = f.grants["country"].reindex(grant.array)
    return pd.DataFrame(
        {
            "category": lines["category"],
            "parent_type": lines["parent_type"],
            "parent_id": lines["parent_id"],
            "grant": grant,
            "org_id": org,
            "beneficiary_org_id": lines["beneficiary_org_id"],
            "pve_strand": lines["pve_strand"],
            "country": pd.Series(country.array, index=lines.index),
            "value": book.money("budget_lines")["value"].reindex(lines.index),
        }
    )
