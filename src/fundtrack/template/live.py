"""The live summary of a template: the key figures, worked out while the workbook is filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fundtrack.template.formulas import HAIR, Workings, parameter

# What the live summary says of a figure.
MET, NOT_MET = "Met, by all that is known", "Not met"
OPEN = "Open: blank cells could tip it. Fill them, or run fundtrack check to have them named"
NOTHING, TO_READ = "Nothing to count yet", "For reading: no number is set"
NO_CURRENCY = "Fill in the reporting currency in Settings first"
DISBURSED = "Not worked out here: the value basis is disbursement. Run fundtrack check"
NO_RATE = (
    "Not worked out here: add the missing exchange rates (fundtrack check also tries a third "
    "currency). Amounts without one: "
)
BEYOND = "Not worked out here: some rows lie below the last row with formulas"


@dataclass(frozen=True)
class Figure:
    """One line of the live summary. Formulas give the part, what is unknown, and so on."""

    check: str
    label: str
    part: str
    whole: str
    unknown: str = "0"
    doubtful: str = "0"
    burden: str = "0"
    at_least: str = ""  # the parameter, in per cent
    most: bool = False
    lost: Sequence[str] = ()  # columns of the workings that count amounts without a rate


def figures(w: Workings) -> list[Figure]:
    """The key figures of the portfolio, each as its check defines it."""

    def total(name: str, **where: str | int) -> str:
        tests = [f",{w.all(c, outside=True)},{_criterion(v)}" for c, v in where.items()]
        return f"SUMIFS({w.all(name, outside=True)}{''.join(tests)})"

    def every(name: str) -> str:
        return f"SUM({w.all(name, outside=True)})"

    direct = total("g_value", g_counted=1, g_local=1)
    whole = total("g_value", g_counted=1)
    sure = total("g_value", g_live=1, g_cso=1)

    def strand(name: str) -> str:
        return f"{total('g_left', g_rest_strand=name)}+{total('b_share', b_strand=name)}"

    unknown = f"{strand('~?')}"
    resilience, individual, security = (strand(s) for s in ("resilience", "individual", "security"))
    found = [
        Figure(
            "LOC-02",
            "Local independent organisations, direct",
            direct,
            whole,
            total("g_value", g_counted=1, g_local=2),
            at_least="loc.direct_min_pct",
            lost=["g_lost"],
        ),
        Figure(
            "LOC-01",
            "The same, direct or through one intermediary",
            f"{direct}+{every('s_one')}",
            whole,
            every("g_reach"),
            at_least="loc.as_direct_min_pct",
            lost=["g_lost", "s_lost"],
        ),
        Figure(
            "DUR-04",
            "Civil society money in multi-year grants",
            total("g_value", g_live=1, g_cso=1, g_long=1),
            sure,
            total("g_value", g_live=1, g_cso=1, g_long=2),
            total("g_value", g_live=1, g_cso=2, g_long=">=1"),
            f"{total('g_value', g_live=1, g_cso=2, g_long=0)}"
            f"+{total('g_value', g_live=1, g_cso=2, g_long=2)}",
            at_least="dur.multi_year_share_min_pct",
            lost=["g_lost"],
        ),
        Figure(
            "RES-01",
            "Money for community resilience",
            resilience,
            f"{resilience}+{individual}+{security}+{unknown}",
            unknown,
            at_least="res.resilience_min_pct",
            lost=["g_lost", "b_lost"],
        ),
    ]
    if "p_heads" in w.formulas:
        found.append(
            Figure(
                "PAY-02",
                "Officers paid below the living wage",
                total("p_heads", p_enough=0),
                every("p_heads"),
                total("p_heads", p_enough=2),
                at_least="pay.below_max_pct",
                most=True,
                lost=["p_lost"],
            )
        )
    return found


def line(figure: Figure, row: int, w: Workings) -> list[str]:
    """The formulas of one line of the live summary, which stands in `row`, from its second column.

    Lowest, highest, number asked for, reading, part, unknown, whole, perhaps within, perhaps
    beside. The lowest and highest are those of the check (`evaluate`).
    """
    part, unknown, whole, within, beside = (f"${c}{row}" for c in "FGHIJ")
    lost = "+".join(f"SUM({w.all(name, outside=True)})" for name in figure.lost)
    money = figure.check != "PAY-02"
    stops = [
        (f"{lost}>0", f'"{NO_RATE}"&({lost})'),
        ("ft_beyond>0", f'"{BEYOND}"'),
    ]
    if money:
        stops.insert(0, ('ft_currency=""', f'"{NO_CURRENCY}"'))
        stops.insert(1, ('ft_basis="disbursement"', f'"{DISBURSED}"'))
    stopped = f"OR({','.join(test for test, _ in stops)})"
    none = f"{whole}+{within}+{beside}<=0"
    low = f"IF({whole}+{beside}>0,{part}/({whole}+{beside}),0)"
    at_best = f"({part}+{unknown}+{within})/({whole}+{within})"
    capped = f"IF({unknown}+{within}>0,MAX({low},MIN({at_best},1)),{at_best})"
    high = f"IF({whole}+{within}>0,{capped},1)"
    low_cell, high_cell, asked = f"$B{row}", f"$C{row}", f"$D{row}"
    worst, best = (high_cell, low_cell) if figure.most else (low_cell, high_cell)
    if figure.most:
        met, lost_cause = f"{worst}<={asked}*(1+{HAIR})", f"{best}>{asked}*(1+{HAIR})"
    else:
        met, lost_cause = f"{worst}>={asked}*(1-{HAIR})", f"{best}<{asked}*(1-{HAIR})"
    reading = (
        f'IF({low_cell}="","{NOTHING}",IF({asked}="",IF({low_cell}={high_cell},"{TO_READ}",'
        f'"{OPEN}"),IF({met},"{MET}",IF({lost_cause},"{NOT_MET}","{OPEN}"))))'
    )
    for test, text in reversed(stops):
        reading = f"IF({test},{text},{reading})"
    number = parameter(figure.at_least)
    return [
        f'=IF({stopped},"",IF({none},"",{low}))',
        f'=IF({stopped},"",IF({none},"",{high}))',
        f'=IF({number}="","",{number}/100)',
        f"={reading}",
        *(f"={x}" for x in (figure.part, figure.unknown, figure.whole)),
        *(f"={x}" for x in (figure.doubtful, figure.burden)),
    ]


def _criterion(value: str | int) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
