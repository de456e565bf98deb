"""Which finding is which: an id that stays the same from run to run, and the order of the list."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fundtrack import schema
from fundtrack.book import Book
from fundtrack.model import ROWS_A_PART, Finding


def with_ids(findings: Sequence[Finding], book: Book) -> list[Finding]:
    """Each finding with an id made of check, table, record and field, never of its row number.

    Where two share all of these (an identifier given twice, or blank), the content of the row tells
    them apart, and if that is the same too, their order.
    """
    seen: dict[str, list[int]] = defaultdict(list)
    bases = [
        _digest(f.check, f.table or "", _identity(f, book), f.field or "", f.scope)
        for f in findings
    ]
    for i, base in enumerate(bases):
        seen[base].append(i)
    ids = list(bases)
    for base, same in seen.items():
        if len(same) > 1:
            told = sorted((_content(findings[i], book), i) for i in same)
            for order, (content, i) in enumerate(told):
                twin = order and told[order - 1][0] == content
                ids[i] = _digest(base, content, str(order) if twin else "")
    return [replace(f, id=i) for f, i in zip(findings, ids, strict=True)]


def _identity(finding: Finding, book: Book) -> str:
    if finding.key is not None and not finding.key.startswith("row "):
        return finding.key
    return _content(finding, book)


def _content(finding: Finding, book: Book) -> str:
    """What the finding's whole row holds; the name of its sheet where it is of no row."""
    if finding.table is None or finding.row is None or finding.table not in book.tables:
        return f"{finding.sheet}"
    table = book.tables[finding.table]
    for number, part in enumerate(table.parts):
        label = finding.row + number * ROWS_A_PART
        if part.sheet == finding.sheet and part.file == finding.file and label in table.raw.index:
            return repr(list(table.raw.loc[label]))
    return f"{finding.sheet}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """In the order of the workbook's sheets, then rows and columns; portfolio findings first."""
    order = {name: i for i, name in enumerate(schema.tables())}

    def key(f: Finding) -> tuple[Any, ...]:
        return (
            not f.main,
            order.get(f.table or "", -1),
            f.sheet or "",
            f.row or 0,
            len(f.cell or ""),
            f.cell or "",
            f.check,
            f.id,
        )

    return sorted(findings, key=key)
