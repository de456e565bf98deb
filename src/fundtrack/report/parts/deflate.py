"""Compresses the parts of a package: whole, in pieces side by side, or only from where they change.

An annotated sheet differs from the original after its cells alone. A deflate stream (RFC 1951) is a
row of blocks, each beginning at any bit with codes of its own; up to the beginning of a block it
can be kept as it lies. Where they begin is written nowhere, so the last ones are found by trying.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

PIECE = 4 * 2**20  # inflated bytes; beyond it speed counts for more than size
_WINDOW = 32 * 2**10  # how far deflate looks back
_SEARCHED = (2**15, 2**18)  # bytes at the end of a stream among which a block is sought
# What a search may cost, since a stream can be made to hold thousands of places that look right:
_TRIED = 20_000  # places
_INFLATED = 2**28  # bytes, of all those places together
_EMPTY_BLOCK = b"\0\0\xff\xff"  # stored, without content, after its three bits: ends on a byte
# Blocks with the fixed codes, as the bits lie: one without content, one of a single byte.
_NOTHING, _ONE_BYTE = "010" + "0" * 7, "010" + "110010000" + "0" * 7
# A block's header: three bits that tell its kind, two numbers of five, one of four, then up to 19
# code lengths of three, after which its codes are told by those (RFC 1951, 3.2.7).
_LENGTHS_AT, _LENGTHS = 17, 19


def compressed(data: bytes) -> bytes:
    """Give the deflate stream of a part."""
    deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


def piece(data: bytes, start: int) -> bytes:
    """Give one piece of a big part's stream, that of PIECE bytes; joined in order, they are it.

    Each piece knows what stood before it and ends on a whole byte, so that pieces can be made side
    by side and the same data always gives the same bytes.
    """
    deflater = _after(data, start, 1)
    end = start + PIECE
    body = deflater.compress(memoryview(data)[start:end])
    return body + deflater.flush(zlib.Z_FINISH if end >= len(data) else zlib.Z_SYNC_FLUSH)


class Renewed(NamedTuple):
    """A stream whose first `kept` bytes are those of another, and what follows them."""

    kept: int
    rest: bytes


def renewed(stream: memoryview, size: int, data: bytes, same: int) -> Renewed | None:
    """Give a stream of `data` that begins as the stream of `size` bytes of which `same` come first.

    None where no block is found that begins near the end of that stream, but not after those bytes;
    also where what is claimed of it is not so.
    """
    found = _last_block(stream, size, same)
    if found is None:
        return None
    (kept, used), start = divmod(found.bit, 8), found.start
    last = bytes([stream[kept] & (1 << used) - 1]) if used else b""
    opening = last.ljust((used + 3 + 7) // 8, b"\0")
    deflater = _after(data, start, 6)
    rest = deflater.compress(memoryview(data)[start:]) + deflater.flush()
    made = Renewed(kept, opening + _EMPTY_BLOCK + rest)
    # A place may look like a block by chance, a directory may give another size: then it is not
    # worth a second attempt, as each costs what the whole stream takes to inflate.
    return made if _is(stream, made, data) else None


class _Block(NamedTuple):
    """Where a block begins: in the stream, in bits, and in what it inflates to, in bytes."""

    bit: int
    start: int


def _last_block(stream: memoryview, size: int, most: int) -> _Block | None:
    """Find the last block that begins after at least one byte and at most so many."""
    tried, left, after = 0, _INFLATED, len(stream) * 8
    for searched in _SEARCHED:
        before = max(0, len(stream) - searched)
        tail = stream[before:]
        for bit in _blocks(tail):
            if before * 8 + bit >= after:
                continue  # tried already
            tried += 1
            if tried > _TRIED or left <= 0:
                return None
            length, ends = _inflated(tail, bit, left)
            left -= length
            if ends and 0 < size - length <= most:
                return _Block(before * 8 + bit, size - length)
        after = before * 8
    return None


def _after(data: bytes, start: int, level: int) -> zlib._Compress:
    """A compressor that knows what stands before the place where it starts."""
    window = data[max(0, start - _WINDOW) : start]
    if window:
        return zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=window)
    return zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)


def _blocks(tail: memoryview) -> Iterator[int]:
    """The bits, from the last on, at which a block with codes of its own may begin.

    Its code lengths must make up a whole code: few places look so by chance.
    """
    import numpy as np  # noqa: PLC0415 - small files are annotated without it

    bits = np.unpackbits(np.frombuffer(tail, np.uint8), bitorder="little").astype(np.int16)
    bits = np.append(bits, np.zeros(_LENGTHS_AT + 3 * _LENGTHS, np.int16))
    places = np.flatnonzero((bits[1 : len(tail) * 8] == 0) & (bits[2 : len(tail) * 8 + 1] == 1))

    def number(offset: int, width: int) -> np.typing.NDArray[np.int16]:
        found: np.typing.NDArray[np.int16] = sum(
            (bits[places + offset + i] << i for i in range(width)), np.zeros(len(places), np.int16)
        )
        return found

    places = places[(number(3, 5) < 30) & (number(8, 5) < 30)]
    count, room = number(13, 4) + 4, np.zeros(len(places), np.int16)
    for i in range(_LENGTHS):
        length = number(_LENGTHS_AT + 3 * i, 3)
        room += np.where((length > 0) & (i < count), 128 >> length, 0).astype(np.int16)
    yield from places[room == 128][::-1].tolist()


def _inflated(tail: memoryview, bit: int, most: int) -> tuple[int, bool]:
    """Inflate from that bit on, at most so much: how many bytes came, and whether to the end.

    What stood before is not known here: any window gives as many bytes.
    """
    at, used = divmod(bit, 8)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS, zdict=bytes(_WINDOW))
    length, step = 0, 2**12
    rest: bytes | memoryview = tail[at:]
    try:
        if used:
            lead = _lead(used)
            turn = lead[-1] | tail[at] >> used << used
            length = len(inflater.decompress(lead[:-1] + bytes([turn]))) - used % 2
            rest = rest[1:]
        # By steps, as what came before an error is not told, but must be counted.
        while not inflater.eof and length < most:
            came = len(inflater.decompress(rest, step))
            if not came and not inflater.eof:
                break
            length, step, rest = length + came, step * 4, inflater.unconsumed_tail
    except zlib.error:
        return length + step, False
    return length, inflater.eof and not inflater.unused_data


def _lead(used: int) -> bytes:
    """Give blocks that end after so many bits of a byte, and hold a byte where that is odd.

    A decoder starts on a whole byte. Shifting what follows would move the stored blocks in it,
    which begin on a whole byte as well.
    """
    odd = used % 2
    bits = _ONE_BYTE * odd + _NOTHING * ((used - 3 * odd) % 8 // 2)
    return int(bits[::-1], 2).to_bytes(-(-len(bits) // 8), "little")


def _is(stream: memoryview, made: Renewed, data: bytes) -> bool:
    """Say whether a renewed stream inflates to the data."""
    inflater, at = zlib.decompressobj(-zlib.MAX_WBITS), 0
    kept = (stream[i : min(i + 2**16, made.kept)] for i in range(0, made.kept, 2**16))
    parts: Iterator[memoryview | bytes] = chain(kept, [made.rest])
    try:
        for part in parts:
            got = inflater.decompress(part)
            if got != data[at : at + len(got)]:
                return False
            at += len(got)
    except zlib.error:
        return False
    return inflater.eof and not inflater.unused_data and at == len(data)
