"""The part of an annotated copy that gives back the file from which it was made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from fundtrack.ooxml import Package

# The part from which `strip` gives the original back. Its form: the line MAGIC, the length of the
# JSON head as a line, the head ({"sha256", "size", "segments", and the checksums of what was
# "written" and whether it was "answered"}), then the literal bytes. A segment
# is a number (so many literal bytes, in order), the name of an entry whose compressed bytes are
# copied out of the annotated file, or such a name and how many of them. No relationship leads to
# it: programs drop it on saving, which is right, because after that it would no longer be true.
ORIGINAL = "fundtrack/original.dat"
MAGIC = b"fundtrack original 1\n"


def original_part(
    package: Package, replaced: Mapping[str, int], written: Mapping[str, int], *, answered: bool
) -> bytes:
    """Give the part that holds all of the original that the annotated file does not.

    `replaced` says of the entries that are not copied whole how many of their compressed bytes are,
    `written` gives the checksums of what was put in their place or added.
    """
    segments, literals, at = list[Any](), list[bytes](), 0
    for entry in sorted(map(package.raw, package.names), key=lambda e: e.start):
        kept = replaced.get(entry.name, len(entry.data))
        if kept:
            whole = entry.name not in replaced
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

    Told by the checksums of its parts, and by the original that is still whole in it: to read the
    findings of a large one takes long.
    """
    try:
        head, _ = _head(package)
        same = all(package.raw(name).crc == crc for name, crc in head["written"].items())
        return same and head["answered"] is False and original_bytes(package) is not None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _head(package: Package) -> tuple[dict[str, Any], bytes]:
    """The head of the part ORIGINAL and what follows it. Raises ValueError or KeyError."""
    data = package.read(ORIGINAL)
    if not data.startswith(MAGIC):
        raise ValueError("not a part that fundtrack wrote")
    length, _, rest = data[len(MAGIC) :].partition(b"\n")
    return json.loads(rest[: int(length)]), rest[int(length) :]
