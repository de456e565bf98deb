"""Writes packages at zip level: what is not changed is copied as it lies, still compressed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import platform
import posixpath
import re
import stat
import struct
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import psutil
from lxml import etree

from fundtrack.archive import RawEntry
from fundtrack.model import FundtrackError
from fundtrack.ooxml import (
    MAX_COLUMNS,
    MAX_ROWS,
    Package,
    Relationship,
    children,
    column_index,
    parse_xml,
    rels_name,
)
from fundtrack.report import deflate

# The part from which `strip` gives the original back. Its form: the line MAGIC, the length of the
# JSON head as a line, the head ({"sha256", "size", "segments", and the checksums of what was
# "written" and whether it was "answered"}), then the literal bytes. A segment
# is a number (so many literal bytes, in order), the name of an entry whose compressed bytes are
# copied out of the annotated file, or such a name and how many of them. No relationship leads to
# it: programs drop it on saving, which is right, because after that it would no longer be true.
ORIGINAL = "fundtrack/original.dat"
MAGIC = b"fundtrack original 1\n"
_ORIGINAL_TYPE = "application/vnd.fundtrack.original"

_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_RELS_TYPE = "application/vnd.openxmlformats-package.relationships+xml"
_LINK_TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_LINK_TYPE_STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"

_LONG = 2**16  # compressed bytes; less is compressed again sooner than a place to go on is found
_MOST_BYTES, _MOST_ENTRIES = 0xFFFFFFFF, 0xFFFF  # of an archive without the zip64 extension
_ZIP_EPOCH = (0, 33)  # 1980-01-01: the same input gives the same bytes
_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9][0-9]{0,6})")
_ILLEGAL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
MAX_TEXT = 32_767  # characters in an Excel cell
_CUT = " … (cut)"


@lru_cache(2**17)
def cell_of(address: str | None) -> tuple[int, int] | None:
    """Give row and column of an address like M12, both counted from 0; None where it is none."""
    match = _CELL.fullmatch(address or "")
    if not match:
        return None
    row, column = int(match[2]) - 1, column_index(match[1])
    return (row, column) if row < MAX_ROWS and column < MAX_COLUMNS else None


def legible(text: str, most: int = MAX_TEXT) -> str:
    r"""Give the text with what XML cannot hold, or what hides text, as \u202E; cut with a mark."""
    text = text.replace("\r\n", "\n")
    text = _ILLEGAL.sub(lambda match: f"\\u{ord(match[0]):04X}", text)
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT


def serialise(root: etree._Element) -> bytes:
    """Give the bytes of a part, with the declaration that Excel writes."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


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
        # Looked up for every part of every sheet: going through them all would take long.
        self._declared: dict[tuple[str, str], etree._Element] = {}
        for element in self._types.iterchildren("{*}*"):  # not the remarks between them
            for key in ("Extension", "PartName"):
                self._declared.setdefault((key, element.get(key, "").lower()), element)
        self._numbers: dict[str, int] = {}  # of the names that were free, the last one's by stem

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

    def remove(self, name: str) -> None:
        """Leave an entry out, with its content type and the entry of its own links."""
        gone = {_absolute(n).lower() for n in (name, rels_name(name))}
        self._removed |= {self.package.entry_name(n) for n in (name, rels_name(name))}
        self._undeclare(gone)

    def unlink(self, part: str, rid: str) -> None:
        """Take one link out of a part's links, and their entry where it was the last."""
        name = rels_name(part)
        root = self.tree(name)
        for element in list(root):
            if element.get("Id") == rid:
                root.remove(element)
        if not len(root):
            self._removed.add(self.package.entry_name(name))
            self._undeclare({_absolute(name).lower()})

    def declare_extension(self, extension: str, content_type: str) -> bool:
        """Declare what an extension means, unless the original does; say whether it means that."""
        declared = self._declared.get(("Extension", extension))
        if declared is None:
            self._declare("Default", "Extension", extension, content_type)
        return declared is None or declared.get("ContentType") == content_type

    def free_name(self, like: str) -> str:
        """Give a name of the same form (xl/worksheets/sheet1.xml) that no entry has."""
        stem, extension = posixpath.splitext(like)
        stem = stem.rstrip("0123456789")
        for number in count(self._numbers.get(stem, 1)):
            name = f"{stem}{number}{extension}"
            if not self.has(name) and not self.has(rels_name(name)):
                self._numbers[stem] = number
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
            original = self._original(written, answered)
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

    def _original(self, written: Mapping[str, int], answered: bool) -> bytes:
        """Give the part that holds all of the original that the annotated file does not."""
        package, segments, literals = self.package, list[Any](), list[bytes]()
        at = 0
        for entry in sorted(map(package.raw, package.names), key=lambda e: e.start):
            kept, whole = len(entry.data), entry.name not in self._data
            if not whole:
                renewed = self._renewed(entry.name)
                kept = renewed.kept if renewed else 0
            if kept:
                segments += [entry.start - at, entry.name if whole else [entry.name, kept]]
                literals.append(package.bytes[at : entry.start])
                at = entry.start + kept
        segments.append(len(package.bytes) - at)
        literals.append(package.bytes[at:])
        head = json.dumps(
            {
                "sha256": hashlib.sha256(package.bytes).hexdigest(),
                "size": len(package.bytes),
                "segments": segments,
                "written": written,
                "answered": answered,
            }
        ).encode("ascii")
        return b"".join([MAGIC, b"%d\n" % len(head), head, *literals])

    def _undeclare(self, parts: set[str]) -> None:
        for element in list(self._types.iterchildren("{*}*")):
            if _absolute(element.get("PartName", "")).lower() in parts:
                self._types.remove(element)
                self._declared.pop(("PartName", element.get("PartName", "").lower()), None)

    def _declare(self, element: str, key: str, name: str, content_type: str) -> None:
        # A package may state the type of a part that it does not hold; twice would be an error.
        node = self._declared.get((key, name.lower()))
        if node is None:
            node = etree.SubElement(self._types, like(self._types, element))
            self._declared[key, name.lower()] = node
        node.set(key, name)
        node.set("ContentType", content_type)


def original_bytes(package: Package) -> bytes | None:
    """Give the file from which this one was made, None where that can no longer be done."""
    try:
        head, rest = _head(package)
        pieces: list[bytes | memoryview] = []
        at, left = 0, len(package.bytes)  # all of the original stands in this file, and once
        for segment in head["segments"]:
            left -= len(pieces[-1]) if pieces else 0
            if left < 0:
                return None
            if isinstance(segment, int):
                pieces.append(rest[at : at + segment])
                at += segment
            elif isinstance(segment, str):
                pieces.append(package.raw(segment).data)
            else:
                pieces.append(package.raw(segment[0]).data[: segment[1]])
        whole = b"".join(pieces)
        return whole if hashlib.sha256(whole).hexdigest() == head["sha256"] else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def unanswered(package: Package) -> bool:
    """Say whether a copy is as it was written, without an answer by a reviewer.

    Told by the checksums of its parts: to read the findings of a large one takes long.
    """
    try:
        head, _ = _head(package)
        same = all(package.raw(name).crc == crc for name, crc in head["written"].items())
        return same and head["answered"] is False
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _head(package: Package) -> tuple[dict[str, Any], bytes]:
    """The head of the part ORIGINAL and what follows it. Raises ValueError or KeyError."""
    data = package.read(ORIGINAL)
    if not data.startswith(MAGIC):
        raise ValueError("not a part that fundtrack wrote")
    length, _, rest = data[len(MAGIC) :].partition(b"\n")
    return json.loads(rest[: int(length)]), rest[int(length) :]


def names_of(package: Package, prefixes: str | tuple[str, ...]) -> dict[str, str]:
    """Give the workbook's defined names that begin so: name -> what it refers to."""
    return {
        element.get("name", ""): element.text or ""
        for element in children(package.workbook, "definedNames", "definedName")
        if element.get("name", "").lower().startswith(prefixes)
        and element.get("localSheetId") is None  # a person's copy of a sheet has names of its own
    }


def refuse_place(target: Path) -> None:
    """Raise FundtrackError where no file can be written, whatever is forced.

    A folder, a pipe or a device is never replaced by a file.
    """
    name = target.name or str(target)
    try:
        there = target.parent.is_dir()
        mode = target.stat().st_mode if target.exists() else stat.S_IFREG
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise _unwritten(target, error) from error
    if not there:
        raise FundtrackError(
            name,
            f"cannot be written: there is no folder {target.parent.absolute()}.",
            "Make the folder first, or choose another with --output.",
        )
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise FundtrackError(
            name, f"cannot be written: it is {what}.", "Choose another name with --output."
        )
    if ":" in name and os.name == "nt":  # it would be hidden behind another file
        raise FundtrackError(
            name, "cannot be written: it has a colon in its name.", "Choose another name."
        )


def _unwritten(target: Path, error: Exception) -> FundtrackError:
    long = getattr(error, "errno", None) == errno.ENAMETOOLONG
    # Windows finds no file where a path is too long; that its folder is there was looked up.
    if long or (isinstance(error, FileNotFoundError) and len(str(target.absolute())) > 240):
        return FundtrackError(
            f"{target.name[:40]}…",
            "cannot be written: its name or path is too long.",
            "Choose a shorter one with --output.",
        )
    return FundtrackError(
        target.name,
        f"cannot be written ({getattr(error, 'strerror', None) or error}).",
        "Close it in other programs, or choose another place with --output.",
    )


def refuse_input(target: Path, *inputs: Path) -> None:
    """Raise FundtrackError where the target is one of the files that are read, by any name."""
    refuse_place(target)
    for path in inputs:
        with contextlib.suppress(OSError, ValueError):  # one of the two is not there, or cannot be
            if path.samefile(target):
                raise FundtrackError(
                    target.name, "is the input itself.", "Choose another name with --output."
                )


def refuse_other(target: Path, ours: Callable[[Package], bool], told: str, *, force: bool) -> None:
    """Raise FundtrackError where the target is there and is not one of `ours`, unless `force`, or
    where no file can be written.
    """
    refuse_place(target)
    if force or not target.exists():
        return
    try:
        if ours(Package(target)):
            return
    except FundtrackError:
        pass  # what cannot be opened is not ours
    raise FundtrackError(
        target.name,
        f"exists already and {told}.",
        "Choose another name with --output, or replace it with --force.",
    )


def write_file(target: Path, data: bytes) -> None:
    """Write beside the target, flush, move into place. On any error nothing is left behind."""
    refuse_place(target)
    beside = _beside(target, str(os.getpid()))
    try:
        _clear_stale(target)
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError as error:
        raise _unwritten(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def _beside(target: Path, process: str) -> Path:
    """Give the name under which a process writes a file that then becomes the target.

    It tells the machine too: in a shared folder, the same number is another process elsewhere.
    """
    place = zlib.crc32(f"{platform.node()}/{target.name}".encode("utf-8", "surrogatepass"))
    return target.with_name(f".{target.name[:50]}.{place:08x}-{process}.tmp")


def _clear_stale(target: Path) -> None:
    """Remove what runs on this machine left beside the target when they were killed."""
    ours = re.compile(re.escape(_beside(target, "N").name).replace("N\\.tmp", r"(\d{1,9})\.tmp"))
    for file in target.parent.iterdir():
        found = ours.fullmatch(file.name)
        if found and not psutil.pid_exists(int(found[1])):
            with contextlib.suppress(OSError):  # Windows keeps what is open
                file.unlink()


def parse_part(draft: Draft, name: str) -> etree._Element:
    """Give the root of a part, as it now is, for changing; `put` its bytes back afterwards."""
    return parse_xml(draft.read(name), draft.package.file, name)


def _absolute(name: str) -> str:
    return "/" + name.replace("\\", "/").lstrip("/")


def like(root: etree._Element, name: str) -> str:
    """Give the name in the namespace of another element, which may have none."""
    namespace = etree.QName(root).namespace
    return f"{{{namespace}}}{name}" if namespace else name


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
