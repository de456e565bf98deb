"""Notes that Excel made into comments with replies: what nobody answered goes, replies stay."""

import io
import re
import uuid
from xml.sax.saxutils import escape

import openpyxl
import pytest
from lxml import etree

from fundtrack import report
from fundtrack.ooxml import Package, child, children, column_letter, rels_name
from packages import BUILDERS, MAIN, declared, linked_from, parts_of, zipped
from test_origins import CELLS, annotated, cells, entries, objections, stripped
from test_report import assessed, finding

URI = "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"
KINDS = "http://schemas.microsoft.com/office/2017/10/relationships/"
INTRODUCTION = {
    "English": "[Threaded comment]\n\nYour version of Excel allows you to read this threaded "
    "comment; however, any edits to it will get removed.\n\nComment:\n    {}",
    "French": "[Commentaire à thread]\n\nVotre version d’Excel vous permet de lire ce commentaire "
    "à thread.\n\nCommentaire :\n    {}",
}
REPLY = {"English": "\nReply:\n    {}", "French": "\nRépondre :\n    {}"}


def guid_of(number):
    return f"{{{uuid.UUID(int=number)}}}".upper()


US, THEM = guid_of(1), guid_of(2)


def converted(path, target, replies=None, *, language="English", by_us=True):
    """Do as Excel does on “Convert to comments” of all notes, with replies to those at cells.

    `by_us`: the comments keep the notes' author; else whoever converts them is their author.
    """
    replies, parts = replies or {}, parts_of(path)
    del parts["fundtrack/original.dat"]
    types = parts["[Content_Types].xml"].decode()
    parts["[Content_Types].xml"] = re.sub(r"<Override[^>]*original.dat[^>]*/>", "", types).encode()
    for number, sheet in enumerate(Package(path).sheets, 1):
        (notes,) = [k.target for k in Package(path).rels(sheet.part) if k.kind == "comments"] or [0]
        if not notes:
            continue
        root, threads = etree.fromstring(parts[notes]), ""
        authors = child(root, "authors")
        for place, note in enumerate(children(root, "commentList", "comment"), 1):
            cell, guid = note.get("ref"), guid_of(number << 32 | place)
            said = "".join(note.itertext())
            note.set("authorId", str(len(authors)))
            etree.SubElement(authors, f"{{{MAIN}}}author").text = f"tc={guid}"
            stands_in = INTRODUCTION[language].format(said)
            threads += (
                f'<threadedComment ref="{cell}" dT="2025-01-31T10:00:00.00" id="{guid}" '
                f'personId="{US if by_us else THEM}"><text>{escape(said)}</text></threadedComment>'
            )
            if cell in replies:
                stands_in += REPLY[language].format(replies[cell])
                threads += (
                    f'<threadedComment ref="{cell}" dT="2025-01-31T10:00:01.00" '
                    f'personId="{THEM}" id="{guid_of(place << 64)}" parentId="{guid.lower()}">'
                    f"<text>{escape(replies[cell])}</text></threadedComment>"
                )
            for run in list(note):
                note.remove(run)
            text = etree.SubElement(note, f"{{{MAIN}}}text")
            etree.SubElement(text, f"{{{MAIN}}}t").text = stands_in
        parts[notes] = etree.tostring(root)
        part = f"xl/threadedComments/threadedComment{number}.xml"
        xml = f'<ThreadedComments xmlns="{URI}">{threads}</ThreadedComments>'
        declared(parts, part, "application/vnd.ms-excel.threadedcomments+xml", xml.encode())
        link = ("rId77", KINDS + "threadedComment", f"/{part}")
        linked_from(parts, rels_name(sheet.part), link)
    people = "".join(
        f'<person displayName="{name}" id="{guid}" userId="{name}" providerId="None"/>'
        for name, guid in (("fundtrack", US), ("Reviewer", THEM))
        if by_us == (guid == US) or (replies and guid == THEM)
    )
    people = f'<personList xmlns="{URI}">{people}</personList>'
    part = "xl/persons/person.xml"
    declared(parts, part, "application/vnd.ms-excel.person+xml", people.encode())
    linked_from(parts, "xl/_rels/workbook.xml.rels", ("rId77", KINDS + "person", f"/{part}"))
    return zipped(target, parts)


@pytest.fixture
def copy(tmp_path):
    original = BUILDERS["bare"](tmp_path)
    return original, annotated(original, tmp_path)


@pytest.mark.parametrize("language", INTRODUCTION)
@pytest.mark.parametrize("by_us", [True, False])
def test_comments_that_nobody_answered_are_taken_out(copy, tmp_path, language, by_us):
    original, marked = copy
    saved = converted(marked, tmp_path / "saved.xlsx", language=language, by_us=by_us)
    back = stripped(saved, tmp_path)  # looks into every part for what is left of ours
    assert cells(back) == cells(original)
    words = ("thread", "person", "comment", "vml")
    assert [n for n in entries(back) if any(w in n.lower() for w in words)] == []
    assert report.replies(Package(back)) == []


@pytest.mark.parametrize("by_us", [True, False])
def test_a_reply_stays_with_what_it_answers_and_is_said(copy, tmp_path, by_us):
    original, marked = copy
    saved = converted(marked, tmp_path / "saved.xlsx", {"C4": "Paid & “closed”"}, by_us=by_us)
    back = tmp_path / "back.xlsx"
    (told,) = report.strip(saved, back)
    assert "Sheet “Grants”: somebody replied to a note of fundtrack at C4." in told
    after = cells(back)
    assert after["Grants"][0] == cells(original)["Grants"][0]
    assert after["Grants"][1].keys() == {"C4"}
    assert "Paid & “closed”" in after["Grants"][1]["C4"]
    threads = entries(back)["xl/threadedComments/threadedComment1.xml"].decode()
    assert re.findall(r'ref="(\w+)"', threads) == ["C4", "C4"]
    shapes = entries(back)["xl/drawings/vmlDrawing1.vml"]
    assert re.findall(rb"<x:Row>(\d+)</x:Row><x:Column>(\d+)", shapes) == [(b"3", b"2")]
    people = entries(back)["xl/persons/person.xml"].decode()
    assert "Reviewer" in people
    assert ('"fundtrack"' in people) is by_us
    assert objections(back) - objections(original) == set()


def test_the_next_copy_keeps_the_reply_in_place_of_a_note(copy, tmp_path):
    _, marked = copy
    saved = converted(marked, tmp_path / "saved.xlsx", {"C4": "Paid"})
    back = tmp_path / "back.xlsx"
    report.strip(saved, back)
    again = annotated(back, tmp_path)
    notes = cells(again)["Grants"][1]
    assert notes.keys() == set(CELLS)
    assert notes["C4"].endswith("Paid")
    once_more = tmp_path / "once_more.xlsx"
    assert len(report.strip(again, once_more)) == 1
    assert once_more.read_bytes() == back.read_bytes()


def test_others_comments_with_replies_are_left_alone(tmp_path):
    original = BUILDERS["threaded_comments"](tmp_path)
    marked = annotated(original, tmp_path)
    parts = parts_of(marked)
    del parts["fundtrack/original.dat"]
    back = tmp_path / "back.xlsx"
    assert report.strip(zipped(tmp_path / "saved.xlsx", parts), back) == []
    assert cells(back) == cells(original)
    for part in ("xl/threadedComments/threadedComment1.xml", "xl/persons/person.xml"):
        assert entries(back)[part] == entries(original)[part]


@pytest.mark.parametrize("language", INTRODUCTION)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_program_without_such_comments_leaves_notes_that_stand_in(copy, tmp_path, language):
    original, marked = copy
    saved = converted(marked, tmp_path / "saved.xlsx", {"A3": "Paid"}, language=language)
    openpyxl.load_workbook(io.BytesIO(saved.read_bytes())).save(saved)
    back = tmp_path / "back.xlsx"
    (told,) = report.strip(saved, back)
    assert " at A3. " in told
    assert cells(back)["Grants"][0] == cells(original)["Grants"][0]
    assert cells(back)["Grants"][1].keys() == {"A3"}


def test_where_many_replied_a_few_cells_are_named(tmp_path):
    original = BUILDERS["bare"](tmp_path)
    marked = tmp_path / "bare.checked.xlsx"
    places = [f"{column_letter(column)}{row}" for column in range(3) for row in (1, 2, 3)]
    report.annotate(original, assessed([finding(cell) for cell in places]), marked)
    saved = converted(marked, tmp_path / "saved.xlsx", dict.fromkeys(places, "Seen"))
    (told,) = report.strip(saved, tmp_path / "back.xlsx")
    assert "somebody replied to notes of fundtrack at A1, B1, C1, A2, B2 and 4 more." in told


def test_strip_and_check_say_that_a_reply_was_kept(run, write, tmp_path):
    source = write(
        grants="grant_id | amount\nG1 | -5",
    )
    run("check", source, "-o", "grants.checked.xlsx", code=1)
    notes = cells(tmp_path / "grants.checked.xlsx")
    sheet, cell = next((name, at) for name, held in notes.items() for at in held[1])
    converted(tmp_path / "grants.checked.xlsx", tmp_path / "saved.checked.xlsx", {cell: "Paid"})
    said = f"Sheet “{sheet}”: somebody replied to a note of fundtrack at {cell}."
    assert said in run("strip", "saved.checked.xlsx", "-o", "back.xlsx").output
    assert said in run("check", "saved.checked.xlsx", code=1).output
