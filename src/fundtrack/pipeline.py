"""The run, as a short list of calls: read, map, validate, evaluate, report. The file to read
first.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fundtrack import read, report, rules
from fundtrack.model import Assessment, FundtrackError, Options
from fundtrack.ooxml import Package
from fundtrack.report.package import write_file

if TYPE_CHECKING:
    from fundtrack import columns

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


@dataclass(frozen=True)
class Checked:
    """A workbook's assessment, and the files that were written."""

    assessment: Assessment
    outputs: Mapping[str, str]


def check(request: Request) -> Checked:
    """Assesses one workbook and writes its annotated copy.

    Raises FundtrackError where a file cannot be read or written, or nothing in it is recognised.
    """
    with _collector_at_rest():
        return _check(request)


def _check(request: Request) -> Checked:
    goal = _target(request.path, request.output) if request.report else None
    with ThreadPoolExecutor(1) as aside:
        reading = aside.submit(_read, request.path)
        _prepare()
    workbook = reading.result()
    if goal:
        report.refuse_target(request.path, goal, force=request.force)
    companions = [read.workbook(other) for other in request.companions]
    assessment = _assessed(workbook, companions, request.options)
    if goal is None:
        return Checked(assessment, {})
    outputs = {"report": str(goal)}
    if unnoted := _written(request, goal, workbook, assessment):
        outputs["findings_without_note"] = str(unnoted)
    return Checked(assessment, outputs)


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
    import fundtrack.evaluate  # noqa: F401, PLC0415
    from fundtrack import schema  # noqa: PLC0415

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


def inspect(path: Path, companions: Sequence[Path] = ()) -> columns.Mapped:
    """How a workbook and its companions are understood. Raises FundtrackError as `check` does."""
    from fundtrack import columns  # noqa: PLC0415 - it loads pandas

    return columns.mapped(_read(path), [read.workbook(other) for other in companions])


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
) -> Filled:
    """Writes a template, empty or filled with what `source` holds.

    Without a `kind` it is that of the source. Raises FundtrackError where a file cannot be read
    or written, or there is no such module.
    """
    from fundtrack import columns, schema, template, validate  # noqa: PLC0415 - they load pandas

    content = template.Content()
    if source is None:
        kind = kind or template.KINDS[0]
        chosen = template.chosen(kind, modules)
        goal = output or Path(f"{kind}-template.xlsx")
    else:
        mapped = columns.mapped(_read(source))
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
    write_file(goal, template.build(kind, chosen, content))
    counts = {t.sheet: len(content.rows[t.name]) for t in chosen if t.name in content.rows}
    return Filled(goal, counts, len(content.left), len(content.questions))


def _assessed(
    workbook: read.Workbook, companions: Sequence[read.Workbook], options: Options
) -> Assessment:
    from fundtrack import columns, settings, validate  # noqa: PLC0415 - they load pandas
    from fundtrack.book import Book  # noqa: PLC0415
    from fundtrack.evaluate import evaluate  # noqa: PLC0415

    mapped = columns.mapped(workbook, companions)
    tables, faults = validate.typed(mapped.tables)
    checks = rules.catalogue()
    given = settings.in_force(tables, rules.thresholds(), list(checks), options)
    book = Book(tables, given.settings, given.limits, [*mapped.faults, *faults, *given.faults])
    results, findings = evaluate(book, given.exemptions)
    name = workbook.path.name
    return Assessment(
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
    )


def _read(path: Path) -> read.Workbook:
    """The workbook; of an annotated copy, the original inside it."""
    if path.suffix.lower() in PACKAGES and path.is_file() and _annotated(path):
        with tempfile.TemporaryDirectory(prefix="fundtrack-") as folder:
            original = Path(folder) / path.name
            report.strip(path, original)
            return read.workbook(original)
    return read.workbook(path)


def _annotated(path: Path) -> bool:
    try:
        return report.is_annotated(Package(path))
    except FundtrackError:
        return False


def _written(request: Request, goal: Path, workbook: read.Workbook, assessment: Assessment) -> int:
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
            assessment = replace(assessment, remarks=[*assessment.remarks, told])
        return report.annotate(
            source,
            assessment,
            goal,
            package=workbook.package,
            families=rules.FAMILIES,
            max_notes=request.max_notes,
            force=request.force,
        )


def _target(path: Path, output: Path | None) -> Path:
    """Where the annotated copy of `path` goes: beside it, into the folder given, or to the file
    given.
    """
    suffix = path.suffix if path.suffix.lower() in PACKAGES else ".xlsx"
    name = f"{path.stem.removesuffix('.checked')}.checked{suffix}"
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


def strip(path: Path, output: Path | None, *, force: bool) -> Path:
    """Writes the original back from an annotated copy, and gives its path. Raises
    FundtrackError.
    """
    stem = path.stem.removesuffix(".checked")
    name = f"{stem}{path.suffix}" if stem != path.stem else f"{stem}.original{path.suffix}"
    goal = output or path.with_name(name)
    if output is None and goal.exists():  # the original is still there: do not touch it
        goal = path.with_name(f"{stem}.original{path.suffix}")
    report.strip(path, goal, force=force)
    return goal
