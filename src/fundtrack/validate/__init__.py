"""From raw tables to typed ones, and to the faults of the data itself. Nothing knows the brief.

Types are parsed before Pandera sees them (`types`): one cell that it cannot coerce would hide every
other failure of that column. Pandera then runs the constraints that the schemas give
(`constraints`). What is said of each fault stands in `faults`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pandas as pd

from fundtrack.model import Fault, Table
from fundtrack.schema import DTYPES
from fundtrack.validate.constraints import (
    broken,
    dangling,
    latest_day,
    misdated,
    pandera_schema,
    prepare,
)
from fundtrack.validate.faults import CONSTRAINTS, WORDS
from fundtrack.validate.types import typed_frame

__all__ = ["CONSTRAINTS", "WORDS", "pandera_schema", "prepare", "typed"]


def typed(tables: Mapping[str, Table]) -> tuple[dict[str, Table], list[Fault]]:
    """Every table with its `frame`, and the faults of cells, keys and references.

    A cell that cannot be read is blank in `frame`: unknown, never zero or “no”.
    """
    done: dict[str, Table] = {}
    faults: list[Fault] = []
    for name, table in tables.items():
        frame, found = typed_frame(table)
        done[name] = replace(table, frame=frame)
        found += broken(done[name], {cell for fault in found for cell in _cells(fault)})
        faults += found
    for table in done.values():
        faults += dangling(table, done)
        found = list(misdated(table, latest_day(done)))
        faults += found
    for fault in faults:
        _blanked(done[fault.table].frame, fault)
    return done, faults


def _blanked(frame: pd.DataFrame, fault: Fault) -> None:
    """A figure or a date that cannot be meant is unknown to every check."""
    if fault.unusable and fault.field:
        frame.loc[list(fault.labels), fault.field] = (
            pd.NA if frame[fault.field].dtype != DTYPES["date"] else pd.NaT
        )


def _cells(fault: Fault) -> Iterator[tuple[str | None, int]]:
    return ((fault.field, label) for label in fault.labels)
