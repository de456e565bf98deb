"""The trail of a run as it is written down; `fundtrack.trail` reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fundtrack import schema
from fundtrack.model import Assessment, Judged, Table
from fundtrack.trail import BY_STATUS, ranges, token
from fundtrack.words import shown

# Of what is made to be shared: nobody can follow a record in it.
NO_TRAIL: dict[str, Any] = {"records": {}, "blank": {}, "judged": {}}


def trail(assessment: Assessment, *, restricted: bool) -> dict[str, Any]:
    """The trail as plain values (see `schemas/output.schema.json`).

    With `restricted`, the records of restricted sheets too: for a ledger on this machine, which
    asks of them and does not keep them.
    """
    tables = assessment.tables
    plans = schema.tables()
    open_ = [n for n in tables if restricted or not plans[n].restricted]
    return {
        "records": {
            name: " ".join(_tokens(tables[name])) if name in open_ else None for name in tables
        },
        "blank": {name: _blank(tables[name]) for name in open_},
        "judged": {
            r.check.id: [e for j in r.judged if (e := _entry(j, tables, open_))]
            for r in assessment.results
            if r.judged
        },
    }


def _tokens(table: Table) -> list[str]:
    """The digest of each row's key, in order; “-” where it has none."""
    plan = schema.tables()[table.name]
    if plan.orientation == "settings":
        return [token("the settings") or "-" for _ in table.frame.index]
    parts = [table.frame[name] for name in plan.primaryKey]
    texts = [[shown(v) for v in part] for part in parts]
    joined = (", ".join(row) for row in zip(*texts, strict=True))
    known = parts[0].notna()
    return [(token(key) or "-") if k else "-" for key, k in zip(joined, known, strict=True)]


def _blank(table: Table) -> dict[str, str]:
    """The rows whose cell is blank, for each column that is there."""
    return {
        field.name: ranges(table.given[field.name].isna().to_numpy().nonzero()[0].tolist())
        for field in schema.tables()[table.name].fields
        if table.has(field.name)
    }


def _entry(judged: Judged, tables: Mapping[str, Table], open_: Sequence[str]) -> dict[str, Any]:
    if judged.cells:
        return {"cells": True}
    if judged.states:
        states = {token(key) or "-": BY_STATUS[s] for key, s in judged.states.items()}
        return {"table": judged.table, "fields": _fields(judged.at), "states": states}
    if judged.rest is not None:
        return {"rest": BY_STATUS[judged.rest]}
    if judged.table is None or judged.table not in tables or judged.unjudged is None:
        return {}  # it looked at nothing
    table = tables[judged.table]
    labels = judged.unjudged.index
    entry: dict[str, Any] = {
        "table": judged.table,
        "fields": _fields(judged.at),
        "unjudged": "",
        "out": "",
    }
    if judged.key is not None and judged.table in open_:  # followed by a key of its own
        own = judged.key.reindex(labels)
        entry["records"] = " ".join((token(str(k)) if pd.notna(k) else None) or "-" for k in own)
        at = pd.RangeIndex(len(labels))
    else:
        at = pd.Index(table.frame.index.get_indexer(labels))
    unjudged = judged.unjudged.fillna(False).to_numpy(dtype=bool)
    entry["unjudged"] = ranges(at[unjudged].tolist())
    if judged.out is not None:
        out = judged.out.fillna(False).to_numpy(dtype=bool)
        entry["out"] = ranges(at[out].tolist())
    if judged.key is None and len(labels) < len(table.frame):
        entry["looked_at"] = ranges(at.tolist())
    return entry


def _fields(at: str | pd.Series | None) -> list[str]:
    if isinstance(at, pd.Series):
        return sorted({str(name) for name in at.dropna().unique()})
    return [at] if at else []
