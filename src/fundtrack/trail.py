"""The trail of a run: what a later run must know of it to tell put right from gone.

A finding that is no longer there says nothing by itself: its record may have been mended, deleted,
blanked, or lie outside what is now asked. The trail says of every record whether it was there and
whether each check could judge it. Records stand in it by a digest of their key, positions as
“3,5-9”; the records of restricted sheets are left out of what is handed to other programs.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from math import inf
from typing import Any

from fundtrack.model import Status

_POSITIONS = re.compile(r"(?:[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*)?")

# What became of the subject of an earlier finding.
MET, UNJUDGED, OUT, GONE = "met", "unjudged", "out", "gone"

BY_STATUS = {
    Status.PASS: MET,
    Status.FAIL: MET,  # of others: this subject's own failure would be a finding
    Status.UNDETERMINED: UNJUDGED,
    Status.NOT_ASSESSABLE: UNJUDGED,
    Status.NOT_APPLICABLE: OUT,
}


def token(key: str | None) -> str | None:
    """The digest by which a record is known; None for a row that has no identifier."""
    if key is None or key.startswith("row "):
        return None
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def ranges(positions: Iterable[int]) -> str:
    """“3,5-9”: positions from 0, in short."""
    spans: list[list[int]] = []
    for at in sorted(set(positions)):
        if spans and spans[-1][1] == at - 1:
            spans[-1][1] = at
        else:
            spans.append([at, at])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def positions(text: str) -> set[int]:
    """The positions that `ranges` wrote. Raises ValueError where it did not."""
    found: set[int] = set()
    for span in filter(None, text.split(",")):
        first, _, last = span.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def _sound(text: str, records: float) -> None:
    """Raises ValueError where `ranges` did not write it of so many records: a range that somebody
    made up may be without end.
    """
    ends = [int(number) for number in re.findall("[0-9]+", text)]
    rising = all(a < b for a, b in pairwise(ends))
    if not (_POSITIONS.fullmatch(text) and rising and (not ends or ends[-1] < records)):
        raise ValueError(text)


class Trail:
    """The trail of one run, to be asked. Raises ValueError or KeyError where it is malformed."""

    def __init__(self, plain: Mapping[str, Any], statuses: Mapping[str, str]) -> None:
        self._records: dict[str, str | None] = dict(plain["records"])
        self._blank: dict[str, dict[str, str]] = dict(plain["blank"])
        self._judged: dict[str, list[dict[str, Any]]] = dict(plain["judged"])
        self._statuses = statuses
        self._sets: dict[tuple[int, str], set[int]] = {}
        self._rows: dict[int, dict[str, list[int]]] = {}
        self._look_through()

    def _look_through(self) -> None:
        """Raises ValueError, KeyError or TypeError where something in it cannot be asked later."""
        many = {n: len(text.split()) for n, text in self._records.items() if text is not None}
        for table, columns in self._blank.items():
            for text in columns.values():
                _sound(text, many[table])
        for entry in (e for entries in self._judged.values() for e in entries):
            if not all(isinstance(name, str) for name in entry.get("fields", [])):
                raise TypeError("fields")
            states = {*entry.get("states", {}).values(), entry.get("rest", MET)}
            if not states <= {MET, UNJUDGED, OUT}:
                raise ValueError("states")
            own = entry.get("records")
            # Of a restricted sheet nothing is told but positions, which nobody asks for.
            rows = many.get(str(entry.get("table")), inf) if own is None else len(own.split())
            for name in ("unjudged", "out", "looked_at"):
                _sound(entry.get(name, ""), rows)

    @cached_property
    def _places(self) -> dict[str, dict[str, list[int]]]:
        return {name: _index(text) for name, text in self._records.items() if text is not None}

    def sheet_is_there(self, table: str | None) -> bool:
        """Whether the run read such a sheet; a finding of no sheet is of the whole portfolio."""
        return table is None or table in self._records

    def tells(self, table: str | None) -> bool:
        """Whether the trail says which records the sheet holds."""
        return table is None or self._records.get(table) is not None

    def standing(
        self, check: str, table: str | None, record: str | None, field: str | None, scope: str
    ) -> str:
        """What became of the subject of a finding that this run does not have any more.

        `met`, `unjudged` (blank, or the check could not be made), `out` (the check does not ask
        it any more) or `gone` (the record is no longer there).
        """
        if scope == "column" or (scope == "sheet" and check.startswith("SCH-")):
            return MET  # a heading or a sheet: there is no record behind it
        if not self.tells(table):
            return UNJUDGED
        entries = self._judged.get(check, [])
        if self._statuses.get(check) == Status.NOT_ASSESSABLE and not entries:
            return UNJUDGED
        figures = [e for e in entries if "states" in e and table in (None, e["table"])]
        for entry in figures:
            if record in entry["states"]:
                return str(entry["states"][record])
        if table is None:
            rest = next((e["rest"] for e in entries if "rest" in e), None)
            whole = BY_STATUS[Status(self._statuses.get(check, Status.PASS))]
            return str(rest or (GONE if figures else whole))
        rows = self._places[table].get(record or "-", []) if record else []
        mine = [e for e in entries if e.get("table") == table and "unjudged" in e]
        by_cells = any("cells" in e for e in entries) or check.startswith("SCH-")
        asked = [e for e in mine if field in e["fields"]] or ([] if by_cells else mine)
        told = [s for s in (self._by_rows(e, table, record) for e in asked) if s]
        if by_cells and rows and not {UNJUDGED, MET} & set(told):
            return self._by_cells(table, rows, field)
        for state in (UNJUDGED, MET, OUT):
            if state in told:
                return state
        return OUT if rows else GONE

    def _by_rows(self, entry: dict[str, Any], table: str, record: str | None) -> str | None:
        if record is None:
            return None
        if "records" in entry:
            if id(entry) not in self._rows:
                self._rows[id(entry)] = _index(entry["records"])
            rows = self._rows[id(entry)].get(record, [])
        else:
            rows = self._places[table].get(record, [])
            if "looked_at" in entry:
                rows = [r for r in rows if r in self._set(entry, "looked_at")]
        if not rows:
            return None
        if any(r in self._set(entry, "unjudged") for r in rows):
            return UNJUDGED
        return OUT if all(r in self._set(entry, "out") for r in rows) else MET

    def _by_cells(self, table: str, rows: Sequence[int], field: str | None) -> str:
        """Faults are judged cell by cell: one that was emptied, or lost its column, is not."""
        if field is None:
            return MET
        blank = self._blank.get(table, {})
        if field not in blank:
            return UNJUDGED
        empty = positions(blank[field])
        return UNJUDGED if any(r in empty for r in rows) else MET

    def _set(self, entry: dict[str, Any], name: str) -> set[int]:
        key = (id(entry), name)
        if key not in self._sets:
            self._sets[key] = positions(entry[name])
        return self._sets[key]


def _index(text: str) -> dict[str, list[int]]:
    found = defaultdict(list)
    for at, record in enumerate(text.split()):
        found[record].append(at)
    return dict(found)
