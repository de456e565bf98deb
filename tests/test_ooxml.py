"""Reading packages: what other programs write, and what must be refused."""

import zipfile

import pytest
import xlsxwriter

from books import rezip
from fundtrack.bounds import Bounds
from fundtrack.model import FundtrackError
from fundtrack.ooxml import Package, column_index, column_letter, parse_xml


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "grants.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet("Grants")
        sheet.write("A1", "Grant")
        sheet.write("A2", 0.1, workbook.add_format({"num_format": "0.0%"}))
        sheet.write("A3", 1, workbook.add_format({"num_format": '0 "%"'}))
        chart = workbook.add_chart({"type": "line"})
        chart.add_series({"values": "=Grants!$A$2:$A$3"})
        workbook.add_chartsheet("Chart").set_chart(chart)
        workbook.add_worksheet("Rates").hide()
    return path


@pytest.mark.parametrize(
    ("index", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (16_383, "XFD")]
)
def test_columns_have_letters(index, letters):
    assert column_letter(index) == letters
    assert column_index(letters) == column_index(letters.lower()) == index


def test_sheets_in_the_order_of_the_workbook(book):
    package = Package(book)
    assert [(s.name, s.kind, s.state) for s in package.sheets] == [
        ("Grants", "worksheet", "visible"),
        ("Chart", "chartsheet", "visible"),
        ("Rates", "worksheet", "hidden"),
    ]
    assert package.main_part == "xl/workbook.xml"
    assert not package.strict


def test_a_format_that_shows_a_percentage_is_known_from_one_that_only_prints_the_sign(book):
    assert Package(book).percent_styles == {1}


def test_entries_are_read_inflated_or_as_they_lie(book):
    package = Package(book)
    with zipfile.ZipFile(book) as archive:
        assert package.names == archive.namelist()
        assert all(package.read(name) == archive.read(name) for name in package.names)
    raw = package.raw("xl/workbook.xml")
    assert book.read_bytes()[raw.start :].startswith(bytes(raw.data))


def odd_spelling(name, data):
    if name == "xl/worksheets/sheet1.xml":
        name = "xl/worksheets/SHEET1.XML"
    elif name == "xl/_rels/workbook.xml.rels":
        data = data.replace(b'"worksheets/sheet1.xml"', b'"\\xl\\worksheets\\sheet1.xml"')
        data = data.replace(b'"worksheets/sheet2.xml"', b'"/xl/worksheets/sheet2.xml"')
    elif name == "_rels/.rels":
        data = data.replace(b'"xl/workbook.xml"', b'"/XL/workbook.xml"')
    return name, data


def test_targets_are_found_in_any_spelling(book):
    package = Package(rezip(book, odd_spelling))
    assert [s.part for s in package.sheets] == [
        "xl/worksheets/SHEET1.XML",
        "xl/chartsheets/sheet1.xml",
        "xl/worksheets/sheet2.xml",
    ]


def prefixed(name, data):
    if name == "xl/workbook.xml":
        data = data.replace(b"<workbook xmlns=", b"<x:workbook xmlns:x=")
        for tag in (b"sheets", b"sheet ", b"workbookPr", b"bookViews", b"workbookView", b"calcPr"):
            data = data.replace(b"<" + tag, b"<x:" + tag).replace(b"</" + tag, b"</x:" + tag)
        data = data.replace(b"<fileVersion", b"<x:fileVersion").replace(
            b"</workbook>", b"</x:workbook>"
        )
    return name, data


def test_prefixes_are_only_spelling(book):
    assert [s.name for s in Package(rezip(book, prefixed)).sheets] == ["Grants", "Chart", "Rates"]


def test_a_workbook_without_styles_or_shared_strings_is_read(book):
    package = Package(
        rezip(book, lambda n, d: None if n in ("xl/styles.xml", "xl/sharedStrings.xml") else (n, d))
    )
    assert package.percent_styles == set()
    assert len(package.sheets) == 3


def test_a_sheet_whose_part_is_missing_keeps_its_place(book):
    package = Package(rezip(book, lambda n, d: None if "worksheets/sheet1" in n else (n, d)))
    assert [bool(s.part) for s in package.sheets] == [False, True, True]


def write(path, data):
    path.write_bytes(data)
    return path


def corrupt(data):
    at = data.index(b"xl/worksheets/sheet1.xml") + 60
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: b"grant,amount\n", "not a workbook package"),
        (lambda data: b"", "is empty"),
        (lambda data: data[:-200], "is damaged"),
        (lambda data: data[: len(data) // 2], "is damaged"),
    ],
)
def test_what_is_no_package_is_refused_in_one_line(book, damage, reason):
    bad = write(book.with_name("bad.xlsx"), damage(book.read_bytes()))
    with pytest.raises(FundtrackError, match=reason) as error:
        Package(bad)
    assert "bad.xlsx" in str(error.value)
    assert error.value.cure


def test_a_damaged_part_is_found_by_its_checksum(book):
    package = Package(write(book.with_name("bad.xlsx"), corrupt(book.read_bytes())))
    with pytest.raises(FundtrackError, match="is damaged"):
        package.read("xl/worksheets/sheet1.xml")


def test_a_missing_file_is_an_error_of_ours(tmp_path):
    with pytest.raises(FundtrackError, match="no such file"):
        Package(tmp_path / "none.xlsx")


def test_another_zip_is_not_a_workbook(tmp_path):
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no workbook")
    with pytest.raises(FundtrackError, match="not a workbook"):
        Package(path)


def test_a_package_without_its_workbook_part_is_refused(book):
    with pytest.raises(FundtrackError, match="no workbook part"):
        Package(rezip(book, lambda n, d: None if n == "xl/workbook.xml" else (n, d)))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_is_there_twice_is_refused(book):
    with zipfile.ZipFile(book, "a") as archive:
        archive.writestr("XL/workbook.xml", "<workbook/>")
    with pytest.raises(FundtrackError, match="there twice"):
        Package(book)


@pytest.mark.parametrize(
    "declaration",
    [
        b'<!DOCTYPE workbook [<!ENTITY a "aaaa">]>',
        b'<!DOCTYPE workbook SYSTEM "http://example.org/x.dtd">',
    ],
)
def test_a_document_type_is_refused(book, declaration):
    def edit(name, data):
        return name, data.replace(b"<workbook ", declaration + b"<workbook ", 1)

    with pytest.raises(FundtrackError, match="document type"):
        Package(rezip(book, edit))


def test_a_document_type_cannot_hide_behind_an_encoding():
    text = '<?xml version="1.0" encoding="{}"?><!DOCTYPE a [<!ENTITY b "c">]><a d="&b;"/>'
    for encoding in ("utf-16", "utf-7", "cp500"):
        with pytest.raises(FundtrackError, match=r"refused|damaged"):
            parse_xml(text.format(encoding).encode(encoding), "a.xlsx", "part")


def test_a_part_over_the_limit_is_refused_whatever_its_header_says(tmp_path, book):
    with zipfile.ZipFile(book, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/bomb.xml", b" " * 3_000_000)
    package = Package(book, bounds=Bounds(part_mb=2))
    with pytest.raises(FundtrackError, match="over 2 MB"):
        package.read("xl/bomb.xml")
