"""Notes on cells: the comments part and the drawing that places them, new or appended to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape

from lxml import etree

from fundtrack.model import FundtrackError
from fundtrack.ooxml import (
    MAIN,
    MAX_COLUMNS,
    MAX_ROWS,
    STRICT_MAIN,
    Relationship,
    child,
    column_letter,
    legible,
    local,
)
from fundtrack.report.parts.draft import Draft, parse_part
from fundtrack.report.parts.elements import like, serialise

AUTHOR = "fundtrack"
START = "fundtrack: "  # of every note, since not every program keeps its author

_COMMENTS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml"
_VML_TYPE = "application/vnd.openxmlformats-officedocument.vmlDrawing"
_NAMESPACES = {
    "v": "urn:schemas-microsoft-com:vml",
    "o": "urn:schemas-microsoft-com:office:office",
    "x": "urn:schemas-microsoft-com:office:excel",
}
IDS_A_BLOCK = 1024  # shape ids come in blocks, which o:idmap lists
_BLOCKS = re.compile(rb"""(<\w+:idmap\b[^<>]{0,500}?\bdata\s*=\s*["'])([\d,\s]+)""")
_SHAPE_ID = re.compile(rb"_x0000_s(\d{1,9})")
_TEXT_BOX = re.compile(rb"""\bid\s*=\s*["']_x0000_t202["']""")
_WIDTH_PX, _CHARACTERS_A_LINE, _LINE_PX, _ROW_PX, _COLUMN_PX = 330, 54, 15, 20, 64
_LAST_ROW, _LAST_COLUMN = MAX_ROWS - 1, MAX_COLUMNS - 1
_SHAPE_TYPE = (
    '<v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202"'
    ' path="m,l,21600r21600,l21600,xe">'
    '<v:stroke joinstyle="miter"/><v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>'
)


@dataclass(frozen=True, slots=True)
class Note:
    """What is written beside one cell; `row` and `column` are counted from 0."""

    row: int
    column: int
    heading: str
    text: str


def noted_cells(draft: Draft, links: list[Relationship]) -> set[str] | None:
    """Give the addresses of the cells that have a note or a threaded comment already.

    None where a part that holds them cannot be read.
    """
    cells = set()
    for link in links:
        if link.kind in ("comments", "threadedcomment") and not link.external:
            try:
                root = parse_part(draft, link.target)
            except (FundtrackError, KeyError):
                return None
            cells |= {str(e.get("ref")).replace("$", "").upper() for e in root.iter() if _ref(e)}
    return cells


def write_notes(
    draft: Draft,
    part: str,
    notes: list[Note],
    *,
    links: list[Relationship],
    drawing_rid: str | None,
    widths: dict[int, int],
) -> str | None:
    """Write notes for a sheet and give the id of its legacy drawing, an existing one kept.

    None, with nothing changed, where the sheet has a drawing that cannot be appended to. `widths`
    are the columns' widths in pixels where they are not the usual one.
    """
    drawing = next((k.target for k in links if k.id == drawing_rid and not k.external), None)
    existing = draft.read(drawing) if drawing and draft.has(drawing) else None
    if drawing_rid is not None and existing is None:
        return None
    vml = _drawing(draft, existing, notes, widths)
    if vml is None:
        return None
    _write_comments(draft, part, notes, links)
    if drawing is not None:
        draft.put(drawing, vml)
        return drawing_rid
    drawing = draft.free_name("xl/drawings/vmlDrawing1.vml")
    usual = draft.declare_extension("vml", _VML_TYPE)
    draft.put(drawing, vml, "" if usual else _VML_TYPE)
    return draft.link(part, "vmlDrawing", drawing)


def _ref(element: etree._Element) -> bool:
    return local(element) in ("comment", "threadedComment") and bool(element.get("ref"))


def _write_comments(draft: Draft, part: str, notes: list[Note], links: list[Relationship]) -> None:
    target = next((k.target for k in links if k.kind == "comments" and not k.external), None)
    if target is None:
        target = draft.free_name("xl/comments1.xml")
        namespace = STRICT_MAIN if draft.package.strict else MAIN
        root = etree.fromstring(f'<comments xmlns="{namespace}"/>')
        draft.link(part, "comments", target)
        content_type = _COMMENTS_TYPE
    else:
        root, content_type = parse_part(draft, target), ""
    _append_comments(root, notes)
    draft.put(target, serialise(root), content_type)


def _append_comments(root: etree._Element, notes: list[Note]) -> None:
    def under(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
        element = etree.SubElement(parent, like(root, name))
        element.text = text
        return element

    authors = child(root, "authors")
    if authors is None:
        authors = under(root, "authors")
        root.insert(0, authors)
    number = sum(local(e) == "author" for e in authors)  # authors are counted by position
    under(authors, "author", AUTHOR)
    listed = child(root, "commentList")
    if listed is None:
        listed = under(root, "commentList")
        authors.addnext(listed)
    for note in notes:
        comment = under(listed, "comment")
        comment.set("ref", f"{column_letter(note.column)}{note.row + 1}")
        comment.set("authorId", str(number))
        text = under(comment, "text")
        for words, bold in ((note.heading + "\n", True), (note.text, False)):
            run = under(text, "r")
            style = under(run, "rPr")
            if bold:
                under(style, "b")
            under(style, "sz").set("val", "9")
            under(style, "color").set("indexed", "81")
            under(style, "rFont").set("val", "Tahoma")
            under(run, "t", _literal(words)).set(
                "{http://www.w3.org/XML/1998/namespace}space", "preserve"
            )


def _literal(text: str) -> str:
    # Excel reads _x0041_ inside a string as a character; the first underscore is escaped.
    return re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", legible(text))


def _drawing(
    draft: Draft, existing: bytes | None, notes: list[Note], widths: dict[int, int]
) -> bytes | None:
    first = take_shapes(draft, len(notes) + 1)
    ids = _block_list(first, len(notes) + 1).decode("ascii")
    if existing is None:
        start = "".join(f' xmlns:{k}="{uri}"' for k, uri in _NAMESPACES.items())
        existing = (
            f'<xml{start}><o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data="{ids}"/>'
            "</o:shapelayout></xml>"
        ).encode("ascii")
    else:
        # Appended by bytes: many of these drawings are not well-formed XML.
        existing = _BLOCKS.sub(
            lambda match: match[0] + b"," + ids.encode("ascii"), existing, count=1
        )
    end = existing.rfind(b"</xml>")
    root_end = existing.find(b">", existing.find(b"<xml"))
    if end < 0 or root_end < 0:
        return None
    declared = existing[:root_end].decode("utf-8", "replace")
    missing = "".join(
        f' xmlns:{prefix}="{uri}"'
        for prefix, uri in _NAMESPACES.items()
        if not re.search(rf"""xmlns:{prefix}\s*=\s*["']{uri}["']""", declared)
    )
    shapes = "" if _TEXT_BOX.search(existing) else _SHAPE_TYPE
    shapes += "".join(_shape(first + 1 + i, note, widths) for i, note in enumerate(notes))
    if missing:
        shapes = shapes.replace("<v:shapetype ", f"<v:shapetype{missing} ")
        shapes = shapes.replace("<v:shape ", f"<v:shape{missing} ")
    return existing[:end] + shapes.encode("ascii") + existing[end:]


def take_shapes(draft: Draft, count: int) -> int:
    """Give the first of `count` free shape ids, at the start of a block past all that are used."""
    if not draft.next_shape:
        types = draft.package.content_types
        names = [
            name
            for name in draft.package.names
            if name.lower().endswith(".vml") or types.of(name) == _VML_TYPE
        ]
        draft.next_shape = max(
            (_last_block(draft.package.read(name)) + 1 for name in names), default=1
        )
        draft.next_shape *= IDS_A_BLOCK
    first = draft.next_shape
    draft.next_shape += (count // IDS_A_BLOCK + 1) * IDS_A_BLOCK
    return first


def _last_block(data: bytes) -> int:
    highest = 0
    for listed in _BLOCKS.findall(data):
        highest = max([highest, *(int(n) for n in re.findall(rb"\d{1,6}", listed[1]))])
    ids = (int(n) for n in _SHAPE_ID.findall(data))
    return max(highest, max(ids, default=0) // IDS_A_BLOCK)


def renumbered(draft: Draft, drawing: bytes) -> bytes:
    """Give a legacy drawing with shape ids that no other drawing of the draft has."""
    ids = [int(n) for n in _SHAPE_ID.findall(drawing)]
    if not ids:
        return drawing
    lowest = min(ids) // IDS_A_BLOCK * IDS_A_BLOCK
    first = take_shapes(draft, max(ids) - lowest + 1)
    blocks = _block_list(first, max(ids) - lowest + 1)
    drawing = _SHAPE_ID.sub(lambda m: b"_x0000_s%d" % (int(m[1]) - lowest + first), drawing)
    return _BLOCKS.sub(lambda m: m[1] + blocks, drawing)


def _block_list(first: int, count: int) -> bytes:
    start = first // IDS_A_BLOCK
    return b",".join(b"%d" % n for n in range(start, start + count // IDS_A_BLOCK + 1))


def _shape(number: int, note: Note, widths: dict[int, int]) -> str:
    return (
        f'<v:shape id="_x0000_s{number}" type="#_x0000_t202" '
        'style="position:absolute;margin-left:107pt;margin-top:7pt;width:248pt;height:60pt;'
        f'z-index:{number % IDS_A_BLOCK};visibility:hidden" fillcolor="#ffffe1" '
        'o:insetmode="auto"><v:fill color2="#ffffe1"/>'
        '<v:shadow on="t" color="black" obscured="t"/><v:path o:connecttype="none"/>'
        '<v:textbox style="mso-direction-alt:auto"><div style="text-align:left"/></v:textbox>'
        '<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/>'
        f"<x:Anchor>{escape(_anchor(note, widths))}</x:Anchor><x:AutoFill>False</x:AutoFill>"
        f"<x:Row>{note.row}</x:Row><x:Column>{note.column}</x:Column></x:ClientData></v:shape>"
    )


def _anchor(note: Note, widths: dict[int, int]) -> str:
    """Give the box's corners, so wide and high that the text fits at the usual row height."""
    lines = 1 + sum(-(-max(len(s), 1) // _CHARACTERS_A_LINE) for s in note.text.split("\n"))
    rows = -(-(lines * _LINE_PX + 12) // _ROW_PX)
    top = max(0, min(note.row - 1, _LAST_ROW - rows))
    left = min(note.column + 1, _LAST_COLUMN - 8)
    right, room = left, _WIDTH_PX + 15
    while room > widths.get(right, _COLUMN_PX) and right < _LAST_COLUMN:
        room -= widths.get(right, _COLUMN_PX)
        right += 1
    return f"{left}, 15, {top}, 4, {right}, {room}, {top + rows}, 4"
