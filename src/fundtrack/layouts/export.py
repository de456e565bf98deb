"""A sheet of a known export: its rows that count, and for each field the cells that feed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from fundtrack import schema, sheets
from fundtrack.grid import Cell, Grid, is_blank
from fundtrack.layouts.headings import (
    Joined,
    columns_of,
    folded,
    heading_row,
    heading_rows,
    joined_to,
)
from fundtrack.layouts.meaning import (
    added,
    agreed_value,
    code_of,
    comparable,
    is_named,
    kinds_told,
    parts_of,
    picked,
    reader,
    split_reader,
    text_of,
)
from fundtrack.model import Fault, Part, Place, Severity, Spot
from fundtrack.ooxml import column_letter
from fundtrack.read import Workbook
from fundtrack.schema import Field, Layout, LayoutTable, Source, fold
from fundtrack.words import plural


@dataclass
class Taken:
    """One field: what the cells hold, what that means, and where, if not in the field's column."""

    raw: pd.Series
    given: pd.Series
    column: int | None = None
    heading: str = ""
    at: dict[int, Place] = field(default_factory=dict)


class Export:
    """A sheet of a known export: its rows that count, and the cells under each heading."""

    def __init__(
        self,
        workbook: Workbook,
        grid: Grid,
        layout: Layout,
        count: Mapping[str, str],
        *,
        main: bool,
    ) -> None:
        self.workbook, self.grid, self.layout, self.main = workbook, grid, layout, main
        row = heading_row(heading_rows(grid), layout)
        assert row is not None
        texts = {c: v for c, v in enumerate(grid.rows[row]) if isinstance(v, str) and v.strip()}
        self.columns = columns_of(texts)
        self.faults = list(self._twice(texts, row))
        fields: dict[int, str] = {}
        for name, source in layout.tables[0].columns.items():
            for heading in source.headings:
                for column in self.columns.get(folded(heading)[0], ())[:1]:
                    fields.setdefault(column, name)
        self.head = sheets.Heading(row, fields, texts)
        key = schema.tables()[layout.tables[0].table].key
        labels, self.skipped = sheets.rows(grid, self.head, key)
        self.frame = sheets.frame(grid, labels, dict.fromkeys(range(len(grid.rows[0])), ""))
        self.frame.columns = range(len(grid.rows[0]))
        self.joined = joined_to(workbook, grid, layout, main=main)
        joint = next((c for h in layout.joined_on if (c := self.column(h)) is not None), None)
        self.key = joint  # the column whose cells the joined sheets repeat
        self.keys = set() if joint is None else set(self.frame[joint].map(text_of))
        self.part = Part(workbook.path.name, grid.sheet, row + 1, {}, {}, main=main)
        self.consulted: set[int] = set()
        self.remarks: list[str] = []
        self._filter(count)

    def column(self, heading: str) -> int | None:
        """The column of a heading, the first where it is numbered; None where there is none."""
        return next(iter(self.columns.get(folded(heading)[0], ())), None)

    def _twice(self, texts: Mapping[int, str], row: int) -> Iterator[Fault]:
        """Two columns with the very same heading: neither is used."""
        wanted = {
            folded(h)[0]
            for item in self.layout.tables
            for source in item.columns.values()
            for h in source.headings
        }
        for path in list(self.columns):
            same: dict[int, list[int]] = {}
            for column in self.columns[path]:
                same.setdefault(folded(texts[column])[1], []).append(column)
            for places in same.values():
                if len(places) < 2 or path not in wanted or self._alike(places, row):
                    continue
                del self.columns[path]
                cells = [f"{column_letter(c)}{row + 1}" for c in places]
                text = sheets.words(texts[places[0]])
                part = Part(
                    self.workbook.path.name, self.grid.sheet, row + 1, {}, {}, main=self.main
                )
                yield Fault(
                    "SCH-two-columns",
                    Severity.ERROR,
                    self.layout.tables[0].table,
                    None,
                    f"Two columns, {' and '.join(cells)}, both have the heading “{text}”, and "
                    "they differ; neither was used.",
                    "Keep one of them and give the other another heading.",
                    "one column",
                    spots=[Spot(part, cells[1], row + 1, text, text, text)],
                    scope="column",
                )
                break

    def _alike(self, places: Sequence[int], row: int) -> bool:
        first = places[0]
        return all(r[c] == r[first] for r in self.grid.rows[row + 1 :] for c in places[1:])

    def _filter(self, count: Mapping[str, str]) -> None:
        """Leaves out the rows that the layout does not count, and says how many and why."""
        for heading in self.layout.keep:
            texts, first = self._plain(heading), count.get(heading)
            if texts is not None and first is not None:
                out = texts.index[~texts.isin([fold(first), ""])]
                self._drop(out, f"rows that are not “{first}” in “{heading}”")
        for heading, reasons in self.layout.leave_out.items():
            for value, why in reasons.items():
                if (texts := self._plain(heading)) is not None:
                    self._drop(texts.index[texts == fold(value)], why)
        for heading, sentences in self.layout.tell.items():
            for value, sentence in sentences.items():
                if (texts := self._plain(heading)) is not None and (
                    n := int((texts == fold(value)).sum())
                ):
                    self.remarks.append(f"{self.layout.title}: {sentence.format(n=n)}")

    def _plain(self, heading: str) -> pd.Series | None:
        column = self.column(heading)
        if column is None:
            return None
        self.consulted.add(column)
        return self.frame[column].map(comparable).astype(object)

    def _drop(self, labels: Sequence[int], why: str) -> None:
        if len(labels):
            self.frame = self.frame.drop(index=labels)
            self.skipped = {**self.skipped, why: [int(n) for n in labels]}
            rows = f"{len(labels)} {plural('row', len(labels))}"
            self.remarks.append(f"{self.layout.title}: left out: {why} ({rows}).")

    # One field -----------------------------------------------------------------------------------

    def taken(
        self, plan: Field, source: Source, item: LayoutTable
    ) -> tuple[Taken | None, list[int]]:
        """The field's cells, from the first heading that gives each a value, and columns used."""
        read = reader(plan, item)
        if source.join:
            return self._together(source)
        got: Taken | None = None
        used: list[int] = []
        for heading in source.headings:
            more = self._under(heading, source, plan, read)
            if more is None:
                continue
            used += self.columns.get(folded(heading)[0], [])
            if more.column is None and (column := self.column(heading)) is not None:
                more.column, more.heading = column, self.head.texts[column]
            coded = plan.name in item.only_known or bool(source.split and is_named(plan))
            got = more if got is None else self._filled_up(got, more, coded=coded)
        for heading in (*source.where, *source.same):
            used += self.columns.get(folded(heading)[0], [])
        return got, used

    def _filled_up(self, first: Taken, second: Taken, *, coded: bool) -> Taken:
        """The second's values where the first's cell is blank, or a code or list that is open."""
        lacking = [
            label
            for label, held, a, b in zip(
                first.given.index, first.raw, first.given, second.given, strict=True
            )
            if is_blank(a) and not is_blank(b) and (coded or is_blank(held))
        ]
        if not lacking:
            return first
        raw, given = first.raw.copy(), first.given.copy()
        raw.loc[lacking], given.loc[lacking] = second.raw.loc[lacking], second.given.loc[lacking]
        at = dict(first.at)
        for label in lacking:
            at[label] = second.at.get(label) or self._place(label, second.column)
        return replace(first, raw=raw, given=given, at=at)

    def _place(self, label: int, column: int | None) -> Place:
        cell = None if column is None else f"{column_letter(column)}{label}"
        heading = None if column is None else sheets.words(self.head.texts[column])
        return Place(self.part, label, cell, heading)

    def _together(self, source: Source) -> tuple[Taken | None, list[int]]:
        """Several columns as one identifier; a finding points at the first of them."""
        found = [c for h in source.headings if (c := self.column(h)) is not None]
        if not found:
            return None, []
        texts = [self.frame[c].map(text_of).map(code_of) for c in found]
        given = ["/".join(text for text in row if text) for row in zip(*texts, strict=True)]
        return (
            Taken(
                self.frame[found[0]],
                pd.Series(given, index=self.frame.index, dtype=object),
                found[0],
                self.head.texts[found[0]],
            ),
            found,
        )

    def _under(
        self, heading: str, source: Source, plan: Field, read: Callable[[Any], Any]
    ) -> Taken | None:
        path = folded(heading)[0]
        mine = self.columns.get(path, [])
        beside = [j for j in self.joined if path in j.columns]
        if not mine and not beside:
            return None
        if len(mine) == 1 and not beside and not source.where and not source.sum:
            raw = self.frame[mine[0]]
            one = split_reader(source, plan, read) if source.split else read
            known = {kind: one(kind[1]) for kind in {(type(v), v) for v in raw}}  # True is not 1
            given = pd.Series([known[type(v), v] for v in raw], index=raw.index, dtype=object)
            return Taken(raw, given, mine[0], self.head.texts[mine[0]])
        return self._listed(path, mine, beside, source, plan, read)

    def _listed(
        self,
        path: str,
        mine: Sequence[int],
        beside: Sequence[Joined],
        source: Source,
        plan: Field,
        read: Callable[[Any], Any],
    ) -> Taken:
        """Cells that hold lists, or columns and rows that repeat: one value where all agree."""
        for joined in beside:
            joined.fields.setdefault(plan.name, joined.columns[path][0])
        sides = {h: self.column(h) for h in source.where}
        same = [c for h in source.same if (c := self.column(h)) is not None]
        raw, given, at = [], [], {}
        for label, row in zip(self.frame.index, self.frame.itertuples(index=False), strict=True):
            places: list[tuple[Cell, Place | None]] = [(row[c], None) for c in mine]
            for joined in beside:
                for n in joined.rows.get(text_of(row[self.key]), ()):
                    for c in joined.columns[path]:
                        where = Place(joined.part, n, f"{column_letter(c)}{n}", joined.texts[c])
                        places.append((joined.grid.rows[n - 1][c], where))
            filled_ = [(v, p) for v, p in places if not is_blank(v)]
            values = [v for v, _ in filled_]
            if len({str(v) for v in values}) < 2:
                raw.append(values[0] if values else "")
            else:
                raw.append("; ".join(text_of(v) for v in values))
            if filled_ and filled_[0][1]:
                at[int(label)] = filled_[0][1]
            parts = [p for v in values for p in parts_of(v, source.split)]
            currencies = kinds_told([parts_of(row[c], source.split) for c in same], len(parts))
            if source.where:
                lists = [
                    (parts_of(row[c], source.split) if c is not None else [], source.where[h])
                    for h, c in sides.items()
                ]
                parts_ = picked(parts, lists)
                if parts_ is None:
                    given.append("")
                    continue
                parts = parts_
            if source.sum:
                given.append("" if len(currencies) > 1 else added(parts, read))
            else:
                given.append(agreed_value(parts, plan, read))
        index = self.frame.index
        return Taken(
            pd.Series(raw, index=index, dtype=object),
            pd.Series(given, index=index, dtype=object),
            mine[0] if mine else None,
            self.head.texts[mine[0]] if mine else beside[0].texts[beside[0].columns[path][0]],
            at,
        )
