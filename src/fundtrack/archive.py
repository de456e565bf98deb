"""Reads ZIP archives that nobody vouches for: everything is measured before it is believed."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fundtrack.bounds import MB, RATIO_FROM, Bounds, bytes_of
from fundtrack.model import FundtrackError

KEPT = 128 * MB  # inflated bytes that an archive holds for its next reader
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1
_END = b"PK\x05\x06"
_PIECE = MB
_ASK = "Ask the sender for a workbook saved by Excel or LibreOffice."
# No part of a workbook has a document type but in an attack; entities are declared inside one.
_TYPE = b"<!DOCTYPE"
_TYPES_16 = [_TYPE.decode().encode(code) for code in ("utf-16-le", "utf-16-be")]
_MARKUP = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe", b"\xfe\xff", b"\0<", b"<\0")


@dataclass(frozen=True, slots=True)
class RawEntry:
    """One zip entry as it lies in the file; `data` is still compressed."""

    name: str  # as the zip directory has it
    name_bytes: bytes
    method: int  # 0 stored, 8 deflated
    crc: int
    size: int  # inflated, as the directory claims
    start: int  # of `data` in the file
    data: memoryview
    utf8: bool
    date_time: tuple[int, int]  # DOS time, DOS date
    external: int  # attributes of the file system it came from


class Archive:
    """A ZIP archive held in memory; the file itself is opened once, only for reading.

    Raises FundtrackError when it is not an archive, is truncated or over a bound, or has encrypted,
    overlapping or doubled entries.
    """

    def __init__(
        self, path: Path, *, data: bytes | None = None, bounds: Bounds | None = None
    ) -> None:
        self.path, self.file, self.bounds = path, path.name, bounds or Bounds()
        self.bytes = bytes_of(path, self.bounds) if data is None else data
        self._kept: dict[str, bytes] = {}
        self._sizes: dict[str, int] = {}  # inflated, of the entries that were read
        self._total, self._held = 0, 0  # bytes of them all, and of those that are kept
        self._infos = self._directory()
        self._raw = {info.orig_filename: self._entry(info) for info in self._infos}
        self.names = [info.orig_filename for info in self._infos]
        self._by_key = {key_of(name): name for name in self.names}
        self._refuse_odd_entries()

    def has(self, name: str) -> bool:
        """Say whether the archive holds the entry, whatever the case of its name."""
        return key_of(name) in self._by_key

    def entry_name(self, name: str) -> str:
        """Give the entry's own spelling of a part name; the name itself where there is none."""
        return self._by_key.get(key_of(name), name.replace("\\", "/").lstrip("/"))

    def raw(self, name: str) -> RawEntry:
        """Give an entry's compressed bytes and header facts. Raises KeyError when there is none."""
        return self._raw[self.entry_name(name)]

    def read(self, name: str, *, keep: bool = False) -> bytes:
        """Give the inflated bytes of an entry, its CRC verified.

        `keep` holds them for the next reader, up to KEPT bytes in all. Raises KeyError when there
        is none, FundtrackError when it is damaged or over a bound (counted while inflating: the
        size that a header claims is not believed).
        """
        entry = self.raw(name)
        if entry.name in self._kept:
            data = self._kept[entry.name]
            if not keep:
                del self._kept[entry.name]
                self._held -= len(data)
            return data
        try:
            data = self._inflate(entry)
        except zlib.error as error:
            raise self._damaged(f"“{name}” cannot be inflated") from error
        if zlib.crc32(data) != entry.crc:
            raise self._damaged(f"“{name}” does not match its checksum")
        if keep and len(data) + self._held <= KEPT:
            self._kept[entry.name] = data
            self._held += len(data)
        return data

    def parts(self) -> Iterator[tuple[str, bytes]]:
        """Every part's name and bytes, each inflated once: no other reader then meets a surprise.

        Raises FundtrackError for one over a bound, damaged, or with a document type. XML is kept
        for the next reader.
        """
        for name in self.names:
            data = self.read(name, keep=name.lower().endswith("xml"))
            self.refuse_types(data, name)
            yield name, data

    def refuse_types(self, data: bytes, name: str) -> None:
        """Raises FundtrackError where a part of markup declares a document type or an entity."""
        start = data[:64].lstrip()
        wide = b"\0" in start or start.startswith((b"\xff\xfe", b"\xfe\xff"))
        marks = [_TYPE, *_TYPES_16] if wide else [_TYPE]  # large parts: no search without need
        if start.startswith(_MARKUP) and b"!" in data and any(mark in data for mark in marks):
            raise FundtrackError(
                self.file,
                f"refused: “{name}” holds a document type or entity declaration, as only attacks "
                f"do.",
                _ASK,
            )

    @property
    def plain(self) -> bool:
        """True where every reader of ZIP archives must find the same entries in it.

        An archive with two directories, or one whose entries have other names than the directory
        gives them, shows one face to one reader and another to the next.
        """
        end = self.bytes.rfind(_END)
        if end < 0 or self.bytes.count(_END, max(0, end - 65_600)) != 1:
            return False
        entries, size, at, comment = struct.unpack("<HIIH", self.bytes[end + 10 : end + 22])
        first = min((info.header_offset for info in self._infos), default=0)
        same = all(
            entry.name_bytes.decode("utf-8" if entry.utf8 else "cp437", "replace") == entry.name
            for entry in self._raw.values()
        )
        return (
            (entries, at + size, comment) == (len(self._infos), end, len(self.bytes) - end - 22)
            and first == 0
            and same
        )

    # What follows is done once, while the archive is opened.

    def _damaged(self, what: str) -> FundtrackError:
        return FundtrackError(
            self.file,
            f"is damaged: {what}.",
            "Copy or download it again, or open it in Excel and save it anew.",
        )

    def _directory(self) -> list[zipfile.ZipInfo]:
        count = self.bytes.count(b"PK\x01\x02")
        if count > 20 * self.bounds.entries:  # looked at first: listing millions takes long
            raise self.bounds.refusal(self.file, "entries", f"it has {count:,} parts")
        try:
            with zipfile.ZipFile(io.BytesIO(self.bytes)) as archive:
                infos = archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError) as error:
            if self.bytes[:4] == b"PK\x03\x04":
                raise self._damaged("it is cut short or its directory is unreadable") from error
            raise FundtrackError(
                self.file,
                "is not a workbook package (.xlsx and its kin are zip archives).",
                "Save it as .xlsx in Excel or LibreOffice.",
            ) from error
        if len(infos) > self.bounds.entries:
            raise self.bounds.refusal(self.file, "entries", f"it has {len(infos):,} parts")
        return infos

    def _entry(self, info: zipfile.ZipInfo) -> RawEntry:
        at = info.header_offset
        head = self.bytes[at : at + 30] if at >= 0 else b""
        if len(head) < 30 or head[:4] != b"PK\x03\x04":
            raise self._damaged(f"“{info.orig_filename}” is not where the directory says")
        name_size, extra_size = struct.unpack("<HH", head[26:30])
        start = at + 30 + name_size + extra_size
        data = memoryview(self.bytes)[start : start + info.compress_size]
        if len(data) < info.compress_size:
            raise self._damaged(f"“{info.orig_filename}” is cut short")
        year, month, day, hour, minute, second = info.date_time
        return RawEntry(
            name=info.orig_filename,
            name_bytes=self.bytes[at + 30 : at + 30 + name_size],
            method=info.compress_type,
            crc=info.CRC,
            size=info.file_size,
            start=start,
            data=data,
            utf8=bool(info.flag_bits & _UTF8_NAME),
            date_time=(
                hour << 11 | minute << 5 | second // 2,
                (year - 1980) << 9 | month << 5 | day,
            ),
            external=info.external_attr,
        )

    def _refuse_odd_entries(self) -> None:
        reason = None
        twice = [name for name in self.names if self._by_key[key_of(name)] != name]
        twice += [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            reason = f"the entry “{twice[0]}” is there twice"
        elif locked := next((i for i in self._infos if i.flag_bits & _ENCRYPTED), None):
            reason = f"the entry “{locked.orig_filename}” is encrypted"
        elif odd := next((i for i in self._infos if i.compress_type not in (0, 8)), None):
            reason = f"“{odd.orig_filename}” uses compression method {odd.compress_type}"
        else:
            end = 0
            for info in sorted(self._infos, key=lambda i: i.header_offset):
                if info.header_offset < end:
                    reason = f"the entry “{info.orig_filename}” overlaps another"
                entry = self._raw[info.orig_filename]
                end = entry.start + len(entry.data)
        if reason:
            raise FundtrackError(self.file, f"refused: {reason}.", _ASK)

    def _inflate(self, entry: RawEntry) -> bytes:
        most = self._most(entry)
        if entry.method == 0 or not entry.data:  # some writers call nothing at all deflated
            data = bytes(entry.data)
        else:
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            data = inflater.decompress(entry.data, most + 1)
            if len(data) <= most and not inflater.eof:
                raise zlib.error("incomplete")
        if len(data) > most:
            raise self._too_large(entry, most)
        self._total += len(data) - self._sizes.get(entry.name, 0)
        self._sizes[entry.name] = len(data)
        return data

    def _most(self, entry: RawEntry) -> int:
        """How many bytes the entry may inflate to, by whichever bound is met first."""
        return min(
            self.bounds.part_mb * MB,
            self.bounds.total_mb * MB - self._others(entry),
            max(RATIO_FROM, self.bounds.ratio * len(entry.data)),
        )

    def _others(self, entry: RawEntry) -> int:
        return self._total - self._sizes.get(entry.name, 0)

    def _too_large(self, entry: RawEntry, met: int) -> Exception:
        size = f"over {met / MB:,.0f} MB"
        if met == self.bounds.part_mb * MB:
            return self.bounds.refusal(self.file, "part_mb", f"“{entry.name}” inflates to {size}")
        if met == self.bounds.total_mb * MB - self._others(entry):
            total = f"over {self.bounds.total_mb:,} MB"
            return self.bounds.refusal(
                self.file, "total_mb", f"its parts together inflate to {total}"
            )
        times = met // max(1, len(entry.data))
        return self.bounds.refusal(
            self.file, "ratio", f"“{entry.name}” inflates to {size}, over {times:,} times"
        )


def key_of(name: str) -> str:
    """Part names are compared without case (ECMA-376 part 2, 6.2); some writers use backslashes."""
    return name.replace("\\", "/").lstrip("/").lower()
