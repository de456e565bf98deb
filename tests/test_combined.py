"""Oddities of other programs, any of them together: the copy loses nothing, strip undoes it.

FUNDTRACK_COMBINATIONS says how many combinations are tried.
"""

import os
import re
import tempfile
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import books
from fundtrack import read, report
from fundtrack.bounds import Bounds
from fundtrack.ooxml import Package
from fundtrack.pipeline import Request, assess, check
from packages import (
    LINKS,
    MAIN,
    MC,
    NOTE,
    NOTE_SHAPE,
    OFFICE,
    SHEET,
    VML,
    X14,
    Unseekable,
    declared,
    linked_from,
    links,
    parts_of,
    worksheet,
)
from test_origins import cells, changeable, entries, objections, upto_cells_end, values

COMBINATIONS = int(os.environ.get("FUNDTRACK_COMBINATIONS", "10"))
GRANTS = "xl/worksheets/sheet2.xml"
RELS = "xl/worksheets/_rels/sheet2.xml.rels"
BOOK, BOOK_RELS, TYPES = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "[Content_Types].xml"
# What may follow the cells, in the schema's order, as far as it is put in here.
ORDER = [
    "sheetProtection",
    "autoFilter",
    "mergeCells",
    "conditionalFormatting",
    "dataValidations",
    "hyperlinks",
    "pageMargins",
    "headerFooter",
    "drawing",
    "legacyDrawing",
    "picture",
    "AlternateContent",
    "tableParts",
    "extLst",
]
NOTED = (NOTE.replace("C3", "G2"), NOTE_SHAPE.replace("<x:Row>2", "<x:Row>1").replace(">2<", ">6<"))

ODDITIES = {}


def oddity(change):
    """Registers a change of a package; they are made in the order in which they stand here."""
    ODDITIES[change.__name__] = change
    return change


class Odd:
    """A workbook in the making: its parts, and how they are zipped."""

    def __init__(self, parts):
        self.parts, self.suffix, self.zip = parts, ".xlsx", set()

    def sub(self, part, pattern, new, count=0):
        text = self.parts[part].decode()
        self.parts[part] = re.sub(pattern, new, text, count=count, flags=re.DOTALL).encode()

    def after_cells(self, name, xml):
        """Puts an element after the cells of the grants, where the schema wants it."""
        later = "|".join(ORDER[ORDER.index(name) + 1 :])
        self.sub(GRANTS, rf"(?=<(?:mc:)?(?:{later})\b|</worksheet>)", lambda _: xml, count=1)

    def linked(self, rid, kind, part, content_type="", data=b"<anything/>"):
        linked_from(self.parts, RELS, (rid, kind, f"/{part}"))
        if content_type:
            declared(self.parts, part, content_type, data)
        else:
            self.parts[part] = data

    def drop(self, part):
        name = part.rpartition("/")[2]
        del self.parts[part]
        self.sub(BOOK_RELS, rf"<Relationship [^>]*{name}[^>]*/>", "")
        self.sub(TYPES, rf"<Override [^>]*{name}[^>]*/>", "")

    def sheets(self):
        return [name for name in self.parts if name.startswith("xl/worksheets/sheet")]


# --- What the parts hold --------------------------------------------------------------------------


@oddity
def strings_inline(odd):
    strings = re.findall(r"<si>(.*?)</si>", odd.parts["xl/sharedStrings.xml"].decode())
    for sheet in odd.sheets():
        pattern = r' t="s"><v>(\d+)</v>'
        odd.sub(sheet, pattern, lambda m: f' t="inlineStr"><is>{strings[int(m[1])]}</is>')
    odd.drop("xl/sharedStrings.xml")


@oddity
def no_styles(odd):
    for sheet in odd.sheets():
        odd.sub(sheet, r' s="\d+"', "")
    odd.drop("xl/styles.xml")


@oddity
def cells_without_addresses(odd):
    odd.sub(GRANTS, r' r="[A-Z]*\d+"', "")


@oddity
def an_empty_sheet(odd):
    data = worksheet("").replace(b"<sheetData></sheetData>", b"<sheetData/>")
    added(odd, "Nothing", "sheet8", data)


@oddity
def sheets_named_like_ours(odd):
    for number, name in enumerate(("Summary", "FINDINGS", "checks 2")):
        added(odd, name, f"sheet{number + 20}", worksheet())


def added(odd, name, stem, data):
    part = f"xl/worksheets/{stem}.xml"
    declared(odd.parts, part, SHEET + "worksheet+xml", data)
    linked_from(odd.parts, BOOK_RELS, (f"rId{stem}", "worksheet", f"worksheets/{stem}.xml"))
    number = 40 + len(odd.parts)
    listed = f'<sheet name="{name}" sheetId="{number}" r:id="rId{stem}"/></sheets>'
    odd.sub(BOOK, "</sheets>", listed)


@oddity
def a_module_of_old_macros(odd):
    """Excel lists those of Excel 5, which an .xlsx has no part for."""
    odd.sub(BOOK, "</sheets>", '<sheet name="Module1" sheetId="99" r:id=""/></sheets>')


@oddity
def a_note(odd):
    note(odd, VML.format(NOTED[1]))


@oddity
def a_note_in_a_drawing_that_is_no_xml(odd):
    note(odd, VML.format(NOTED[1].replace("</x:ClientData>", "</x:ClientData><br>")))


@oddity
def a_note_without_a_drawing(odd):
    note(odd, None)


@oddity
def a_thread(odd):
    if "xl/comments1.xml" not in odd.parts:
        note(odd, VML.format(NOTED[1]))
    uri = "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"
    kinds = "http://schemas.microsoft.com/office/2017/10/relationships/"
    who, what = "{11111111-1111-1111-1111-111111111111}", "{2222222A-1111-1111-1111-111111111111}"
    odd.sub("xl/comments1.xml", "Donor", f"tc={what}")
    odd.sub("xl/comments1.xml", "Mine", "[Threaded comment]\n\nRead.\n\nComment:\n    Mine")
    thread = (
        f'<ThreadedComments xmlns="{uri}"><threadedComment ref="G2" dT="2024-01-01T00:00:00.00" '
        f'personId="{who}" id="{what}"><text>Mine</text></threadedComment></ThreadedComments>'
    )
    kind = "application/vnd.ms-excel.threadedcomments+xml"
    part = "xl/threadedComments/threadedComment1.xml"
    odd.linked("rId31", kinds + "threadedComment", part, kind, thread.encode())
    people = f'<personList xmlns="{uri}"><person displayName="Donor" id="{who}"/></personList>'
    kind = "application/vnd.ms-excel.person+xml"
    declared(odd.parts, "xl/persons/person.xml", kind, people.encode())
    linked_from(odd.parts, BOOK_RELS, ("rId31", kinds + "person", "persons/person.xml"))


def note(odd, vml):
    if "xl/comments1.xml" in odd.parts:
        return
    odd.linked("rId41", "comments", "xl/comments1.xml", SHEET + "comments+xml", NOTED[0].encode())
    if vml is not None:
        odd.linked("rId42", "vmlDrawing", "xl/drawings/vmlDrawing1.vml", "", vml.encode())
        default = f'<Default Extension="vml" ContentType="{OFFICE}vmlDrawing"/>'
        odd.sub(TYPES, "<Override", lambda m: default + m[0], count=1)
        odd.after_cells("legacyDrawing", f'<legacyDrawing xmlns:r="{LINKS}" r:id="rId42"/>')


@oddity
def a_table(odd):
    xml = (
        f'<table xmlns="{MAIN}" id="7" name="fundtrack_findings_table" ref="A1:A3" '
        'displayName="fundtrack_findings_table"><tableColumns count="1">'
        '<tableColumn id="1" name="Grant id"/></tableColumns></table>'
    )
    odd.linked("rId51", "table", "xl/tables/table1.xml", SHEET + "table+xml", xml.encode())
    parts = f'<tableParts count="1"><tablePart xmlns:r="{LINKS}" r:id="rId51"/></tableParts>'
    odd.after_cells("tableParts", parts)


@oddity
def a_chart(odd):
    uri = "http://schemas.openxmlformats.org/drawingml/2006/"
    drawing = f'<d:wsDr xmlns:d="{uri}spreadsheetDrawing"><!-- é\r\n --></d:wsDr>'
    part = "xl/drawings/drawing1.xml"
    odd.linked("rId61", "drawing", part, OFFICE + "drawing+xml", drawing.encode())
    chart = f'<c:chartSpace xmlns:c="{uri}chart"><c:chart/></c:chartSpace>'.encode()
    declared(odd.parts, "xl/charts/chart1.xml", OFFICE + "drawingml.chart+xml", chart)
    linked = links(("rId1", "chart", "../charts/chart1.xml"))
    odd.parts["xl/drawings/_rels/drawing1.xml.rels"] = linked
    odd.after_cells("drawing", f'<drawing xmlns:r="{LINKS}" r:id="rId61"/>')


@oddity
def a_picture_behind_the_cells(odd):
    odd.linked("rId71", "image", "xl/media/image1.png", "image/png", bytes(range(256)))
    odd.after_cells("picture", f'<picture xmlns:r="{LINKS}" r:id="rId71"/>')


@oddity
def controls_in_an_alternative(odd):
    control = f'<control xmlns:r="{LINKS}" shapeId="1026" name="Box" r:id="rId81"/>'
    inner = (
        f'<mc:Choice Requires="x14" xmlns:x14="{X14}"><controls>{control}</controls></mc:Choice>'
    )
    odd.after_cells(
        "AlternateContent",
        f'<mc:AlternateContent xmlns:mc="{MC}">{inner}</mc:AlternateContent>',
    )
    kind = "application/vnd.ms-excel.controlproperties+xml"
    xml = f'<formControlPr xmlns="{X14}" objectType="CheckBox"/>'
    odd.linked("rId81", "ctrlProp", "xl/ctrlProps/ctrlProp1.xml", kind, xml.encode())


@oddity
def rules_and_lists(odd):
    rule = '<cfRule type="expression" priority="1"><formula>$H1&gt;3</formula></cfRule>'
    xml = f'<conditionalFormatting sqref="H1:H9">{rule}</conditionalFormatting>'
    odd.after_cells("conditionalFormatting", xml)
    odd.after_cells("autoFilter", '<autoFilter ref="A1:H3"/>')
    xml = '<dataValidation type="whole" sqref="H2"><formula1>1</formula1></dataValidation>'
    odd.after_cells("dataValidations", f'<dataValidations count="1">{xml}</dataValidations>')
    odd.after_cells("headerFooter", "<headerFooter><oddHeader>&amp;C é</oddHeader></headerFooter>")


@oddity
def extensions(odd):
    xml = f'<ext uri="{{78C0D931-6437-407d-A8EE-F0AAD7539E65}}" xmlns:x14="{X14}"/>'
    odd.after_cells("extLst", f"<extLst>{xml}</extLst>")


@oddity
def protected_sheet(odd):
    odd.after_cells("sheetProtection", '<sheetProtection sheet="1" objects="1"/>')


# --- The workbook ---------------------------------------------------------------------------------


@oddity
def locked_structure(odd):
    odd.sub(BOOK, "(?=<bookViews>)", '<workbookProtection lockStructure="1"/>')


@oddity
def days_since_1904(odd):
    odd.sub(BOOK, "<workbookPr ", '<workbookPr date1904="1" ')


@oddity
def no_views(odd):
    odd.sub(BOOK, "<bookViews>.*</bookViews>", "")


@oddity
def names(odd):
    name = '<definedName name="Fundtrack_rate" localSheetId="1">Grants!$H$2</definedName>'
    odd.sub(BOOK, "(?=<calcPr)", f"<definedNames>{name}</definedNames>")


@oddity
def an_alternative_in_the_workbook(odd):
    inner = '<mc:Choice Requires="x15"><x15ac:absPath url="C:\\x\\"/></mc:Choice>'
    uri = "http://schemas.microsoft.com/office/spreadsheetml/2010/11/"
    xml = (
        f'<mc:AlternateContent xmlns:mc="{MC}" xmlns:x15="{uri}x15" xmlns:x15ac="{uri}ac">'
        f"{inner}</mc:AlternateContent>"
    )
    odd.sub(BOOK, "(?=<workbookPr)", lambda _: xml)


@oddity
def a_template(odd):
    odd.sub(TYPES, r"sheet\.main", "template.main")
    odd.suffix = ".xltx"


@oddity
def signatures(odd):
    kind = "application/vnd.openxmlformats-package.digital-signature-"
    declared(odd.parts, "_xmlsignatures/sig1.xml", kind + "xmlsignature+xml", b"<Signature/>")
    declared(odd.parts, "_xmlsignatures/origin.sigs", kind + "origin", b"")


@oddity
def r_only_where_it_is_used(odd):
    for part in (BOOK, *odd.sheets()):
        odd.sub(part, f' xmlns:r="{LINKS}"', "", count=1)
        odd.sub(part, r"(<\w+)((?:(?!xmlns:r)[^<>])* r:id=)", rf'\1 xmlns:r="{LINKS}"\2')


# --- How the XML is written -----------------------------------------------------------------------


@oddity
def prefixes(odd):
    for part in (BOOK, *odd.sheets(), "xl/comments1.xml"):
        if part in odd.parts:
            odd.sub(part, r"<(/?)(?=[a-zA-Z]+[ />])", r"<\1x:")
            odd.sub(part, r"\bxmlns=", "xmlns:x=", count=1)


@oddity
def remarks_around_the_root(odd):
    for part in (BOOK, *odd.sheets()):
        odd.sub(part, r"(\?>\s*)", r'\1<!-- <sheetData/> made <b> by hand --><?go on="x"?>', 1)
        odd.parts[part] += b"\n<!-- the end --><?stop?>\n"


@oddity
def lines_of_windows(odd):
    for part in (BOOK, TYPES, BOOK_RELS, *odd.sheets()):
        odd.sub(part, "(?<!\\?)><", ">\r\n<")


@oddity
def marked_utf_8(odd):
    for part in (GRANTS, BOOK, TYPES):
        odd.parts[part] = b"\xef\xbb\xbf" + odd.parts[part]


@oddity
def a_sheet_in_utf_16(odd):
    text = odd.parts[GRANTS].decode("utf-8-sig").replace("UTF-8", "UTF-16")
    odd.parts[GRANTS] = text.encode("utf-16")


# --- Where the parts stand ------------------------------------------------------------------------


@oddity
def absolute_targets(odd):
    odd.sub(BOOK_RELS, 'Target="(?!/)', 'Target="/xl/')
    odd.sub("_rels/.rels", 'Target="(?!/)', 'Target="/')


@oddity
def backslash_targets(odd):
    odd.sub(BOOK_RELS, '"(?:/xl/)?worksheets/', lambda _: '"\\xl\\worksheets\\')


@oddity
def main_part_elsewhere(odd):
    odd.sub(BOOK_RELS, 'Target="(?![/\\\\])', 'Target="/xl/')
    odd.sub("_rels/.rels", r'"/?xl/workbook\.xml"', '"/the/main.xml"')
    odd.sub(TYPES, '"/xl/workbook.xml"', '"/the/main.xml"')
    odd.parts["the/main.xml"] = odd.parts.pop(BOOK)
    odd.parts["the/_rels/main.xml.rels"] = odd.parts.pop(BOOK_RELS)


@oddity
def upper_case_parts(odd):
    odd.parts = {n.upper() if "sheets/sheet" in n else n: d for n, d in odd.parts.items()}


@oddity
def parts_in_another_order(odd):
    odd.parts = dict(sorted(odd.parts.items(), reverse=True))


@oddity
def stored(odd):
    odd.zip.add("stored")


@oddity
def streamed(odd):
    odd.zip.add("streamed")


@oddity
def zip64_heads(odd):
    odd.zip.add("zip64")


@oddity
def folders_and_a_comment(odd):
    odd.zip.add("folders")


def made(folder, chosen, base):
    """Write the base workbook with all of the chosen oddities and give its path."""
    odd = Odd(dict(base))
    for name, change in ODDITIES.items():
        if name in chosen:
            change(odd)
    path = folder / f"odd{odd.suffix}"
    method = zipfile.ZIP_STORED if "stored" in odd.zip else zipfile.ZIP_DEFLATED
    with path.open("wb") as file:
        whole = Unseekable(file) if "streamed" in odd.zip else file
        with zipfile.ZipFile(whole, "w", method) as archive:
            for name in ("_rels/", "xl/") if "folders" in odd.zip else ():
                archive.writestr(zipfile.ZipInfo(name), b"")
            for name, data in odd.parts.items():
                info = zipfile.ZipInfo(name)
                info.compress_type = method
                with archive.open(info, "w", force_zip64="zip64" in odd.zip) as entry:
                    entry.write(data)
            archive.comment = b"by hand" if "folders" in odd.zip else b""
    return path


# --- What must hold -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    table = """
    grant_id | amount | start      | end
    G1 é     | -5     | 2024-01-01 | 2024-03-01
    G2       | 100    | 2024-01-01 | 2025-03-01
    """
    return parts_of(books.book(tmp_path_factory.mktemp("base"), grants=table))


def read_by(reader, path):
    """Give what a reader finds; None where the file is beyond it."""
    try:
        return reader(path)
    except Exception:
        return None


def told(assessment):
    return [(f.id, f.check, f.sheet, f.cell, f.message) for f in assessment.findings]


def assert_whole(original, folder):
    """Check the workbook as a user does and hold the copy against all that is promised."""
    request = Request(original, output=folder / f"copy{original.suffix}")
    found = check(request).assessment
    copy = request.output
    before, after = entries(original), entries(copy)
    may_change, sheets = changeable(Package(original))
    marked = {f.sheet for f in found.findings if f.cell}
    parts = {s.part for s in Package(original).sheets if s.name in marked}
    assert parts
    for part, data in before.items():
        if part in sheets:
            end = upto_cells_end(data)
            assert after[part][:end] == data[:end]
            assert (after[part] != data) == (part in parts), part
        elif part not in may_change:
            assert after[part] == data, part
    back = folder / f"back{original.suffix}"
    report.strip(copy, back)
    assert back.read_bytes() == original.read_bytes()
    for reader in (values, cells, lambda p: {g.sheet: g.rows for g in read.workbook(p).grids}):
        of_original = read_by(reader, original)
        if of_original is not None:
            of_copy = reader(copy)
            for sheet, held in of_original.items():
                # openpyxl also gives notes: those of the original are among them
                assert of_copy[sheet] == held or of_copy[sheet][::2] == held[::2], sheet
                if reader is cells:
                    assert held[1].items() <= of_copy[sheet][1].items()
    assert objections(copy) - objections(original) == set()
    resaved = folder / f"resaved{original.suffix}"
    saved = {n: d for n, d in parts_of(copy).items() if "original.dat" not in n}
    with zipfile.ZipFile(resaved, "w") as archive:
        for name, data in saved.items():
            archive.writestr(name, data)
    report.strip(resaved, back, force=True)
    assert not report.is_annotated(Package(back))
    assert before.keys() - entries(back).keys() == set()
    assert told(assess(back)) == told(found)


@settings(
    max_examples=COMBINATIONS,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@seed(20_250_131)
@given(chosen=st.sets(st.sampled_from(sorted(ODDITIES)), min_size=3, max_size=14))
def test_any_oddities_together_come_back_whole(chosen, base):
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore", UserWarning)  # of what openpyxl does not keep
        assert_whole(made(Path(folder), chosen, base), Path(folder))


UNKNOWN_TO_LIBREOFFICE = {"backslash_targets", "upper_case_parts", "a_template"}
SAVED_BY_IT = [  # between them, all that it opens
    {name for place, name in enumerate(sorted(ODDITIES)) if place % 4 == number}
    - UNKNOWN_TO_LIBREOFFICE
    for number in range(4)
]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_libreoffice_saved_is_stripped_to_what_it_makes_of_the_original(
    base, tmp_path, soffice
):
    pairs, ids = [], []
    for number, chosen in enumerate(SAVED_BY_IT):
        original = tmp_path / f"{number}.xlsx"
        made(tmp_path, chosen, base).rename(original)
        copy = tmp_path / f"{number}.checked.xlsx"
        found = check(Request(original, output=copy)).assessment
        pairs += [original, copy]
        ids.append({finding.id for finding in found.findings})
    first = soffice(pairs[0], "xlsx", *pairs[1:])
    for number, listed in enumerate(ids):
        own, saved = (first.with_name(f"{number}{word}.xlsx") for word in ("", ".checked"))
        answers = report.answers_in(Package(saved), Bounds())
        assert answers.listed.keys() == listed
        back = tmp_path / f"{number}.back.xlsx"
        report.strip(saved, back)
        assert not report.is_annotated(Package(back))
        assert cells(back) == cells(own)
        assert values(back) == values(own)
