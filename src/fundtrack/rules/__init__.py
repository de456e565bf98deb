"""The checks: a module a family (police pay has two), a function a check.

`CATALOGUE` holds them by their id.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fundtrack.model import Check, Clause, Severity, Threshold

FAMILIES = {
    "DAT": "Data integrity",
    "LOC": "Local share and intermediaries",
    "DUR": "Grant and sub-grant duration",
    "FLX": "Flexibility and quality of funding",
    "LNK": "Security funding linked to partnerships",
    "PAY": "Police pay",
    "BEN": "Police benefits and conditions",
    "RES": "Resilience share",
    "SAF": "Safety of civil society actors",
    "CON": "Convenings, visas, travel",
    "DOC": "Documentation and research",
    "WYM": "Women-, youth- and marginalised-led organisations",
    "TRN": "Transparency and credit",
}
CATALOGUE: dict[str, Check] = {}


def check(
    id: str,
    title: str,
    *,
    name: str,
    scope: str,
    origin: str,
    severity: Severity,
    needs: Mapping[str, Sequence[str]],
    brief: Clause | None = None,
    weighs: Mapping[str, Sequence[str]] | None = None,
    thresholds: Sequence[Threshold] = (),
    severity_note: str = "",
    tier: int = 1,
    last: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enters a function into the catalogue under an id. Raises ValueError where the id is taken."""

    def enter(run: Callable[..., Any]) -> Callable[..., Any]:
        if id in CATALOGUE:
            raise ValueError(f"{id} is defined twice")
        CATALOGUE[id] = Check(
            id,
            title,
            name,
            scope,
            tier,
            origin,
            severity,
            needs,
            run,
            brief,
            weighs or {},
            tuple(thresholds),
            severity_note,
            last,
        )
        return run

    return enter


def catalogue() -> dict[str, Check]:
    """Every check by its id, family by family."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"fundtrack.rules.{module.name}")
    families = list(FAMILIES)
    return dict(
        sorted(CATALOGUE.items(), key=lambda item: (families.index(item[1].family), item[0]))
    )


def thresholds() -> dict[str, Threshold]:
    """Every number of the checks by its parameter. Raises ValueError where one has two values."""
    found: dict[str, Threshold] = {}
    for item in catalogue().values():
        for threshold in item.thresholds:
            if found.setdefault(threshold.parameter, threshold) != threshold:
                raise ValueError(f"{threshold.parameter} is defined twice")
    return found
