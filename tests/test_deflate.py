"""A large sheet keeps its compressed bytes up to where it changes, whoever compressed it."""

import csv
import random
import shutil
import subprocess
import zlib

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from fundtrack import report
from fundtrack.model import Severity
from fundtrack.ooxml import Package
from fundtrack.report.parts import deflate
from packages import parts_of, zipped
from test_origins import entries, upto_cells_end, values
from test_report import assessed, finding

STRATEGIES = {
    "usual": zlib.Z_DEFAULT_STRATEGY,
    "filtered": zlib.Z_FILTERED,
    "huffman only": zlib.Z_HUFFMAN_ONLY,
    "rle": zlib.Z_RLE,
    "fixed": zlib.Z_FIXED,
}


def rows(count, seed=0):
    """Give cells such as a sheet holds, of which no two rows are alike."""
    chance = random.Random(seed)
    return b"".join(
        b'<row r="%d"><c r="A%d"><v>%d</v></c><c r="B%d" t="s"><v>%d</v></c></row>'
        % (row, row, chance.randrange(10**6), row, chance.randrange(999))
        for row in range(1, count + 1)
    )


ROWS = rows(12_000)  # about 800 kB


def stream_of(data, level=6, strategy="usual", memory=8, flushes=()):
    """Compress, with flushes of a kind ("sync", "full") at places of the data."""
    deflater = zlib.compressobj(level, zlib.DEFLATED, -15, memory, STRATEGIES[strategy])
    body, at = b"", 0
    for place, kind in sorted(flushes):
        body += deflater.compress(data[at:place])
        body += deflater.flush(zlib.Z_FULL_FLUSH if kind == "full" else zlib.Z_SYNC_FLUSH)
        at = place
    return body + deflater.compress(data[at:]) + deflater.flush()


def renewed(stream, size, data, same):
    """Give the whole renewed stream and how many bytes of the old one it keeps, or None."""
    made = deflate.renewed(memoryview(stream), size, data, same)
    return made and (stream[: made.kept] + made.rest, made.kept)


def inflated(stream):
    inflater = zlib.decompressobj(-15)
    data = inflater.decompress(stream)
    assert inflater.eof
    assert not inflater.unused_data
    return data


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    size=st.integers(1, 300_000),
    place=st.floats(0, 1),
    near=st.integers(0, 3_000),
    more=st.binary(max_size=200),
    repeated=st.integers(0, 300),
    level=st.integers(0, 9),
    strategy=st.sampled_from(sorted(STRATEGIES)),
    memory=st.sampled_from([1, 4, 8, 9]),
    flushed=st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["sync", "full"])), max_size=6),
)
def test_a_renewed_stream_begins_as_the_old_one_and_holds_the_new_data(
    size, place, near, more, repeated, level, strategy, memory, flushed
):
    old = ROWS[:size]
    same = max(0, int(place * size) - near)
    flushes = [(int(at * size), kind) for at, kind in flushed]
    stream = stream_of(old, level, strategy, memory, flushes)
    new = old[:same] + more * repeated + old[same:]
    made = renewed(stream, size, new, same)
    if made:
        whole, kept = made
        assert 0 < kept < len(stream)
        assert inflated(whole) == new
        assert renewed(stream, size, new, same) == made
        # What was renewed once can be renewed again: its stored block is in the way.
        twice = renewed(whole, len(new), new + more, len(new))
        assert twice is None or inflated(twice[0]) == new + more
    elif level and memory < 9 and strategy != "fixed" and same > 200_000:
        raise AssertionError("a block was there to be found")


@pytest.mark.parametrize("level", range(1, 10))
@pytest.mark.parametrize("strategy", sorted(STRATEGIES.keys() - {"fixed"}))
def test_of_a_large_stream_nearly_all_is_kept(level, strategy):
    size = len(ROWS)
    stream = stream_of(ROWS, level, strategy)
    whole, kept = renewed(stream, size, ROWS + b"</sheetData>", size)
    assert len(stream) - kept < 32_000
    assert len(whole) < len(stream) + 1_000


@pytest.mark.parametrize("blocks", range(8, 16))
def test_a_stored_block_after_the_place_does_not_hide_those_before_it(blocks):
    """Small blocks begin at any bit; each number of them lets another bit be the one."""
    size = len(ROWS) - 997 * blocks
    flush, same = size - 500, size - 1_000
    stream = stream_of(ROWS[:size], memory=1, flushes=[(flush, "sync")])
    whole, kept = renewed(stream, size, ROWS[:same] + b"<new/>" + ROWS[same:size], same)
    assert len(stream) - kept < 2_000
    assert inflated(whole) == ROWS[:same] + b"<new/>" + ROWS[same:size]


@pytest.mark.parametrize(
    "stream",
    [
        stream_of(ROWS, 0),
        stream_of(ROWS, 6, "fixed"),
        stream_of(ROWS, flushes=[(at, "sync") for at in range(0, len(ROWS), 40)])[-2_000:],
        b"",
        b"\x03\x00",
        stream_of(ROWS)[:-9],
        stream_of(ROWS) + b"more",
        random.Random(1).randbytes(300_000),
    ],
    ids=["stored", "fixed", "no beginning", "nothing", "empty", "cut", "too long", "noise"],
)
def test_a_stream_without_a_block_to_go_on_from_gives_none(stream):
    assert renewed(stream, len(ROWS), ROWS + b"<new/>", len(ROWS)) is None


def test_the_first_block_of_all_is_no_place_to_go_on_from():
    data = ROWS[:5_000]
    assert renewed(stream_of(data), len(data), data + b"<new/>", len(data)) is None


@pytest.mark.parametrize("claimed", [0, 1, len(ROWS) - 1, len(ROWS) + 1, 2**32 - 1])
def test_a_wrong_size_in_the_directory_is_not_believed(claimed):
    assert renewed(stream_of(ROWS), claimed, ROWS + b"<new/>", len(ROWS)) is None


def test_data_that_is_not_the_same_as_was_said_is_not_joined_to_the_old():
    other = b"!" + ROWS[1:]
    assert renewed(stream_of(ROWS), len(ROWS), other, len(ROWS)) is None


def test_a_bomb_of_blocks_costs_no_more_than_a_large_sheet(monkeypatch):
    """256 MB of nothing: each block inflates to all that follows it."""
    asked = []
    real = deflate._inflated
    monkeypatch.setattr(
        deflate, "_inflated", lambda *given: asked.append(got := real(*given)) or got
    )
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15, 1)
    bomb = deflater.compress(bytes(2**28)) + deflater.flush()
    assert renewed(bomb, 2**28, b"<new/>", 1) is None
    assert sum(length for length, _ in asked) < 2**29


# --- Through the front door -----------------------------------------------------------------------

COUNT = 12_000
CELLS = ["A1", "B2", "C3", "A5000", "D12000"]
NEEDS_OFFICE = pytest.mark.skipif(
    shutil.which("soffice") is None, reason="LibreOffice is not installed"
)


def grid():
    chance = random.Random(7)
    return [
        [f"NG-{row:05}", chance.randrange(10**6) / 100, f"Place {chance.randrange(4_000)}", row]
        for row in range(COUNT)
    ]


def by_xlsxwriter(path):
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Grants")
        for number, row in enumerate(grid()):
            sheet.write_row(number, 0, row)
        sheet.add_table(0, 5, 3, 6)
        sheet.write_comment("C3", "Mine", {"author": "Donor"})
    return path


def by_openpyxl(path):
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Grants")
    for row in grid():
        sheet.append(row)
    book.save(path)
    return path


def resaved(profile, to, folder, *paths):
    command = ["soffice", f"-env:UserInstallation={profile.as_uri()}", "--headless"]
    command += ["--convert-to", to, "--outdir", str(folder), *map(str, paths)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Give each program's workbook of some MB and its annotated copy."""
    folder = tmp_path_factory.mktemp("large")
    made = {
        "XlsxWriter": by_xlsxwriter(folder / "xlsxwriter.xlsx"),
        "openpyxl": by_openpyxl(folder / "openpyxl.xlsx"),
    }
    if shutil.which("soffice"):
        (folder / "lo").mkdir()
        resaved(folder / "profile", "xlsx", folder / "lo", made["XlsxWriter"])
        made["LibreOffice"] = folder / "lo" / "xlsxwriter.xlsx"
    return {program: (path, annotated(path)) for program, path in made.items()}


def annotated(path):
    target = path.with_name(f"{path.stem}.checked.xlsx")
    findings = [
        finding(cell, list(Severity)[number % 3], id=str(number))
        for number, cell in enumerate(CELLS)
    ]
    report.annotate(path, assessed(findings), target)
    return target


programs = pytest.mark.parametrize(
    "program", ["XlsxWriter", "openpyxl", pytest.param("LibreOffice", marks=NEEDS_OFFICE)]
)
SHEET = "xl/worksheets/sheet1.xml"


@programs
def test_a_large_sheet_is_kept_as_it_was_compressed_and_given_back(large, program, tmp_path):
    original, copy = large[program]
    before, after = Package(original), Package(copy)
    old, new = before.raw(SHEET), after.raw(SHEET)
    assert len(old.data) > 2**16
    kept = next(n for n in range(len(old.data), 0, -256) if old.data[:n] == new.data[:n])
    assert len(old.data) - kept < 2**16
    # The original's own bytes are in the copy once, and little else beside the report.
    assert copy.stat().st_size < original.stat().st_size + 120_000
    end = upto_cells_end(before.read(SHEET))
    assert after.read(SHEET)[:end] == before.read(SHEET)[:end]
    back = tmp_path / "back.xlsx"
    report.strip(copy, back)
    assert back.read_bytes() == original.read_bytes()


@programs
def test_an_annotated_copy_checked_again_is_the_same_file(large, program, tmp_path):
    original, copy = large[program]
    again = Package(original, data=report.stripped(Package(copy)))
    target = tmp_path / copy.name
    findings = [
        finding(cell, list(Severity)[number % 3], id=str(number))
        for number, cell in enumerate(CELLS)
    ]
    report.annotate(original, assessed(findings), target, package=again)
    assert target.read_bytes() == copy.read_bytes()


@programs
def test_a_copy_of_a_copy_from_which_the_original_was_dropped_is_made_and_undone(
    large, program, tmp_path
):
    """As a program saves it that keeps all streams as they are: ours are annotated once more."""
    _, copy = large[program]
    parts = parts_of(copy)
    dropped = {"fundtrack/original.dat"}
    parts = {name: data for name, data in parts.items() if name not in dropped}
    first = zipped(tmp_path / "dropped.xlsx", parts)
    once = tmp_path / "once.xlsx"
    report.strip(first, once)
    twice = annotated(once)
    back = tmp_path / "back.xlsx"
    report.strip(twice, back)
    assert back.read_bytes() == once.read_bytes()
    assert values(once) == values(large[program][0])


@programs
def test_other_programs_read_the_whole_of_it(large, program):
    original, copy = large[program]
    before, after = values(original), values(copy)
    assert after["Grants"] == before["Grants"]
    assert len(after["Grants"]) == COUNT
    book = openpyxl.load_workbook(copy, read_only=True)
    read = [list(row[:4]) for row in book["Grants"].iter_rows(values_only=True)]
    book.close()
    assert read == [row[:4] for row in before["Grants"]]
    assert entries(copy)


@NEEDS_OFFICE
def test_libreoffice_reads_the_whole_of_it(large, tmp_path):
    for program, (_, copy) in large.items():
        shutil.copy(copy, tmp_path / f"{program}.xlsx")
    copies = sorted(tmp_path.glob("*.xlsx"))
    resaved(tmp_path / "profile", "csv", tmp_path, *copies)
    for program in large:
        with (tmp_path / f"{program}.csv").open(newline="", encoding="utf-8") as file:
            read = [row[0] for row in csv.reader(file)]
        assert read == [row[0] for row in grid()]
