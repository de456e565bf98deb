"""The words of findings: what each row is called, and a template filled for many rows at once."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from fundtrack import schema
from fundtrack.model import Table
from fundtrack.words import shown


def keys(table: Table, labels: Iterable[int]) -> list[str]:
    """What a person calls each row: its identifier, else its row number."""
    labels = list(labels)
    plan = schema.tables()[table.name]
    if plan.orientation == "settings":
        return ["the settings" for _ in labels]
    parts = [table.frame[name].reindex(labels) for name in plan.primaryKey]
    named = parts[0].notna()
    texts = [[shown(v) for v in part] for part in parts]
    joined = (", ".join(row) for row in zip(*texts, strict=True))
    return [
        key if known else f"row {table.place(n, None).row}"
        for key, known, n in zip(joined, named, labels, strict=True)
    ]


def heading(table: Table, label: int, field: str | None) -> str | None:
    """The field's heading as the row's sheet has it, else the template's; None without a field."""
    own = table.place(label, field).heading
    return own or (schema.tables()[table.name].field(field).title if field else None)


class Wording:
    """Fills a template for many rows: the row's own fields, the words of the check, the limits.

    `fields`: of each row, the field whose cell the finding marks; for {heading} and {value}.
    `named`: what each row is called, for {key}. `limits`: the numbers in force, see `Limits.words`.
    """

    def __init__(
        self,
        table: Table,
        labels: pd.Index,
        fields: Sequence[str | None],
        named: Sequence[str],
        words: Mapping[str, pd.Series | str],
        limits: Mapping[str, Any],
    ) -> None:
        self._table, self._labels, self._fields = table, labels, fields
        self._keys, self._words, self._limits = named, words, limits

    def fill(self, template: str) -> list[str]:
        """The filled template of each row."""
        names = {n.split(".")[0] for _, n, _, _ in string.Formatter().parse(template) if n}
        if not names:
            return [template] * len(self._labels)
        columns = {name: self._column(name) for name in names - set(self._limits)}
        if not columns:
            return [template.format(**self._limits)] * len(self._labels)
        rows = zip(*columns.values(), strict=True)
        return [
            template.format(**self._limits, **dict(zip(columns, row, strict=True))) for row in rows
        ]

    def _column(self, name: str) -> list[str]:
        if name in self._words:
            words = self._words[name]
            if isinstance(words, str):
                return [words] * len(self._labels)
            return ["–" if pd.isna(w) else str(w) for w in words.reindex(self._labels)]
        if name == "key":
            return list(self._keys)
        if name == "value":
            return [shown(value) for value in self._table.values(self._labels, self._fields)]
        if name == "heading":
            pairs = zip(self._labels, self._fields, strict=True)
            return [str(heading(self._table, label, field)) for label, field in pairs]
        if name == "row":
            return [str(self._table.place(n, None).row) for n in self._labels]
        if name == "sheet":
            return [self._table.place(n, None).part.sheet for n in self._labels]
        values = self._table.frame[name].reindex(self._labels)
        raw = self._table.values(self._labels, [name] * len(self._labels))
        return [shown(r if pd.isna(v) else v) for v, r in zip(values, raw, strict=True)]
