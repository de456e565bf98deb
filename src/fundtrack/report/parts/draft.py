"""Writes packages at zip level: what is not changed is copied as it lies, still compressed."""

from __future__ import annotations

import os
import posixpath
import struct
import zlib
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path

from lxml import etree

from fundtrack.archive import RawEntry
from fundtrack.model import FundtrackError
from fundtrack.ooxml import Package, Relationship, parse_xml, rels_name
from fundtrack.report.parts import deflate
from fundtrack.report.parts.elements import drop, like, serialise
from fundtrack.report.parts.files import write_file
from fundtrack.report.parts.original import ORIGINAL, original_part

_ORIGINAL_TYPE = "application/vnd.fundtrack.original"
_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_RELS_TYPE = "application/vnd.openxmlformats-package.relationships+xml"
_LINK_TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_LINK_TYPE_STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"

_LONG = 2**16  # compressed bytes; less is compressed again sooner than a place to go on is found
_MOST_BYTES, _MOST_ENTRIES = 0xFFFFFFFF, 0xFFFF  # of an archive without the zip64 extension
_ZIP_EPOCH = (0, 33)  # 1980-01-01: the same input gives the same bytes


class Draft:
    """A package in the making: an original whose parts are replaced and added to, then saved."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.link_type = _LINK_TYPE_STRICT if package.strict else _LINK_TYPE
        self._data: dict[str, bytes] = {}  # replaced and added entries
        self._added: set[str] = set()  # the same names in lower case
        self.next_shape = 0  # of the legacy drawings; see `notes.take_shapes`
        self._trees: dict[str, etree._Element] = {}  # relationships and content types
        self._removed: set[str] = set()
        self._aside = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
        self._packing: dict[str, list[Future[bytes]]] = {}
        self._renewing: dict[str, Future[deflate.Renewed | None]] = {}
        self._types = self.tree("[Content_Types].xml")
        # By part or extension, the first of each: a package may state the type of a part that it
        # does not hold, and twice would be an error.
        entries = self._types.iterchildren("{*}*", reversed=True)  # not the remarks between them
        self._declared = {_declares(element): element for element in entries}
        self._numbers: dict[str, int] = {}  # the next that may be free, by the form of a name

    def has(self, name: str) -> bool:
        """Say whether the original or the draft holds the entry, whatever its case."""
        return self.package.has(name) or name.lower() in self._added

    def read(self, name: str) -> bytes:
        """Give the bytes of an entry as it now is; raises as `Package.read` does."""
        entry = self.package.entry_name(name)
        return self._data[entry] if entry in self._data else self.package.read(entry)

    def rels(self, part: str) -> list[Relationship]:
        """Give the links of a part as they now are, in order."""
        name = self.package.entry_name(rels_name(part))
        root = self._trees.get(name)
        return self.package.rels(part) if root is None else self.package.links_in(root, part)

    def tree(self, name: str) -> etree._Element:
        """Give the root of a small part for changing; it is written on saving."""
        name = self.package.entry_name(name)
        if name not in self._trees:
            self._trees[name] = self.package.parse(name)
        return self._trees[name]

    def put(self, name: str, data: bytes, content_type: str = "", *, same: int = 0) -> None:
        """Replace an entry or add one; a content type is declared for it where one is given.

        `same` is how many of the original entry's bytes it begins with, as far as that is known.
        """
        entry = self.package.entry_name(name)
        self._data[entry] = data
        self._added.add(entry.lower())
        self._packing.pop(entry, None)
        self._renewing.pop(entry, None)
        # Big parts are compressed on other cores while the added sheets are built.
        if same and len((raw := self.package.raw(entry)).data) > _LONG and raw.method:
            self._renewing[entry] = self._aside.submit(
                deflate.renewed, raw.data, raw.size, data, same
            )
        elif len(data) > deflate.PIECE:
            self._packing[entry] = self._in_pieces(data)
        if name.endswith(".rels"):  # some programs declare each of theirs by its name
            self.declare_extension("rels", _RELS_TYPE)
        if content_type:
            self._declare("Override", "PartName", "/" + name, content_type)

    def remove(self, names: Collection[str]) -> None:
        """Leave entries out, with their content types and the entries of their own links."""
        gone = {*names, *map(rels_name, names)}
        self._removed |= set(map(self.package.entry_name, gone))

    def unlink(self, part: str, rid: str) -> None:
        """Take one link out of a part's links, and their entry where it was the last."""
        name = rels_name(part)
        root = self.tree(name)
        for element in list(root):
            if element.get("Id") == rid:
                root.remove(element)
        if not len(root):
            self._removed.add(self.package.entry_name(name))

    def declare_extension(self, extension: str, content_type: str) -> bool:
        """Declare what an extension means, unless the original does; say whether it means that."""
        declared = self._declared.get(f"*.{extension}")
        if declared is None:
            self._declare("Default", "Extension", extension, content_type)
        return declared is None or declared.get("ContentType") == content_type

    def free_name(self, like: str) -> str:
        """Give a name of the same form (xl/worksheets/sheet1.xml) that no entry has."""
        stem, extension = posixpath.splitext(like)
        stem = stem.rstrip("0123456789")
        for number in count(self._numbers.get(like, 1)):
            name = f"{stem}{number}{extension}"
            if not self.has(name) and not self.has(rels_name(name)):
                self._numbers[like] = number
                return name
        raise AssertionError  # there is always a further number

    def link(self, part: str, kind: str, target: str) -> str:
        """Link a part to another as that kind (`comments`) and give the relationship's id."""
        name = self.package.entry_name(rels_name(part))
        if name not in self._trees and not self.package.has(name):
            self._trees[name] = etree.fromstring(f'<Relationships xmlns="{_RELS}"/>')
            self.declare_extension("rels", _RELS_TYPE)
        root = self.tree(name)
        taken = {element.get("Id") for element in root}
        number = len(taken) + 1
        while f"rId{number}" in taken:
            number += 1
        element = etree.SubElement(root, like(root, "Relationship"))
        element.set("Id", f"rId{number}")
        element.set("Type", f"{self.link_type}/{kind}")
        # Entry names may begin with a slash or have backslashes; targets are what is meant.
        element.set(
            "Target", posixpath.relpath(_absolute(target), posixpath.dirname(_absolute(part)))
        )
        return f"rId{number}"

    def save(
        self,
        target: Path,
        *,
        with_original: bool = True,
        answered: bool = False,
        seal: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """Write the package beside the target and move it into place; raises FundtrackError.

        `answered` says whether reviewers' answers stand in it, `seal` protects the whole file by a
        password.
        """
        data = self.finished(with_original=with_original, answered=answered)
        write_file(target, seal(data) if seal else data)

    def finished(self, *, with_original: bool = True, answered: bool = False) -> bytes:
        """Give the package's bytes; nothing can be changed after."""
        if with_original:
            self._declare("Override", "PartName", "/" + ORIGINAL, _ORIGINAL_TYPE)
        gone = {_absolute(name).lower() for name in self._removed}
        for name in gone & self._declared.keys():
            drop(self._declared[name])
        self._data |= {name: serialise(root) for name, root in self._trees.items()}
        entries: list[RawEntry] = [
            self._packed(name) if name in self._data else self.package.raw(name)
            for name in self.package.names
            if name not in self._removed
        ]
        kept = set(self.package.names)
        entries += [self._packed(name) for name in self._data if name not in kept]
        if with_original:
            written = {e.name: e.crc for e in entries if e.name in self._data}
            replaced = {
                e.name: r.kept if (r := self._renewed(e.name)) else 0
                for e in entries
                if e.name in self._data
            }
            original = original_part(self.package, replaced, written, answered=answered)
            entries.append(_packed(ORIGINAL, original, original, method=0))
        self._aside.shutdown()
        return _zip(entries, self.package.file)

    def _in_pieces(self, data: bytes) -> list[Future[bytes]]:
        starts = range(0, len(data), deflate.PIECE)
        return [self._aside.submit(deflate.piece, data, start) for start in starts]

    def _packed(self, name: str) -> RawEntry:
        data, pieces = self._data[name], self._packing.get(name)
        if renewed := self._renewed(name):
            body = b"".join([self.package.raw(name).data[: renewed.kept], renewed.rest])
            return _packed(name, data, body)
        if pieces is None and len(data) > deflate.PIECE:
            pieces = self._in_pieces(data)
        body = b"".join(piece.result() for piece in pieces) if pieces else deflate.compressed(data)
        return _packed(name, data, body)

    def _renewed(self, name: str) -> deflate.Renewed | None:
        return self._renewing[name].result() if name in self._renewing else None

    def _declare(self, element: str, key: str, name: str, content_type: str) -> None:
        node = etree.Element(like(self._types, element), {key: name})
        stated = self._declared.setdefault(_declares(node), node)
        if stated is node:
            self._types.append(node)
        stated.set(key, name)
        stated.set("ContentType", content_type)


def parse_part(draft: Draft, name: str) -> etree._Element:
    """Give the root of a part, as it now is, for changing; `put` its bytes back afterwards."""
    return parse_xml(draft.read(name), draft.package.file, name)


def _declares(element: etree._Element) -> str:
    """Give the part, or the extension as *.xml, whose type an element states."""
    part = element.get("PartName")
    return _absolute(part).lower() if part else f"*.{element.get('Extension', '').lower()}"


def _absolute(name: str) -> str:
    return "/" + name.replace("\\", "/").lstrip("/")


def _packed(name: str, data: bytes, body: bytes, method: int = 8) -> RawEntry:
    """Give an entry; `body` is its data as that method compresses it."""
    return RawEntry(
        name=name,
        name_bytes=name.encode("utf-8"),
        method=method,
        crc=zlib.crc32(data),
        size=len(data),
        start=0,
        data=memoryview(body),
        utf8=not name.isascii(),
        date_time=_ZIP_EPOCH,
        external=0,
    )


def _zip(entries: list[RawEntry], file: str) -> bytes:
    """Give the bytes of an archive of entries that are already compressed."""
    pieces: list[bytes | memoryview] = []
    directory: list[bytes] = []
    at = 0
    too_large = FundtrackError(
        file, "is too large to annotate (over 4 GB, or 65,535 parts).", "Split the workbook."
    )
    if len(entries) > _MOST_ENTRIES or any(entry.size > _MOST_BYTES for entry in entries):
        raise too_large
    for entry in entries:
        facts = struct.pack(
            "<HHHHIIIHH",
            0x800 if entry.utf8 else 0,
            entry.method,
            *entry.date_time,
            entry.crc,
            len(entry.data),
            entry.size,
            len(entry.name_bytes),
            0,
        )
        local_head = b"PK\x03\x04\x14\x00" + facts + entry.name_bytes
        directory.append(
            b"PK\x01\x02\x14\x00\x14\x00"
            + facts
            + struct.pack("<HHHII", 0, 0, 0, entry.external & 0xFFFFFFFF, at)
            + entry.name_bytes
        )
        pieces += [local_head, entry.data]
        at += len(local_head) + len(entry.data)
        if at > _MOST_BYTES:
            raise too_large
    size = sum(map(len, directory))
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(entries), len(entries), size, at, 0)
    return b"".join([*pieces, *directory, end])
