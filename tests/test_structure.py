"""The house keeps its own rules: rooms, one place for each fact, the specification's tables."""

import ast
import csv
import re
from pathlib import Path

import pytest

import fundtrack
from fundtrack import columns, rules, schema, settings, validate
from fundtrack.model import Basis, Severity
from fundtrack.rules.sources import SOURCES

PACKAGE = Path(fundtrack.__file__).parent
SHARED = Path(__file__).parents[2] / "shared"
SPEC = SHARED / "spec"
with_spec = pytest.mark.skipif(
    not SPEC.is_dir(), reason="the specification is not beside the checkout"
)

# Who may be imported by whom: a module only sees those in rows above its own.
LAYERS = [
    {"model", "grid", "__init__"},
    {"words", "schema", "bounds", "history"},
    {"archive", "readers"},
    {"ooxml", "apart"},
    {"extent", "digest"},
    {"read", "money", "months", "sums", "words_by_row", "scale"},
    {"cells", "sheets"},
    {"layouts"},
    {"columns", "validate", "book", "trail"},
    {"settings", "verdicts"},
    {"flows"},
    {"budgets", "headcount"},
    {"engaged"},
    {"rules"},
    {"evaluate", "workings"},
    {"ledger"},
    {"report"},
    {"copies"},
    {"accountability", "template"},
    {"pages", "pipeline"},
    {"console"},
    {"several", "options"},
    {"cli"},
    {"__main__"},
]
# Each outside library has one home.
HOMES = {
    "python_calamine": {"readers"},
    "msoffcrypto": {"readers"},
    "psutil": {"apart", "report"},
    "pandera": {"validate"},
    "xlsxwriter": {"report", "template"},
    "lxml": {"ooxml", "report"},
    "yaml": {"schema"},
    "click": {"cli", "console", "options"},
    "sqlalchemy": {"ledger"},
    "psycopg": set(),
    "openpyxl": set(),
}


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        yield path, room, ast.parse(path.read_text(encoding="utf-8"))


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_point_one_way():
    rank = {name: i for i, layer in enumerate(LAYERS) for name in layer}
    wrong = []
    for path, room, tree in modules():
        for name in imports(tree):
            parts = name.split(".")
            ours = parts[0] == "fundtrack" and len(parts) > 1 and parts[1] in rank
            if ours and parts[1] != room and rank[parts[1]] >= rank[room]:
                wrong.append(f"{path.name} imports {name}")
    assert wrong == []


def test_the_parts_of_a_package_know_nothing_of_the_report_made_from_them():
    wrong = [
        f"{path.name} imports {name}"
        for path, room, tree in modules()
        for name in imports(tree)
        if path.parent.name == "parts" and name.startswith("fundtrack.report.")
        if not name.startswith("fundtrack.report.parts")
    ]
    assert wrong == []


def test_each_library_has_one_home():
    wrong = [
        f"{path.name} imports {name}"
        for path, room, tree in modules()
        for name in imports(tree)
        if name.split(".")[0] in HOMES and room not in HOMES[name.split(".")[0]]
    ]
    assert wrong == []


def test_no_check_is_longer_than_a_screen():
    long = []
    for path, room, tree in modules():
        if room == "rules":
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno > 70:
                    long.append(
                        f"{path.name}:{node.name} has {node.end_lineno - node.lineno} lines"
                    )
    assert long == []


def test_the_clock_is_read_only_for_the_day_of_the_run():
    readers = {
        path.name
        for path, _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("now", "today", "utcnow", "time_ns")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("datetime", "date", "time", "dt", "pd")
    }
    assert readers <= {"cli.py"}


def test_every_field_that_a_check_names_is_in_a_schema():
    for check in rules.catalogue().values():
        for table, fields in [*check.needs.items(), *check.weighs.items()]:
            for field in fields:
                for name in field.split("|"):
                    schema.tables()[table].field(name)  # KeyError where it is not


def test_every_check_says_why_how_to_fix_it_and_gives_an_example():
    for check in rules.catalogue().values():
        text = check.run.__doc__
        assert [w for w in ("Why:", "Fix:", "Out of scope:", "Example:") if w not in text] == [], (
            check.id
        )


def test_two_fields_of_a_table_never_share_a_heading():
    for table in schema.tables().values():
        seen = {}
        for field in table.fields:
            for spelling in field.spellings:
                assert seen.setdefault(spelling, field.name) == field.name, (table.name, spelling)


def test_every_fault_of_the_schemas_can_be_explained():
    said = {w.check for w in validate.WORDS.values()}
    for module in (columns, settings):
        source = Path(module.__file__).read_text(encoding="utf-8")
        said |= set(re.findall(r'"(SCH-[a-z-]+)"', source))
    assert {name for name in said if name.startswith("SCH-")} == set(validate.CONSTRAINTS)


def test_every_source_that_is_cited_is_known_and_was_read():
    for threshold in rules.thresholds().values():
        for cite in threshold.cite:
            assert cite in SOURCES or cite.startswith("brief, p. "), threshold.parameter
            assert "memory" not in (SOURCES[cite].status if cite in SOURCES else "")


# --- Against the specification's own tables -------------------------------------------------------


def table(name):
    with (SPEC / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@with_spec
@pytest.mark.parametrize("check", rules.catalogue().values(), ids=lambda c: c.id)
def test_a_check_is_the_one_of_the_specification(check):
    spec = {row["id"]: row for row in table("checks.csv")}[check.id]
    assert check.name == spec["name"]
    assert check.scope == spec["scope"]
    assert str(check.tier) == spec["tier"]
    assert check.origin == spec["origin"]
    assert check.severity is Severity(re.match(r"\w+", spec["severity"]).group())
    assert bool(check.severity_note) == (spec["severity"] != check.severity.value) or check.id in (
        "DAT-04",
    )
    assert (check.brief.place if check.brief else "—") == spec["place"]
    assert (check.brief.quote if check.brief else "—") == spec["quote"]


@with_spec
@pytest.mark.parametrize("threshold", rules.thresholds().values(), ids=lambda t: t.parameter)
def test_a_number_is_the_one_of_the_specification(threshold):
    spec = {row["parameter"]: row for row in table("thresholds.csv")}[threshold.parameter]
    assert threshold.value == (
        float(spec["value"]) if re.fullmatch(r"[\d.]+", spec["value"]) else None
    )
    basis = {
        "from the brief": Basis.BRIEF,
        "from a cited source": Basis.SOURCE,
        "house default, donor must confirm": Basis.HOUSE,
        # What nobody has read again is called a house default until somebody has.
        "from a cited source, number from memory, unverified": Basis.HOUSE,
    }[spec["class"]]
    assert threshold.basis is basis
    cited = set(re.findall(r"S\d\d", spec["sources"]))
    assert {c for c in threshold.cite if c in SOURCES} == cited


@with_spec
def test_every_quotation_stands_in_the_brief():
    brief = " ".join((SHARED / "brief.txt").read_text(encoding="utf-8").split())
    for check in rules.catalogue().values():
        if check.brief:
            assert check.brief.quote in brief, check.id
            assert len(check.brief.quote.split()) <= 25, check.id


TYPES = {
    "text": "string",
    "id": "string",
    "code": "string",
    "money": "number",
    "number": "number",
    "integer": "integer",
    "percent": "percent",
    "date": "date",
    "month": "yearmonth",
    "number or text": "string",
}
OURS = {
    ("grants", "planned_duration_months"),
    ("settings", "treat_unknown_affiliation_as"),
}  # interfaces.md


@with_spec
@pytest.mark.parametrize("plan", schema.tables().values(), ids=lambda t: t.name)
def test_a_schema_has_the_columns_of_the_specification(plan):
    spec = [row for row in table("fields.csv") if row["sheet"] == plan.name]
    mine = [f for f in plan.fields if (plan.name, f.name) not in OURS]
    assert [f.name for f in mine] == [row["field"] for row in spec]
    for field, row in zip(mine, spec, strict=True):
        where = f"{plan.name}.{field.name}"
        assert field.title == row["header"], where
        assert field.type == TYPES[row["type"]], where
        assert field.constraints.required == (row["required"] == "R"), where
        assert bool(field.requiredWhen) == row["required"].startswith("C"), where
        reference = row["foreign_key"].split(".")
        free = where == "police_cover.unit_id"  # it may also be the word ALL; BEN-01 reads it
        if len(reference) == 2 and reference[0] in schema.tables() and not free:
            assert (field.name, *reference) in {
                (r.field, r.table, r.key) for r in plan.foreignKeys
            }, where


@with_spec
def test_the_budget_categories_are_those_of_the_specification():
    ours = schema.codelists()["budget_category"]
    spec = {row["code"]: row["default_strand"] for row in table("budget_categories.csv")}
    assert {code: ours.extra[code]["strand"] for code in ours.codes} == spec
