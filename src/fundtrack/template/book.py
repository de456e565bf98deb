"""The workbook itself: one sheet after the other, their headings, lists, rules, marks and notes.

Every sheet of rows is an Excel table over more rows than it holds, so that formats and formulas are
there before the data is. Nothing is merged or locked. The same content gives the same bytes.
"""

from __future__ import annotations

import datetime as dt
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from fundtrack import rules, schema
from fundtrack.model import YEARS_AHEAD
from fundtrack.ooxml import quoted
from fundtrack.report.sheets.page import MADE
from fundtrack.schema import EXAMPLE, Field, TableSchema
from fundtrack.template import entry, hidden, live, pack, words
from fundtrack.template.formulas import (
    DAYS,
    LOOK,
    MONTHS,
    Places,
    days_in,
    months_in,
    parameter,
    term,
)
from fundtrack.template.row_words import WATCHED, row_words

ROWS = 1200  # rows with formulas ready; a template that is filled gets more where it needs them
PAGE = 200  # how wide the columns of one printed page may be together
SPARE = 200  # rows left below data that a template is filled with
LIVE, README, CODES, LISTS = "Live summary", "Read me", "Codes", "Lists"
TERMS = ("grants", "subgrants")  # sheets whose months are worked out beside their dates
END = {"grants": "planned_end_date", "subgrants": "planned_end_date"}

DARK, MIDDLE, PALE = "#1F3864", "#8497B0", "#DDE3EC"  # needed, needed at times, may stay blank
AMBER, ORANGE, RED = "#FFE699", "#F4B183", "#C00000"
GREY = "#7F7F7F"


@dataclass(frozen=True)
class Content:
    """What a template is filled with: for each table its rows, and what could not be moved."""

    rows: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    source: str = ""  # the file that it comes from
    left: Sequence[str] = ()  # what was left behind, in sentences
    questions: Sequence[tuple[str, str, str]] = ()  # sheet, heading, what is missing


def build(
    kind: str,
    tables: Sequence[TableSchema],
    content: Content | None = None,
    rows: int | None = None,
) -> bytes:
    """The bytes of a template of these tables, empty but for one example row a sheet.

    `rows` is how many rows have their formulas ready: ROWS, or what the content needs and some to
    spare, unless given.
    """
    content = content or Content()
    longest = max((len(held) for held in content.rows.values()), default=0)
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as target:
        made = _Book(target, kind, tables, content, rows or max(ROWS, longest + SPARE))
        made.write()
    parts = {f"xl/worksheets/sheet{n}.xml": letters for n, letters in made.repeated.items()}
    bare = f"xl/worksheets/sheet{max(made.repeated)}.xml"  # Workings is the last sheet
    return pack.shared(buffer.getvalue(), parts, bare, made.rows, made.growing)


@dataclass(frozen=True)
class _Column:
    """A column of a sheet: of a field, or one that is worked out."""

    heading: str
    field: Field | None
    width: float


class _Book:
    """The workbook in the making."""

    def __init__(
        self,
        target: xlsxwriter.Workbook,
        kind: str,
        tables: Sequence[TableSchema],
        content: Content,
        rows: int,
    ) -> None:
        self.target, self.kind, self.content, self.rows = target, kind, content, rows
        self.settings = next(t for t in tables if t.orientation == "settings")
        self.tables = [t for t in tables if t.orientation == "rows"]
        self.formats: dict[str, Any] = {}
        self.growing: dict[str, dict[str, str]] = {}  # table -> heading -> formula of new rows
        self.repeated: dict[int, list[str]] = {}  # number of a sheet -> its columns of formulas
        self.columns = {t.name: self._columns(t) for t in self.tables}
        letters = {
            name: {
                (c.field.name if c.field else c.heading): xl_col_to_name(i)
                for i, c in enumerate(columns)
            }
            for name, columns in self.columns.items()
        }
        sheets = {t.name: t.sheet for t in self.tables}
        self.places = Places(letters, sheets, rows)
        self.workings = hidden.workings(self.places)
        self.lists: dict[str, str] = {}
        self.keys = {
            (table, name): f"ids_{table}" + ("" if name == schema.tables()[table].key else name)
            for t in self.tables
            for r in t.foreignKeys
            if (table := r.table) in sheets and (name := r.key)
        }

    def write(self) -> None:
        """Every sheet, in the order in which a person meets them."""
        book = self.target
        book.set_properties(
            {
                "title": f"fundtrack {self.kind} workbook",
                "comments": f"fundtrack template, {self.kind}, version {schema.version()}",
                "created": MADE,
            }
        )
        book.set_custom_property("fundtrack template", self.kind)
        book.set_custom_property("fundtrack template version", schema.version())
        book.set_calc_mode("auto")
        sheets = [README, LIVE, self.settings.sheet, *(t.sheet for t in self.tables)]
        made = {name: book.add_worksheet(name) for name in [*sheets, CODES, LISTS, "Workings"]}
        self._lists(made[LISTS])
        self._names()
        self._workings(made["Workings"])
        self._readme(made[README])
        self._settings(made[self.settings.sheet])
        for table in self.tables:
            self._table(made[table.sheet], table)
        self._codes(made[CODES])
        self._live(made[LIVE])
        made[README].activate()

    # Formats ------------------------------------------------------------------------------------

    def look(self, **properties: Any) -> Any:
        """One format for each set of properties."""
        base = {"font_name": "Calibri", "font_size": 11, "valign": "top"}
        key = repr(sorted(properties.items()))
        if key not in self.formats:
            self.formats[key] = self.target.add_format({**base, **properties})
        return self.formats[key]

    def cell_look(self, item: Field | None) -> Any:
        """How the cells of a field are shown. Codes and ids are text, so that 007 stays 007."""
        if item is None:
            return self.look(font_color=GREY)
        if item.type == "date":
            return self.look(num_format="yyyy-mm-dd", align="left")
        if item.type == "number" and item.unit.startswith(("currency", "per ")):
            return self.look(num_format="#,##0.00")
        if item.type in ("number", "integer", "percent"):
            return self.look()
        text = item.codelist or item.constraints.pattern or item.type == "yearmonth"
        return self.look(num_format="@" if text else "General", align="left", indent=1)

    def mark(self, **properties: Any) -> Any:
        """A format of a conditional format: only what differs."""
        key = "mark" + repr(sorted(properties.items()))
        if key not in self.formats:
            self.formats[key] = self.target.add_format(properties)
        return self.formats[key]

    # Sheets of rows -----------------------------------------------------------------------------

    def _columns(self, table: TableSchema) -> list[_Column]:
        found = []
        for item in table.fields:
            example = f"{EXAMPLE}{item.example}" if item.name == table.key else ""
            found.append(_Column(item.title, item, max(_width(item), len(example) + 2.0)))
            if table.name in TERMS and item.name == END[table.name]:
                found += [_Column(MONTHS, None, 13), _Column(DAYS, None, 12)]
        if table.name in WATCHED:
            found.append(_Column(LOOK, None, 46))
        return found

    def _layout(self, table: TableSchema, rows: Mapping[str, int] | None = None) -> entry.Layout:
        letters = self.places.letters.get(table.name, {})
        return entry.Layout(table, letters, self.lists, self.keys, rows or {})

    def _table(self, sheet: Any, table: TableSchema) -> None:
        columns, letters = self.columns[table.name], self.places.letters[table.name]
        formulas = self._formulas(table)
        data = list(self.content.rows.get(table.name, ()))
        filled = [_example(table), *data]
        for i, column in enumerate(columns):
            sheet.set_column(i, i, column.width, self.cell_look(column.field))
        sheet.add_table(
            0,
            0,
            self.rows,
            len(columns) - 1,
            {
                "name": f"table_{table.name}",
                "style": "Table Style Light 1",
                "banded_rows": False,
                "columns": [
                    {
                        "header": c.heading,
                        "header_format": self._heading_look(c.field),
                        "format": self.cell_look(c.field),
                    }
                    for c in columns
                ],
            },
        )
        self.growing[f"table_{table.name}"] = formulas
        self.repeated[sheet.index + 1] = [letters[heading] for heading in formulas]
        for i, column in enumerate(columns):
            if column.heading in formulas:
                look = self.cell_look(None)
                sheet.write_formula(1, i, formulas[column.heading], look, "")
                for r in range(2, self.rows + 1):  # a place for the formula (see `pack`)
                    sheet.write_number(r, i, 0, look)
            if column.field:
                for r, row in enumerate(filled, 1):
                    self._put(sheet, r, i, row.get(column.field.name), column.field)
            note = words.note(column.field) if column.field else words.NOTES[column.heading]
            sheet.write_comment(0, i, note, {"width": 260, "height": 26 + 17 * (len(note) // 34)})
        sheet.set_row(0, 62)
        sheet.freeze_panes(1, 1)
        last = f"{xl_col_to_name(len(columns) - 1)}{entry.LAST}"
        sheet.ignore_errors({"number_stored_as_text": f"A2:{last}"})
        layout = self._layout(table)
        for item in table.fields:
            self._rule(sheet, layout, item, f"{letters[item.name]}2:{letters[item.name]}")
        self._marks(sheet, layout, len(columns))
        wide = math.ceil(sum(c.width for c in columns) / PAGE)
        self._printed(sheet, landscape=True, wide=wide)
        sheet.repeat_rows(0)
        sheet.repeat_columns(0)
        if table.restricted:
            sheet.set_tab_color(RED)

    def _formulas(self, table: TableSchema) -> dict[str, str]:
        letters = self.places.letters[table.name]
        found = {}
        if table.name in TERMS:
            start, end = (
                f"INDEX(${letters[n]}:${letters[n]},ROW())"
                for n in ("planned_start_date", "planned_end_date")
            )
            found[MONTHS] = term(start, end, months_in(start, end))
            found[DAYS] = term(start, end, days_in(start, end))
        if LOOK in letters:
            found[LOOK] = row_words(table.name, self.places, self.workings)
        return found

    def _put(self, sheet: Any, row: int, column: int, value: Any, item: Field) -> None:
        look = self.cell_look(item)
        if value is None or value == "":
            return
        if isinstance(value, bool):
            sheet.write_boolean(row, column, value, look)
        elif isinstance(value, dt.date):
            sheet.write_datetime(row, column, value, look)
        elif isinstance(value, int | float):
            sheet.write_number(row, column, value, look)
        else:
            sheet.write_string(row, column, str(value), look)

    def _heading_look(self, item: Field | None) -> Any:
        wrap = {"bold": True, "text_wrap": True, "border": 1, "border_color": "#FFFFFF"}
        wrap |= {"align": "left", "indent": 1}
        if item is None:
            return self.look(**wrap, italic=True, font_color=GREY, bg_color="#F2F2F2")
        if item.constraints.required:
            return self.look(**wrap, font_color="#FFFFFF", bg_color=DARK)
        if item.requiredWhen:
            return self.look(**wrap, font_color="#FFFFFF", bg_color=MIDDLE)
        return self.look(**wrap, font_color="#1F3864", bg_color=PALE)

    def _rule(self, sheet: Any, layout: entry.Layout, item: Field, where: str) -> None:
        """The rule on the cells of a field, or the message alone. `where` lacks the last row."""
        rule = entry.rule(layout, item)
        options: dict[str, Any] = {
            "input_title": item.title[:32],
            "input_message": words.message(item),
            **(dict(rule.options) if rule else {"validate": "any"}),
        }
        if rule:
            options |= {
                "error_type": rule.style,
                "error_title": "Please look again",
                "error_message": rule.said[:255],
            }
        cells = where if layout.rows else f"{where}{entry.LAST}"
        sheet.data_validation(cells, options)

    def _marks(self, sheet: Any, layout: entry.Layout, width: int) -> None:
        last = xl_col_to_name(width - 1)
        letters, table = layout.letters, layout.plan
        example = f"NOT({entry.no_example(layout)})"
        sheet.conditional_format(
            f"A2:{last}{entry.LAST}",
            {
                "type": "formula",
                "criteria": f"={example}",
                "format": self.mark(italic=True, font_color=GREY),
            },
        )
        looks = {
            "missing": self.mark(bg_color="#FFF2CC", pattern=1),
            "wrong": self.mark(bg_color=RED, font_color="#FFFFFF", bold=True),
        }
        for name, kind, formula in entry.marks(layout):
            where = f"{letters[name]}2:{letters[name]}{entry.LAST}"
            rule = {"type": "formula", "criteria": f"={formula}", "format": looks[kind]}
            sheet.conditional_format(where, rule)
        if table.name in TERMS:
            self._months(sheet, layout)
        if LOOK in letters:
            where = f"{letters[LOOK]}2:{letters[LOOK]}{self.rows + 1}"
            test = f"=LEN(${letters[LOOK]}2)>0"
            rule = {
                "type": "formula",
                "criteria": test,
                "format": self.mark(bg_color=ORANGE, bold=True, font_color="#000000"),
            }
            sheet.conditional_format(where, rule)
            key = letters[table.key]  # frozen, so that it is seen wherever one types
            sheet.conditional_format(f"{key}2:{key}{self.rows + 1}", rule)

    def _months(self, sheet: Any, layout: entry.Layout) -> None:
        """Amber at six months, deeper towards three, red there: for civil society alone."""
        letters = layout.letters
        m, d = f"${letters[MONTHS]}2", f"${letters[DAYS]}2"
        told = f'ISNUMBER(SEARCH("months or less",${letters[LOOK]}2))'
        low, high = parameter("dur.band_low_months"), parameter("dur.short_months")
        steps = [
            (f"OR({m}<{low},AND({m}={low},{d}=0))", {"bg_color": RED, "font_color": "#FFFFFF"}),
            (f"{m}<({low}+{high})/2", {"bg_color": ORANGE, "font_color": "#000000"}),
            ("TRUE", {"bg_color": AMBER, "font_color": "#000000"}),
        ]
        where = f"{letters[MONTHS]}2:{letters[DAYS]}{self.rows + 1}"
        for test, look in steps:
            formula = f"=AND({told},{test})"
            rule = {
                "type": "formula",
                "criteria": formula,
                "format": self.mark(**look, bold=True),
                "stop_if_true": True,
            }
            sheet.conditional_format(where, rule)

    def _printed(self, sheet: Any, *, landscape: bool, wide: int = 1) -> None:
        if landscape:
            sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(wide, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        sheet.set_footer("&L&A&RPage &P of &N")

    # Settings -----------------------------------------------------------------------------------

    def _settings(self, sheet: Any) -> None:
        table = self.settings
        heads = ["Setting", "Value", "For example", "What it means"]
        options = {
            "name": "table_settings",
            "style": "Table Style Light 1",
            "banded_rows": False,
            "autofilter": False,
            "columns": [
                {"header": h, "header_format": self._heading_look(table.fields[0])} for h in heads
            ],
        }
        sheet.add_table(0, 0, len(table.fields), 3, options)
        for column, width in enumerate((28, 24, 16, 76)):
            sheet.set_column(column, column, width)
        rows = {item.name: i for i, item in enumerate(table.fields, 2)}
        given = {**(self.content.rows.get(table.name) or [{}])[0]}
        given |= {"workbook_type": self.kind, "schema_version": schema.version()}
        layout = self._layout(table, rows)
        wanted = self.look(bold=True)
        example = self.look(italic=True, font_color=GREY, align="left")
        for item in table.fields:
            r = rows[item.name] - 1
            required = item.constraints.required
            sheet.write_string(r, 0, item.title, wanted if required else self.look())
            self._put_setting(sheet, r, given.get(item.name), item)
            sheet.write_string(r, 2, str(item.example or ""), example)
            text = words.need(item) + " " + item.description
            sheet.write_string(r, 3, text, self.look(text_wrap=True))
            sheet.set_row(r, 15.5 * (1 + len(text) // 92))
            self._rule(sheet, layout, item, f"B{rows[item.name]}")
            if required:
                missing = {"type": "blanks", "format": self.mark(bg_color="#FFF2CC", pattern=1)}
                sheet.conditional_format(r, 1, r, 1, missing)
        for first, second in table.order:
            a, b = layout.cell(first), layout.cell(second)
            rule = {
                "type": "formula",
                "criteria": f"=AND(ISNUMBER({a}),ISNUMBER({b}),{b}<{a})",
                "format": self.mark(bg_color=RED, font_color="#FFFFFF", bold=True),
            }
            sheet.conditional_format(rows[second] - 1, 1, rows[second] - 1, 1, rule)
        sheet.freeze_panes(1, 0)
        self._printed(sheet, landscape=True)

    def _put_setting(self, sheet: Any, row: int, value: Any, item: Field) -> None:
        boxed = {"border": 1, "border_color": MIDDLE, "align": "left"}
        shown = "yyyy-mm-dd" if item.type == "date" else "@"
        look = self.look(**boxed, num_format=shown)
        if isinstance(value, dt.date):
            sheet.write_datetime(row, 1, value, look)
        elif value is None or value == "":
            sheet.write_blank(row, 1, None, look)
        else:
            sheet.write_string(row, 1, str(value), look)

    # Lists, names, workings ---------------------------------------------------------------------

    def _lists(self, sheet: Any) -> None:
        """Hidden: the long lists, the numbers in force, and the settings as the formulas want."""
        used = {f.codelist for t in (*self.tables, self.settings) for f in t.fields if f.codelist}
        columns: list[tuple[str, list[str], str]] = []
        for name in sorted(used):
            codes = list(schema.codelists()[name].codes)
            named = {"org_type": "l_org_type", "budget_category": "l_budget_category"}
            if entry.is_long(codes) or name in named:
                columns.append((name, codes, named.get(name, "")))
        extra = schema.codelists()["budget_category"].extra
        columns.append(("strand", [about["strand"] for about in extra.values()], "l_strand"))
        numbers = sorted(rules.thresholds())
        columns.append(("parameter", numbers, "l_parameter"))
        columns.append(("check_id", list(rules.catalogue()), ""))
        for i, (name, codes, known_as) in enumerate(columns):
            sheet.write_string(0, i, name)
            for r, code in enumerate(codes, 1):
                sheet.write_string(r, i, code)
            letter = xl_col_to_name(i)
            cells = f"={LISTS}!${letter}$2:${letter}${len(codes) + 1}"
            if entry.is_long(codes):
                self.lists[name] = cells
            if known_as:
                self.target.define_name(known_as, cells)
        self._numbers(sheet, len(columns), numbers)
        self._facts(sheet, len(columns) + 2)
        sheet.hide()

    def _numbers(self, sheet: Any, column: int, numbers: Sequence[str]) -> None:
        """Each number of the checks: the one of the sheet Thresholds, else its default."""
        known = rules.thresholds()
        letters = self.places.letters["thresholds"]
        given = f"INDEX(Thresholds!${letters['value']}:${letters['value']},"
        asked = f"Thresholds!${letters['parameter']}:${letters['parameter']}"
        sheet.write_string(0, column, "in force")
        for r, name in enumerate(numbers, 1):
            default = known[name].value
            otherwise = '""' if default is None else f"{default:.15g}"
            found = f'{given}MATCH("{name}",{asked},0))'
            number = f"{found}+0"
            if "%" in known[name].unit:  # a cell that shows 30% holds 0.3; text may end with it
                shown = f'IFERROR(CELL("format",{found}),"")'  # Google Sheets does not tell it
                number = f'IF(LEFT({shown},1)="P",100,1)*{found}'
                number = f'IF(RIGHT({found},1)="%",SUBSTITUTE({found},"%","")+0,{number})'
            formula = f'=IFERROR(IF({found}="",{otherwise},{number}),{otherwise})'
            sheet.write_formula(r, column, formula, None, "")
            cell = f"={LISTS}!${xl_col_to_name(column)}${r + 1}"
            self.target.define_name(parameter(name), cell)

    def _facts(self, sheet: Any, column: int) -> None:
        rows = {f.name: i for i, f in enumerate(self.settings.fields, 2)}

        def cell(name: str) -> str:
            return f"{quoted(self.settings.sheet)}!$B${rows[name]}"

        def text(name: str) -> str:
            return f'TRIM({cell(name)}&"")'

        start, end, today = cell("period_start"), cell("period_end"), cell("reference_date")
        served = f'UPPER(SUBSTITUTE(SUBSTITUTE({text("recipient_countries")}," ",""),";",","))'
        formulas = {
            "ft_currency": f"=UPPER({text('reporting_currency')})",
            "ft_start": f"=IF(ISNUMBER({start}),INT({start}),0)",
            "ft_end": f"=IF(ISNUMBER({end}),INT({end}),2958465)",
            "ft_latest": f"=IF(ISNUMBER({end}),EDATE(INT({end}),{12 * YEARS_AHEAD}),2958465)",
            "ft_today": f'=IF(ISNUMBER({today}),INT({today}),"")',
            "ft_served": f'=IF({served}="","",","&{served}&",")',
            "ft_unknown": f"=LOWER({text('treat_unknown_affiliation_as')})",
            "ft_basis": f"=LOWER({text('value_basis')})",
        }
        for r, (name, formula) in enumerate(formulas.items(), 1):
            sheet.write_string(r, column, name)
            sheet.write_formula(r, column + 1, formula, None, "")
            self.target.define_name(name, f"={LISTS}!${xl_col_to_name(column + 1)}${r + 1}")

    def _names(self) -> None:
        """For each key that others name: its entries, without the example and the blank rest."""
        for (table, name), known_as in self.keys.items():
            sheet = quoted(self.places.sheets[table])
            letter = self.places.letters[table][name]
            first = self.places.letters[table][schema.tables()[table].key]
            example = f'LEFT({sheet}!${first}$2,{len(EXAMPLE)})="{EXAMPLE}"'
            count = f"COUNTA({sheet}!${letter}$2:${letter}${entry.LAST})-IF({example},1,0)"
            formula = f"=OFFSET({sheet}!${letter}$1,IF({example},2,1),0,MAX(1,{count}),1)"
            self.target.define_name(known_as, formula)

    def _workings(self, sheet: Any) -> None:
        formulas = self.workings.formulas
        for column, (name, formula) in enumerate(formulas.items()):
            sheet.write_string(0, column, name)
            sheet.write_formula(1, column, formula, None, "")
        self.repeated[sheet.index + 1] = [xl_col_to_name(i) for i in range(len(formulas))]
        sheet.hide()

    # What is read -------------------------------------------------------------------------------

    def _readme(self, sheet: Any) -> None:
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 96)
        looks = {
            "title": self.look(bold=True, font_size=20, font_color=DARK),
            "head": self.look(bold=True, font_size=13, font_color=DARK, bottom=1),
            "left": self.look(bold=True, text_wrap=True),
            "text": self.look(text_wrap=True),
            "warn": self.look(text_wrap=True, bold=True, font_color=RED),
        }
        tables = [self.settings, *self.tables]
        lines = words.readme(self.kind, tables, self.content, self.rows)
        legend = {
            words.REQUIRED: self._heading_look(self.settings.fields[0]),
            words.SOMETIMES: self.look(bold=True, font_color="#FFFFFF", bg_color=MIDDLE),
            words.OPTIONAL: self.look(bold=True, font_color=DARK, bg_color=PALE),
            words.WORKED: self.look(italic=True, bold=True, font_color=GREY, bg_color="#F2F2F2"),
        }
        for r, (style, left, text) in enumerate(lines):
            if style in ("title", "head"):
                sheet.write_string(r, 0, left, looks[style])
                if style == "head":
                    sheet.write_blank(r, 1, None, looks[style])
                sheet.set_row(r, 30 if style == "title" else 22)
                continue
            if any(left == t.sheet for t in tables):
                sheet.write_url(r, 0, f"internal:{quoted(left)}!A1", looks["left"], left)
            else:
                sheet.write_string(r, 0, left, legend.get(left, looks["left"]))
            sheet.write_string(r, 1, text, looks["warn" if style == "warn" else "text"])
            sheet.set_row(r, 15.5 * max(1 + len(text) // 100, 1 + len(left) // 26))
        self._printed(sheet, landscape=False)

    def _codes(self, sheet: Any) -> None:
        used = [f.codelist for t in (self.settings, *self.tables) for f in t.fields if f.codelist]
        rows = [
            (codes.title, code, meaning)
            for codes in (schema.codelists()[name] for name in dict.fromkeys(used))
            for code, meaning in codes.codes.items()
        ]
        heads = ["List", "Code to write", "What it means"]
        look = self._heading_look(self.settings.fields[0])
        sheet.add_table(
            0,
            0,
            len(rows),
            2,
            {
                "name": "table_codes",
                "style": "Table Style Light 1",
                "banded_rows": False,
                "columns": [{"header": h, "header_format": look} for h in heads],
            },
        )
        for column, width in enumerate((34, 20, 80)):
            sheet.set_column(column, column, width)
        text = self.look(num_format="@")
        for r, row in enumerate(rows, 1):
            for c, value in enumerate(row):
                sheet.write_string(r, c, value, text)
        sheet.freeze_panes(1, 0)
        sheet.ignore_errors({"number_stored_as_text": f"B2:B{len(rows) + 1}"})
        self._printed(sheet, landscape=False)
        sheet.repeat_rows(0)

    # The live summary ---------------------------------------------------------------------------

    def _live(self, sheet: Any) -> None:
        sheet.hide_gridlines(2)
        for column, width in enumerate((44, 10, 10, 10, 60, 16, 16, 16, 16, 16)):
            sheet.set_column(column, column, width)
        bold = self.look(bold=True, font_size=20, font_color=DARK)
        sheet.write_string(0, 0, "Live summary", bold)
        sheet.set_row(0, 30)
        sheet.write_string(1, 0, words.LIVE_LINE, self.look(font_color=GREY))
        head = self.look(bold=True, text_wrap=True, font_color="#FFFFFF", bg_color=DARK, border=1)
        side = self.look(bold=True, text_wrap=True, font_color=DARK, bg_color=PALE, border=1)
        for c, text in enumerate(words.LIVE_HEADS):
            sheet.write_string(3, c, text, head if c < 5 else side)
        sheet.set_row(3, 34)
        figures = live.figures(self.workings)
        share = self.look(num_format="0.0%", bold=True, border=1, border_color=PALE)
        money = self.look(num_format="#,##0", font_color=GREY)
        line = self.look(text_wrap=True, border=1, border_color=PALE, align="left", indent=1)
        for r, figure in enumerate(figures, 4):
            sheet.set_row(r, 34)
            sheet.write_string(r, 0, f"{figure.label} ({figure.check})", line)
            for c, formula in enumerate(live.line(figure, r + 1, self.workings), 1):
                look = share if c < 4 else line if c == 4 else money
                sheet.write_formula(r, c, formula, look, "")
        first, last = 5, 4 + len(figures)
        colours: dict[str, dict[str, Any]] = {
            "met": {"bg_color": "#E2EFDA"},
            "not": {"bg_color": RED, "font_color": "#FFFFFF", "bold": True},
            "open": {"bg_color": AMBER},
        }
        for text, reading in words.READINGS.items():
            rule = {
                "type": "formula",
                "criteria": f'=LEFT($E{first},{len(text)})="{text}"',
                "format": self.mark(**colours[reading]),
            }
            sheet.conditional_format(f"E{first}:E{last}", rule)
        r = last + 1
        for c, text in enumerate(words.LOOK_HEADS):
            sheet.write_string(r, c, text, head)
        for table in self.tables:
            letters = self.places.letters[table.name]
            if LOOK in letters:
                r += 1
                sheet.write_url(r, 0, f"internal:{quoted(table.sheet)}!A1", line, table.sheet)
                cells = f"{quoted(table.sheet)}!${letters[LOOK]}$2:${letters[LOOK]}"
                formula = f'=COUNTIF({cells}${self.rows + 1},"?*")'
                sheet.write_formula(r, 1, formula, line, "")
        key = [
            f"COUNTA({quoted(t.sheet)}!$A${self.rows + 2}:$A${entry.LAST * 4})" for t in self.tables
        ]
        r += 2
        sheet.write_string(r, 0, words.BEYOND.format(last=self.rows + 1), self.look(text_wrap=True))
        sheet.set_row(r, 64)
        sheet.write_formula(r, 1, f"={'+'.join(key)}", line, "")
        self.target.define_name("ft_beyond", f"='{LIVE}'!$B${r + 1}")
        self._printed(sheet, landscape=True)


def _example(table: TableSchema) -> dict[str, Any]:
    """The example row: the schema's examples, its key marked so that it is never read."""
    row: dict[str, Any] = {f.name: f.example for f in table.fields}
    row[table.key] = f"{EXAMPLE}{row[table.key]}"
    return row


def _width(item: Field) -> float:
    kind = {"date": 13, "number": 15, "integer": 12, "percent": 12, "yearmonth": 11}
    least = kind.get(item.type, 15 if item.codelist or item.constraints.pattern else 26)
    return float(max(least, max(len(word) for word in item.title.split()) + 4))
