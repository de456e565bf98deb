"""The pages about the checks themselves, made from the catalogue: `explain` and `checks`."""

from __future__ import annotations

import csv
import difflib
import inspect
import io
import json
from collections.abc import Iterator

from fundtrack import rules, schema, validate
from fundtrack.model import Check, Limit, Limits
from fundtrack.report import text
from fundtrack.rules.sources import cited


def _defaults() -> Limits:
    return Limits({p: Limit(t, t.value) for p, t in rules.thresholds().items()})


def title(check: Check) -> str:
    """The requirement with the default numbers in it."""
    return _defaults().fill(check.title)


def explain(check_id: str) -> str | None:
    """The page of a check or of a constraint of the schemas (SCH-...), None where there is none."""
    wanted = check_id.upper()
    if check := rules.catalogue().get(wanted):
        return _page(check)
    named = {name.upper(): name for name in validate.CONSTRAINTS}
    if wanted in named:
        return f"{named[wanted]}\n\n{validate.CONSTRAINTS[named[wanted]]}"
    return None


def alike(check_id: str) -> str | None:
    """The id that is most like a mistyped one."""
    known = [*rules.catalogue(), *validate.CONSTRAINTS]
    close = difflib.get_close_matches(check_id.upper(), known, n=1, cutoff=0.6)
    return close[0] if close else None


def _page(check: Check) -> str:
    sections = dict(text.sections_of(_defaults().fill(inspect.getdoc(check.run) or "")))
    names = {
        "": "",
        "Why": "Why",
        "Out of scope": "Not judged",
        "Example": "Example",
        "Fix": "How to fix it",
    }
    said = {"Looks at" if not n else names[n]: sections[n] for n in names if sections.get(n)}
    return text.page(check, title(check), said, list(_facts(check)))


def _facts(check: Check) -> Iterator[tuple[str, list[str]]]:
    if check.brief:
        yield "The brief", [f"{check.brief.place}: “{check.brief.quote}”"]
    else:
        yield "The brief", ["Not in the brief: the figures of every other check rest on this one."]
    severity = check.severity.value + (f"; {check.severity_note}" if check.severity_note else "")
    yield "Severity", [severity]
    if check.thresholds:
        yield "Numbers", [text.threshold_line(t, cited(t.cite)) for t in check.thresholds]
    needs = [
        f"{schema.tables()[table].sheet}: {_titles(table, fields)}"
        for table, fields in check.needs.items()
    ]
    yield "Needs", needs or ["Whatever sheets there are."]
    if check.weighs:
        yield (
            "Sharper with (what is blank here widens the bounds)",
            [
                f"{schema.tables()[table].sheet}: {_titles(table, fields)}"
                for table, fields in check.weighs.items()
            ],
        )


def _titles(table: str, fields: object) -> str:
    plan = schema.tables()[table]
    assert isinstance(fields, list | tuple)
    return ", ".join(" or ".join(f"“{plan.field(n).title}”" for n in f.split("|")) for f in fields)


def catalogue(family: str | None, style: str) -> str:
    """All checks, or those of a family, as text, JSON or CSV."""
    chosen = [c for c in rules.catalogue().values() if family in (None, c.family)]
    if style == "text":
        return text.catalogue([(c, title(c)) for c in chosen], rules.FAMILIES)
    rows = [_row(c) for c in chosen]
    if style == "json":
        return json.dumps(rows, indent=2)
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")  # Windows itself adds \r
    writer.writeheader()
    writer.writerows(
        {k: "; ".join(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows
    )
    return stream.getvalue()


def _row(check: Check) -> dict[str, object]:
    return {
        "id": check.id,
        "name": check.name,
        "requirement": title(check),
        "family": rules.FAMILIES[check.family],
        "tier": check.tier,
        "scope": check.scope,
        "origin": check.origin,
        "severity": check.severity.value,
        "severity_note": check.severity_note,
        "place": check.brief.place if check.brief else "",
        "quote": check.brief.quote if check.brief else "",
        "thresholds": [t.parameter for t in check.thresholds],
    }
