"""The workings: recalculated by LibreOffice, every figure is what the report and the JSON say.

The values that the formulas carry are taken out before LibreOffice opens the copies, so that it has
to work them out itself. FUNDTRACK_PORTFOLIOS says how many random portfolios are tried.
"""

import math
import os
import random
import re
import shutil
import subprocess
import zipfile
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils.cell import get_column_letter, range_boundaries
from python_calamine import CalamineWorkbook

from books import book
from fundtrack import pipeline
from fundtrack.model import Severity
from fundtrack.report import records
from fundtrack.report.sheets import workings as lines
from fundtrack.report.sheets import workings_rows

SAMPLES = Path(__file__).parent.parent / "samples"
PORTFOLIOS = int(os.environ.get("FUNDTRACK_PORTFOLIOS", "4"))
AT_ONCE = 20  # in one call of LibreOffice, and in one test: so that every core has some to do
OURS = ("Summary", "Checks", "Workings")
FORMULA = '"=1+1"'  # in the sheet: =1+1, as text
CARRIED = re.compile(rb'(<c r="[A-Z]+[0-9]+"[^>]*><f>[^<]*</f>)<v>[^<]*</v>')


# --- Random portfolios ----------------------------------------------------------------------------


def some(rng, *choices, blank=0.15):
    return None if rng.random() < blank else rng.choice(choices)


def money(rng):
    return rng.choice([rng.randrange(1, 900_000), round(rng.uniform(0.01, 90_000), 2)])


def day(rng, blank=0.1):
    return some(rng, date(2024, 1, 1) + timedelta(days=rng.randrange(360)), blank=blank)


def organisations(rng):
    names = ["LOC-A", "loc-a", FORMULA, "@LOC", "N*O?", "INGO-X", "INGO-Y", "UN", "POL-1", "POL-2"]
    return [
        {
            "org_id": name,
            "org_type": some(rng, 22, 24, blank=0.1)
            if n < 5
            else some(rng, 21, 21, 24, 40)
            if n < 8
            else 10,
            "hq_country": some(rng, "NG", "NG", "KE"),
            "intl_affiliated": some(rng, "no", "no", "yes"),
            "state_controlled": some(rng, "no", "no", "no", "yes"),
            "is_security_agency": "yes" if n >= 8 else "no",
            "women_led": some(rng, "yes", "no", blank=0.3),
        }
        for n, name in enumerate(names)
    ]


def donor(rng):
    orgs = organisations(rng)
    names = [o["org_id"] for o in orgs]
    grants = [f"G{n}" for n in range(rng.randrange(1, 14))]
    subs = [f"S{n}" for n in range(rng.randrange(0, 12))]
    currencies = ["EUR", "EUR", "USD", "GBP", "KES"]
    return {
        "settings": {"value_basis": rng.choice(["commitment", "commitment", "disbursement"])},
        "organisations": orgs,
        "grants": [
            {
                "grant_id": g,
                "recipient_org_id": some(rng, *names, blank=0.05),
                "recipient_country": some(rng, "NG", "KE", "ng"),
                "amount": some(rng, money(rng), '"120,000"', blank=0.05),
                "currency": some(rng, *currencies, blank=0.03),
                "value_date": day(rng),
                "planned_end_date": date(2024, 3, 1) + timedelta(days=rng.randrange(1200)),
                "subgrants_reported": some(rng, "yes", "no", "not_applicable"),
                "pve_strand": some(rng, "resilience", "individual", "security", "crosscutting"),
                "outcome_indicators": some(rng, 0, 1, 3),
                "outcome_indicators_with_baseline": some(rng, 0, 1),
            }
            for g in grants
        ],
        "subgrants": [
            {
                "subgrant_id": s,
                "parent_grant_id": rng.choice(grants),
                "parent_subgrant_id": some(rng, *subs[:n], blank=0.6) if n else None,
                "provider_org_id": rng.choice(names),
                "receiver_org_id": some(rng, *names, blank=0.05),
                "amount": some(rng, money(rng) // 9 + 1, blank=0.05),
                "currency": rng.choice(currencies),
                "value_date": day(rng),
                "purpose": some(rng, "implementation", "implementation", "services"),
            }
            for n, s in enumerate(subs)
        ],
        "budget_lines": [
            {
                "budget_line_id": f"B{n}",
                "parent_type": "grant" if not subs else rng.choice(["grant", "grant", "subgrant"]),
                "parent_id": rng.choice(grants),
                "category": some(rng, "RESIL", "POL_TRAIN", "SUBGRANT", "STAFF"),
                "pve_strand": some(rng, "resilience", "security", "crosscutting", blank=0.5),
                "amount": some(rng, money(rng) // 5 + 1, blank=0.05),
                "currency": rng.choice(currencies),
                "beneficiary_org_id": some(rng, *names, blank=0.5),
            }
            for n in range(rng.randrange(0, 12))
        ],
        "transactions": [
            {
                "transaction_id": f"T{n}",
                "grant_id": rng.choice(grants),
                "value": money(rng),
                "currency": rng.choice(currencies),
                "transaction_date": day(rng, blank=0),
            }
            for n in range(rng.randrange(0, 12))
        ],
        "exchange_rates": [
            {"from_currency": of, "to_currency": to, "rate_date": date(2024, m, 1), "rate": rate}
            for m in range(1, 13)
            for of, to, rate in (
                ("USD", "EUR", round(rng.uniform(0.9, 0.95), 4)),
                ("EUR", "GBP", round(rng.uniform(0.82, 0.87), 4)),  # the inverse is needed
                ("USD", "KES", round(rng.uniform(128, 160), 2)),  # and here a cross
            )
        ],
    }


def programme(rng):
    tables = donor(rng)
    units = [f"PU-{n}" for n in range(rng.randrange(1, 4))]
    areas = ["north", "south"]
    tables["settings"]["workbook_type"] = "programme"
    tables["police_units"] = [
        {
            "unit_id": u,
            "org_id": some(rng, "POL-1", "POL-2"),
            "benchmark_area": some(rng, *areas, blank=0.1),
            "headcount": some(rng, 40, 75, 0, blank=0.1),
        }
        for u in units
    ]
    tables["police_pay"] = [
        {
            "unit_id": u,
            "rank": rank,
            "pay_period": month,
            "headcount_verified": some(rng, *range(0, 60), blank=0.1),
            "headcount_paid": some(rng, *range(1, 60), blank=0.1),
            "base_pay": some(rng, *range(150, 500), blank=0.05),
            "regular_allowances": some(rng, 0, 40, 45.5, blank=0.1),
            "deductions_mandatory": some(rng, 0, 12.25),
            "in_kind_value": some(rng, 0, 60, 150.5),
            "currency": rng.choice(["EUR", "USD"]),
            "due_date": date(2024, 11, 25),
            "paid_date": some(rng, date(2024, 11, 26), date(2024, 12, 20)),
            "months_in_arrears": some(rng, 0, 0.5, 1, 3),
        }
        for u in units
        for rank in ("Constable", "Sergeant")
        for month in ("2024-10", "2024-11")
    ]
    tables["pay_benchmarks"] = [
        {
            "benchmark_area": area,
            "type": "living_wage",
            "amount": rng.randrange(200, 400),
            "currency": rng.choice(["EUR", "USD"]),
            "basis": some(rng, "net", "gross"),
            "year": 2024,
            "source": "Institute of wages",
        }
        for area in areas
    ]
    tables["police_cover"] = [
        {
            "cover_id": f"CV-{n}",
            "unit_id": some(rng, *units, "ALL", blank=0.05),
            "rank": some(rng, "Constable", "ALL", blank=0.05),
            "cover_type": some(rng, "death", "injury", "death_and_injury", blank=0.05),
            "headcount_covered": some(rng, *range(0, 90), blank=0.1),
            "valid_from": date(2024, 1, 1),
            "valid_to": some(rng, date(2025, 1, 1), date(2024, 6, 1)),
        }
        for n in range(rng.randrange(0, 5))
    ]
    tables["cso_security"] = [
        {
            "org_id": name,
            "costed_need": some(rng, 0, 6000, 9000.5),
            "currency": rng.choice(["EUR", "USD"]),
            "value_date": date(2024, 5, 1),
            "state_actor_threat": some(rng, "yes", "no"),
        }
        for name in ("LOC-A", FORMULA, "N*O?")[: rng.randrange(0, 4)]
    ]
    for n in range(rng.randrange(0, 6)):
        line = {"budget_line_id": f"P{n}", "category": "CSOSEC", "amount": rng.randrange(1, 5000)}
        tables["budget_lines"].append({**line, "beneficiary_org_id": some(rng, "LOC-A", FORMULA)})
    tables["convenings"] = [
        {
            "event_id": f"EV-{n}",
            "format": some(rng, "in_person", "online", blank=0.2),
            "host_country": some(rng, "KE", "NG", "FR", "ZA"),
            "start_date": day(rng),
        }
        for n in range(rng.randrange(0, 9))
    ]
    return tables


# --- Copies, and the same worked out anew by LibreOffice ------------------------------------------


class Copy:
    """An annotated copy, what was judged, and its added sheets as stored and as recalculated."""

    def __init__(self, path, checked):
        self.source, self.assessment = path, checked.assessment
        self.path, self.again = Path(checked.outputs["report"]), None
        self.stored = values(self.path)

    def lines(self, *, again=True):
        """The lines of Workings: (check, group, figure) -> value."""
        rows = (self.again if again else self.stored)["Workings"]
        heads = rows[3]
        groups = heads[2 : heads.index("Figure")]
        figure, sums, result = map(heads.index, ("Figure", "Sum of the rows", "Worked out"))
        return {
            (
                row[1],
                tuple(filter(None, row[2 : 2 + len(groups)])),
                row[figure].replace(" ", "_"),
            ): row[result] if row[sums] == "" else row[sums]
            for row in rows[4:]
        }


def values(path):
    """The cells of the added sheets, by sheet."""
    workbook = CalamineWorkbook.from_path(path)
    names = [name for name in workbook.sheet_names if name.startswith(OURS)]
    return {
        name: workbook.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in names
    }


def without_values(path, target):
    """Writes the same workbook whose formulas carry no values, and gives their number."""
    taken = 0
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.startswith("xl/worksheets/sheet"):
                data, number = CARRIED.subn(rb"\1", data)
                taken += number
            new.writestr(name, data)
    return taken


def recalculated(folder, copies):
    """Gives the copies, each with its values as LibreOffice works them out, and their formulas."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not on this machine")
    bare, again = folder / "bare", folder / "again"
    bare.mkdir()
    formulas = {n: without_values(c.path, bare / f"{n}.xlsx") for n, c in copies.items()}
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [program, profile, "--headless", "--convert-to", "xlsx", "--outdir", again]
    subprocess.run([*command, *bare.iterdir()], check=True, capture_output=True)
    for name, copy in copies.items():
        copy.again = values(again / f"{name}.xlsx")
    return formulas


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """Copies of the samples, and of some split over sheets of 90 rows or with long formulas."""
    folder = tmp_path_factory.mktemp("workings")
    found = {}

    def add(name, path, **more):
        request = pipeline.Request(path, output=folder / f"{name}.xlsx", **more)
        found[name] = Copy(path, pipeline.check(request))

    for sample in sorted(SAMPLES.glob("*.xlsx")):
        if ".checked" not in sample.name and "restricted" not in sample.name:
            add(sample.stem, sample)
    add("unlisted", SAMPLES / "programme_faulty.xlsx", max_workings=1)
    with pytest.MonkeyPatch.context() as small:
        small.setattr(lines, "MOST_LOOKS", 0)
        add("by_group", SAMPLES / "donor_faulty.xlsx")
        small.setattr(workings_rows, "ROWS_A_SHEET", 90)
        add("split", SAMPLES / "programme_faulty.xlsx")
    formulas = recalculated(folder, found)
    assert min(formulas[name] for name in ("donor_faulty", "programme_clean", "split")) > 200
    return found


def close(one, other):
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def recalculated_otherwise(name, copy):
    """The cells that LibreOffice works out to something else than is stored."""
    assert copy.stored.keys() == copy.again.keys()
    for sheet, rows in copy.stored.items():
        for r, (old, new) in enumerate(zip(rows, copy.again[sheet], strict=False), 1):
            for c, (was, is_) in enumerate(zip(old, new, strict=False), 1):
                if isinstance(was, float | int) and not isinstance(was, bool):
                    same = isinstance(is_, float | int) and close(was, is_)
                else:
                    same = was != "" or is_ == ""
                if not same:
                    yield f"{name} {sheet} R{r}C{c}: {was} is {is_}"


def compared_with_the_json(name, copy):
    """Sees that every figure of the JSON is in the workings; gives the checks that have one."""
    found = {}
    for (check, by, figure), value in copy.lines().items():
        found.setdefault((check, figure, tuple(sorted(by))), []).append(value)
    for result in records.record(copy.assessment, "", {})["results"]:
        of_share = result["unit"] == "share"
        units = [((), result, of_share)]
        units += [(tuple(g["by"].values()), g, True) for g in result["breakdown"]]
        for group, figures, share in units:
            said = dict(figures["figures"])
            if share and figures["low"] is not None:
                said |= {"lowest": figures["low"], "highest": figures["high"]}
                said["share"] = figures["value"]
            for figure, value in said.items():
                where = (name, result["check"], group, figure)
                got = found.get((result["check"], figure, tuple(sorted(group))), [])
                assert len(got) == 1, where
                alike = got[0] == "" if value is None else close(got[0], value)
                assert alike, (*where, value, got)
                yield result["check"]


def test_recalculated_every_figure_of_the_samples_is_as_stored(copies):
    assert [w for name, copy in copies.items() for w in recalculated_otherwise(name, copy)] == []


def test_every_figure_of_the_json_is_in_the_workings(copies):
    seen = {check for name, copy in copies.items() for check in compared_with_the_json(name, copy)}
    shares = {"LOC-01", "LOC-02", "LOC-03", "WYM-01", "TRN-02", "DUR-04", "RES-01", "FLX-04"}
    shares |= {"PAY-02", "PAY-03", "PAY-04", "PAY-05", "BEN-01", "SAF-05", "CON-04"}
    assert shares <= seen


@pytest.mark.parametrize("first", range(0, PORTFOLIOS, AT_ONCE))
def test_the_same_of_random_portfolios(tmp_path, first):
    found = {}
    for n in range(first, min(first + AT_ONCE, PORTFOLIOS)):
        rng = random.Random(n)
        make = programme if n % 2 else donor
        tables = {name: rows for name, rows in make(rng).items() if rows}
        path = book(tmp_path, name=f"book{n}.xlsx", **tables)
        request = pipeline.Request(path, output=tmp_path / f"random{n}.xlsx")
        found[f"random{n}"] = Copy(path, pipeline.check(request))
    recalculated(tmp_path, found)
    assert [w for name, copy in found.items() for w in recalculated_otherwise(name, copy)] == []
    assert sum(len([*compared_with_the_json(name, copy)]) for name, copy in found.items()) > 20
    few = list(found.values())[:4]  # enough, and openpyxl is slow
    texts = {text for copy in few for text in texts_that_look_like_formulas(copy)}
    assert texts or len(few) < 4  # each was looked at as it was found
    assert sum(links_land_where_the_amount_is(copy) for copy in few) > 5


def texts_that_look_like_formulas(copy):
    workbook = openpyxl.load_workbook(copy.path)
    for sheet in workbook.sheetnames:
        if sheet.startswith("Workings"):
            for row in workbook[sheet].iter_rows():
                for cell in row:
                    if cell.value in ("=1+1", "@LOC"):
                        assert cell.data_type == "s"
                        yield cell.value


def test_the_checks_and_the_summary_point_at_the_workings(copies):
    workbook = openpyxl.load_workbook(copies["donor_faulty"].path)
    for sheet in ("Checks", "Summary"):
        pointing = [c for row in workbook[sheet].iter_rows() for c in row if c.data_type == "f"]
        assert len(pointing) > 8
        for cell in pointing:
            name, place = cell.value.removeprefix("='").split("'!")
            assert name == "Workings" and workbook[name][place].data_type == "f"


@pytest.mark.parametrize("name", ["donor_faulty", "programme_faulty", "by_group", "unlisted"])
def test_no_formula_rests_on_itself(copies, name):
    """LibreOffice works such a one out all the same; Excel warns, and shows 0."""
    sheet = openpyxl.load_workbook(copies[name].path)["Workings"]
    looks = {}
    for row in sheet.iter_rows():
        for cell in row:
            if cell.data_type == "f":
                own = re.sub(r"'[^']+'![$A-Z0-9:]+", "", cell.value).replace("$", "")
                areas = re.findall(r"\b[A-Z]{1,2}[0-9]+(?::[A-Z]{1,2}[0-9]+)?", own)
                cells = {c for area in set(areas) for c in within(area)}
                looks[cell.coordinate] = cells
    assert len(looks) > 50
    at_rest = set()
    while ready := {c for c in looks if not (looks[c] & looks.keys()) - at_rest} - at_rest:
        at_rest |= ready
    assert looks.keys() - at_rest == set()


def within(area):
    left, top, right, bottom = range_boundaries(area)
    letters = [get_column_letter(c) for c in range(left, right + 1)]
    return [f"{letter}{r}" for letter in letters for r in range(top, bottom + 1)]


@pytest.mark.parametrize("name", ["donor_faulty", "programme_faulty", "by_group"])
def test_each_formula_can_be_read(copies, name):
    """What it takes from many rows or cells stands in a column of its own."""
    workbook = openpyxl.load_workbook(copies[name].path)
    for sheet in ("Workings", "Workings rows"):
        formulas = [c.value for row in workbook[sheet].iter_rows() for c in row]
        formulas = [f for f in formulas if isinstance(f, str) and f.startswith("=")]
        assert len(formulas) > 50
        mine = [f for f in formulas if f.count("SUMPRODUCT") < 2]  # not split by other sums
        assert max(map(len, mine)) < 200, max(mine, key=len)


WEIGHED = {"plain_mean", "capped_index", "gap_a_month", "gap_a_year", "gap_of_wage_bill"}
WEIGHED |= {"officer_months", "mean_months", "value", "value_of_month_bill"}


def test_what_officers_are_multiplied_by_is_worked_out_from_the_cells_of_pay(copies):
    workbook = openpyxl.load_workbook(copies["programme_faulty"].path)
    rows = workbook["Workings rows"]
    seen = set()
    for column in rows.iter_cols():
        figures = {x[7:].replace(" ", "_") for x in column[0].value.split("\n") if x[:4] == "PAY-"}
        for cell in column[1:] if figures & WEIGHED else ():
            if isinstance(cell.value, str):
                seen |= figures & WEIGHED
                for sheet, place in re.findall(r"'([^']+)'!([$A-Z0-9]+)", cell.value):
                    if sheet == "Grants":  # the mean months of DUR-04
                        assert workbook[sheet][place].is_date
                        continue
                    assert sheet in ("Police pay", "Pay benchmarks", "Exchange rates")
                    assert isinstance(workbook[sheet][place].value, int | float)
            else:
                assert cell.value in (None, 1), (column[0].value, cell.row)
    assert seen == WEIGHED


def test_a_changed_pay_reaches_every_figure_that_rests_on_it(copies, tmp_path, soffice):
    def changed(path, target):
        workbook = openpyxl.load_workbook(path)
        pay, wages = workbook["Police pay"], workbook["Pay benchmarks"]
        row, owed = 23, 29  # constables in the last month; of PU-01, and of PU-03, unpaid
        assert [pay.cell(4, 6).value, pay.cell(4, 15).value] == ["Base pay", "Months owed"]
        pay.cell(row, 6).value += 20
        pay.cell(owed, 15).value += 1
        wages["D2"].value += 10
        workbook.save(target)
        return target

    source = changed(SAMPLES / "programme_faulty.xlsx", tmp_path / "book.xlsx")
    anew = pipeline.assess(source)
    mine = Copy(
        source,
        pipeline.check(
            pipeline.Request(SAMPLES / "programme_faulty.xlsx", output=tmp_path / "copy.xlsx")
        ),
    )
    again = soffice(changed(mine.path, tmp_path / "changed.xlsx"), "xlsx")
    mine.again = values(again)
    told = {q.name: q.value for r in anew.results if r.check.family == "PAY" for q in r.made}
    for (check, _, figure), value in mine.lines().items():
        if check[:3] == "PAY" and figure in WEIGHED:
            assert close(value, told[figure]), figure
            assert not close(value, mine.lines(again=False)[check, (), figure]), figure


@pytest.mark.parametrize("name", ["donor_faulty", "programme_faulty"])
def test_no_figure_rests_on_a_number_that_is_only_written_down(copies, name):
    """All of a row enters a figure, all of it is taken off, or a formula says how much."""
    rows = openpyxl.load_workbook(copies[name].path)["Workings rows"]
    heads = [cell.value for cell in rows[1]]
    first = next(n for n, head in enumerate(heads) if re.match("[A-Z]{3}-", head))
    live = {"Amount in the cell": 0, "Rate": 0, "Amount converted": 0}
    for row in rows.iter_rows(min_row=2, values_only=True):
        for head, value in zip(heads, row, strict=True):
            if head in live:
                live[head] += isinstance(value, str) and value.startswith("=")
                assert value in (None, 1) or str(value).startswith("="), (head, row)
        numbers = {value for value in row[first:] if isinstance(value, float | int)}
        assert numbers <= {-1, 0, 1}
    assert all(count > 10 for count in live.values())


def test_a_changed_cell_reaches_every_figure_of_the_portfolio(copies, tmp_path, soffice):
    def changed(path, target):
        workbook = openpyxl.load_workbook(path)
        for sheet, place, add in (
            ("Exchange rates", "D6", 0.03),  # USD of February 2024: of G-002 and others
            ("Grants", "I8", timedelta(days=45)),  # the end of G-003
            ("Grants", "J8", 60_000),
            ("Sub-grants", "H9", 5_000),
            ("Budget lines", "F8", 7_500),  # what of G-003 serves all strands
        ):
            workbook[sheet][place].value += add
        workbook.save(target)
        return target

    anew = pipeline.assess(changed(SAMPLES / "donor_faulty.xlsx", tmp_path / "book.xlsx"))
    mine = copies["donor_faulty"]
    again = values(soffice(changed(mine.path, tmp_path / "changed.xlsx"), "xlsx"))
    old, mine.again, kept = mine.lines(again=False), again, mine.again
    told = mine.lines()
    mine.again = kept
    moved = set()
    for result in anew.results:
        for figure, value in result.figures.items():
            assert close(told[result.check.id, (), figure], value), (result.check.id, figure)
            if not close(old[result.check.id, (), figure], value):
                moved.add(figure)
    assert moved >= {"T", "mean_months", "resilience", "resilience_of_crosscutting", "unknown"}


def test_text_that_is_read_as_a_number_is_taken_from_its_cell_all_the_same(write):
    rows = [{"grant_id": "G1", "amount": '"1,200.50"'}, {"grant_id": "G2", "amount": "12e3"}]
    amounts = openpyxl.load_workbook(copy_of(write(grants=rows)).path)["Workings rows"]["D"]
    assert amounts[1].value == (
        "=IF(ISNUMBER('Grants'!$H$2),'Grants'!$H$2,_xlfn.NUMBERVALUE('Grants'!$H$2,\".\",\",\"))"
    )


def test_rows_that_add_nothing_are_counted(write):
    lines = [{"budget_line_id": f"L{n}", "parent_id": "G1", "amount": n * 100} for n in (0, 1)]
    path = write(
        grants=[{"grant_id": "G1", "amount": 900, "pve_strand": "security"}], budget_lines=lines
    )
    said = copy_of(path).stored["Workings"][1][0]
    assert "1 of Budget lines with 0 as “Amount”" in said


# A grant with more lines than money, one whose lines cover it, one that sets money aside for
# sub-grants of which a part is planned, and one of which a rest is left.
IN_PART = {
    "grants": [
        {"grant_id": "G1", "amount": 1000, "pve_strand": "security"},
        {"grant_id": "G2", "amount": 500, "currency": "USD", "pve_strand": "individual"},
        {"grant_id": "G3", "amount": 900, "pve_strand": "security"},
        {"grant_id": "G4", "amount": 2000},
    ],
    "subgrants": [{"subgrant_id": "S1", "parent_grant_id": "G3", "amount": 400}],
    "budget_lines": [
        {"budget_line_id": "L1", "parent_id": "G1", "category": "RESIL", "amount": 900},
        {"budget_line_id": "L2", "parent_id": "G1", "category": "POL_TRAIN", "amount": 350},
        {"budget_line_id": "L3", "parent_id": "G2", "amount": 500, "currency": "USD"},
        {"budget_line_id": "L4", "parent_id": "G3", "category": "SUBGRANT", "amount": 400}
        | {"pve_strand": "resilience"},
        {"budget_line_id": "L5", "parent_id": "S1", "parent_type": "subgrant", "amount": 100},
        {"budget_line_id": "L6", "parent_id": "G4", "category": "POL_TRAIN", "amount": 700},
    ],
    "transactions": [
        {"transaction_id": f"T{n}", "grant_id": grant, "value": value}
        for n, (grant, value) in enumerate(
            [("G1", 400), ("G1", 300), ("G2", 200), ("G3", 450), ("G4", 1000)]
        )
    ],
    "exchange_rates": [{"rate_date": "2024-01-10", "rate": 0.9}],
}


@pytest.mark.parametrize("basis", ["commitment", "disbursement"])
def test_of_a_line_that_counts_in_part_it_is_seen_why(basis, tmp_path, soffice):
    """And a line that is put right reaches the share without another check."""
    tables = {"settings": {"value_basis": basis}, **IN_PART}
    mine = copy_of(book(tmp_path, **tables), output=tmp_path / "copy.xlsx")
    listed = {row[2]: row for row in mine.stored["Workings rows"][1:]}
    heads = mine.stored["Workings rows"][0]
    part = heads.index("Part of the line that counts")
    if basis == "commitment":
        assert {"G1", "G2", "G3", "G4"} <= listed.keys()
        assert [listed[f"L{n}"][part] for n in range(1, 7)] == [0.8, 0.8, "", 0.75, "", ""]
        whole = heads.index("RES-01 T")
        assert [listed[f"G{n}"][whole] for n in range(1, 5)] == [1, 1, 1, 1]
        assert [listed[f"L{n}"][whole] for n in range(1, 7)] == [0] * 6
    rows = openpyxl.load_workbook(mine.path)["Workings rows"]
    for row in rows.iter_rows(min_row=2, min_col=part + 1, values_only=True):
        assert row[0] is None or "Budget lines" in row[0]
        numbers = {value for value in row[1:] if isinstance(value, float | int)}
        assert numbers <= {-1, 0, 1}
    workbook = openpyxl.load_workbook(mine.path)
    lines = workbook["Budget lines"]
    (place,) = [c for row in lines.iter_rows() for c in row if c.value == 900]
    place.value = 500
    workbook.save(tmp_path / "changed.xlsx")
    mine.again = values(soffice(tmp_path / "changed.xlsx", "xlsx"))
    tables["budget_lines"] = [
        {**line, "amount": 500 if line["budget_line_id"] == "L1" else line["amount"]}
        for line in IN_PART["budget_lines"]
    ]
    (anew,) = [
        r
        for r in pipeline.assess(book(tmp_path, name="anew.xlsx", **tables)).results
        if r.check.id == "RES-01"
    ]
    told = mine.lines()
    for figure, value in anew.figures.items():
        assert close(told["RES-01", (), figure], value), figure
    assert close(told["RES-01", (), "lowest"], anew.low)
    assert not close(anew.low, mine.lines(again=False)["RES-01", (), "lowest"])


def test_officers_whose_pay_lacks_nothing_are_listed_all_the_same(copies):
    """Else a wage that is raised in the copy would not reach the gap."""
    rows = copies["programme_faulty"].stored["Workings rows"]
    gap = next(n for n, head in enumerate(rows[0]) if head.startswith("PAY-02 gap a month"))
    officers = next(
        n for n, head in enumerate(rows[0]) if head.startswith("PAY-02 gap of wage bill")
    )
    assert [row[2] for row in rows[1:] if row[gap] != ""] == [
        row[2] for row in rows[1:] if row[officers] != ""
    ]
    assert 0 in {row[gap] for row in rows[1:]}


@pytest.mark.parametrize("name", ["donor_faulty", "programme_faulty"])
def test_every_number_of_the_workings_has_a_unit(copies, name):
    rows = copies[name].stored["Workings"]
    unit, figure = rows[3].index("Unit"), rows[3].index("Figure")
    assert [row[figure] for row in rows[4:] if not row[unit]] == []


@pytest.mark.parametrize("name", ["donor_faulty", "programme_faulty"])
def test_each_link_lands_on_the_cell_that_holds_the_amount(copies, name):
    assert links_land_where_the_amount_is(copies[name]) > 5


def links_land_where_the_amount_is(copy):
    """How many links there are to cells with a number; each leads to the one that is quoted."""
    held = openpyxl.load_workbook(copy.source, data_only=True)
    written = openpyxl.load_workbook(copy.path)
    if "Workings rows" not in written.sheetnames:  # no row enters any figure
        return 0
    rows = written["Workings rows"]
    stored = openpyxl.load_workbook(copy.path, data_only=True)["Workings rows"]
    live = 0
    for row in range(2, rows.max_row + 1):
        link = rows.cell(row, 2).hyperlink
        sheet, cell = link.location.rsplit("!", 1)
        there = held[sheet.strip("'").replace("''", "'")][cell].value
        if not isinstance(there, int | float):
            continue
        amount = rows.cell(row, 4)
        absolute = re.sub("([A-Z]+)", r"$\1$", cell)
        assert amount.value == f"={sheet}!{absolute}", row
        assert stored.cell(row, 4).value == there
        live += 1
    return live


def test_rows_go_on_in_a_further_sheet(copies):
    names = list(copies["split"].stored)
    assert [n for n in names if n.startswith("Workings rows")] == [
        "Workings rows",
        "Workings rows 2",
    ]
    one, split = copies["programme_faulty"].lines(), copies["split"].lines()
    assert one.keys() == split.keys()
    numbers = {key for key, value in one.items() if value != ""}
    assert all(close(one[key], split[key]) for key in numbers)


# --- What is not listed ---------------------------------------------------------------------------


def copy_of(path, **more):
    return Copy(path, pipeline.check(pipeline.Request(path, **more)))


def test_too_many_rows_are_not_listed_unasked_and_it_is_said(write):
    rows = [{"grant_id": f"G{n}", "amount": 100 + n} for n in range(30)]
    few = copy_of(write(grants=rows), max_workings=29)
    assert [n for n in few.stored if n.startswith("Workings")] == ["Workings"]
    assert "More than 29 rows enter these figures" in few.stored["Workings"][1][0]
    assert "--workings all" in few.stored["Workings"][1][0]
    assert few.lines(again=False)["LOC-01", (), "T"] == sum(range(100, 130))
    listed = copy_of(write(grants=rows), max_workings=None)
    assert len(listed.stored["Workings rows"]) == 31


def test_rows_of_a_restricted_companion_are_not_spread(tmp_path):
    path = tmp_path / "programme.xlsx"
    shutil.copy(SAMPLES / "programme_clean.xlsx", path)
    restricted = SAMPLES / "programme_clean_restricted.xlsx"
    copy = copy_of(path, companions=[restricted])
    assert "SAF-05" in copy.stored["Workings"][1][0]
    assert "SAF-05" not in {row[1] for row in copy.stored["Workings"][4:]}
    assert "CSO security" not in {row[0] for row in copy.stored["Workings rows"]}


def test_sums_of_nothing_are_plain_zeros(write):
    """An empty formula would make Excel repair the file."""
    copy = copy_of(write(grants=[{"grant_id": "G1", "amount": None, "pve_strand": "security"}]))
    assert copy.lines(again=False)["RES-01", (), "security"] == 0
    for row in openpyxl.load_workbook(copy.path)["Workings"].iter_rows():
        assert [cell.coordinate for cell in row if cell.value == "="] == []


def test_a_workbook_without_sums_says_so(write):
    copy = copy_of(write(settings={"reporting_currency": None}, organisations=None, convenings=[]))
    assert "Workings rows" not in copy.stored
    assert "No check of this workbook rests on a sum." in copy.stored["Workings"][4]


# --- Charts ---------------------------------------------------------------------------------------


def charts(path):
    """The title of each chart of the summary, and the numbers of its series by their names."""
    found = {}
    summary = openpyxl.load_workbook(path, data_only=True)["Summary"]
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/charts/chart"):
                xml = archive.read(name).decode()
                if "'Summary'" not in xml and "Summary!" not in xml:
                    continue
                title = re.search(r"<c:title>.*?<a:t>([^<]*)</a:t>", xml)[1]
                areas = re.findall(r"<c:f>(?:'Summary'|Summary)!([^<]*)</c:f>", xml)
                cells = [summary[area.replace("$", "")] for area in areas]
                plain = [
                    [c[0].value for c in a] if isinstance(a, tuple) else a.value for a in cells
                ]
                plain = [
                    [p] if n % 3 and not isinstance(p, list) else p for n, p in enumerate(plain)
                ]
                found[title] = {
                    plain[n]: dict(zip(plain[n + 1], plain[n + 2], strict=True))
                    for n in range(0, len(plain), 3)
                }
    return found


def test_the_charts_show_the_numbers_of_the_json(copies):
    copy = copies["programme_faulty"]
    drawn, seen = charts(copy.path), copy.assessment
    findings = drawn["Findings by family and severity"]
    for severity in Severity:
        shown = sum(findings[f"{severity.value.capitalize()}s"].values())
        assert shown == seen.counts()[severity]
    money = drawn["How the money reaches local independent organisations"]
    figures = {r.check.id: r.figures for r in seen.results}["LOC-01"]
    assert close(
        money["Straight to local organisations"]["This portfolio"] * figures["T"], figures["D"]
    )
    assert close(money["Through one intermediary"]["This portfolio"] * figures["T"], figures["I1"])
    assert money["Benchmark: at least"]["Benchmark"] == 0.25
    pay = drawn["Police pay by rank, against the living wage"]
    assert pay["Pay below the living wage"]["Constable, PU-01"] == 260
    assert pay["Living wage"]["Constable, PU-01"] == 300
    months = drawn["How long grants to civil society last"]
    assert months["Longer"]["over 27 to 30"] == 2


def test_what_is_not_known_of_the_money_differs_from_the_benchmark_without_colour(copies):
    with zipfile.ZipFile(copies["programme_faulty"].path) as package:
        names = [n for n in package.namelist() if n.startswith("xl/charts/chart")]
        texts = [package.read(n).decode() for n in names]
    (money,) = [t for t in texts if "How the money reaches" in t]
    series = re.findall(r"<c:ser>.*?</c:ser>", money, re.DOTALL)
    assert sum("pattFill" in one for one in series) == 1
    fills = [re.search(r"srgbClr val=\"(\w+)\"", one)[1] for one in series]
    assert len(series) == 5 and len(set(fills)) == 5


def test_a_sheet_of_two_kinds_of_rows_and_a_gap_that_is_open_are_told_as_such(tmp_path):
    path = tmp_path / "cbpf.csv"
    path.write_text(
        "PFId,PrjCode,OrgNm,OrgTypeId,AStrDt,AEndDt,PrgBdg\n"
        "15,P-1,Hope,1,1/1/2019 12:00:00 AM,12/31/2019 12:00:00 AM,1000\n"
        "15,P-2,Aid,2,1/1/2019 12:00:00 AM,12/31/2019 12:00:00 AM,9000\n"
    )
    workbook = openpyxl.load_workbook(copy_of(path).path)
    cells = {row[0].value: row for row in workbook["Summary"].iter_rows() if row[0].value}
    assert cells["Sheets read"][1].value == "cbpf (2 rows of Grants, 2 rows of Organisations)"
    (share,) = [row for name, row in cells.items() if name.startswith("LOC-01: At least")]
    assert share[6].value == "undetermined" and share[5].value is None
    facts = {
        (row[0], row[1]): row[2]
        for row in workbook["Provenance"].iter_rows(values_only=True)
        if row[0] == "Sheet cbpf"
    }
    assert "(read as " in facts["Sheet cbpf", "Columns recognised"]
    assert facts["Sheet cbpf", "Recognised as"] in ("Grants", "Organisations")


def test_the_band_of_three_to_six_months_stands_out(write):
    ends = {"G1": "2024-03-30", "G2": "2024-03-31", "G3": "2024-06-30", "G4": "2024-07-01"}
    rows = [{"grant_id": g, "end": end} for g, end in ends.items()]
    months = charts(copy_of(write(grants=rows)).path)["How long grants to civil society last"]
    assert months["Shorter still"]["under 3"] == 1
    assert months["3 to 6 months: the brief's concern"]["3 to 6"] == 2
    assert months["Longer"]["over 6 to 9"] == 1


def test_a_chart_without_numbers_is_left_out(write):
    titles = set(charts(copy_of(write(grants="grant_id\nG1")).path))
    assert "Police pay by rank, against the living wage" not in titles
    assert "How the money reaches local independent organisations" in titles
    empty = copy_of(write(settings={}, organisations=None, convenings="event_id\nE1"))
    assert not set(charts(empty.path)) - {"Findings by family and severity"}


# --- On paper, and in numbers ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["donor_faulty", "programme_faulty"])
def test_the_key_figures_begin_a_printed_page(copies, name):
    summary = openpyxl.load_workbook(copies[name].path)["Summary"]
    (row,) = [cell.row for cell in summary["A"] if cell.value == "Key figures"]
    assert row - 1 in [at.id for at in summary.row_breaks.brk]


@pytest.mark.parametrize("name", ["donor_faulty", "programme_faulty"])
def test_no_table_of_a_charts_numbers_is_torn_by_a_page(copies, tmp_path, soffice, name):
    if shutil.which("pdftotext") is None:
        pytest.skip("poppler is not on this machine")
    only = tmp_path / "summary.xlsx"
    with zipfile.ZipFile(copies[name].path) as old, zipfile.ZipFile(only, "w") as new:
        for part in old.namelist():
            data = old.read(part)
            if part == "xl/workbook.xml":
                data = data.replace(b' state="hidden"', b"")
                data = re.sub(rb'<sheet (?!name="Summary")', b'<sheet state="hidden" ', data)
            new.writestr(part, data)
    text = subprocess.run(
        ["pdftotext", "-layout", soffice(only, "pdf"), "-"], check=True, capture_output=True
    ).stdout.decode()
    pages = text.split("\f")
    for title, last in (
        ("How long grants to civil society last", "over 36"),
        ("How the money reaches local independent organisations", "This portfolio, EUR"),
    ):
        (page,) = [page for page in pages if f"Numbers of the chart “{title}”" in page]
        assert last in page.split(title)[-1]


def test_a_threshold_that_the_workbook_gives_is_said_to_be_the_donors(copies):
    """And not that of the source, which gives another or none."""
    checks = copies["donor_faulty"].stored["Checks"]
    basis, check = checks[0].index("Basis"), checks[0].index("Check")
    said = {row[check]: row[basis] for row in checks[1:]}
    assert said["LOC-02"] == "set by the donor"
    assert said["LOC-01"] == "a cited source"
    assert said["DUR-01"] == "the brief"


def test_a_share_among_the_findings_is_a_percentage_and_a_gap_in_events_is_whole(copies):
    rows = openpyxl.load_workbook(copies["programme_faulty"].path)["Findings"]
    heads = [cell.value for cell in rows[1]]
    check, value, gap = map(heads.index, ("Check", "Value found", "Difference"))
    (row,) = [row for row in rows.iter_rows(min_row=2) if row[check].value == "CON-04"]
    assert (row[value].value, row[value].number_format) == (0.75, "0.00%")
    assert row[gap].value == "1 event over"


def test_a_threshold_is_said_with_its_unit(copies):
    said = " ".join(
        str(cell) for row in copies["programme_faulty"].stored["Checks"] for cell in row
    )
    assert "pay.arrears_error_months = 1 month:" in said
    assert "loc.direct_min_pct = 5% of value:" in said
