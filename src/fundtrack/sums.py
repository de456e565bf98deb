"""What the terms of a share come to: exact sums by role and by figure, for each group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np
import pandas as pd

Codes = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Sums:
    """What the terms of one group come to, by role and by figure."""

    by: Mapping[str, str]
    roles: Mapping[str, float]
    figures: Mapping[str, float]


class Terms:
    """The terms of a share (see `verdicts.entries`), whose names are told apart once for all."""

    def __init__(self, terms: pd.DataFrame) -> None:
        self._terms = terms
        self._values = terms["value"].to_numpy()
        self._roles, self._figures = (pd.factorize(terms[name]) for name in ("role", "figure"))

    def sums(self, by: Sequence[str]) -> list[Sums]:
        """The sums of every group, in the order of their names; of all terms where `by` is empty.

        Terms of which a name to group by is unknown are in none.
        """
        if by:
            grouped = self._terms[list(by)].groupby(list(by), sort=True)
            numbers = grouped.ngroup().fillna(-1).to_numpy(dtype="int64")
            known = np.flatnonzero(numbers >= 0)
            numbers = numbers[known]
            first = known[_first_of_each(numbers)]
            names = (self._terms[name].iloc[first].map(str) for name in by)
            groups = [dict(zip(by, values, strict=True)) for values in zip(*names, strict=True)]
        else:
            known = np.arange(len(self._terms))
            numbers, groups = np.zeros(len(known), dtype="int64"), [dict[str, str]()]
        roles: list[dict[str, float]] = [{} for _ in groups]
        figures: list[dict[str, float]] = [{} for _ in groups]
        values = self._values[known]
        for found, (codes, names) in ((roles, self._roles), (figures, self._figures)):
            for number, name, total in _totals(numbers, codes[known], len(names), values):
                found[number][str(names[name])] = total
        return list(map(Sums, groups, roles, figures))


def _first_of_each(numbers: Codes) -> Codes:
    """Where each number from 0 on comes first."""
    first = np.zeros(numbers.max(initial=-1) + 1, dtype="int64")
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]
    return first


def _totals(
    groups: Codes, names: Codes, count: int, values: Codes
) -> Iterator[tuple[int, int, float]]:
    """The sum of each name in each group, in the order in which they first appear."""
    position, pairs = pd.factorize(groups * count + names)
    small = len(pairs) < 2**15  # numbers so short are sorted several times as fast
    order = np.argsort(position.astype("int16") if small else position, kind="stable")
    ordered = values[order].tolist()
    ends = np.cumsum(np.bincount(position, minlength=len(pairs))).tolist()
    for pair, start, end in zip(pairs.tolist(), [0, *ends], ends, strict=False):
        yield *divmod(pair, count), fsum(ordered[start:end])
