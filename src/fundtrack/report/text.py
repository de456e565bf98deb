"""What a person reads in the terminal: the summary of a run, the page of a check, the catalogue."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fundtrack import schema
from fundtrack.model import (
    Assessment,
    Check,
    Finding,
    Result,
    Severity,
    SheetFacts,
    Status,
    Threshold,
)
from fundtrack.report.verify import Verified
from fundtrack.words import measure, percent, plural, shown

LISTED = 3  # findings of one check that are shown without -v
CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def safe(text: str) -> str:
    """The text with control characters and marks that turn the direction of writing escaped."""
    return CONTROL.sub(lambda m: m.group().encode("unicode_escape").decode("ascii"), text)


def tame(value: Any) -> Any:
    """The value as a CSV may hold it: a text that looks like a formula is marked as text."""
    if isinstance(value, Severity):
        return value.value
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def summary(
    assessment: Assessment,
    outputs: Mapping[str, str],
    families: Mapping[str, str],
    *,
    verbose: bool,
) -> str:
    """The result of one workbook: verdict, score, findings, what could not be judged and why."""
    blocks = [
        _head(assessment),
        _score(assessment, families),
        _figures(assessment),
        _findings(assessment, verbose=verbose),
        _open(assessment),
        _remarks(assessment),
        [f"Annotated copy: {outputs['report']}"] if "report" in outputs else [],
        [f"Workbook to share: {outputs['shared']}"] if "shared" in outputs else [],
    ]
    return safe("\n\n".join("\n".join(block) for block in blocks if block))


def verdict(assessment: Assessment) -> str:
    """The whole run in one sentence."""
    counts = assessment.counts()
    found = [f"{n} {plural(s.value, n)}" for s, n in counts.items() if n]
    judged = [r for r in assessment.results if r.status in (Status.PASS, Status.FAIL)]
    passed = sum(r.status is Status.PASS for r in judged)
    start = ", ".join(found) if found else "No findings"
    if assessment.tally is not None:  # rare ones are left out
        start = (
            f"At least {start}" if found else "No kind of finding is frequent enough to be shown"
        )
    accepted = sum(f.accepted for f in assessment.findings)
    also = (
        f" ({accepted} accepted as {plural('an exception', accepted, 'exceptions')})"
        if accepted
        else ""
    )
    return (
        f"{start}{also}; {passed} of {len(judged)} checks that could be judged are met, "
        f"{len(assessment.results) - len(judged)} could not be judged or do not apply."
    )


def _head(a: Assessment) -> list[str]:
    settings = a.settings
    period = (
        f"{settings['period_start']} to {settings['period_end']}"
        if settings["period_start"]
        else "the whole register"
    )
    return [
        f"{a.file}: {verdict(a)}",
        f"{a.layout_title}; reference date {settings['reference_date'] or 'unknown'}; period: "
        f"{period}; reporting currency {settings['reporting_currency'] or 'unknown'}.",
    ]


def _score(a: Assessment, families: Mapping[str, str]) -> list[str]:
    counts = {f: Counter(r.status for r in a.results if r.check.family == f) for f in families}
    held = {family: found for family, found in counts.items() if found}
    width = max((len(families[family]) for family in held), default=0) + 5
    lines = [f"{'':{width}}" + "".join(f"{s.words:>16}" for s in Status)]
    for family, found in held.items():
        cells = "".join(f"{found[s] or '·':>16}" for s in Status)
        lines.append(f"{f'{family}  {families[family]}':{width}}{cells}")
    return lines


def _figures(a: Assessment) -> list[str]:
    shares = [r for r in a.results if r.unit == "share" and r.low is not None]
    return [f"{r.check.id}  {figure(r)}" for r in shares]


def figure(r: Result) -> str:
    """A share in words: value or bounds, against its threshold and what that rests on."""
    assert r.low is not None and r.high is not None
    value = (
        percent(r.low, r.threshold)
        if r.low == r.high
        else f"between {percent(r.low)} and {percent(r.high)}"
    )
    if r.threshold is None:
        against = "no target set"
    else:
        basis = r.basis.words if r.basis else ""
        sure = "" if r.confirmed else ", not confirmed"
        limit = "at most" if r.most else "benchmark"
        against = f"{limit} {percent(r.threshold)}, {basis}{sure}"
    return f"{r.check.name}: {value} ({against}): {r.status.words}"


def _findings(a: Assessment, *, verbose: bool) -> list[str]:
    open_ = [f for f in a.findings if not f.accepted]
    groups: dict[tuple[int, str], list[Finding]] = {}
    for finding in open_:
        groups.setdefault((finding.severity.rank, finding.check), []).append(finding)
    lines = []
    for _, found in sorted(groups.items()):
        shown = found if verbose else found[:LISTED]
        lines += [line(f) for f in shown]
        if left := len(found) - len(shown):
            lines.append(
                f"    ... and {left} more of {found[0].check}: see the annotated copy, or -v."
            )
    return lines


def line(finding: Finding) -> str:
    """`Grants!M12  DUR-01  error  message remedy`."""
    where = f"{finding.sheet}!{finding.cell}" if finding.cell else finding.sheet or "whole workbook"
    if not finding.main:
        where = f"[{finding.file}]{where}"
    return f"{where}  {finding.check}  {finding.severity.value}  {finding.message} {finding.remedy}"


def _open(a: Assessment) -> list[str]:
    """What is unclear; checks that lack the same sheet or column share a line."""
    groups: dict[tuple[Status, str], list[Result]] = {}
    for result in a.results:
        if result.status in (Status.UNDETERMINED, Status.NOT_ASSESSABLE):
            groups.setdefault((result.status, result.reason or ""), []).append(result)
    if not groups:
        return []
    lines = ["What could not be assessed, and what would settle it:"]
    for (status, reason), found in groups.items():
        ids = ", ".join(r.check.id for r in found)
        name = f" ({found[0].check.name})" if len(found) == 1 else ""
        lines.append(f"  {ids}{name}: {status.words}. {reason}")
    return lines


def _remarks(a: Assessment) -> list[str]:
    return ["To know:", *(f"  {remark}" for remark in a.remarks)] if a.remarks else []


# --- What is read of a workbook -------------------------------------------------------------------


def inspection(
    sheets: Sequence[SheetFacts],
    faults: Sequence[str],
    layout: str,
    remarks: Sequence[str] = (),
) -> str:
    """How each sheet and column was understood, and what was left."""
    lines = [f"Read as: {layout}"]
    told: set[tuple[str, str]] = set()  # one sheet may fill several tables
    for s in sheets:
        name = f"{s.file}, sheet “{s.sheet}”" if not s.main else f"Sheet “{s.sheet}”"
        state = " (hidden)" if s.hidden else ""
        if s.table is None:
            lines.append(f"\n{name}{state}: {s.how}; ignored.")
            continue
        plan = schema.tables()[s.table]
        rows = f"{s.rows} {plural('row', s.rows)}"
        head = f"headings in row {s.header_row}, {rows}" if s.header_row else f"{s.rows} settings"
        lines.append(f"\n{name}{state}: {plan.sheet}, {s.how}; {head}.")
        read = [(place, s.headings[field], field) for field, place in s.columns.items()]
        lines += [f"  {c:>6}  {heading:45} {plan.field(f).title}" for c, heading, f in read]
        lines += [
            f"  {c:>6}  {heading:45} {plan.field(f).title} (beside the first)"
            for c, heading, f in s.also_read
        ]
        if (s.file, s.sheet) in told:
            continue
        told.add((s.file, s.sheet))
        lines += [f"  {c:>6}  {heading:45} (decides which rows count)" for c, heading in s.deciding]
        lines += [f"  {place:>6}  {heading:45} (ignored)" for place, heading in s.ignored_columns]
        for reason, numbers in s.skipped.items():
            listed = ", ".join(map(str, numbers[:5])) + (" ..." if len(numbers) > 5 else "")
            lines.append(f"  left out: {reason}: {len(numbers)} (row {listed})")
        for what, cells in (
            ("error values", s.error_cells),
            ("formulas never calculated", s.uncalculated),
        ):
            if cells:
                lines.append(f"  {what}: {', '.join(cells[:8])}{' ...' if len(cells) > 8 else ''}")
        if s.hidden_rows:
            lines.append(f"  {s.hidden_rows} hidden rows, read like the others")
    if faults:
        lines += ["", *faults]
    if remarks:
        lines += ["", "To know:", *(f"  {remark}" for remark in remarks)]
    return safe("\n".join(lines))


# --- Whether the figures are those that were checked ----------------------------------------------


def verified(v: Verified) -> str:
    """What became of the figures since they were checked, sheet by sheet and cell by cell."""
    if v.same:
        number = len(v.unchanged)
        lines = [
            f"{v.file}: unchanged. The figures in {number} {plural('sheet', number)} are those "
            f"that were checked."
        ]
    else:
        lines = [f"{v.file}: altered. The figures are not all those that were checked."]
    only = " in results of formulas only"
    lines += [f"  {s}: altered{only if s in v.recomputed else ''}." for s in v.altered]
    lines += [f"  {sheet}: no longer there, or under another name." for sheet in v.gone]
    lines += [f"  {sheet}: was not there." for sheet in v.new]
    lines += [
        f"  {c.sheet}!{c.cell}: was {shown(c.was)}, is {shown(c.now)}." for c in v.cells or ()
    ]
    if v.altered and not v.cells:
        lines.append(
            f"Which cells differ can only be told with the original file, “{v.original}” as it was "
            "sent, beside this one."
        )
    if v.emptied:
        lines.append(
            "Formulas have lost their results: a program that does not calculate has saved the "
            "file. Open it in Excel or LibreOffice, save it, and verify it again."
        )
    elif v.formulas:
        lines.append("A formula such as TODAY() changes by itself when a program opens the file.")
    if v.calculated:
        number = len(v.calculated)
        lines.append(
            f"{number} {plural('formula', number)} without a result when checked "
            f"{'has' if number == 1 else 'have'} one now, which no check has seen "
            f"({', '.join(v.calculated[:5])}{', ...' if number > 5 else ''})."
        )
    if v.unchanged and not v.same:
        lines.append(f"Unchanged: {', '.join(v.unchanged)}.")
    lines.append("The sheets that fundtrack added, with the reviewers' answers, are not compared.")
    return safe("\n".join(lines))


# --- A check and the catalogue --------------------------------------------------------------------


def page(
    check: Check,
    title: str,
    sections: Mapping[str, str],
    facts: Sequence[tuple[str, Sequence[str]]],
) -> str:
    """The page of a check: what is asked, why, from where, what it needs, an example, how to fix
    it.
    """
    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    lines = [f"{check.id}  {check.name}", "", *textwrap.wrap(f"Asks: {title}.", width)]
    for name, text in sections.items():
        lines += ["", *textwrap.wrap(f"{name}: {text}" if name else text, width)]
    for name, items in facts:
        lines += ["", f"{name}:"]
        for item in items:
            lines += textwrap.wrap(item, width, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)


def threshold_line(threshold: Threshold, cited: str) -> str:
    """One number of a check: value, unit, basis, citation, and whether the donor must confirm
    it.
    """
    value = "no number set" if threshold.value is None else measure(threshold.value, threshold.unit)
    source = threshold.basis.words + (f": {cited}" if cited else "")
    if cited.startswith("brief, "):
        source = f"the {cited}"
    confirm = (
        "; a donor must confirm it before it can raise an error"
        if threshold.basis == "house"
        else ""
    )
    return f"{threshold.parameter} = {value} ({source}{confirm}). {threshold.note}".strip()


def catalogue(checks: Sequence[tuple[Check, str]], families: Mapping[str, str]) -> str:
    """Every check in a line, family by family."""
    lines = []
    for family, name in families.items():
        mine = [(c, title) for c, title in checks if c.family == family]
        if mine:
            lines += [
                f"{family}  {name}",
                *(f"  {c.id}  {c.severity.value:8} {title}" for c, title in mine),
                "",
            ]
    return "\n".join(lines).rstrip()


def sections_of(docstring: str) -> Iterator[tuple[str, str]]:
    """The parts of a check's docstring: the opening, then Why, Fix, Out of scope and Example."""
    parts = re.split(r"^\s*(Why|Fix|Out of scope|Example):", docstring, flags=re.M)
    yield "", " ".join(parts[0].split())
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        yield name, " ".join(text.split())
