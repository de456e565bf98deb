"""What one sheet holds: where its headings stand, which rows below them are data, and their cells.

Title blocks, several rows of headings, merged groups, notes, totals and blank rows are told apart
here, for workbooks in our own terms and for known exports alike.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fundtrack import scale
from fundtrack.grid import Cell, Grid, is_blank
from fundtrack.model import Part, SheetFacts
from fundtrack.ooxml import column_letter
from fundtrack.read import Workbook
from fundtrack.schema import EXAMPLE, Field, TableSchema, fold

HEADER_ROWS = 30  # a heading further down than this is not looked for
NEAR = 0.85  # how alike two spellings are before we ask “did you mean”
EXAMPLES = "example rows of the template"  # why such rows are skipped
TOTAL = re.compile(
    r"((grand|sub|sous|zwischen)[ -]?)?(total(s|e|es)?|totaux)\b\W*( .*)?"
    r"|(zwischen)?sum(me|a)?|gesamt(summe)?|ensemble",
    re.I,
)
_TOTALS_BEGIN = {"tot", "gra", "sub", "sou", "zwi", "sum", "ges", "ens", EXAMPLE[:3].casefold()}
TOTAL_LAST = re.compile(r".{1,40}\W(sub[ -]?)?totals?\W*", re.I)  # “NGO subtotal:”, in a key only


@dataclass(frozen=True)
class Heading:
    """The headings of a sheet: `fields` by column from 0, and what else stands among them."""

    row: int  # from 0: the row in which most headings are known
    fields: Mapping[int, str]
    texts: Mapping[int, str] = field(default_factory=dict)  # as written, groups included
    ignored: Sequence[tuple[int, str]] = ()
    near: Sequence[tuple[int, str, Field]] = ()
    twice: Sequence[tuple[str, list[int]]] = ()
    scaled: Sequence[tuple[int, str, Field, int]] = ()  # says “in thousands”: not read
    titled: tuple[int, int, str, int] | None = None  # a title that says so: where, what, factor
    last: int = -1  # the last row of headings, where there are several

    @property
    def body(self) -> int:
        """The first row below the headings, from 0."""
        return max(self.row, self.last) + 1


# --- Headings -------------------------------------------------------------------------------------


def heading(grid: Grid, table: TableSchema) -> Heading | None:
    """The first row in which enough headings of the table are recognised, None where none is."""
    spellings = {s: f for f in reversed(table.fields) for s in f.spellings}
    enough = min(3, len(table.fields) - 1)
    for number, row in enumerate(grid.rows[:HEADER_ROWS]):
        if len({spellings[t].name for t in _folded(row) if t in spellings}) >= enough:
            return _sorted_out(grid, number, table, spellings)
    for number in range(1, min(HEADER_ROWS, len(grid.rows))):  # only known together with its group
        texts = _stacked(grid, number - 1, number)
        known = {spellings[fold(t)].name for t in texts.values() if fold(t) in spellings}
        if len(known) >= enough:
            return _sorted_out(grid, number, table, spellings)
    return None


def _folded(row: Sequence[Cell]) -> list[str]:
    return [fold(v) for v in row if isinstance(v, str)]


def _texts(row: Sequence[Cell]) -> dict[int, str]:
    return {c: v for c, v in enumerate(row) if isinstance(v, str) and fold(v)}


def _sorted_out(
    grid: Grid, number: int, table: TableSchema, spellings: Mapping[str, Field]
) -> Heading:
    texts = _texts(grid.rows[number])
    known = {c: spellings[fold(t)] for c, t in texts.items() if fold(t) in spellings}
    more = _goes_on(grid, number, table, known)
    last = number + 1 if more else number
    if more == "units":
        return _heading(grid, number, last, texts, known, table, _texts(grid.rows[last]))
    if more:
        below = _texts(grid.rows[last])
        together = _stacked(grid, number, last)
        over = _groups(grid, number)
        texts |= together
        known |= {
            c: spellings[fold(t)]
            for c, t in below.items()
            if fold(t) in spellings and fold(over.get(c, "")) not in spellings
        }
    else:
        together = _stacked(grid, number - 1, number) if number else {}
        above = _texts(grid.rows[number - 1]) if number else {}
        for column in set(above) - set(texts):  # a heading merged over both rows
            if fold(above[column]) in spellings:
                texts[column] = above[column]
                known[column] = spellings[fold(above[column])]
    both = {c: spellings[fold(t)] for c, t in together.items() if fold(t) in spellings}
    known |= both
    if more:
        known |= _under(grid, number, last, known, spellings)
    for name in {f.name for f in both.values()}:  # “Planned dates: Start” wins over a mere “Start”
        for column in [c for c, f in known.items() if f.name == name and c not in both]:
            if column in together:
                del known[column]
    texts |= {c: together[c] for c in both}
    groups = _groups(grid, number) if more else {}
    return _heading(grid, number, last, texts, known, table, groups)


def _under(
    grid: Grid, number: int, last: int, known: Mapping[int, Field], spellings: Mapping[str, Field]
) -> dict[int, Field]:
    """Columns whose own heading says nothing, such as “EUR”, under a group that is known."""
    groups = _groups(grid, number)
    below = _texts(grid.rows[last])
    return {
        c: spellings[fold(groups[c])]
        for c in below
        if c not in known and fold(groups.get(c, "")) in spellings
    }


def _heading(
    grid: Grid,
    number: int,
    last: int,
    texts: Mapping[int, str],
    known: Mapping[int, Field],
    table: TableSchema,
    units: Mapping[int, str],
) -> Heading:
    """Sorts the headings out; `units` is what else is said of a column: its unit, or its group."""
    money = {f.name for f in table.fields if "currency" in (f.unit or "")}
    scaled = []
    for column, item in known.items():
        factor = scale.of_a_column(units.get(column, "")) if item.name in money else 1
        if factor > 1:
            told, unit = texts[column].strip(), units[column].strip()
            scaled.append((column, told if unit in told else f"{told}, {unit}", item, factor))
    known = {c: f for c, f in known.items() if all(c != other for other, *_ in scaled)}
    columns: dict[str, list[int]] = {}
    for column in sorted(known):
        columns.setdefault(known[column].name, []).append(column)
    free = {s: f for f in table.fields if f.name not in columns for s in f.spellings}
    near, ignored = [], []
    for column in sorted(texts):
        if column in known:
            continue
        text = texts[column]
        ignored.append((column, text))
        if any(column == other for other, *_ in scaled):
            continue
        factor, rest = scale.split(text)
        if factor > 1:
            wanted = {s: f for s, f in free.items() if f.name in money}
            close = difflib.get_close_matches(fold(rest), wanted, n=1, cutoff=NEAR)
            meant = wanted[close[0]] if close else None
            if not fold(rest):  # “USD thousands” alone: the one amount that is asked for
                meant = next((f for f in wanted.values() if f.constraints.required), None)
            if meant:
                scaled.append((column, text, meant, factor))
            continue
        if alike := difflib.get_close_matches(fold(text), free, n=1, cutoff=NEAR):
            near.append((column, text, free[alike[0]]))
    return Heading(
        number,
        {found[0]: name for name, found in columns.items() if len(found) == 1},
        texts,
        ignored,
        near,
        [(name, found) for name, found in columns.items() if len(found) > 1],
        [item for item in scaled if item[2].name not in columns],  # the cure stands beside it
        _titled(grid, number) if money & columns.keys() else None,
        last,
    )


def _titled(grid: Grid, number: int) -> tuple[int, int, str, int] | None:
    """Where a title above the headings says that all amounts are in thousands, and the factor."""
    for row, cells in enumerate(grid.rows[:number]):
        for column, text in _texts(cells).items():
            if len(text) <= 200 and (factor := scale.of_all(text)) > 1:
                return row, column, text, factor
    return None


def _groups(grid: Grid, row: int) -> dict[int, str]:
    """The heading that stands over each column in that row: its own, or one that spans it."""
    cells = grid.rows[row]
    spans = {
        column: left
        for (top, left), (_, right) in grid.merged
        if top == row
        for column in range(left, right + 1)
    }
    found: dict[int, str] = {}
    group = ""
    for column, value in enumerate(cells):
        if isinstance(value, str) and fold(value):
            group = value
        if column in spans:
            over = cells[spans[column]] if spans[column] < len(cells) else ""
            found[column] = over if isinstance(over, str) else ""
        elif value != "" or not spans:
            found[column] = group
    return found


def _stacked(grid: Grid, upper: int, lower: int) -> dict[int, str]:
    """The texts of the lower row with the group over each of them."""
    groups = _groups(grid, upper)
    return {
        c: f"{groups[c].strip()} {text.strip()}" if groups.get(c) else text
        for c, text in _texts(grid.rows[lower]).items()
    }


def _goes_on(grid: Grid, number: int, table: TableSchema, known: Mapping[int, Field]) -> str:
    """Whether the next row still holds headings, and which: "groups", "units", or "" for none.

    It does where it holds words alone, no figure and no key: the parts of a merged group, headings
    where the upper row has none, or units and hints where figures and dates belong.
    """
    if number + 1 >= len(grid.rows):
        return ""
    own, row = _texts(grid.rows[number]), grid.rows[number + 1]
    filled = {c: v for c, v in enumerate(row) if not is_blank(v)}
    words_ = all(
        isinstance(v, str) and (not re.search(r"\d|^\s*#", v) or scale.split(v)[0] > 1)
        for v in filled.values()
    )
    if not filled or not words_ or any(known[c].name == table.key for c in filled if c in known):
        return ""
    spans = [area for area in grid.merged if area[0][0] == number]
    if any(low > high or right > left for (high, left), (low, right) in spans):
        return "groups"
    if any(c not in own for c in filled):
        return "groups"
    typed = {"number", "integer", "percent", "date"}
    named = table.key in {f.name for f in known.values()}
    return "units" if named and any(known[c].type in typed for c in filled if c in known) else ""


# --- Rows -----------------------------------------------------------------------------------------


def rows(grid: Grid, head: Heading, key_name: str | None) -> tuple[list[int], dict[str, list[int]]]:
    """The Excel numbers of the rows that hold data, and of those skipped, by reason.

    Only rows without a key, or whose key reads like a total, are looked at cell by cell, and those
    at the foot, where notes stand.
    """
    first = head.body + 1
    height = len(grid.rows)
    while height > head.body and not any(not is_blank(v) for v in grid.rows[height - 1]):
        height -= 1  # formatted, but empty
    key = next((c for c, name in head.fields.items() if name == key_name), None)
    foot = _foot(grid, head, key, height)
    skipped: dict[str, list[int]] = {
        "blank rows": [],
        "totals rows": [],
        "HXL tag rows": [],
        EXAMPLES: [],
        "repeated headings": [],
        "notes below the table": [],
    }
    headed = head.texts.get(key, "").strip().casefold() if key is not None else ""
    labels = []
    for number, row in enumerate(grid.rows[head.body : foot], first):
        value = "" if key is None else row[key]
        if value != "" and not (isinstance(value, str) and _doubtful(value, headed)):
            labels.append(number)
            continue
        if isinstance(value, str) and _is_example(value):
            skipped[EXAMPLES].append(number)
            continue
        cells = [row[c] for c in head.fields]
        filled = [v for v in cells if not is_blank(v)]
        if not filled and not _totals_beside(row):
            skipped["blank rows"].append(number)
        elif number == first and all(
            isinstance(v, str) and v.lstrip().startswith("#") for v in filled
        ):
            skipped["HXL tag rows"].append(number)
        elif _is_total(value, row, filled, keyed=key is not None):
            skipped["totals rows"].append(number)
        elif _repeats(row, head):
            skipped["repeated headings"].append(number)
        elif filled:
            labels.append(number)
        else:
            skipped["blank rows"].append(number)
    for number, row in enumerate(grid.rows[foot:height], foot + 1):
        if not any(not is_blank(v) for v in row):
            skipped["blank rows"].append(number)
        elif _totals_beside(row):
            skipped["totals rows"].append(number)
        else:
            skipped["notes below the table"].append(number)
    return labels, {reason: found for reason, found in skipped.items() if found}


def _foot(grid: Grid, head: Heading, key: int | None, height: int) -> int:
    """Where the table ends and only notes follow: in one cell, or below a blank row in two."""
    foot = over = height
    while foot > head.body:
        filled = {c: v for c, v in enumerate(grid.rows[foot - 1]) if not is_blank(v)}
        if filled and not _is_note(filled, key):
            break
        if len(filled) == 2:
            if over >= foot - 1:  # else it is that of the row below, which was just looked for
                over = _over(grid, foot - 1)
            if over < 0 or any(not is_blank(v) for v in grid.rows[over]):
                break
        foot -= 1
    return foot


def _is_note(filled: Mapping[int, Cell], key: int | None) -> bool:
    """Words alone, in one cell or two, and no identifier among them."""
    if not _words_alone(filled.values()):
        return False
    first = next(iter(filled.values())).strip()
    sentence = len(first.split()) > 1
    if len(filled) == 1:
        return sentence or not re.search(r"\d", first)
    return key not in filled or sentence or first.endswith(":")


def _words_alone(filled: Collection[Cell]) -> bool:
    return len(filled) <= 2 and all(type(v) is str for v in filled)


def _over(grid: Grid, number: int) -> int:
    """The next row above that is blank, or holds more than words in two cells; -1 for none."""
    for above in range(number - 1, -1, -1):
        filled = [v for v in grid.rows[above] if not is_blank(v)]
        if not filled or not _words_alone(filled):
            return above
    return -1


def _doubtful(key: str, headed: str) -> bool:
    """Whether a key is blank, a tag, a total, an example or the heading; most are told at once."""
    text = key.strip()
    low = text.casefold()
    if not text or text[0] == "#" or low == headed:
        return True
    begins = low[:3] in _TOTALS_BEGIN or "total" in low
    if " " not in text and text[0].isalnum() and not begins:
        return False
    total = TOTAL.fullmatch(text) is not None or TOTAL_LAST.fullmatch(text) is not None
    return total or _is_example(text)


def _is_example(key: str) -> bool:
    """Whether a row is the greyed example of a template; EX-1 and EXAMPLE are keys like others."""
    return key.strip().upper().startswith(EXAMPLE)


def _totals_beside(row: Sequence[Cell]) -> bool:
    return any(isinstance(v, str) and TOTAL.fullmatch(v.strip()) for v in row)


def _is_total(key: Cell, row: Sequence[Cell], filled: Sequence[Cell], *, keyed: bool) -> bool:
    """A totals row says so, or has no key and nothing but numbers."""
    if isinstance(key, str) and key.strip():
        text = key.strip()
        return bool(TOTAL.fullmatch(text) or TOTAL_LAST.fullmatch(text))
    if _totals_beside(row):
        return True
    return keyed and all(isinstance(v, int | float) and not isinstance(v, bool) for v in filled)


def _repeats(row: Sequence[Cell], head: Heading) -> bool:
    """Whether the headings stand here once more, as on each page of a printed list."""
    return all(fold(str(row[c])) == fold(head.texts.get(c, "")) for c in head.fields)


# --- Cells ----------------------------------------------------------------------------------------


def frame(grid: Grid, labels: Sequence[int], columns: Mapping[int, str]) -> pd.DataFrame:
    """The cells of those rows and columns as objects, indexed by Excel row number."""
    rows_ = grid.rows
    if _consecutive(labels):
        picked = rows_[labels[0] - 1 : labels[-1]]
    else:
        picked = [rows_[n - 1] for n in labels]
    cells = np.empty((len(picked), len(rows_[0])), dtype=object)
    if picked:
        cells[:] = picked
    index = pd.Index(labels, dtype="int64")
    names = list(columns.values())
    return pd.DataFrame(cells[:, list(columns)], index=index, columns=names, dtype=object)


def _consecutive(labels: Sequence[int]) -> bool:
    return bool(labels) and labels[-1] - labels[0] + 1 == len(labels)


def part(workbook: Workbook, grid: Grid, head: Heading, *, main: bool) -> Part:
    """Where each field of the sheet stands, in the sheet's own words."""
    return Part(
        workbook.path.name,
        grid.sheet,
        head.row + 1,
        {name: column_letter(c) for c, name in head.fields.items()},
        {name: words(head.texts[c]) for c, name in head.fields.items()},
        main=main,
    )


def words(text: str) -> str:
    """A heading on one line."""
    return " ".join(text.split())


def facts(workbook: Workbook, grid: Grid, *, main: bool) -> SheetFacts:
    """What is known of a sheet before its headings are."""
    return SheetFacts(
        workbook.path.name,
        grid.sheet,
        None,
        "not recognised",
        hidden=grid.hidden,
        hidden_rows=grid.hidden_rows,
        error_cells=grid.errors,
        uncalculated=grid.uncalculated,
        main=main,
    )


def percent(grid: Grid, columns: Mapping[str, str]) -> dict[str, frozenset[int]]:
    """The Excel numbers of the rows in which each field is shown as a percentage."""
    letters = {letter: name for name, letter in columns.items()}
    found: dict[str, set[int]] = {}
    for row, column in grid.percent:
        if name := letters.get(column_letter(column)):
            found.setdefault(name, set()).add(row + 1)
    return {name: frozenset(rows_) for name, rows_ in found.items()}


def letters(columns: Iterable[tuple[int, str]]) -> list[tuple[str, str]]:
    """Columns from 0 with their letters."""
    return [(column_letter(c), text) for c, text in columns]
