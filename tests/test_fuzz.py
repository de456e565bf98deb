"""Sound files changed at random, in their bytes and in their parts: a report or one line, always.

Bounded by time: FUNDTRACK_FUZZ_SECONDS, for each of the two. A file that fails is written beside
the temporary files of the run, to be kept in tests/corpus.
"""

import os
import re
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import hostile
from fundtrack import pipeline, read
from fundtrack.bounds import Bounds
from fundtrack.model import FundtrackError

SECONDS = float(os.environ.get("FUNDTRACK_FUZZ_SECONDS", "4"))
CORPUS = Path(__file__).parent / "corpus"
BOUNDS = Bounds(seconds=10, memory_mb=600)
SEEDS = {
    "xlsx": hostile.sheet(*(hostile.row_xml(n, hostile.ROW) for n in range(3, 8))),
    "ods": hostile.ods_register(),
    "xls": hostile.old_book(sheet_records=hostile.number(0, 0) + hostile.number(3, 5)),
    "csv": (",".join(hostile.HEADINGS) + "\nG1,A grant,DONOR,LOC-A\n").encode(),
}
# What stands in an attribute or a text where something else should.
ODD = [
    b"", b"-1", b"0", b"4294967295", b"18446744073709551616", b"NaN", b"1e999", b"A0", b"A1",
    b"XFD1048576", b"ZZZZ1", b"\0", b"\xff\xfe", b"&#0;", b"&lt;", b"<", b">", b'"', b"</c>",
    b"<c/>", b"<row>", b"]]>", b"<!--", b"../../..", b"file:///", b"\xed\xa0\x80", b"_xD800_",
]  # fmt: skip
PLACES = re.compile(rb'"[^"]*"|>[^<]*<|<[^>]*>')


def fuzz(strategy, work):
    """Tries round after round of examples, the same ones in every run, until the time is up."""
    end, rounds = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:

        @seed(rounds)
        @settings(max_examples=30, suppress_health_check=list(HealthCheck))
        @given(strategy)
        def run(made):
            if time.monotonic() < end:
                work(made)

        run()
        rounds += 1


@st.composite
def altered_bytes(draw):
    kind = draw(st.sampled_from(sorted(SEEDS)))
    data = bytearray(SEEDS[kind])
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data) - 1))
        data[at : at + draw(st.sampled_from([0, 1, 1, 2, 4, 40]))] = draw(
            st.one_of(st.binary(max_size=6), st.sampled_from(ODD))
        )
        data = data or bytearray(b"x")
    return kind, bytes(data)


@st.composite
def altered_parts(draw):
    entries = {
        n: d.encode() if isinstance(d, str) else d
        for n, d in {
            **hostile.parts(
                hostile.register(
                    '<row r="3"><c r="A3" t="s"><v>0</v></c><c r="M3"><f>1+1</f><v>2</v></c></row>'
                )
            ),
            **hostile.sst("<si><t>G2</t></si>", ' count="1" uniqueCount="1"'),
        }.items()
    }
    for _ in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(sorted(entries)))
        what = draw(st.sampled_from(["place", "place", "place", "drop", "copy", "cut", "repeat"]))
        data = entries[name]
        if what == "drop" and len(entries) > 1:
            del entries[name]
        elif what == "copy":
            entries[name] = entries[draw(st.sampled_from(sorted(entries)))]
        elif what == "cut":
            entries[name] = data[: draw(st.integers(0, len(data)))]
        else:
            places = list(PLACES.finditer(data))
            if places:
                place = draw(st.sampled_from(places))
                keep = place[0] if what == "repeat" else b""
                put = keep * 3 if keep else draw(st.sampled_from(ODD))
                inside = place.start() + 1, place.end() - 1
                start, end = place.span() if keep else inside
                entries[name] = data[:start] + put + data[end:]
    return hostile.zipped(entries)


def tried(path, data, work):
    path.write_bytes(data)
    try:
        work(path)
    except FundtrackError as error:
        assert len(str(error).splitlines()) == 1 or "\n" in path.name
    except Exception:
        (path.parent.parent / f"found-{zlib.crc32(data):08x}{path.suffix}").write_bytes(data)
        raise
    assert path.read_bytes() == data


def checked(path):
    goal = path.with_name(f"out{path.stem}.xlsx")
    pipeline.check(pipeline.Request(path, output=goal, force=True, bounds=BOUNDS))


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.[!m]*")), ids=lambda p: p.name)
def test_what_was_found_once(path, tmp_path):
    tried(tmp_path / path.name, path.read_bytes(), checked)


def test_bytes(tmp_path):
    fuzz(
        altered_bytes(),
        lambda made: tried(
            tmp_path / f"a.{made[0]}", made[1], lambda path: read.workbook(path, BOUNDS)
        ),
    )


def test_parts(tmp_path):
    fuzz(altered_parts(), lambda data: tried(tmp_path / "a.xlsx", data, checked))
