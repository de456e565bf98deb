"""Takes the annotation out again: the very same file, or, once re-saved, the same workbook."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count
from pathlib import Path

from fundtrack.model import FundtrackError
from fundtrack.ooxml import (
    Package,
    Relationship,
    SheetPart,
    child,
    children,
    local,
    number_of,
)
from fundtrack.report.ours import (
    SHARED_STRING,
    is_annotated,
    refuse_target,
    role_of,
    sheets_by_role,
)
from fundtrack.report.parts.draft import Draft, parse_part
from fundtrack.report.parts.elements import drop, serialise
from fundtrack.report.parts.files import write_file
from fundtrack.report.parts.notes import AUTHOR
from fundtrack.report.parts.original import ORIGINAL, original_bytes
from fundtrack.report.parts.tail import cells_end
from fundtrack.report.parts.threads import (
    Thread,
    comments_in,
    folded,
    own_notes,
    replies,
    threads_of,
)

_PERSON = re.compile(rb"""\b(?:mention)?personId\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_STAND_IN = "tc="  # what the author of a note that stands in for a comment begins with
# None of these looks past the next element of its kind; see SHARED_STRING.
_RULE = re.compile(
    rb"<(?:\w+:)?cfRule\b(?:(?!</?(?:\w+:)?cfRule\b).){0,2000}?"
    rb"N\((?:\"|&quot;)fundtrack(?:\"|&quot;)\)"
    rb"(?:(?!</?(?:\w+:)?cfRule\b).){0,2000}?</(?:\w+:)?cfRule>",
    re.DOTALL,
)
_TEXT_CELL = re.compile(
    rb"""<(?:\w+:)?c\b[^<>]{0,500}?\bt\s{0,9}=\s{0,9}["']s["'][^<>]{0,500}>"""
    rb"""(?:<(?:\w+:)?f\b[^<]*(?:</(?:\w+:)?f>)?)?"""
    rb"""<(?:\w+:)?v>\s*(\d{1,9})\s*</(?:\w+:)?v>"""
)
_EMPTY_FORMAT = re.compile(
    rb"<(?:\w+:)?conditionalFormatting\b[^<>]*(?:/>|>\s*</(?:\w+:)?conditionalFormatting>)"
)
# The link to a legacy drawing, by its id.
_LEGACY = (
    rb"""<(?:\w+:)?legacyDrawing\b[^<>]{0,500}?:id\s*=\s*["']%b["'][^<>]{0,500}?"""
    rb"""(?:/>|>\s*</(?:\w+:)?legacyDrawing>)"""
)
# Not every program writes the prefix v. A shape, a line, a group ... but not the type of one:
_ANY_SHAPE = re.compile(rb"<\w+:(?:shape|rect|roundrect|oval|line|group|image)\b")
_SHAPE_TYPE = re.compile(
    rb"""<(\w+):shapetype\b[^<>]{0,500}?\bid\s{0,9}=\s{0,9}["']([^"'<]*)["']"""
    rb"""[^<]*(?:<(?!/?\1:shapetype\b)[^<]*)*</\1:shapetype>"""
)
_SHAPE = re.compile(rb"<(\w+):shape\b[^<]*(?:<(?!/?\1:shape\b)[^<]*)*</\1:shape>")
_ROW, _COLUMN = (
    re.compile(rb"<\w+:%b>\s*(\d{1,7})\s*</\w+:%b>" % (word, word)) for word in (b"Row", b"Column")
)


def strip(
    path: Path,
    target: Path,
    *,
    force: bool = False,
    package: Package | None = None,
    seal: Callable[[bytes], bytes] | None = None,
) -> list[str]:
    """Write the workbook without its annotation; `path` is only read.

    `package` is its content where that was read before, `seal` protects what is written by a
    password. Gives sentences on what was left in it, since it is not only ours.

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
    return replies(Package(path, data=data, bounds=package.bounds))


def stripped(package: Package) -> bytes:
    """The bytes of the workbook without its annotation."""
    original = original_bytes(package)
    return _strip_resaved(Draft(package)) if original is None else original


def _strip_resaved(draft: Draft) -> bytes:
    package = draft.package
    ours = set(sheets_by_role(package, copies=False))
    before = _reached(draft)
    people = _people(draft)
    _blank_strings(draft, ours)
    for sheet in package.sheets:
        if sheet.name in ours:
            draft.unlink(package.main_part, sheet.rid)
        elif sheet.kind == "worksheet" and sheet.part:
            _clean_sheet(draft, sheet)
    for link in draft.rels(package.main_part):
        if link.kind == "calcchain":  # it lists cells of the sheets that go; Excel makes it anew
            draft.unlink(package.main_part, link.id)
    _remove_from_workbook(draft, ours)
    _remove_people(draft, people - _people(draft))
    # The sheets with their tables, drawings and charts.
    draft.remove({*(before - _reached(draft)), ORIGINAL})
    return draft.finished(with_original=False)


def _blank_strings(draft: Draft, ours: set[str]) -> None:
    """Empty the shared strings that only the added sheets show: they quote the findings.

    The strings are counted by position, so none is taken out.
    """
    part = draft.package.part_of_kind("sharedStrings")
    shown: dict[bool, set[int]] = {True: set(), False: set()}
    for sheet in draft.package.sheets:
        if sheet.part and part:
            numbers = _TEXT_CELL.findall(draft.package.read(sheet.part))
            shown[sheet.name in ours] |= set(map(int, numbers))
    gone = shown[True] - shown[False]
    if not part or not gone:
        return
    position = count()

    def blanked(match: re.Match[bytes]) -> bytes:
        return b"<%bsi><%bt/></%bsi>" % ((match[1],) * 3) if next(position) in gone else match[0]

    draft.put(part, SHARED_STRING.sub(blanked, draft.package.read(part)))


def _reached(draft: Draft) -> set[str]:
    """Give the parts to which links lead, as they now are."""
    found, left = set[str](), [""]
    while left:
        for link in draft.rels(left.pop()):
            if not link.external and link.target not in found and draft.package.has(link.target):
                found.add(link.target)
                left.append(link.target)
    return found


def _remove_from_workbook(draft: Draft, ours: set[str]) -> None:
    root = draft.tree(draft.package.main_part)
    positions = [i for i, sheet in enumerate(draft.package.sheets) if sheet.name not in ours]
    for element in children(root, "sheets", "sheet"):
        if element.get("name") in ours:
            drop(element)
    for name in children(root, "definedNames", "definedName"):
        position = name.get("localSheetId")
        if role_of(name.get("name", "")) or (position and number_of(position, -1) not in positions):
            drop(name)
        elif position:
            name.set("localSheetId", str(positions.index(int(position))))
    names = child(root, "definedNames")
    if names is not None and not len(names):
        drop(names)
    for view in children(root, "bookViews", "workbookView"):
        for key in ("activeTab", "firstSheet"):
            active = number_of(view.get(key), -1)
            if key in view.attrib:
                view.set(key, str(positions.index(active) if active in positions else 0))


def _clean_sheet(draft: Draft, sheet: SheetPart) -> None:
    xml = draft.package.read(sheet.part)
    at = cells_end(xml)
    tail = xml[at:]
    if _RULE.search(tail):
        tail = _EMPTY_FORMAT.sub(b"", _RULE.sub(b"", tail))
    links = [link for link in draft.rels(sheet.part) if link.external or draft.has(link.target)]
    drawings = {link.id: link for link in links if link.kind == "vmldrawing"}
    threads = threads_of(draft.package, sheet.part)
    for link in links:
        if threads and link.kind == "threadedcomment" and not link.external:
            _remove_threads(draft, sheet, link, {t.id for t in threads if not t.replied})
        if link.kind != "comments" or link.external:
            continue
        cells, left = _remove_notes(draft, link.target, threads)
        if cells and not left:
            draft.unlink(sheet.part, link.id)
        for drawing in drawings.values() if cells else ():
            if _remove_shapes(draft, drawing.target, cells):
                tail = re.sub(_LEGACY % re.escape(drawing.id.encode()), b"", tail)
                draft.unlink(sheet.part, drawing.id)
    if tail != xml[at:]:
        draft.put(sheet.part, xml[:at] + tail)


def _remove_threads(draft: Draft, sheet: SheetPart, link: Relationship, gone: set[str]) -> None:
    """Take comments out of a part of comments with replies, and the part where none is left."""
    root = parse_part(draft, link.target)
    comments = comments_in(root)
    removed = [e for e in comments if folded(e.get("id")) in gone]
    for comment in removed:
        drop(comment)
    if removed and len(removed) == len(comments):
        draft.unlink(sheet.part, link.id)
    if removed:
        draft.put(link.target, serialise(root))


def _people(draft: Draft) -> set[str]:
    """Give the ids of those whom the comments with replies name that sheets link, as of now."""
    return {
        folded(number.decode("ascii", "replace"))
        for sheet in draft.package.sheets
        for link in (draft.rels(sheet.part) if sheet.part else ())
        if link.kind == "threadedcomment" and not link.external and draft.has(link.target)
        for number in _PERSON.findall(draft.read(link.target))
    }


def _remove_people(draft: Draft, gone: set[str]) -> None:
    """Take people out of the workbook's list, and the list where nobody is left."""
    for link in draft.rels(draft.package.main_part) if gone else ():
        if link.kind == "person" and draft.has(link.target):
            root = parse_part(draft, link.target)
            for person in [e for e in root if folded(e.get("id")) in gone]:
                drop(person)
            draft.put(link.target, serialise(root))
            if not any(local(e) == "person" for e in root):
                draft.unlink(draft.package.main_part, link.id)


def _remove_notes(
    draft: Draft, part: str, threads: list[Thread]
) -> tuple[set[tuple[int, int]], bool]:
    """Take our notes out of a comments part; give their cells, and whether there are others.

    Those that stand in for comments go where those do. Authors keep their positions, ours without
    its name.
    """
    root = parse_part(draft, part)
    cells = set()
    for comment, at in list(own_notes(root, threads)):
        cells.add(at)
        drop(comment)
    left = {e.get("authorId", "") for e in children(root, "commentList", "comment")}
    for number, author in enumerate(children(root, "authors", "author")):
        gone = cells and str(number) not in left
        if author.text == AUTHOR or (gone and (author.text or "").startswith(_STAND_IN)):
            author.text = None
    if cells:
        draft.put(part, serialise(root))
    return cells, bool(left)


def _remove_shapes(draft: Draft, part: str, cells: set[tuple[int, int]]) -> bool:
    """Take the boxes of notes out of a legacy drawing; say whether that leaves it without any."""
    before = draft.read(part)

    def kept(match: re.Match[bytes]) -> bytes:
        row, column = _ROW.search(match[0]), _COLUMN.search(match[0])
        gone = row and column and (int(row[1]), int(column[1])) in cells
        return b"" if gone else match[0]

    drawing = _SHAPE.sub(kept, before)
    if drawing == before:
        return False
    types: set[bytes] = set()  # LibreOffice writes the type anew before each shape

    def first(match: re.Match[bytes]) -> bytes:
        again = match[2] in types
        types.add(match[2])
        return b"" if again else match[0]

    drawing = _SHAPE_TYPE.sub(first, drawing)
    draft.put(part, drawing)
    return not _ANY_SHAPE.search(drawing)
