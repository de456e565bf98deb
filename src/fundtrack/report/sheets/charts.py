"""The charts of the summary, each drawn from a table that stands in the same sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fundtrack.model import Assessment, Result, Severity
from fundtrack.ooxml import legible
from fundtrack.report.sheets.page import Page

if TYPE_CHECKING:
    from fundtrack.report.sheets.workings import Tracing

# Dark, middle and pale, so that they also differ when printed without colour.
_DARK, _MIDDLE, _PALE, _GREY = "#1F3864", "#E08A3C", "#F7D9B5", "#D9D9D9"
_FONT = {"name": "Calibri", "size": 9}
_HEIGHT, _A_BAR, _ROW = 300, 24, 20  # pixels of a chart, of each lying bar, of a row of the sheet
_A_LINE, _TWO_LINES = 40, 36  # letters of a bar's name on one line; pixels of a bar with two lines
_MOST_RANKS = 24  # more columns could not be told apart
_PLACES = ((0, 0, 528), (3, 8, 552))  # column, pixels to its right, width: two charts side by side


@dataclass(frozen=True)
class Value:
    """A number of a chart's table, with the cell in which it is worked out."""

    number: float
    cell: str | None = None


@dataclass(frozen=True)
class Series:
    """One column of a chart's table, as it is drawn."""

    column: int
    colour: str
    line: bool = False  # a line across, such as a benchmark
    hatched: bool = False  # so that it differs from all others without colour too


@dataclass(frozen=True)
class Drawing:
    """A chart and its table: the first column names the bars, the others hold numbers."""

    kind: str  # bar (lying) or column (standing)
    title: str
    across: str  # what the bars are, with the unit
    along: str  # what their length is, with the unit
    told: str  # for those who do not see it
    headings: Sequence[str]
    styles: Sequence[str]  # of the columns
    rows: Sequence[Sequence[Any]]
    series: Sequence[Series]
    shares: bool = False
    drawn: int | None = None  # rows that are drawn, from the first; None: all


def drawings(
    assessment: Assessment, families: Mapping[str, str], tracing: Tracing | None
) -> list[Drawing]:
    """Give the charts for which this workbook has numbers."""
    made = [
        _findings(assessment, families),
        _durations(assessment),
        _routes(assessment, tracing),
        _pay(assessment),
    ]
    return [drawing for drawing in made if drawing is not None]


def place(page: Page, row: int, drawings: Sequence[Drawing]) -> tuple[int, list[Any]]:
    """Give the first row below the charts, two side by side, and the charts, still without data."""
    charts = []
    for start in range(0, len(drawings), len(_PLACES)):
        pair = drawings[start : start + len(_PLACES)]
        bars = [_room(drawing) for drawing in pair if drawing.kind == "bar"]
        height = max(_HEIGHT, 120 + max(bars, default=0))
        for drawing, (column, shift, width) in zip(pair, _PLACES, strict=False):
            chart = page.book.add_chart({"type": drawing.kind, "subtype": "stacked"})
            chart.set_size({"width": width, "height": height})
            at = {"x_offset": shift, "object_position": 2, "description": legible(drawing.told)}
            page.sheet.insert_chart(row, column, chart, at)
            charts.append(chart)
        row += height // _ROW + 2
    return row, charts


def _room(drawing: Drawing) -> int:
    """Give the pixels for lying bars; where a name takes two lines, or others would be left out."""
    wraps = any(len(str(values[0])) > _A_LINE for values in drawing.rows)
    return len(drawing.rows) * (_TWO_LINES if wraps else _A_BAR)


def tabulate(page: Page, row: int, drawing: Drawing, chart: Any) -> int:
    """Write the table behind a chart, let the chart show it, and give the row below."""
    page.put(row, 0, f"Numbers of the chart “{drawing.title}”", "section")
    page.headings(drawing.headings, drawing.headings[1:], row=row + 1)
    first = row + 2
    for number, values in enumerate(drawing.rows, first):
        for column, value in enumerate(values):
            cell = value.cell if isinstance(value, Value) else None
            plain = value.number if isinstance(value, Value) else value
            style = drawing.styles[column]
            if drawing.shares and column:
                drawn = drawing.drawn is None or number - first < drawing.drawn
                style = "percent1" if drawn else "money"
            page.linked(number, column, plain, style, cell)
    last = first + (drawing.drawn or len(drawing.rows)) - 1
    sheet = page.sheet.get_name()
    lines = None
    for series in drawing.series:
        facts = {
            "name": [sheet, row + 1, series.column],
            "categories": [sheet, first, 0, last, 0],
            "values": [sheet, first, series.column, last, series.column],
        }
        if series.line:
            lines = lines or page.book.add_chart({"type": "line"})
            look = {"color": series.colour, "width": 2.25, "dash_type": "dash"}
            marker = {"type": "diamond", "size": 7, "fill": {"color": series.colour}}
            lines.add_series({**facts, "line": look, "marker": marker})
        else:
            border = {"color": "#404040", "width": 0.75}
            look = {"fill": {"color": series.colour}}
            if series.hatched:
                colours = {"fg_color": "#404040", "bg_color": series.colour}
                look = {"pattern": {"pattern": "wide_upward_diagonal", **colours}}
            chart.add_series({**facts, **look, "border": border, "gap": 45})
    if lines is not None:
        chart.combine(lines)
    _dress(chart, drawing)
    return first + len(drawing.rows)


def _dress(chart: Any, drawing: Drawing) -> None:
    quiet = {"name_font": {**_FONT, "bold": False}, "num_font": _FONT}
    grid: dict[str, Any] = {"visible": True, "line": {"color": _GREY, "width": 0.5}}
    across, along = legible(drawing.across), legible(drawing.along)
    bars: dict[str, Any] = {**quiet, "name": across, "major_gridlines": {"visible": False}}
    lying = drawing.kind == "bar"
    lengths: dict[str, Any] = {**quiet, "name": along, "major_gridlines": grid, "min": 0}
    lengths["num_format"] = "0%" if drawing.shares else "#,##0"
    if drawing.shares:
        lengths["max"] = 1
    if lying:
        bars |= {"reverse": True, "interval_unit": 1}  # the first on top, and none left out
        lengths["label_position"] = "high"  # at the foot, since the other axis is turned round
    if not drawing.shares and max(_drawn_lengths(drawing), default=0) <= 5:
        lengths["major_unit"] = 1
    chart.set_title({"name": drawing.title, "name_font": {**_FONT, "size": 11}, "overlay": False})
    chart.set_x_axis(lengths if lying else bars)
    chart.set_y_axis(bars if lying else lengths)
    if len(drawing.series) > 1:
        chart.set_legend({"position": "bottom", "font": _FONT})
    else:
        chart.set_legend({"none": True})
    chart.set_chartarea({"border": {"color": _GREY}})


def _drawn_lengths(drawing: Drawing) -> list[float]:
    numbers = []
    for values in drawing.rows[: drawing.drawn]:
        of = [values[s.column] for s in drawing.series]
        numbers.append(sum(v.number if isinstance(v, Value) else v or 0 for v in of))
    return numbers


# What is drawn


def _findings(assessment: Assessment, families: Mapping[str, str]) -> Drawing | None:
    if assessment.tally is not None:  # rare kinds are left out: a family without a bar may be worst
        return None
    found = Counter([(f.check, f.severity) for f in assessment.findings if not f.accepted])
    tally: dict[str, Counter[Severity]] = {}
    for (check, severity), number in found.items():
        tally.setdefault(check.partition("-")[0], Counter())[severity] += number
    if not tally:
        return None
    names = {"SCH": "Cells that do not fit their column", **families}
    order = [name for name in names if name in tally] + sorted(set(tally) - set(names))
    rows = [[_named(f, names), *(tally[f][s] for s in Severity)] for f in order]
    worst = max(order, key=lambda f: tally[f].total())
    return Drawing(
        "bar",
        "Findings by family and severity",
        "Family of checks",
        "Findings",
        f"Bars of the findings of {len(order)} families of checks, by severity. The most, "
        f"{tally[worst].total():,}, are in {_named(worst, names)}.",
        ["Family of checks", *(f"{s.value.capitalize()}s" for s in Severity)],
        ["text", "integer", "integer", "integer"],
        rows,
        [Series(1, _DARK), Series(2, _MIDDLE), Series(3, _PALE)],
    )


def _named(family: str, names: Mapping[str, str]) -> str:
    return f"{family}: {names[family]}" if family in names else family


def _durations(assessment: Assessment) -> Drawing | None:
    found = assessment.pictures.durations if assessment.pictures else None
    if found is None or found.empty:
        return None
    kinds = ("shorter", "band", "longer")
    band = next(str(m) for m, k in zip(found["months"], found["kind"], strict=True) if k == "band")
    rows: list[list[Any]] = [
        [f"{months}", *(int(grants) if kind == k else 0 for k in kinds)]
        for months, grants, kind in zip(
            found["months"], found["grants"], found["kind"], strict=True
        )
    ]
    short = sum(row[1] + row[2] for row in rows)
    return Drawing(
        "column",
        "How long grants to civil society last",
        "Months, as signed",
        "Grants",
        f"Columns of grants to civil society by their length in months. {short:,} of "
        f"{int(found['grants'].sum()):,} last {band.split()[-1]} months or less.",
        ["Months, as signed", "Shorter still", f"{band} months: the brief's concern", "Longer"],
        ["text", "integer", "integer", "integer"],
        rows,
        [Series(1, _PALE), Series(2, _MIDDLE), Series(3, _DARK)],
    )


def _routes(assessment: Assessment, tracing: Tracing | None) -> Drawing | None:
    result: Result | None = next((r for r in assessment.results if r.check.id == "LOC-01"), None)
    whole = result.figures.get("T", 0.0) if result else 0.0
    if result is None or not whole:
        return None

    def cell(figure: str) -> str | None:
        return tracing.cell("LOC-01", figure) if tracing else None

    direct, one = (result.figures.get(name, 0.0) for name in ("D", "I1"))
    left = max(0.0, whole - direct - one)
    maybe = min(result.figures.get("unknown", 0.0), left)
    money = [direct, one, maybe, left - maybe]
    shares = [amount / whole for amount in money]
    named = dict(zip(("D", "I1"), money, strict=False))
    currency = assessment.settings.get("reporting_currency") or ""
    rows: list[list[Any]] = [["This portfolio", *shares, None]]
    told = (
        f"{shares[0]:.1%} of the money goes straight to local independent organisations, "
        f"{shares[1]:.1%} reaches them through one intermediary"
    )
    if result.threshold is not None:
        benchmark = [None, None, None, 1 - result.threshold, result.threshold]
        rows.append(["Benchmark", *benchmark])
        told += f"; the benchmark is {result.threshold:.0%} for both together"
    drawn = len(rows)
    amounts = [Value(amount, cell(name)) for name, amount in named.items()]
    rows.append([f"This portfolio, {currency}".rstrip(", "), *amounts, *money[2:], None])
    headings = [
        "Route of the money",
        "Straight to local organisations",
        "Through one intermediary",
        "Not known",
        "Other",
        "Benchmark: at least",
    ]
    series = [Series(5, _PALE)] if drawn > 1 else []
    series += [Series(1, _DARK), Series(2, _MIDDLE)]
    series += [Series(3, "#FFFFFF", hatched=True)] if maybe else []
    series.append(Series(4, "#FFFFFF"))
    return Drawing(
        "bar",
        "How the money reaches local independent organisations",
        "",
        "Part of all grants but those to state bodies",
        f"A bar of the money by its route. {told}.",
        headings,
        ["text", *["percent1"] * 5],
        rows,
        series,
        shares=True,
        drawn=drawn,
    )


def _pay(assessment: Assessment) -> Drawing | None:
    found = assessment.pictures.pay if assessment.pictures else None
    if found is None or found.empty or assessment.pictures is None:
        return None
    currency = assessment.pictures.pay_currency
    rows, below = [], []
    title = "Police pay by rank, against the living wage"
    if len(found) > _MOST_RANKS:
        title += f" (the {_MOST_RANKS} lowest of {len(found):,})"
    for rank, officers, pay, wage in found.head(_MOST_RANKS).to_numpy().tolist():
        low = pay < wage
        rows.append([rank, pay if low else None, None if low else pay, wage, officers])
        below += [str(rank)] * low
    said = f"Below it: {', '.join(below)}." if below else "No rank is below it."
    return Drawing(
        "column",
        title,
        "Rank",
        f"{currency} a month",
        f"Columns of regular monthly pay by rank, in {currency}, and a line for the living wage. "
        + said,
        ["Rank", "Pay below the living wage", "Pay that reaches it", "Living wage", "Officers"],
        ["text", "money", "money", "money", "integer"],
        rows,
        [Series(1, _PALE), Series(2, _DARK), Series(3, _MIDDLE, line=True)],
    )
