"""The run, as a short list of calls: read, map, validate, evaluate, report, ledger. The file to
read first.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from fundtrack import copies, read, report, rules
from fundtrack.accountability import Keeping, Kept, keep
from fundtrack.bounds import Bounds
from fundtrack.model import Assessment, Options, Severity

if TYPE_CHECKING:
    from fundtrack import columns
    from fundtrack.book import Book
    from fundtrack.settings import Exemption


@dataclass(frozen=True)
class Request:
    """What to do with one workbook. `output`: a file, a folder, or None for beside it."""

    path: Path
    companions: Sequence[Path] = ()
    options: Options = field(default_factory=Options)
    output: Path | None = None
    report: bool = True
    force: bool = False
    max_notes: int = 1000
    max_workings: int | None = 50_000  # rows behind the figures, else none is listed; None: all
    keeping: Keeping | None = None  # the ledger, where one is used
    redact: bool = False  # a workbook to share in place of the annotated copy
    bounds: Bounds = field(default_factory=Bounds)
    password: str | None = None


@dataclass(frozen=True)
class Checked:
    """A workbook's assessment, the files that were written, and what came of the ledger."""

    assessment: Assessment
    outputs: Mapping[str, str]
    worst: Severity | None = None  # of the findings that are not accepted, shown or not
    kept: Kept = field(default_factory=Kept)


def check(request: Request) -> Checked:
    """Assesses one workbook and writes its annotated copy.

    Raises FundtrackError where a file cannot be read or written, or nothing in it is recognised.
    """
    with _collector_at_rest():
        return _check(request)


def _check(request: Request) -> Checked:
    path, bounds, password = request.path, request.bounds, request.password
    copies.refuse_twice(path, request.companions)
    goal = copies.place(path, request.output, shared=request.redact) if request.report else None
    measured = Event()
    with ThreadPoolExecutor(1) as aside:
        reading = aside.submit(copies.original, path, bounds, password, measured.set)
        reading.add_done_callback(lambda _: measured.set())
        measured.wait()  # until then two would wait for one interpreter
        _prepare()
    workbook = reading.result()
    earlier = copies.earlier(
        workbook,
        goal,
        bounds,
        password,
        force=request.force,
        shared=request.redact,
        companions=request.companions,
    )
    companions = [read.workbook(other, bounds, password) for other in request.companions]
    assessment, book, exemptions = _assessed(workbook, companions, request)
    open_ = [f.severity for f in assessment.findings if not f.accepted]
    worst = min(open_, key=lambda s: s.rank, default=None)
    if request.redact:
        return replace(_shared(assessment, goal), worst=worst)
    if earlier:
        assessment = copies.with_answers(assessment, earlier)
    kept = Kept()
    if request.keeping:
        reviewed = earlier.copies if earlier else ()
        assessment, kept = keep(request.keeping, assessment, book, exemptions, reviewed)
    if goal is None:
        return Checked(assessment, {}, worst, kept)
    unnoted = copies.write(
        goal,
        workbook,
        assessment,
        earlier,
        families=rules.FAMILIES,
        max_notes=request.max_notes,
        password=password,
    )
    outputs = {"report": str(goal)}
    if unnoted:
        outputs["findings_without_note"] = str(unnoted)
    return Checked(assessment, outputs, worst, kept)


def _assessed(
    workbook: read.Workbook, companions: Sequence[read.Workbook], request: Request
) -> tuple[Assessment, Book, Sequence[Exemption]]:
    from fundtrack import columns, settings, validate  # noqa: PLC0415 - they load pandas
    from fundtrack.book import Book  # noqa: PLC0415
    from fundtrack.evaluate import evaluate  # noqa: PLC0415
    from fundtrack.workings import pictures, workings  # noqa: PLC0415

    mapped = columns.mapped(workbook, companions)
    tables, faults = validate.typed(mapped.tables)
    checks = rules.catalogue()
    given = settings.in_force(tables, rules.thresholds(), list(checks), request.options)
    book = Book(tables, given.settings, given.limits, [*mapped.faults, *faults, *given.faults])
    results, findings = evaluate(book, given.exemptions)
    name = workbook.path.name
    assessment = Assessment(
        file=name,
        sha256=workbook.sha256,
        values_digest=workbook.values_digest,
        kind=mapped.kind,
        layout=mapped.layout,
        layout_title=mapped.layout_title,
        settings=given.settings.as_dict(),
        sheets=mapped.sheets,
        limits=given.limits,
        results=results,
        findings=[replace(f, file=name) if not f.file else f for f in findings],
        exceptions=[e.as_dict() for e in given.exemptions],
        tables=tables,
        remarks=[*mapped.remarks, *given.remarks, *copies.replies(workbook)],
        digests=workbook.sheet_digests,
        entered=workbook.entered_digests,
        pending=workbook.pending,
        workings=workings(book, results, request.max_workings) if request.report else None,
        pictures=pictures(book) if request.report else None,
    )
    return assessment, book, given.exemptions


def _shared(assessment: Assessment, goal: Path | None) -> Checked:
    """The assessment without anything that could point at a person, and a workbook of it alone."""
    from fundtrack.validate import CONSTRAINTS  # noqa: PLC0415 - it loads pandas

    harmless = report.redacted(assessment, CONSTRAINTS)
    if goal is None:
        return Checked(harmless, {})
    report.shared_workbook(harmless, goal, rules.FAMILIES)
    return Checked(harmless, {"shared": goal.name})  # the folder may be called after somebody


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Spares Python's collector the walks through millions of cells that live to the end."""
    at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if at_work:
            gc.enable()


def _prepare() -> None:
    """Loads pandas, the checks and the schemas while native code reads the workbook."""
    from fundtrack import columns, evaluate, schema, settings, validate, workings  # noqa: F401, PLC0415
    from fundtrack.report.sheets import workings as _  # noqa: F401, PLC0415

    rules.catalogue()
    schema.layouts()
    validate.prepare()


def assess(
    path: Path, companions: Sequence[Path] = (), options: Options | None = None
) -> Assessment:
    """Judges one workbook by every check, and writes nothing. Raises as `check` does."""
    return check(Request(path, companions, options or Options(), report=False)).assessment


def inspect(
    path: Path,
    companions: Sequence[Path] = (),
    bounds: Bounds | None = None,
    password: str | None = None,
) -> columns.Mapped:
    """How a workbook and its companions are understood. Raises FundtrackError as `check` does."""
    from fundtrack import columns  # noqa: PLC0415 - it loads pandas

    copies.refuse_twice(path, companions)
    others = [read.workbook(other, bounds, password) for other in companions]
    return columns.mapped(copies.original(path, bounds or Bounds(), password), others)


def verify(
    path: Path, *, bounds: Bounds | None = None, password: str | None = None
) -> report.Verified:
    """Whether the figures of an annotated workbook are those that were checked. Raises
    FundtrackError where that cannot be told.
    """
    return report.verify(path, bounds, password)


def strip(
    path: Path,
    output: Path | None,
    *,
    force: bool,
    bounds: Bounds | None = None,
    password: str | None = None,
) -> tuple[Path, list[str]]:
    """Writes the original back from an annotated copy, and gives its path, with sentences on what
    was left in it. Raises FundtrackError.
    """
    return copies.strip(path, output, bounds or Bounds(), password, force=force)
