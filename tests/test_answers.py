"""Reviewers' answers: written into the copy, worked on in other programs, carried to the next."""

import datetime as dt
import json
import re

import openpyxl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.comments import Comment
from openxml_audit import OpenXmlValidator

import packages
from books import book, keys
from fundtrack import readers, report
from fundtrack.bounds import Bounds
from fundtrack.cli import main
from fundtrack.model import Answer, FundtrackError, Severity
from fundtrack.ooxml import Package
from fundtrack.pipeline import Request, check
from fundtrack.report.answers import REVIEWED, ROLE
from fundtrack.report.sheets import findings as findings_sheet

SHORT = "2024-05-31"  # the end of a grant that is too short
HEAD = 1


def read_answers(path):
    return report.read_answers(report.opened(path, Bounds(), None), Bounds())


def grants(count, short=()):
    """As many grants; those whose numbers are in `short` run five months."""
    return [
        {"grant_id": f"G{n:03d}"} | ({"planned_end_date": SHORT} if n in short else {})
        for n in range(1, count + 1)
    ]


def made(folder, count=6, short=(2, 4), **given_):
    folder.mkdir(parents=True, exist_ok=True)
    return book(folder, grants=grants(count, short), **given_)


def checked(path, **options):
    """The outcome of checking a workbook, and the path of its copy."""
    done = check(Request(path, **options))
    return done.assessment, path.parent / done.outputs["report"]


def answer(copy, replies, sheet="Findings"):
    """Types into the cells of a copy, as a reviewer does: {finding: {heading: value}}."""
    workbook = openpyxl.load_workbook(copy)
    page = workbook[sheet]
    columns = {cell.value: cell.column for cell in page[HEAD]}
    for row in page.iter_rows(min_row=HEAD + 1):
        for heading, value in replies.get(row[columns["Finding"] - 1].value, {}).items():
            page.cell(row[0].row, columns[heading]).value = value
    workbook.save(copy)


def lines(copy, sheet="Findings"):
    """The lines of a sheet as dicts, by what is in their first column."""
    page = openpyxl.load_workbook(copy)[sheet]
    rows = list(page.iter_rows(values_only=True))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def short_grants(assessment):
    return {f.key: f for f in assessment.findings if f.check == "DUR-01"}


REPLY = {
    "Response": "Emergency work, agreed by phone.\n=SUM(1) is no formula here",
    "Agreed action": "One longer agreement",
    "Due date": dt.date(2025, 3, 31),
    "Status": "agreed",
    "Reviewer's role": "Desk officer",
    "Reviewed on": dt.date(2025, 1, 15),
}


def replied(finding):
    return Answer(
        finding.id, "agreed", *list(REPLY.values())[:3], "Desk officer", *[REPLY[REVIEWED]]
    )


def test_an_answer_survives_the_next_check_of_the_original(tmp_path):
    path = made(tmp_path)
    first, copy = checked(path)
    mine = short_grants(first)["G002"]
    answer(copy, {mine.id: REPLY})
    second, copy = checked(path)
    assert read_answers(copy).given == {mine.id: replied(mine)}
    assert second.remarks[-1] == "1 answer by reviewers carried over from book.checked.xlsx."
    (line,) = [x for x in lines(copy) if x["Finding"] == mine.id]
    assert {k: line[k] for k in ("Response", ROLE, "Status")} == {
        k: REPLY[k] for k in ("Response", ROLE, "Status")
    }
    assert line["Due date"] == dt.datetime(2025, 3, 31)
    assert not OpenXmlValidator().validate(str(copy)).errors


def test_an_answer_goes_along_when_the_copy_itself_is_checked_again(tmp_path):
    first, copy = checked(made(tmp_path))
    mine = short_grants(first)["G002"]
    answer(copy, {mine.id: REPLY})
    _, again = checked(copy)
    assert again.name == "book.checked.again.xlsx"
    assert read_answers(again).given == {mine.id: replied(mine)}


def test_answers_in_a_protected_copy_are_carried_over_too(tmp_path):
    path, word = made(tmp_path), "Ünlock me"
    path.write_bytes(readers.locked(path.read_bytes(), word))
    first, copy = checked(path, password=word)
    mine = short_grants(first)["G002"]
    opened = tmp_path / "opened.xlsx"
    opened.write_bytes(readers.unlocked(copy.read_bytes(), word))
    answer(opened, {mine.id: REPLY})
    copy.write_bytes(readers.locked(opened.read_bytes(), word))
    second, copy = checked(path, password=word)
    assert second.answers == {mine.id: replied(mine)}
    answered = report.read_answers(report.opened(copy, Bounds(), word), Bounds())
    assert answered.given == {mine.id: replied(mine)}


@pytest.mark.parametrize("ours", [True, False])
def test_what_another_password_protects_is_replaced_only_by_force(tmp_path, ours):
    path = made(tmp_path)
    _, copy = checked(path)
    inside = copy.read_bytes() if ours else path.read_bytes()
    copy.write_bytes(readers.locked(inside, "another"))
    for password in (None, "mine", *([] if ours else ["another"])):
        with pytest.raises(FundtrackError, match="fundtrack did not make it"):
            checked(path, password=password)
    checked(path, force=True)
    assert read_answers(copy).given == {}


def test_what_a_reviewer_accepts_changes_no_verdict(tmp_path):
    path = made(tmp_path)
    first, copy = checked(path)
    answer(copy, {f.id: {"Status": "accepted"} for f in first.findings})
    second, _ = checked(path)
    assert second.counts() == first.counts()
    assert [r.status for r in second.results] == [r.status for r in first.results]


def test_an_exception_of_the_workbook_is_not_taken_for_a_reviewers_answer(tmp_path):
    excepted = "check_id | object_id\nDUR-01 | G002"
    first, copy = checked(made(tmp_path, exceptions=excepted))
    mine = short_grants(first)["G002"]
    (line,) = [x for x in lines(copy) if x["Finding"] == mine.id]
    assert line["Status"] == "accepted"
    assert line["Message"].endswith("Accepted as an exception.")
    assert read_answers(copy).given == {}
    answer(copy, {mine.id: {"Response": "Until June"}})
    made(tmp_path)  # the exception is taken out again
    _, copy = checked(tmp_path / "book.xlsx")
    assert read_answers(copy).given == {mine.id: Answer(mine.id, response="Until June")}


# Folded lines


MANY = tuple(range(3, 33))


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    """A workbook in which the same fault stands in thirty rows, and its copy."""
    path = made(tmp_path_factory.mktemp("folded"), 40, MANY)
    return path, *checked(path)


def test_every_finding_is_in_the_workbook_though_its_line_is_folded(folded):
    _, assessment, copy = folded
    (line,) = [x for x in lines(copy) if x["Check"] == "DUR-01"]
    assert line["Where"] == "Grants!G4:G33"
    assert line["Message"].endswith("The same in 30 rows, 4 to 33.")
    members = {x["Finding"]: x for x in lines(copy, "Folded")}
    short = {f.id: f for f in assessment.findings if f.check == "DUR-01"}
    assert {name for name, x in members.items() if x["Line"] == line["Finding"]} == set(short)
    for name, finding in short.items():
        facts = (finding.key, f"Grants!{finding.cell}", finding.message)
        assert (*(members[name][k] for k in ("Record", "Where", "Message")),) == facts
    assert set(read_answers(copy).listed) == {f.id for f in assessment.findings}
    sheet = openpyxl.load_workbook(copy)["Folded"]
    assert sheet["C3"].hyperlink.location == "'Grants'!G5"


def test_nothing_folded_means_no_sheet_for_it(tmp_path):
    _, copy = checked(made(tmp_path))
    assert "Folded" not in openpyxl.load_workbook(copy).sheetnames


def test_an_answer_to_a_folded_line_is_one_to_each_finding_though_the_run_splits(folded, tmp_path):
    _, assessment, copy = folded
    here = tmp_path / "book.checked.xlsx"
    here.write_bytes(copy.read_bytes())
    short = short_grants(assessment)
    answer(here, {short["G003"].id: {"Response": "All one programme", "Status": "done"}})
    given_ = read_answers(here).given
    assert set(given_) == {f.id for f in short.values()}
    assert {(a.status, a.response) for a in given_.values()} == {("done", "All one programme")}

    # The grant in the middle was mended: two runs are left, one of them too short to fold. One
    # more is too short now, which nobody has answered.
    path = made(tmp_path, 40, (*MANY[:-4], *MANY[-3:], 33))
    second, here = checked(path)
    now = short_grants(second)
    assert second.remarks[-1] == (
        "30 answers by reviewers carried over from book.checked.xlsx. 1 of them is to what is no "
        "longer found: see the sheet “Earlier answers”."
    )
    left = read_answers(here)
    assert {x for x, a in left.given.items() if a.status == "done"} == {
        f.id for f in short.values()
    }
    assert not left.listed[now["G033"].id].answered
    rows = [x for x in lines(here) if x["Check"] == "DUR-01"]
    assert [(x["Record"], x["Status"]) for x in rows] == [
        ("G003 and 25 more", "done"),
        ("G030", "done"),
        ("G031", "done"),
        ("G032", "done"),
        ("G033", "open"),
    ]


# Findings that are no longer there


def test_an_answer_to_what_is_no_longer_found_is_kept_where_it_can_be_seen(tmp_path):
    path = made(tmp_path)
    first, copy = checked(path)
    mine = short_grants(first)["G004"]
    answer(copy, {mine.id: REPLY, short_grants(first)["G002"].id: {"Status": "rejected"}})
    made(tmp_path, short=(2,))  # G004 is mended
    for _ in range(2):  # and it stays, check after check
        second, copy = checked(path)
        assert "G004" not in keys(second, "DUR-01")
        said = "2 answers by reviewers carried over from book.checked.xlsx. 1 of them is to what"
        assert second.remarks[-1].startswith(said)
        (kept,) = lines(copy, "Earlier answers")
        assert kept["Record"] == "G004"
        assert kept["Message"] == mine.message
        assert kept["Response"] == REPLY["Response"]
    made(tmp_path, short=(2, 4))  # the fault is back, and so is what was said of it
    _, copy = checked(path)
    assert "Earlier answers" not in openpyxl.load_workbook(copy).sheetnames
    (line,) = [x for x in lines(copy) if x["Finding"] == mine.id]
    assert line["Response"] == REPLY["Response"]


# What people and programs do to a copy


def turned(copy, target):
    """The lines in another order, the columns too, one more column, a row less, another name."""
    workbook = openpyxl.load_workbook(copy)
    old = workbook["Findings"]
    heads = [cell.value for cell in old[HEAD]]
    body = list(old.iter_rows(min_row=HEAD + 1, values_only=True))
    order = sorted(range(len(heads)), key=lambda c: heads[c])
    for table in list(old.tables):
        del old.tables[table]
    old.delete_rows(1, old.max_row)
    old.append(["My notes above the table"])
    old.append([*(heads[c] for c in order), "Priority"])
    for row in reversed(body[1:]):
        old.append([*(row[c] for c in order), "high"])
    old.title = "What they found"
    workbook.move_sheet(old, -3)
    workbook.save(target)


def test_answers_are_read_back_whatever_was_done_to_the_sheet(tmp_path, soffice):
    first, copy = checked(made(tmp_path, short=(2, 4, 6)))
    gone = lines(copy)[0]["Finding"]
    mine, odd = [f for f in short_grants(first).values() if f.id != gone][:2]
    reply = {
        "Response": "See file",
        "Status": " Done ",
        "Due date": "2025-01-31",
        "Reviewed on": "31.1.25",
    }
    answer(copy, {mine.id: REPLY, odd.id: reply | {"Agreed action": 7}})
    other = tmp_path / "turned.xlsx"
    turned(copy, other)
    saved = soffice(copy, "xlsx", other)
    versions = [copy, other, saved, saved.with_name("turned.xlsx")]
    for version in versions:
        read = read_answers(version)
        assert read.given[mine.id] == replied(mine), version
        assert read.given[odd.id] == Answer(
            odd.id,
            "done",
            "See file\n[Reviewed on: 31.1.25]",
            "7",
            dt.date(2025, 1, 31),
        ), version
        assert read.remarks == [
            "1 × a date not written as 2025-01-31, such as “31.1.25”: kept in the column Response."
        ]
    assert gone not in read_answers(other).listed
    assert read_answers(other).others == ["Priority"]
    _, again = checked(versions[-1])
    assert read_answers(again).given[mine.id] == replied(mine)


def test_a_status_that_is_none_of_ours_is_kept_and_said(tmp_path):
    path = made(tmp_path)
    first, copy = checked(path)
    mine = short_grants(first)["G002"]
    answer(copy, {mine.id: {"Status": "wait for Ana"}})
    second, copy = checked(path)
    assert read_answers(copy).given[mine.id].response == "[Status: wait for Ana]"
    assert "such as “wait for Ana”: kept in the column Response." in second.remarks[-1]
    third, copy = checked(path)  # said once; kept for good
    assert read_answers(copy).given[mine.id].response == "[Status: wait for Ana]"
    assert "wait for Ana" not in " ".join(third.remarks)


def test_two_answers_to_one_finding_are_both_kept(tmp_path):
    first, copy = checked(made(tmp_path))
    mine = short_grants(first)["G002"]
    _, again = checked(copy)
    answer(copy, {mine.id: {"Response": "Yes", "Status": "agreed"}})
    answer(again, {mine.id: {"Response": "No", "Status": "rejected", "Due date": "2025-02-01"}})
    second, again = checked(copy)
    kept = read_answers(again).given[mine.id]
    assert kept.status == "agreed"
    assert kept.response == "Yes\nNo\n[Due date: 2025-02-01]\n[Status: rejected]"
    assert "a second answer to the same finding" in " ".join(second.remarks)


# Work that would be lost


def test_a_copy_is_not_replaced_where_work_in_it_would_be_lost(tmp_path):
    path = made(tmp_path)
    _, copy = checked(path)
    plain = copy.read_bytes()

    workbook = openpyxl.load_workbook(copy)
    workbook["Findings"].cell(1, 18).value = "Priority"
    workbook["Findings"].cell(2, 18).value = "high"
    workbook.save(copy)
    before = copy.read_bytes()
    with pytest.raises(FundtrackError, match=r"Priority.*--force"):
        check(Request(path))
    assert copy.read_bytes() == before
    check(Request(path, force=True))

    copy.write_bytes(plain)
    workbook = openpyxl.load_workbook(copy)
    workbook["Findings"]["A1"].value = "Reference"
    workbook.save(copy)
    before = copy.read_bytes()
    with pytest.raises(FundtrackError, match="“Finding” is gone"):
        check(Request(path))
    assert copy.read_bytes() == before


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({(1, 18): "Response", (2, 18): "said twice"}, "(Response)"),
        ({(2, 18): "no heading", (2, 20): "nor here"}, "(column R, column T)"),
    ],
)
def test_what_stands_beside_the_findings_is_not_lost_unsaid(cells, told, tmp_path):
    path = made(tmp_path)
    _, copy = checked(path)
    workbook = openpyxl.load_workbook(copy)
    for at, value in cells.items():
        workbook["Findings"].cell(*at).value = value
    workbook.save(copy)
    with pytest.raises(FundtrackError) as refused:
        check(Request(path))
    assert told in str(refused.value)


@pytest.mark.parametrize("sheet", ["Grants", "Findings"])
def test_a_copy_with_notes_that_people_wrote_is_not_replaced(sheet, tmp_path):
    path = made(tmp_path)
    _, copy = checked(path)
    workbook = openpyxl.load_workbook(copy)
    workbook.save(copy)
    check(Request(path))  # our own notes are no loss
    workbook[sheet]["A3"].comment = Comment("Is this one still going on?", "Reviewer")
    workbook.save(copy)
    before = copy.read_bytes()
    with pytest.raises(FundtrackError, match=rf"somebody wrote at {sheet}!A3\..*--force"):
        check(Request(path))
    assert copy.read_bytes() == before
    if sheet == "Grants":  # once it stands in the workbook too, nothing is lost
        original = openpyxl.load_workbook(path)
        original[sheet]["A3"].comment = Comment("Is this one still going on?", "Reviewer")
        original.save(path)
        check(Request(path))


def test_a_copy_with_corrections_in_its_own_sheets_is_not_replaced(tmp_path):
    path = made(tmp_path)
    _, copy = checked(path)
    plain = copy.read_bytes()
    refusals = {}
    for what, edit in {
        "corrected": lambda w: setattr(w["Grants"]["A3"], "value", "G9"),
        "added": lambda w: setattr(w.create_sheet("Our sums")["A1"], "value", 1),
        "without provenance": lambda w: w.remove(w["Provenance"]),
    }.items():
        copy.write_bytes(plain)
        workbook = openpyxl.load_workbook(copy)
        edit(workbook)
        workbook.save(copy)
        before = copy.read_bytes()
        with pytest.raises(FundtrackError) as refused:
            check(Request(path))
        assert copy.read_bytes() == before
        refusals[what] = str(refused.value)
        assert "Check that file itself" in refusals[what]
        assert "--output" in refusals[what]
        assert "--force" in refusals[what]
    assert "Grants!A3 was G002, is G9." in refusals["corrected"]
    assert "“Our sums” is new." in refusals["added"]
    assert "cannot be told" in refusals["without provenance"]
    check(Request(path, force=True))


def test_a_copy_is_replaced_where_the_same_was_corrected_in_the_workbook(tmp_path):
    path = made(tmp_path)
    _, copy = checked(path)
    for file in (path, copy):
        workbook = openpyxl.load_workbook(file)
        workbook["Grants"]["A3"].value = "G9"
        workbook.save(file)
    second, _ = checked(path)
    assert second.sha256


def test_a_formula_that_changes_by_itself_is_no_correction(tmp_path, soffice):
    path = made(tmp_path)
    workbook = openpyxl.load_workbook(path)
    workbook["Grants"]["Z1"].value = "=RAND()"
    workbook["Grants"]["Z2"].value = "=1+1"
    workbook.save(path)
    path = soffice(path, "xlsx").replace(tmp_path / "rand.xlsx")  # with results
    _, copy = checked(path)
    workbook = openpyxl.load_workbook(copy)  # saved without results
    workbook.save(copy)
    checked(path)
    soffice(copy, "xlsx").replace(copy)  # saved with another result
    checked(path)


def test_a_workbook_without_findings_has_no_answers(tmp_path):
    with pytest.raises(FundtrackError, match="no sheet of findings"):
        read_answers(made(tmp_path))


def test_the_command_says_what_it_carried_over(tmp_path):
    path = made(tmp_path)
    first, copy = checked(path)
    answer(copy, {short_grants(first)["G002"].id: REPLY})
    done = CliRunner().invoke(main, ["check", str(path)])
    assert "1 answer by reviewers carried over from book.checked.xlsx." in done.stdout
    done = CliRunner().invoke(main, ["check", str(path), "--format", "json"])
    assert "carried over" in json.loads(done.stdout)["remarks"][-1]


# Big tables


def test_findings_beyond_the_last_row_go_on_in_a_further_sheet(tmp_path, monkeypatch):
    monkeypatch.setattr(findings_sheet, "ROWS_A_SHEET", 25)
    short = [n for n in range(1, 90) if n % 2 or n > 60]
    path = made(tmp_path, 90, short)
    first, copy = checked(path)
    sheets = openpyxl.load_workbook(copy).sheetnames
    assert [s for s in sheets if s.startswith("Findings")] == ["Findings", "Findings 2"]
    assert "Folded 2" in sheets
    assert not OpenXmlValidator().validate(str(copy)).errors
    both = [*lines(copy), *lines(copy, "Findings 2")]
    assert len({x["Finding"] for x in both}) == len(both)
    assert set(read_answers(copy).listed) == {f.id for f in first.findings}
    summary = openpyxl.load_workbook(copy)["Summary"]
    said = {row[0].value: row[1].value for row in summary.iter_rows()}
    assert said["Error"] == first.counts()[Severity.ERROR] > 25
    ends = (both[0]["Finding"], both[-1]["Finding"])
    answer(copy, {ends[0]: {"Response": "one"}, ends[1]: {"Response": "first"}})
    answer(copy, {ends[1]: {"Response": "last"}}, "Findings 2")
    _, copy = checked(path)
    given_ = read_answers(copy).given
    assert given_[ends[1]].response == "last"
    assert given_[ends[0]].response == "one"


CELL = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(-1e12, 1e12),
    st.dates(dt.date(1900, 3, 1), dt.date(2199, 1, 1)),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12),
    st.sampled_from(["a & b", "<tag>", ' "quoted" ', "=1+1", "_x0041_", "line\nbreak", "x" * 999]),
)


@settings(max_examples=10)
@given(rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=12))
def test_rows_written_by_templates_read_as_what_they_are(rows, tmp_path_factory):
    import xlsxwriter

    from fundtrack.ooxml import Package
    from fundtrack.report.parts.draft import Draft
    from fundtrack.report.sheets.page import Page, formats
    from fundtrack.report.sheets.rows import Column, put_rows, spliced

    folder = tmp_path_factory.mktemp("rows")
    workbook = xlsxwriter.Workbook(folder / "built.xlsx")
    page = Page(workbook, formats(workbook), set(), "x_")
    page.start("folded", [20, 20, 20, 20])
    page.put(0, 0, "Heading")
    values = [list(column) for column in zip(*rows, strict=True)]
    links = ["'Folded'!A1"] + [None] * (len(rows) - 1)
    last = Column(range(len(rows)), "integer", links, [f"{n}*1" for n in range(len(rows))])
    put_rows(page, 1, [*(Column(v, None) for v in values), last])
    page.put(len(rows) + 1, 0, "Total")
    page.finish()
    workbook.close()
    package = Package(folder / "built.xlsx")
    draft = Draft(package)
    (sheet,) = package.sheets
    draft.put(sheet.part, spliced(package.read(sheet.part), page.blocks[sheet.name]))
    draft.save(folder / "rows.xlsx", with_original=False)

    read = openpyxl.load_workbook(folder / "rows.xlsx")["Folded"]
    assert read.dimensions == f"A1:D{len(rows) + 2}"
    assert read.cell(len(rows) + 2, 1).value == "Total"
    assert read["D2"].hyperlink.location == "'Folded'!A1"
    for row, cells in enumerate(rows, 2):
        assert read.cell(row, 4).value == f"={row - 2}*1"
        for column, value in enumerate(cells, 1):
            seen = read.cell(row, column).value
            if isinstance(value, dt.date):
                seen = seen.date()
            if isinstance(value, str):
                if not value.replace("\n", "").isprintable():
                    continue  # what hides text is shown as an escape
                seen = seen.replace("_x005F_", "_")  # Excel undoes this, openpyxl does not
            assert seen == value
            assert read.cell(row, column).data_type != "f"


def test_a_copy_in_whose_file_a_figure_was_changed_is_not_replaced(tmp_path):
    """By a program that writes one part of the package and leaves all others as they are."""
    path = made(tmp_path, short=())
    _, copy = checked(path)
    parts = packages.parts_of(copy)
    part = next(s.part for s in Package(copy).sheets if s.name == "Organisations")
    parts[part] = re.sub(rb'<c r="A3"[^>]*>.*?</c>', b'<c r="A3"><v>7</v></c>', parts[part])
    packages.zipped(copy, parts)
    with pytest.raises(FundtrackError, match=r"Organisations!A3.*--force"):
        check(Request(path))
