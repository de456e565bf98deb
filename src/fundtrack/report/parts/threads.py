"""Notes of ours that Excel made into comments with replies, and who answered there.

“Convert to comments” writes each note twice: as a comment in a part of its own, by a person of the
workbook's list (MS-XLSX, CT_ThreadedComment), and as a note that stands in for it where an older
program opens the file: in the name of “tc=” and the comment's id, after an introduction in the
language of that Excel. A program that knows no comments with replies keeps the note alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lxml import etree

from fundtrack.model import FundtrackError
from fundtrack.ooxml import Package, cell_of, child, children, local
from fundtrack.report.parts.notes import AUTHOR, START
from fundtrack.words import plural

# The note that stands in: a title in brackets, an introduction, a line such as “Comment:”, then the
# text, and each reply under a line such as “Reply:”, set in by four blanks.
_STANDS_IN = re.compile(r"\s*\[[^\]\n]{1,80}\][^\S\n]*\n(?:[^\n]*\n){0,8}?\s+" + re.escape(START))
_REPLY = re.compile(r"\n[^\s:][^\n:]{0,40}[:\uff1a]\s*\n {4}")
_SHOWN = 5  # cells that a remark names


@dataclass(frozen=True, slots=True)
class Thread:
    """A comment that began as a note of ours; `replied` says whether somebody answered it."""

    cell: str
    replied: bool
    id: str = ""  # none where only the note that stands in for it is left


def threads_of(package: Package, sheet: str) -> list[Thread]:
    """Give the comments of a sheet's part that began as notes of ours, one a cell.

    None of a part that cannot be read: it stays as it is.
    """
    found = dict[str, Thread]()
    for comments in _read(package, sheet, "threadedcomment"):
        people = _ours_among_people(package)
        replied = {folded(e.get("parentId")) for e in comments_in(comments)}
        for comment in comments_in(comments):
            ours = _text(comment).startswith(START) or folded(comment.get("personId")) in people
            if ours and not comment.get("parentId"):
                number, cell = folded(comment.get("id")), str(comment.get("ref"))
                found[cell] = Thread(cell, number in replied, number)
    for comments in _read(package, sheet, "comments"):
        for comment in children(comments, "commentList", "comment"):
            said, cell = "".join(map(str, comment.itertext())), str(comment.get("ref"))
            if cell not in found and (beginning := _STANDS_IN.match(said)):
                found[cell] = Thread(cell, bool(_REPLY.search(said, beginning.end())))
    return list(found.values())


def replies(package: Package) -> list[str]:
    """Say where reviewers replied to our notes: a sentence a sheet. Such comments are kept."""
    told = []
    for sheet in package.sheets:
        cells = [t.cell for t in threads_of(package, sheet.part) if t.replied] if sheet.part else []
        if cells:
            more = f" and {len(cells) - _SHOWN:,} more" if len(cells) > _SHOWN else ""
            told.append(
                f"Sheet “{sheet.name}”: somebody replied to {plural('a note', len(cells), 'notes')}"
                f" of fundtrack at {', '.join(cells[:_SHOWN])}{more}. So that no reply is lost, "
                f"{plural('this comment stays', len(cells), 'these comments stay')} in the sheet: "
                f"write what was replied into the column Response of the findings, then delete "
                f"{plural('it', len(cells), 'them')} in Excel."
            )
    return told


def own_notes(
    root: etree._Element, threads: Sequence[Thread]
) -> Iterator[tuple[etree._Element, tuple[int, int]]]:
    """Give the notes of a part that are ours, and their cells; none that somebody replied to.

    Those that stand in for the comments of `threads` are among them.
    """
    authors = children(root, "authors", "author")
    names = {str(number): author.text for number, author in enumerate(authors)}
    replied = {cell_of(thread.cell): thread.replied for thread in threads}
    for comment in children(root, "commentList", "comment"):
        at = cell_of(comment.get("ref"))
        # LibreOffice saves notes without their author; ours are told by how they begin.
        said = "".join(map(str, comment.itertext())).lstrip()
        ours = names.get(comment.get("authorId", "")) == AUTHOR or said.startswith(START)
        if at is not None and (ours or at in replied) and not replied.get(at):
            yield comment, at


def peoples_notes(package: Package) -> set[tuple[str, str]]:
    """Give the cells (sheet, address) with a note or comment that is not ours alone."""
    found = set[tuple[str, str]]()
    for sheet in package.sheets:
        threads = threads_of(package, sheet.part) if sheet.part else []
        own = {thread.cell for thread in threads if not thread.replied}
        for comments in _read(package, sheet.part, "threadedcomment"):
            found |= {
                (sheet.name, c)
                for e in comments_in(comments)
                if (c := str(e.get("ref"))) not in own
            }
        for notes in _read(package, sheet.part, "comments"):
            ours = {comment for comment, _ in own_notes(notes, threads)}
            listed = children(notes, "commentList", "comment")
            found |= {(sheet.name, str(e.get("ref"))) for e in listed if e not in ours}
    return found


def comments_in(root: etree._Element) -> list[etree._Element]:
    """Give the comments and replies of a part."""
    return [e for e in root if local(e) == "threadedComment"]


def folded(guid: str | None) -> str:
    """Give an id as it is compared: programs differ in the case of its letters."""
    return (guid or "").upper()


def _read(package: Package, sheet: str, kind: str) -> Iterator[etree._Element]:
    for link in package.rels(sheet):
        if link.kind == kind and not link.external and package.has(link.target):
            with suppress(FundtrackError):
                yield package.parse(link.target)


def _text(comment: etree._Element) -> str:
    text = child(comment, "text")
    return (text.text or "").lstrip() if text is not None else ""


def _ours_among_people(package: Package) -> set[str]:
    part = package.part_of_kind("person")
    try:
        people = package.parse(part) if part else ()
    except FundtrackError:
        return set()
    return {folded(e.get("id")) for e in people if e.get("displayName") == AUTHOR}
