"""The run, as a short list of calls: read, map, validate, evaluate, report. The file to read
first.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fundtrack import read, readers, report, rules
from fundtrack.accountability import Keeping, Kept, keep
from fundtrack.bounds import Bounds, bytes_of
from fundtrack.model import Assessment, FundtrackError, Options, Severity
from fundtrack.ooxml import Package
from fundtrack.report.package import write_file

if TYPE_CHECKING:
    from fundtrack import columns
    from fundtrack.book import Book
    from fundtrack.settings import Exemption

PACKAGES = (".xlsx", ".xlsm", ".xltx", ".xltm")


@dataclass(frozen=True)
class Request:
    """What to do with one workbook. `output`: a file, a folder that is there, or None for beside
    it.
    """

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
    goal = _target(request) if request.report else None
    with ThreadPoolExecutor(1) as aside:
        reading = aside.submit(_read, request.path, request.bounds, request.password)
        _prepare()
    workbook = reading.result()
    if goal:
        report.refuse_target(request.path, goal, force=request.force)
    earlier = None if request.redact else _earlier(request, goal)
    companions = [
        read.workbook(other, request.bounds, request.password) for other in request.companions
    ]
    assessment, book, exemptions = _assessed(workbook, companions, request)
    open_ = [f.severity for f in assessment.findings if not f.accepted]
    worst = min(open_, key=lambda s: s.rank, default=None)
    if request.redact:
        return replace(_shared(assessment, goal), worst=worst)
    if earlier:
        assessment = _answered(assessment, *earlier)
    kept = Kept()
    if request.keeping:
        copies = [file for file, _ in _copies(request, goal)] if earlier else []
        assessment, kept = keep(request.keeping, assessment, book, exemptions, copies)
    if goal is None:
        return Checked(assessment, {}, worst, kept)
    outputs = {"report": str(goal)}
    if unnoted := _written(request, goal, workbook, assessment, earlier):
        outputs["findings_without_note"] = str(unnoted)
    return Checked(assessment, outputs, worst, kept)


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
    from fundtrack import evaluate, schema, workings  # noqa: F401, PLC0415

    rules.catalogue()
    schema.tables()
    schema.layouts()


def assess(
    path: Path, companions: Sequence[Path] = (), options: Options | None = None
) -> Assessment:
    """Judges one workbook by every check, and writes nothing. Raises FundtrackError as `check`
    does.
    """
    return check(Request(path, companions, options or Options(), report=False)).assessment


def inspect(
    path: Path,
    companions: Sequence[Path] = (),
    bounds: Bounds | None = None,
    password: str | None = None,
) -> columns.Mapped:
    """How a workbook and its companions are understood. Raises FundtrackError as `check` does."""
    from fundtrack import columns  # noqa: PLC0415 - it loads pandas

    others = [read.workbook(other, bounds, password) for other in companions]
    return columns.mapped(_read(path, bounds or Bounds(), password), others)


@dataclass(frozen=True)
class Filled:
    """A template that was written: where, and of what it was filled with how much."""

    path: Path
    rows: Mapping[str, int]  # by sheet
    left: int  # sheets and columns left behind, and facts that the source cannot tell
    questions: int  # columns that are still to be filled


def template(
    kind: str | None,
    modules: Sequence[str] | None = None,
    source: Path | None = None,
    output: Path | None = None,
    *,
    force: bool = False,
    bounds: Bounds | None = None,
    password: str | None = None,
) -> Filled:
    """Writes a template, empty or filled with what `source` holds.

    Without a `kind` it is that of the source; what came protected stays so. Raises
    FundtrackError where a file cannot be read or written, or there is no such module.
    """
    from fundtrack import columns, schema, template, validate  # noqa: PLC0415 - they load pandas

    content, seal = template.Content(), None
    if source is None:
        kind = kind or template.KINDS[0]
        chosen = template.chosen(kind, modules)
        goal = output or Path(f"{kind}-template.xlsx")
    else:
        workbook = _read(source, bounds or Bounds(), password)
        seal = _seal(password) if workbook.locked else None
        mapped = columns.mapped(workbook)
        kind = kind or mapped.kind
        chosen = template.chosen(kind, modules)
        goal = output or source.with_name(f"{source.stem}.template.xlsx")
        tables, _ = validate.typed(mapped.tables)
        layout = schema.layouts().get(mapped.layout)
        silent = layout.silent if layout else ()
        content = template.content(source.name, tables, mapped.sheets, chosen, silent)
    if goal.exists() and not force:
        raise FundtrackError(
            goal.name, "exists already.", "Name another with --output, or replace it with --force."
        )
    built = template.build(kind, chosen, content)
    write_file(goal, seal(built) if seal else built)
    counts = {t.sheet: len(content.rows[t.name]) for t in chosen if t.name in content.rows}
    return Filled(goal, counts, len(content.left), len(content.questions))


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
        remarks=[*mapped.remarks, *given.remarks],
        digests=workbook.sheet_digests,
        workings=workings(book, results, request.max_workings) if request.report else None,
        pictures=pictures(book) if request.report else None,
    )
    return assessment, book, given.exemptions


def _read(path: Path, bounds: Bounds, password: str | None) -> read.Workbook:
    """The workbook; of an annotated copy, the original inside it."""
    data = bytes_of(path, bounds)
    if path.suffix.lower() in PACKAGES:
        package = _package(path, read.unlocked(path, data, bounds, password), bounds)
        if package is not None and report.is_annotated(package):
            original = read.workbook(path, bounds, data=report.stripped(package))
            return replace(original, locked=package.bytes is not data)
    return read.workbook(path, bounds, password, data=data)


def _annotated(path: Path, request: Request) -> Package | None:
    """The package of a file that fundtrack annotated; None where it is another."""
    if path.suffix.lower() not in PACKAGES:
        return None
    bounds = request.bounds
    data = read.unlocked(path, bytes_of(path, bounds), bounds, request.password)
    package = _package(path, data, bounds)
    return package if package is not None and report.is_annotated(package) else None


def _package(path: Path, data: bytes, bounds: Bounds) -> Package | None:
    """The package; None where the reader will say what is wrong with it."""
    try:
        return Package(path, data=data, bounds=bounds)
    except FundtrackError:
        return None


def _copies(request: Request, goal: Path | None) -> list[tuple[Path, Package]]:
    """The annotated copies that a run meets: its input, and what it is about to replace."""
    files = [file for file in dict.fromkeys((request.path, goal)) if file and file.is_file()]
    opened = [(file, _annotated(file, request)) for file in files]
    return [(file, package) for file, package in opened if package is not None]


def _earlier(request: Request, goal: Path | None) -> tuple[report.Answers, str] | None:
    """What reviewers wrote so far, and in which files: the input, where it is an annotated copy,
    and the copy that is about to be replaced, so that their work is not lost.

    Raises FundtrackError where some of it would be, unless `request.force`.
    """
    found, files = None, list[str]()
    for file, package in _copies(request, goal):
        try:
            there = report.answers_in(package, request.bounds)
        except FundtrackError:
            if request.force and file == goal:
                continue
            raise
        if there and there.others and file == goal and not request.force:
            raise FundtrackError(
                file.name,
                f"would be replaced, and columns that were added to its findings be lost "
                f"({', '.join(there.others)}).",
                "Choose another name with --output, or replace it with --force.",
            )
        if there and there.given:
            files.append(file.name)
        found = report.merged(found, there)
    return (found, " and ".join(files)) if found else None


def _answered(assessment: Assessment, earlier: report.Answers, files: str) -> Assessment:
    """The assessment with the answers of earlier copies, and a remark on them."""
    now = {finding.id for finding in assessment.findings}
    told = report.carried(earlier, now, files)
    return replace(assessment, answers=earlier.given, remarks=[*assessment.remarks, *told])


def _written(
    request: Request,
    goal: Path,
    workbook: read.Workbook,
    assessment: Assessment,
    earlier: tuple[report.Answers, str] | None,
) -> int:
    """Writes the annotated copy; gives the number of findings that have no note in it.

    It is made from the very bytes that were judged, whatever became of the file since.
    """
    with tempfile.TemporaryDirectory(prefix="fundtrack-") as folder:
        source = request.path
        if workbook.package is None:
            source = Path(folder) / f"{request.path.stem}.xlsx"
            report.plain_workbook([(g.sheet, g.rows) for g in workbook.grids], source)
            told = (
                f"A .{workbook.format} has no parts to keep: its values stand in a new "
                f"workbook, without its formats."
            )
            digests = read.workbook(source).sheet_digests  # as they stand in the copy
            remarks = [*assessment.remarks, told]
            assessment = replace(assessment, remarks=remarks, digests=digests)
        return report.annotate(
            source,
            assessment,
            goal,
            package=workbook.package,
            seal=_seal(request.password) if workbook.locked else None,
            families=rules.FAMILIES,
            max_notes=request.max_notes,
            force=request.force,
            earlier=earlier[0] if earlier else None,
        )


def _seal(password: str | None) -> Callable[[bytes], bytes]:
    """What came protected by a password does not leave without it."""
    return lambda data: readers.locked(data, password or "")


def _target(request: Request) -> Path:
    """Where the copy of a workbook goes: beside it, into the folder given, or to the file given."""
    path, output = request.path, request.output
    word = "shared" if request.redact else "checked"
    macros = path.suffix.lower() in PACKAGES and not request.redact
    suffix = path.suffix if macros else ".xlsx"
    name = f"{path.stem.removesuffix('.checked')}.{word}{suffix}"
    if name == path.name:  # an annotated copy is checked again: it is an input too, and stays
        name = f"{path.stem}.again{suffix}"
    if output is None:
        return path.with_name(name)
    if not output.is_dir() and output.suffix.lower() != suffix.lower():
        raise FundtrackError(
            str(output),
            "There is no such folder, and as a file it has the wrong ending.",
            f"Name a folder that is there, or a file that ends in {suffix}.",
        )
    return output / name if output.is_dir() else output


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
) -> Path:
    """Writes the original back from an annotated copy, and gives its path. Raises
    FundtrackError.
    """
    stem = path.stem.removesuffix(".checked")
    name = f"{stem}{path.suffix}" if stem != path.stem else f"{stem}.original{path.suffix}"
    goal = output or path.with_name(name)
    if output is None and goal.exists():  # the original is still there: do not touch it
        goal = path.with_name(f"{stem}.original{path.suffix}")
    bounds = bounds or Bounds()
    data = bytes_of(path, bounds)
    opened = read.unlocked(path, data, bounds, password)
    seal = _seal(password) if opened is not data else None
    package = Package(path, data=opened, bounds=bounds)
    report.strip(path, goal, force=force, package=package, seal=seal)
    return goal
