"""Takes the annotation out again: the very same file, or, once re-saved, the same workbook."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from lxml import etree

from fundtrack.model import FundtrackError
from fundtrack.ooxml import Package, SheetPart, child, children, rels_name
from fundtrack.report.annotate import added_sheets, is_annotated, refuse_target
from fundtrack.report.notes import AUTHOR, START
from fundtrack.report.package import (
    ORIGINAL,
    Draft,
    cell_of,
    original_bytes,
    parse_part,
    serialise,
    write_file,
)

_RULE = re.compile(
    rb"<(?:\w+:)?cfRule\b(?:(?!</(?:\w+:)?cfRule>).)*?N\((?:\"|&quot;)fundtrack(?:\"|&quot;)\)"
    rb".*?</(?:\w+:)?cfRule>",
    re.DOTALL,
)
_EMPTY_FORMAT = re.compile(
    rb"<(?:\w+:)?conditionalFormatting\b[^>]*(?:/>|>\s*</(?:\w+:)?conditionalFormatting>)"
)
_SHAPE = re.compile(rb"<v:shape\b.*?</v:shape>", re.DOTALL)


def strip(
    path: Path,
    target: Path,
    *,
    force: bool = False,
    package: Package | None = None,
    seal: Callable[[bytes], bytes] | None = None,
) -> None:
    """Write the workbook without its annotation; `path` is only read.

    `package` is its content where that was read before, `seal` protects what is written by a
    password.

    The target is the original file, byte for byte, unless another program has saved the annotated
    file since: then its values and formulas are the original's. Raises FundtrackError where the
    file has no annotation, the target is the input or is there already (unless `force`), or it
    cannot be written.
    """
    refuse_target(path, target, force=force)
    package = package or Package(path)
    if not is_annotated(package):
        raise FundtrackError(
            path.name, "has no annotation by fundtrack.", "Give the file that fundtrack wrote."
        )
    data = stripped(package)
    write_file(target, seal(data) if seal else data)


def stripped(package: Package) -> bytes:
    """The bytes of the workbook without its annotation."""
    original = original_bytes(package)
    return _strip_resaved(Draft(package)) if original is None else original


def _strip_resaved(draft: Draft) -> bytes:
    package = draft.package
    ours = {_sheet_name(reference) for reference in added_sheets(package).values()}
    for sheet in package.sheets:
        if sheet.name in ours:
            _remove_sheet(draft, sheet)
        elif sheet.kind == "worksheet" and sheet.part:
            _clean_sheet(draft, sheet)
    _remove_from_workbook(draft, ours)
    if package.has(ORIGINAL):
        draft.remove(ORIGINAL)
    return draft.finished(with_original=False)


def _sheet_name(reference: str) -> str:
    name = reference.removeprefix("$").rpartition("!")[0]
    return name[1:-1].replace("''", "'") if name.startswith("'") else name


def _remove_sheet(draft: Draft, sheet: SheetPart) -> None:
    for link in draft.package.rels(sheet.part):
        if not link.external and link.kind in ("table", "comments", "vmldrawing", "drawing"):
            draft.remove(link.target)
    draft.remove(sheet.part)
    links = draft.tree(rels_name(draft.package.main_part))
    for element in list(links):
        if element.get("Id") == sheet.rid:
            links.remove(element)


def _remove_from_workbook(draft: Draft, ours: set[str]) -> None:
    root = draft.tree(draft.package.main_part)
    positions = [i for i, sheet in enumerate(draft.package.sheets) if sheet.name not in ours]
    for element in children(root, "sheets", "sheet"):
        if element.get("name") in ours:
            _drop(element)
    mine = added_sheets(draft.package)
    for name in children(root, "definedNames", "definedName"):
        position = name.get("localSheetId")
        if name.get("name") in mine or (position and int(position) not in positions):
            _drop(name)
        elif position:
            name.set("localSheetId", str(positions.index(int(position))))
    names = child(root, "definedNames")
    if names is not None and not len(names):
        _drop(names)
    for view in children(root, "bookViews", "workbookView"):
        active = int(view.get("activeTab", "0"))
        view.set("activeTab", str(positions.index(active) if active in positions else 0))


def _drop(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _clean_sheet(draft: Draft, sheet: SheetPart) -> None:
    xml = draft.package.read(sheet.part)
    at = max(xml.rfind(b"sheetData>"), xml.rfind(b"sheetData/>"), 0)
    tail = xml[at:]
    if _RULE.search(tail):
        draft.put(sheet.part, xml[:at] + _EMPTY_FORMAT.sub(b"", _RULE.sub(b"", tail)))
    links = draft.package.rels(sheet.part)
    for link in links:
        if link.kind == "comments" and not link.external:
            cells = _remove_notes(draft, link.target)
            for drawing in links:
                if cells and drawing.kind == "vmldrawing":
                    _remove_shapes(draft, drawing.target, cells)


def _remove_notes(draft: Draft, part: str) -> set[tuple[int, int]]:
    """Take our notes out of a comments part and give their cells; authors keep their positions."""
    root = parse_part(draft, part)
    authors = children(root, "authors", "author")
    ours = {str(i) for i, author in enumerate(authors) if (author.text or "") == AUTHOR}
    cells = set()
    for comment in children(root, "commentList", "comment"):
        at = cell_of(comment.get("ref"))
        # LibreOffice saves notes without their author; ours are told by how they begin.
        said = "".join(map(str, comment.itertext())).lstrip()
        if at is not None and (comment.get("authorId") in ours or said.startswith(START)):
            cells.add(at)
            _drop(comment)
    draft.put(part, serialise(root))
    return cells


def _remove_shapes(draft: Draft, part: str, cells: set[tuple[int, int]]) -> None:
    def kept(match: re.Match[bytes]) -> bytes:
        row = re.search(rb"<x:Row>\s*(\d+)\s*</x:Row>", match[0])
        column = re.search(rb"<x:Column>\s*(\d+)\s*</x:Column>", match[0])
        gone = row and column and (int(row[1]), int(column[1])) in cells
        return b"" if gone else match[0]

    draft.put(part, _SHAPE.sub(kept, draft.package.read(part)))
