"""Which sheets a template has: of a kind of workbook, the core and the modules asked for."""

from __future__ import annotations

from collections.abc import Sequence

from fundtrack import schema
from fundtrack.model import FundtrackError
from fundtrack.schema import TableSchema

KINDS = ("donor", "programme")
CORE = "core"


def modules(kind: str) -> list[str]:
    """The modules that a kind of workbook may have besides the core, in the order of its sheets."""
    found = (t.module for t in schema.tables().values() if kind in t.workbooks)
    return [name for name in dict.fromkeys(found) if name != CORE]


def chosen(kind: str, wanted: Sequence[str] | None = None) -> list[TableSchema]:
    """The tables of a template in order; every module unless some are named.

    Raises FundtrackError where a module is not one of that kind.
    """
    known = modules(kind)
    for name in wanted or ():
        if name not in (*known, CORE):
            raise FundtrackError(
                f"{kind} template",
                f"There is no module “{name}”.",
                f"Choose among {', '.join(known)}; the core sheets are always there.",
            )
    kept = {CORE, *(known if wanted is None else wanted)}
    return [t for t in schema.tables().values() if kind in t.workbooks and t.module in kept]
