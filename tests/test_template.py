"""The templates: what they hold, what they let through, what they show, what they are filled with.

LibreOffice recalculates every filled template here in one call, since starting it takes longest.
"""

import csv
import io
import os
import random
import re
import shutil
import subprocess
from datetime import date, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pandas as pd
import pytest
from openpyxl.formula import Tokenizer
from openpyxl.formula.translate import Translator
from openxml_audit import OpenXmlValidator
from python_calamine import CalamineWorkbook

import portfolios
from books import found, only, result
from fundtrack import rules, schema, template
from fundtrack.months import months_and_days
from fundtrack.pipeline import assess, inspect
from fundtrack.schema import EXAMPLE
from fundtrack.template import formulas

COMMITTED = Path(__file__).parents[1] / "templates" / "xlsx"
PORTFOLIOS = min(int(os.environ.get("FUNDTRACK_PORTFOLIOS", "24")), 100)  # more take minutes
ROWS = 34
CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"

# Functions that Excel 2010, LibreOffice and Google Sheets all have, as far as templates use them.
EVERYWHERE = set(
    re.findall(
        r"\w+",
        "AND CELL CHAR COUNTA COUNTIF DATE DAY EDATE EXACT FIND IF IFERROR INDEX INT ISERROR "
        "ISNUMBER LEFT LEN LOWER MATCH MAX MID MIN MOD MONTH N NOT OFFSET OR RIGHT ROW SEARCH "
        "SUBSTITUTE SUM SUMIFS SUMPRODUCT TRIM UPPER YEAR",
    )
)


def made(folder, kind, rows=None, modules=None, ready=ROWS, name="book"):
    path = folder / f"{name}.xlsx"
    content = template.Content(rows or {})
    path.write_bytes(template.build(kind, template.chosen(kind, modules), content, ready))
    return path


@pytest.fixture(scope="module", params=["donor", "programme"])
def empty(request, tmp_path_factory):
    """Each template as it is handed out: its kind, its path, and the workbook read back."""
    path = tmp_path_factory.mktemp(request.param) / "empty.xlsx"
    path.write_bytes(template.build(request.param, template.chosen(request.param), rows=ROWS))
    return request.param, path, openpyxl.load_workbook(path)


def tables(kind):
    return [t for t in template.chosen(kind) if t.orientation == "rows"]


def column(sheet, title):
    return next(cell.column_letter for cell in sheet[1] if cell.value == title)


def rule_of(sheet, address):
    return next((r for r in sheet.data_validations.dataValidation if address in r.sqref), None)


# --- What a template holds ------------------------------------------------------------------------


@pytest.mark.skipif(not COMMITTED.is_dir(), reason="the templates are not beside the tests")
@pytest.mark.parametrize("kind", template.KINDS)
def test_the_committed_templates_are_what_the_schemas_make(kind):
    data = template.build(kind, template.chosen(kind))
    assert len(data) < 300_000  # it goes by e-mail
    with ZipFile(io.BytesIO(data)) as mine, ZipFile(COMMITTED / f"{kind}.xlsx") as theirs:
        assert [(i.filename, i.date_time) for i in mine.infolist()] == [
            (i.filename, i.date_time) for i in theirs.infolist()
        ]
        differ = [n for n in mine.namelist() if mine.read(n) != theirs.read(n)]
    assert differ == [], "run: python samples/make_templates.py"


def test_every_schema_has_its_sheet_with_its_headings_a_note_each_and_no_merged_cell(empty):
    kind, _, book = empty
    assert book.sheetnames[:3] == ["Read me", "Live summary", "Settings"]
    for table in tables(kind):
        sheet = book[table.sheet]
        headings = [c.value for c in sheet[1]]
        ours = [h for h in headings if not h.endswith(formulas.WORKED_OUT)]
        assert ours == [f.title for f in table.fields]
        assert all(c.comment and len(c.comment.text) > 20 for c in sheet[1])
        assert sheet.freeze_panes == "B2"
        [listed] = sheet.tables.values()
        assert listed.autoFilter is not None
        assert listed.ref.endswith(str(ROWS + 1))
    for sheet in book:
        assert not sheet.merged_cells.ranges
        assert not sheet.protection.sheet
    hidden = [s.title for s in book if s.sheet_state != "visible"]
    assert hidden == ["Lists", "Workings"]


def test_excel_fills_the_formulas_into_rows_that_are_added(empty):
    _, _, book = empty
    [listed] = book["Grants"].tables.values()
    filled = {c.name for c in listed.tableColumns if c.calculatedColumnFormula}
    assert filled == {formulas.MONTHS, formulas.DAYS, formulas.LOOK}


def test_excel_would_find_nothing_wrong_with_the_package(empty):
    found_ = OpenXmlValidator().validate(str(empty[1]))
    assert [str(e.description) for e in found_.errors] == []


def test_workings_read_the_same_in_every_row_for_programs_that_cannot_shift_them(empty):
    cells = [c for c in empty[2]["Workings"][2] if c.data_type == "f"]
    moved = [Translator(c.value, "A2").translate_formula("B9") for c in cells]
    assert len(cells) > 80
    assert [c.value for c in cells] == moved


def test_needed_columns_differ_from_the_others_without_colour(empty):
    def darkness(cell):
        rgb = cell.fill.fgColor.rgb
        return sum(int(rgb[i : i + 2], 16) for i in (2, 4, 6))

    kind, _, book = empty
    for table in tables(kind):
        for cell in book[table.sheet][1]:
            item = next((f for f in table.fields if f.title == cell.value), None)
            if item and item.constraints.required:
                assert darkness(cell) < 250
            elif item and not item.requiredWhen:
                assert darkness(cell) > 600


def test_every_drop_down_offers_the_codes_of_the_schema_and_no_other(empty):
    kind, _, book = empty
    for table in tables(kind):
        sheet = book[table.sheet]
        for item in table.fields:
            if item.codelist and not item.many:
                rule = rule_of(sheet, f"{column(sheet, item.title)}4000")
                assert rule.type == "list" and rule.errorStyle in (None, "stop")
                assert offered(book, rule) == list(item.codes.codes), item.name


def test_thresholds_and_exceptions_offer_what_the_checks_know(empty):
    _, _, book = empty
    for sheet, title, known in (
        ("Thresholds", "Parameter", sorted(rules.thresholds())),
        ("Exceptions", "Check", list(rules.catalogue())),
    ):
        assert offered(book, rule_of(book[sheet], f"{column(book[sheet], title)}2")) == known


def offered(book, rule):
    source = rule.formula1.lstrip("=")
    if source.startswith('"'):
        return source.strip('"').split(",")
    sheet, cells = source.split("!")
    return [row[0].value for row in book[sheet.strip("'")][cells.replace("$", "")]]


def test_every_cell_says_what_belongs_there_and_every_rule_how_to_mend_it(empty):
    kind, _, book = empty
    for table in tables(kind):
        for item, letter in ((f, column(book[table.sheet], f.title)) for f in table.fields):
            rule = rule_of(book[table.sheet], f"{letter}2")
            assert rule.promptTitle and rule.prompt.startswith(item.description[:200])
            assert rule.type is None or rule.type == "none" or len(rule.error) > 15


def test_only_functions_that_every_office_has(empty):
    used = set()
    for sheet in empty[2]:
        formulas = [
            c.value for row in sheet.iter_rows(max_row=5) for c in row if c.data_type == "f"
        ]
        formulas += [f"={r.formula1}" for r in sheet.data_validations.dataValidation if r.formula1]
        formulas += [
            f"={f}"
            for rules_ in sheet.conditional_formatting
            for r in rules_.rules
            for f in r.formula
        ]
        for formula in formulas:
            used |= {t.value for t in Tokenizer(formula).items if t.type == "FUNC"}
    for name in empty[2].defined_names.values():
        used |= {t.value for t in Tokenizer(f"={name.attr_text}").items if t.type == "FUNC"}
    assert {u.rstrip("(") for u in used if u != ")"} <= EVERYWHERE


def test_modules_bring_their_sheets_and_the_core_is_always_there():
    names = {t.name for t in template.chosen("donor", ["safety"])}
    assert {"settings", "grants", "exchange_rates", "cso_security", "incidents"} <= names
    assert "convenings" not in names
    assert template.modules("programme")[-2:] == ["programme", "police"]


# --- The example row ------------------------------------------------------------------------------


def test_the_example_row_is_skipped_with_a_word(empty):
    facts = [s for s in inspect(empty[1]).sheets if s.table and s.table != "settings"]
    assert {s.rows for s in facts} == {0}
    assert all(s.skipped == {"example rows of the template": [2]} for s in facts)
    assert not [s for s in facts if s.uncalculated]  # formulas that are not read do not matter


@pytest.mark.parametrize(
    ("key", "is_read"),
    [("EX-1", True), ("EXAMPLE", True), ("EXAMPLES-1", True), ("EXAMPLE-1", False)],
)
def test_only_the_mark_makes_an_example(write, key, is_read):
    path = write(grants=[{"grant_id": key}, {"grant_id": "G2"}])
    [grants] = [s for s in inspect(path).sheets if s.table == "grants"]
    assert grants.rows == 1 + is_read


def test_an_example_row_that_is_written_over_is_read(tmp_path):
    path = made(tmp_path, "donor", modules=[])
    book = openpyxl.load_workbook(path)
    book["Grants"]["A2"] = "G-7"
    book.save(path)
    assert list(inspect(path).tables["grants"].raw["grant_id"]) == ["G-7"]


# --- What it lets through, and what the checker says of the same ----------------------------------


VALUES = {
    "number": [0, 1, -1, 0.5, 12.25, 1e9, "abc", "1 200,50"],
    "integer": [0, 1, 3, 4, 6, -2, 2.5, 1989, 1990, 2024, 2101, "four"],
    "percent": [0, 0.5, 1, 7, 10, 100, 101, -3, 12.5, "10 percent"],
    "date": [
        date(2024, 6, 30),
        date(1989, 12, 31),
        date(1990, 1, 1),
        date(2034, 12, 31),
        date(2035, 1, 1),
        date(2023, 2, 1),
        date(2026, 8, 1),
        "03/04/2024",
        "soon",
    ],
    "yearmonth": ["2024-11", "2024-1", "2024-13", "2024-00", "24-11", "1e10-01", "2024/11"],
    "id": ["A-1", "G 1", "007", "two words", "A-2", "Ä/9"],
    "reference": ["Z-1", "Z 1", "no such", "Ä/8"],  # no sheet holds them
    "digits": ["15220", "1522", "152201", "1522a", "00012", "1e100"],
    "code": ["nonsense", "99", "XX"],
}


def candidates(item, dice, *, parents=()):
    if parents:
        return [*parents, *VALUES["reference"]]
    if item.codelist:
        return [*dice.sample(list(item.codes.codes), 2), *VALUES["code"]]
    if item.type == "string":
        kind = "digits" if item.constraints.pattern == r"\d{5}" else "id"
        return VALUES[kind] if item.constraints.pattern else ["free text", "two  words"]
    extra = [round(dice.uniform(-5, 150), dice.choice([0, 1, 3])) for _ in range(4)]
    if item.type == "date":
        extra = [date(1985, 1, 1) + timedelta(dice.randrange(20000)) for _ in range(4)]
    return VALUES[item.type] + (extra if item.type != "yearmonth" else [])


def trials(kind, path):
    """A template whose rows each hold the examples but for one cell, and the cell of each row.

    Beside each row stands the formula of that cell's rule, where it has one.
    """
    dice = random.Random(7)
    base, tried = portfolios.examples(), []
    rows = {"settings": base["settings"]}
    for table in tables(kind):
        listed = base[table.name]
        rows[table.name] = list(listed)
        fresh = count(1)
        for item in table.fields:
            parents = {base[r.table][0][r.key] for r in table.foreignKeys if r.field == item.name}
            for value in [*candidates(item, dice, parents=parents), None]:
                row = dict(listed[0]) | {item.name: value}
                for name in table.primaryKey:  # a key of its own, unless it is what is tried
                    if name != item.name and not free_of_parents(table, name):
                        continue
                    if name != item.name:
                        row[name] = own_key(table.field(name), row[name], next(fresh))
                tried.append((table.name, item.name, value, len(rows[table.name])))
                rows[table.name].append(row)
    content = template.Content(rows)
    path.write_bytes(template.build(kind, template.chosen(kind), content, 4))
    return tried


def free_of_parents(table, name):
    item = table.field(name)
    return not item.codelist and name not in {r.field for r in table.foreignKeys}


def own_key(item, value, number):
    if item.type == "date":
        return date(2001, 1, 1) + timedelta(number)
    if item.type == "integer":
        return 1990 + number % 100
    return (
        f"{2000 + number // 12}-{number % 12 + 1:02d}" if item.type == "yearmonth" else f"K{number}"
    )


def with_rules_beside(path, tried, goal):
    """Writes each tried cell's rules as formulas far to the right of its row, and where."""
    book = openpyxl.load_workbook(path)
    places = []
    for table, name, value, index in tried:
        plan = schema.tables()[table]
        sheet = book[plan.sheet]
        letter, row = column(sheet, plan.field(name).title), index + 3
        cell = f"{letter}{row}"
        tests = {}
        rule = rule_of(sheet, f"{letter}2")
        if rule and rule.type not in (None, "none") and value is not None:
            tests["rule"] = as_test(book, rule, cell, row)
        for i, marks in enumerate(sheet.conditional_formatting):
            if cell in marks.sqref and str(marks.sqref).startswith(f"{letter}2:{letter}5001"):
                for r in marks.rules:
                    tests[f"mark{i}{r.priority}"] = shifted(r.formula[0], row)
        for i, test in enumerate(tests.values()):
            at = sheet.cell(row, 60 + i, test)
            assert at.data_type == "f"
        kinds = ["rule" if t == "rule" else "mark" for t in tests]
        places.append((plan.sheet, row, kinds))
    book.save(goal)
    return places


def shifted(formula, row):
    return Translator(f"={formula}", "A2").translate_formula(f"A{row}")


def as_test(book, rule, cell, row):
    """A formula that is true where the cell would be let through, as Excel decides it."""
    if rule.type == "custom":
        return shifted(rule.formula1, row)
    if rule.type == "list":
        source = rule.formula1
        if source.startswith('"'):
            codes = "|".join(["", *source.strip('"').split(","), ""])
            return f'=ISNUMBER(FIND("|"&{cell}&"|","{codes}"))'
        return f"=SUMPRODUCT(--EXACT({shifted(source, row)[1:]},{cell}))>0"
    low, high = rule.formula1, rule.formula2
    if rule.operator in (None, "between"):
        fits = f"{cell}>={low},{cell}<={high}"
    else:
        sign = {"greaterThan": ">", "greaterThanOrEqual": ">="}[rule.operator]
        fits = f"{cell}{sign}{low}"
    whole = f",INT({cell})={cell}" if rule.type == "whole" else ""
    return f"=IF(ISNUMBER({cell}),AND({fits}{whole}),FALSE)"


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """Recalculates workbooks in one call, and gives for each its sheets as rows of texts."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not on this machine")
    folder = tmp_path_factory.mktemp("office")

    def run(*paths):
        profile = (folder / "profile").as_uri()
        command = [program, f"-env:UserInstallation={profile}", "--headless", "--convert-to", CSV]
        subprocess.run([*command, "--outdir", folder, *paths], check=True, capture_output=True)

    def sheet(path, name):
        with (folder / f"{path.stem}-{name}.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream))

    run.sheet = sheet
    return run


@pytest.fixture(scope="module")
def books(office, tmp_path_factory):
    """Everything that LibreOffice has to recalculate, built and recalculated once."""
    folder = tmp_path_factory.mktemp("filled")
    given = {"trial": {}, "random": {}}
    for kind in template.KINDS:
        first = folder / f"first-{kind}.xlsx"
        tried = trials(kind, first)
        goal = folder / f"trial-{kind}.xlsx"
        given["trial"][kind] = (goal, tried, with_rules_beside(first, tried, goal))
    for seed in range(PORTFOLIOS):
        police = seed % 5 == 4
        kind, modules = ("programme", ["police"]) if police else ("donor", [])
        rows = (portfolios.random_programme if police else portfolios.random_donor)(seed)
        given["random"][seed] = made(folder, kind, rows, modules, name=f"random-{seed}")
    given["example"] = made(folder, "donor", portfolios.example_5_1(), [], name="example")
    given["saved"] = folder / "saved.xlsx"
    openpyxl.load_workbook(given["example"]).save(given["saved"])
    given["percents"] = percents(given["example"], folder / "percents.xlsx")
    given["pasted"] = pasted(folder)
    given["terms"], given["dates"] = terms(folder)
    given["danger"] = made(folder, "donor", portfolios.danger(), name="danger")
    trial = [goal for goal, _, _ in given["trial"].values()]
    singles = [
        given[name] for name in ("example", "saved", "percents", "pasted", "terms", "danger")
    ]
    office(*trial, *given["random"].values(), *singles)
    return given


@pytest.mark.parametrize("kind", template.KINDS)
def test_what_the_template_lets_through_the_checker_accepts_and_the_other_way(kind, books, office):
    path, tried, places = books["trial"][kind]
    seen = assess(path)
    wrong = []
    for (table, name, value, _), (sheet, row, kinds) in zip(tried, places, strict=True):
        cells = office.sheet(path, sheet)[row - 1][59:]
        answers = list(zip(kinds, cells, strict=False))
        let_through = all((said == "TRUE") == (what == "rule") for what, said in answers)
        reported = [
            f
            for f in seen.findings
            if (
                f.table == table
                and f.row == row
                and f.field in (name, *partners(table, name))
                and f.check in ("DAT-01", "DAT-03", "DAT-06")
            )
            or (
                f.check.startswith("SCH-") and f.table == table and f.row == row and f.field == name
            )
        ]
        if name == "planned_duration_months":  # also held against the dates, which no rule does
            reported = [f for f in reported if f.check != "DAT-01"]
        if let_through != (not reported):
            said = [f.check for f in reported]
            wrong.append((table, name, value, row, answers, said))
    assert wrong == []
    assert len(tried) > 900


def partners(table, name):
    """The dates that are reported where this one stands out of order with them."""
    return [b for a, b in schema.tables()[table].order if a == name]


@pytest.mark.parametrize("kind", template.KINDS)
def test_a_template_filled_with_the_examples_passes_its_own_checks(kind, tmp_path):
    path = made(tmp_path, kind, portfolios.examples())
    seen = assess(path)
    faults = [f for f in seen.findings if f.check.startswith(("SCH-", "DAT-"))]
    faults = [f for f in faults if f.check != "DAT-07"]  # what checks could judge of one row each
    assert [(f.cell, f.message) for f in faults] == []


# --- What it shows while one types ----------------------------------------------------------------


def shown(rows):
    """The figures of the live summary by check: lowest, highest, reading."""
    found_ = {}
    for row in rows[4:9]:
        if check := re.search(r"\(([A-Z]{3}-\d\d)\)", row[0]):
            low, high = (None if c == "" else number(c) for c in row[1:3])
            found_[check[1]] = (low, high, row[4])
    return found_


def number(text):
    return float(text[:-1]) / 100 if text.endswith("%") else float(text)


@cache
def assessed(path):
    return assess(path)


def agree(path, rows):
    """How many figures are shown; fails where one is not what the checker says."""
    results = {r.check.id: r for r in assessed(path).results}
    judged = 0
    for check, (low, high, reading) in shown(rows).items():
        result = results[check]
        if reading.startswith("Not worked out"):
            assert low is None
            continue
        judged += 1
        assert (low is None) == (result.low is None), (path.name, check)
        if low is not None:
            assert low == pytest.approx(result.low, abs=1e-9), (path.name, check)
            assert high == pytest.approx(result.high, abs=1e-9), (path.name, check)
            if result.threshold is not None and result.status.value in ("pass", "fail"):
                said = {"pass": "Met", "fail": "Not met"}[result.status.value]
                assert reading.startswith(said), (path.name, check)
    return judged


def test_the_live_figures_are_the_checkers_on_the_worked_example(books, office):
    rows = office.sheet(books["example"], "Live summary")
    assert agree(books["example"], rows) == 4
    assert shown(rows)["LOC-01"][:2] == pytest.approx((0.358125, 0.358125))
    assert shown(rows)["LOC-02"][:2] == pytest.approx((0.208125, 0.208125))


def test_a_script_that_saves_a_template_keeps_its_figures_and_words(books, office):
    for sheet in ("Live summary", "Grants", "Sub-grants"):
        assert office.sheet(books["saved"], sheet) == office.sheet(books["example"], sheet)
    assert agree(books["saved"], office.sheet(books["saved"], "Live summary")) == 4


def test_the_live_figures_are_the_checkers_on_random_portfolios(books, office):
    judged = [agree(p, office.sheet(p, "Live summary")) for p in books["random"].values()]
    assert sum(judged) > 1.5 * len(judged)


def test_what_a_row_shows_is_what_the_checker_finds(books, office):
    told = 0
    for path in [*books["random"].values(), books["danger"]]:
        seen = assessed(path)
        for sheet, table, words, check, field in (
            ("Grants", "grants", "months or less", "DUR-01", None),
            ("Sub-grants", "subgrants", "months or less", "DUR-02", None),
            ("Grants", "grants", "come to more", "DAT-04", "sub-grants"),
            ("Sub-grants", "subgrants", "come to more", "DAT-04", "sub-grants"),
            ("Grants", "grants", "No exchange rate", "DAT-02", None),
            ("Police pay", "police_pay", "Below the living wage", "PAY-01", None),
            ("CSO security", "cso_security", "review overdue", "SAF-02", None),
            ("Participants", "participants", "later than", "CON-02", None),
        ):
            if table not in seen.tables:
                continue
            rows = office.sheet(path, sheet)
            at = rows[0].index(formulas.LOOK)
            said = {i for i, row in enumerate(rows, 1) if i > 1 and words in row[at]}
            hits = [f for f in found(seen, check, table=table) if not field or field in f.message]
            if any("No exchange rate" in row[at] for row in rows[1:]) and check == "DAT-04":
                continue  # the checker may then say nothing of a sum that is not whole
            assert said == {f.row for f in hits}, (path.name, check)
            told += len(said)
    assert told > 20


def test_months_are_counted_by_rule_m(books, office):
    rows = office.sheet(books["terms"], "Grants")
    months, days = rows[0].index(formulas.MONTHS), rows[0].index(formulas.DAYS)
    pairs = books["dates"]
    start, end = (pd.Series(pd.to_datetime(list(side))) for side in zip(*pairs, strict=True))
    whole, spare = months_and_days(start, end)
    for row, n, d in zip(rows[2:], whole, spare, strict=False):
        shown_ = (row[months], row[days])
        assert shown_ == (("", "") if pd.isna(n) else (str(n), str(d))), row[:12]


def terms(folder):
    """A register of terms: the specification's rows and others around ends of months."""
    spec = "2024-01-01 2024-03-31, 2024-01-01 2024-06-30, 2024-01-01 2024-07-01, "
    spec += "2023-08-31 2024-02-29, 2024-08-31 2025-02-28, 2024-01-31 2024-04-30, "
    spec += "2024-02-29 2025-02-28, 2024-12-01 2026-11-30, 2024-06-30 2024-06-29"
    pairs = [tuple(map(date.fromisoformat, pair.split())) for pair in spec.split(", ")]
    dice = random.Random(3)
    for _ in range(150):
        start = date(2023, 1, 1) + timedelta(dice.randrange(900))
        pairs.append((start, start + timedelta(dice.randrange(800))))
        last = date(start.year, start.month, 28) + timedelta(dice.randrange(4))
        pairs.append((last, last + timedelta(dice.choice([28, 29, 30, 59, 89, 181, 182, 183]))))
    grants = [
        {"grant_id": f"G{i}", "planned_start_date": a, "planned_end_date": b}
        for i, (a, b) in enumerate(pairs)
    ]
    rows = {"settings": [portfolios.SETTINGS], "grants": grants}
    return made(folder, "donor", rows, [], len(pairs) + 2, "terms"), pairs


def percents(example, target):
    """Numbers of the donor's own, typed as percentages: Excel then keeps 0.36, shown as 36%."""
    workbook = openpyxl.load_workbook(example)
    sheet = workbook["Thresholds"]
    sheet.append(["loc.as_direct_min_pct", 0.36, "head of unit", date(2024, 1, 1), "strategy"])
    sheet.cell(sheet.max_row, 2).number_format = "0%"
    sheet.append(["loc.direct_min_pct", "20.5 %", "head of unit", date(2024, 1, 1), "strategy"])
    workbook.save(target)
    return target


def test_a_number_typed_as_a_percentage_is_the_same_for_both(books, office):
    rows = office.sheet(books["percents"], "Live summary")
    assert agree(books["percents"], rows) == 4
    asked = {row[0][-7:-1]: number(row[3]) for row in rows[4:9] if row[3]}
    assert (asked["LOC-01"], asked["LOC-02"]) == pytest.approx((0.36, 0.205))
    assert shown(rows)["LOC-01"][2].startswith("Not met")
    assert shown(rows)["LOC-02"][2].startswith("Met")


def pasted(folder):
    """A template of the usual length with a thousand grants below its example row."""
    rows = portfolios.random_donor(1)
    grants = rows["grants"]
    rows["grants"] = [dict(grants[i % len(grants)], grant_id=f"P-{i}") for i in range(1000)]
    return made(folder, "donor", rows, [], template.book.ROWS, "pasted")


def test_a_thousand_rows_pasted_keep_their_figures(books, office):
    assert agree(books["pasted"], office.sheet(books["pasted"], "Live summary")) >= 3
    assert len(assessed(books["pasted"]).tables["grants"].frame) == 1000


# --- Another version, another kind ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "cure"),
    [("0", "fundtrack template --from"), ("7", "Update fundtrack"), ("draft", "Write 1")],
)
def test_another_version_is_named_with_its_cure(judge, version, cure):
    finding = only(
        judge(settings={"schema_version": version}, grants="grant_id\nG1"), "SCH-template"
    )
    assert finding.cell == "B2"
    assert cure in finding.remedy


def test_the_wrong_kind_is_named_with_its_cure(judge):
    rows = [{"programme_id": "P1", "lead_org_id": "INGO-X", "country": "NG"}]
    donor = only(judge(programmes=rows, grants="grant_id\nG1"), "SCH-template")
    assert "“Programmes”" in donor.message and "template programme --from" in donor.remedy
    programme = only(
        judge(settings={"workbook_type": "programme"}, grants="grant_id\nG1"), "SCH-template"
    )
    assert "template donor --from" in programme.remedy


# --- Filled from what there is --------------------------------------------------------------------


EXPORT = """Identifier,Title,Currency,Amount Awarded,Award Date,Recipient Org:Identifier,\
Recipient Org:Name,Funding Org:Identifier,Planned Dates:Duration (months),Grant officer
360G-1,Dialogue,GBP,12000,2024-03-01T00:00:00Z,GB-1,One,GB-F,12,A. Person
360G-2,Clubs,GBP,5000,04/03/2024,GB-2,Two,GB-F,,A. Person
"""


def test_a_template_is_filled_from_an_export(run, tmp_path):
    (tmp_path / "awards.csv").write_text(EXPORT, encoding="utf-8")
    said = run("template", "--from", "awards.csv")
    assert "Organisations 2, Grants 2" in said.stdout
    sheets = CalamineWorkbook.from_path("awards.template.xlsx")
    grants = sheets.get_sheet_by_name("Grants").to_python()
    signed, amount = (grants[0].index(h) for h in ("Signed on", "Amount awarded"))
    assert grants[2][signed] == date(2024, 3, 1)
    assert grants[2][amount] == 12000.0
    assert grants[3][signed] == "04/03/2024"  # not guessed: the finding stays
    told = "\n".join(str(c) for row in sheets.get_sheet_by_name("Read me").to_python() for c in row)
    assert "“Grant officer”" in told
    assert "A. Person" not in told
    assert "Start date as signed: blank in every row" in told
    seen = assess(tmp_path / "awards.template.xlsx")
    assert only(seen, "DAT-01").value == "04/03/2024"


def test_an_older_workbook_moves_into_the_present_template(run, write, tmp_path):
    path = write(
        settings={"schema_version": "0"},
        grants="grant_id | amount | Note to self\nG1 | 5000 | call",
    )
    run("template", "--from", path, "-o", "new.xlsx")
    old, new = assess(path), assess(tmp_path / "new.xlsx")
    assert not found(new, "SCH-template")
    for check in ("LOC-01", "LOC-02", "DUR-04"):
        assert result(old, check).low is not None
        assert result(old, check).low == result(new, check).low


def test_a_template_is_written_once_and_wrong_words_are_told(run, tmp_path):
    run("template", "donor", "--modules", "safety", "-o", "mine.xlsx")
    assert "Convenings" not in openpyxl.load_workbook("mine.xlsx").sheetnames
    assert "exists already" in run("template", "donor", "-o", "mine.xlsx", code=2).stderr
    run("template", "donor", "-o", "mine.xlsx", "--force")
    assert (
        "Choose among security, events"
        in run("template", "donor", "--modules", "police", "-o", "x.xlsx", code=2).stderr
    )
    assert "Say which" in run("template", code=2).stderr


def test_a_template_never_replaces_the_file_that_it_is_filled_from(run, write):
    path = write(grants="grant_id | amount\nG1 | 5000")
    before = path.read_bytes()
    said = run("template", "--from", path, "-o", path, "--force", code=2).stderr
    assert "is the input itself" in said and path.read_bytes() == before


def test_the_read_me_forbids_names_and_links_each_sheet(empty):
    kind, _, book = empty
    texts = [str(c.value) for row in book["Read me"].iter_rows() for c in row if c.value]
    assert any("Names of people at risk" in t for t in texts)
    assert any(EXAMPLE in t for t in texts)
    for table in template.chosen(kind):
        assert table.sheet in texts
        assert any(table.filledBy in t for t in texts)
