"""The copies of a workbook: the original inside one, what reviewers wrote in earlier ones, where a
new one goes and how it is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fundtrack import read, readers, report
from fundtrack.bounds import OWN, Bounds, bytes_of
from fundtrack.model import Assessment, FundtrackError
from fundtrack.ooxml import Package

PACKAGES = (".xlsx", ".xlsm", ".xltx", ".xltm")


@dataclass(frozen=True)
class Earlier:
    """What reviewers wrote so far, and the annotated copies that it stands in."""

    answers: report.Answers
    copies: tuple[Path, ...]
    answered: tuple[str, ...] = ()  # names of those in which somebody answered


def original(
    path: Path,
    bounds: Bounds,
    password: str | None,
    measured: Callable[[], None] = lambda: None,
) -> read.Workbook:
    """The workbook; of an annotated copy, the original inside it. `measured`: see `read.workbook`.

    Raises FundtrackError where it cannot be read.
    """
    data = bytes_of(path, bounds)
    if path.suffix.lower() in PACKAGES:
        opened = read.unlocked(path, data, bounds, password)
        package = _annotated(path, opened, bounds)
        if package is not None:
            inside = read.workbook(path, bounds, data=report.stripped(package), measured=measured)
            return replace(inside, locked=opened is not data)
    return read.workbook(path, bounds, password, data=data, measured=measured)


def _annotated(path: Path, data: bytes, bounds: Bounds) -> Package | None:
    """The package of a file that fundtrack annotated; None where it is another, or broken: the
    reader will say what is wrong with it.
    """
    try:
        package = Package(path, data=data, bounds=bounds)
    except FundtrackError:
        return None
    return package if report.is_annotated(package) else None


def is_copy(path: Path, bounds: Bounds, password: str | None) -> bool:
    """Whether a file is there that fundtrack annotated; false where that cannot be told."""
    try:
        data = read.unlocked(path, bytes_of(path, bounds), bounds, password)
    except FundtrackError:
        return False
    return _annotated(path, data, bounds) is not None


def _met(
    path: Path, goal: Path | None, bounds: Bounds, password: str | None
) -> Iterator[tuple[Path, Package]]:
    """The annotated copies that a run meets: its input, and what it is about to replace."""
    for file in dict.fromkeys((path, goal)):
        if not (file and file.is_file() and file.suffix.lower() in PACKAGES):
            continue
        try:
            data = read.unlocked(file, bytes_of(file, bounds), bounds, password)
        except FundtrackError:
            if file != goal:
                raise
            continue  # of what another password protects, all that can be said is: not known
        if (package := _annotated(file, data, bounds)) is not None:
            yield file, package


def earlier(
    workbook: read.Workbook,
    goal: Path | None,
    bounds: Bounds,
    password: str | None,
    *,
    force: bool,
    shared: bool = False,
    companions: Sequence[Path] = (),
) -> Earlier | None:
    """What reviewers wrote in the input, where it is an annotated copy, and in the copy that is
    about to be replaced, so that their work is not lost. What is `shared` has none of it.

    Raises FundtrackError where some of it would be, or a file that is not ours, unless `force`; or
    where the goal is an input, a companion too, or nothing can be written there.
    """
    if goal:
        report.refuse_target(workbook.path, goal, *companions, force=True)
    met = list(_met(workbook.path, goal, bounds, password))
    if goal:  # only with the password can an earlier protected copy be told to be ours
        ours = any(file == goal for file, _ in met)
        report.refuse_target(workbook.path, goal, force=force or ours)
    if shared:
        return None
    found, copies, answered = None, list[Path](), list[str]()
    for file, package in met:
        if report.unanswered(package):
            continue
        if file == goal and not force:
            report.refuse_loss(file, package, workbook, bounds, password)
        try:
            there = report.answers_in(package, bounds)
        except FundtrackError:
            if force and file == goal:
                continue
            raise
        if there is None:
            continue
        if there.others and file == goal and not force:
            raise FundtrackError(
                file.name,
                f"would be replaced, and columns that were added to its findings be lost "
                f"({', '.join(there.others)}).",
                "Choose another name with --output, or replace it with --force.",
            )
        copies.append(file)
        if there.given:
            answered.append(file.name)
        found = report.merged(found, there)
    return Earlier(found, tuple(copies), tuple(answered)) if found else None


def with_answers(assessment: Assessment, before: Earlier) -> Assessment:
    """The assessment with the answers of earlier copies, and a remark on them."""
    now = {finding.id for finding in assessment.findings}
    told = report.carried(before.answers, now, " and ".join(before.answered))
    return replace(assessment, answers=before.answers.given, remarks=[*assessment.remarks, *told])


def replies(workbook: read.Workbook) -> list[str]:
    """Sentences on what reviewers replied to notes of an earlier copy: it stays in the workbook."""
    return report.replies(workbook.package) if workbook.package else []


def refuse_twice(path: Path, companions: Sequence[Path]) -> None:
    """Raises FundtrackError where a file is given twice: each of its rows would count twice."""
    met = {identity(path)}
    for other in companions:
        if identity(other) in met:
            raise FundtrackError(
                other.name,
                "It is given twice, so that its rows would count twice.",
                "Give it once.",
            )
        met.add(identity(other))


def identity(path: Path) -> str:
    """The same for two names of one file."""
    return os.path.normcase(os.path.realpath(path))


def place(path: Path, output: Path | None, *, shared: bool = False) -> Path:
    """Where the copy of a workbook goes: beside it, into the folder given, or to the file given.

    Raises FundtrackError where the file given has another ending than the copy.
    """
    word = "shared" if shared else "checked"
    macros = path.suffix.lower() in PACKAGES and not shared
    suffix = path.suffix if macros else ".xlsx"
    name = f"{path.stem.removesuffix('.checked')}.{word}{suffix}"
    if name == path.name:  # an annotated copy is checked again: it is an input too, and stays
        name = f"{path.stem}.again{suffix}"
    return into(output, path.parent / name)  # “.” has no name


def into(output: Path | None, usual: Path) -> Path:
    """Where a file goes: to `usual`, into the folder given under its usual name, or to the file
    given. Raises FundtrackError where that has another ending.
    """
    if output is None:
        return usual
    if is_folder(output):
        return output / usual.name
    if output.suffix.lower() != usual.suffix.lower():
        raise FundtrackError(
            str(output),
            "There is no such folder, and as a file it has the wrong ending.",
            f"Name a folder that is there, or a file that ends in {usual.suffix}.",
        )
    return output


def is_folder(path: Path) -> bool:
    """Whether it is a folder; what cannot be one (its name is too long) is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def write(
    goal: Path,
    workbook: read.Workbook,
    assessment: Assessment,
    before: Earlier | None,
    *,
    families: Mapping[str, str],
    max_notes: int,
    password: str | None,
) -> int:
    """Writes the annotated copy; gives the number of findings that have no note in it.

    It is made from the very bytes that were judged, whatever became of the file since. Raises
    FundtrackError as `report.annotate` does.
    """
    package = workbook.package
    if package is None:
        name = workbook.path.with_suffix(".xlsx")
        grids = [(g.sheet, g.rows) for g in workbook.grids]
        plain, further = report.plain_workbook(grids, name.name)
        told = (
            f"A .{workbook.format} has no parts to keep: its values stand in a new workbook, "
            "without its formats."
        )
        package = Package(name, data=plain, bounds=OWN)
        digests = read.workbook(name, OWN, data=plain).sheet_digests  # as they stand in the copy
        remarks = [*assessment.remarks, told, *further]
        assessment = replace(assessment, remarks=remarks, digests=digests, pending={})
    return report.annotate(
        workbook.path,
        assessment,
        goal,
        package=package,
        seal=seal(password) if workbook.locked else None,
        families=families,
        max_notes=max_notes,
        force=True,  # what may not be replaced was refused before
        earlier=before.answers if before else None,
    )


def seal(password: str | None) -> Callable[[bytes], bytes]:
    """What came protected by a password does not leave without it."""
    return lambda data: readers.locked(data, password or "")


def strip(
    path: Path, output: Path | None, bounds: Bounds, password: str | None, *, force: bool
) -> tuple[Path, list[str]]:
    """Writes the original back from an annotated copy, and gives its path, with sentences on what
    was left in it. Raises FundtrackError as `report.strip` does.
    """
    data = bytes_of(path, bounds)
    stem = path.stem.removesuffix(".checked")
    aside = path.with_name(f"{stem}.original{path.suffix}")
    usual = path.with_name(f"{stem}{path.suffix}") if stem != path.stem else aside
    target = into(output, usual)
    if output is None and target.exists():  # the original is still there: do not touch it
        target = aside
    opened = read.unlocked(path, data, bounds, password)
    package = Package(path, data=opened, bounds=bounds)
    sealing = seal(password) if opened is not data else None
    return target, report.strip(path, target, force=force, package=package, seal=sealing)
