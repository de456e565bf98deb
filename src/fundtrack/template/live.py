"""The formulas that work while the workbook is being filled: what a row shows, and the key figures.

Every formula repeats the checker's own definition (`months`, `money`, `flows`, `rules`), with
functions that Excel 2010, LibreOffice and Google Sheets all have. One row of the hidden sheet
Workings belongs to the same row of every table; it reads its cells by their row number, so that
rows may be inserted, deleted, sorted and pasted. Yes, no and unknown are 1, 0 and 2, so that the
smaller of 2 and the product of several is all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fundtrack import schema
from fundtrack.schema import EXAMPLE
from fundtrack.template.entry import EARLIEST

WORKED_OUT = "(worked out)"  # how the heading of every column ends that the checker does not read
MONTHS, DAYS = f"Months as signed {WORKED_OUT}", f"… and days {WORKED_OUT}"
LOOK = f"To look at {WORKED_OUT}"
KEY = 100000  # a rate's key is its day times this, plus its row: the largest is the latest
# The sheets with a column of words on what is to be looked at.
WATCHED = (
    "grants",
    "subgrants",
    "budget_lines",
    "transactions",
    "police_pay",
    "cso_security",
    "participants",
)
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
Here = Callable[[str], str]  # gives the cell of a field in the formula's own row


@dataclass(frozen=True)
class Places:
    """Where the fields of the tables stand, and how many rows the workings follow."""

    letters: Mapping[str, Mapping[str, str]]  # table -> field or worked-out heading -> letter
    sheets: Mapping[str, str]  # table -> sheet
    rows: int

    def column(self, table: str, name: str) -> str:
        """The whole column of a field, with its sheet."""
        letter = self.letters[table][name]
        return f"{quoted(self.sheets[table])}!${letter}:${letter}"

    def here(self, table: str, name: str) -> str:
        """The cell of a field in the row of the formula."""
        return f"INDEX({self.column(table, name)},ROW())"

    def has(self, *tables: str) -> bool:
        """Whether the template has all of these sheets."""
        return all(table in self.letters for table in tables)


def quoted(sheet: str) -> str:
    """A sheet's name as formulas write it."""
    return sheet if sheet.isalnum() else f"'{sheet}'"


def parameter(name: str) -> str:
    """The defined name under which a number in force stands."""
    return "p_" + name.replace(".", "_")


def all_of(*parts: str) -> str:
    """1 where every part is 1, 0 where one is 0, else 2 (unknown)."""
    return f"MIN(2,{'*'.join(parts)})"


def months_in(start: str, end: str) -> str:
    """Whole months of a term by rule M, both days included: the end's day after is compared."""
    return (
        f"(YEAR({end}+1)-YEAR({start}))*12+MONTH({end}+1)-MONTH({start})"
        f"-IF(DAY({start})>DAY({end}+1),1,0)"
    )


def days_in(start: str, end: str) -> str:
    """The spare days beyond the whole months; a month without the day rolls on to its end."""
    year, month = f"YEAR({end}+1)", f"MONTH({end}+1)"
    reached = f"MIN(DATE({year},{month}-1,DAY({start})),DATE({year},{month},1))"
    same = f"DAY({end}+1)-DAY({start})"
    return f"IF(DAY({start})>DAY({end}+1),INT({end})+1-{reached},{same})"


def term(start: str, end: str, what: str) -> str:
    """A formula on two dates, blank unless both are there and in order."""
    return f'=IF(AND(ISNUMBER({start}),ISNUMBER({end})),IF({end}>={start},{what},""),"")'


class Workings:
    """The columns of the hidden sheet, each a formula for the row that it stands in."""

    def __init__(self, places: Places, sheet: str = "Workings") -> None:
        self.places, self.sheet = places, sheet
        self.formulas: dict[str, str] = {}  # name -> formula, the same in every row
        self._letters: dict[str, str] = {}

    def add(self, name: str, formula: str) -> None:
        """One more column."""
        self._letters[name] = _letter(len(self.formulas))
        self.formulas[name] = formula

    def own(self, name: str) -> str:
        """The cell of another column in the same row: never by address (see `pack`)."""
        letter = self._letters[name]
        return f"INDEX(${letter}:${letter},ROW())"

    def all(self, name: str, *, outside: bool = False) -> str:
        """Every cell of a column; `outside` with the name of the sheet."""
        letter = self._letters[name]
        cells = f"${letter}$2:${letter}${self.places.rows + 1}"
        return f"{self.sheet}!{cells}" if outside else cells

    def beside(self, name: str) -> str:
        """The cell of a column in the row of a formula on another sheet."""
        letter = self._letters[name]
        return f"INDEX({self.sheet}!${letter}:${letter},ROW())"


def workings(places: Places) -> Workings:
    """All columns, in the order in which they build on each other."""
    w = Workings(places)
    _rates(w)
    _organisations(w)
    _grants(w)
    _subgrants(w)
    _reach(w)
    _budget_lines(w)
    _payments(w)
    if places.has("police_units", "police_pay", "pay_benchmarks"):
        _police_pay(w)
    return w


def _key(cell: str) -> str:
    """An identifier as text; blank in the example row and in a totals row."""
    text = f'TRIM({cell}&"")'
    return (
        f'=IF(OR(UPPER(LEFT({text},{len(EXAMPLE)}))="{EXAMPLE}",LOWER(LEFT({text},5))="total"),'
        f'"",{text})'
    )


def _day(*cells: str) -> str:
    """The first of some cells that holds a day which the checker would read, else blank."""
    formula = '""'
    for cell in reversed(cells):
        known = f"ISNUMBER({cell}),{cell}>={EARLIEST},{cell}<=ft_latest"
        formula = f"IF(AND({known}),INT({cell}),{formula})"
    return formula


def _found(key: str, among: str) -> str:
    return f'IF({key}&""="",0,IFERROR(MATCH(TRIM({key}&""),{among},0),0))'


def _convert(w: Workings, name: str, source: str, to: str, day: str) -> None:
    """Three columns: the keys of the rate and of its inverse, and the rate itself.

    The same day or the latest one before it within the days allowed; the inverse where there is
    none. A rate through a third currency is not looked for: the summary then says so.
    """
    for suffix, pair in (("_a", f'{source}&">"&{to}'), ("_b", f'{to}&">"&{source}')):
        keys = w.all("e_key")
        window = f"({keys}<({day}+1)*{KEY})*({keys}>=({day}-{parameter('fx.max_age_days')})*{KEY})"
        found = f"SUMPRODUCT(MAX(({w.all('e_pair')}={pair})*{window}*{keys}))"
        found = found.replace("ROW()", "SUM(ROW())")  # a list of one number where lists are worked
        wanted = f'{source}="",{to}="",{source}={to},{day}=""'
        if suffix == "_b":
            wanted += f",{w.own(name + '_a')}>0"
        w.add(name + suffix, f"=IF(OR({wanted}),0,{found})")
    rate = w.places.column("exchange_rates", "rate")
    a, b = w.own(name + "_a"), w.own(name + "_b")
    w.add(
        name,
        f'=IF(OR({source}="",{to}=""),"",IF({source}={to},1,IF({a}>0,INDEX({rate},MOD({a},{KEY})),'
        f'IF({b}>0,1/INDEX({rate},MOD({b},{KEY})),""))))',
    )


def _crossed(w: Workings, name: str, straight: str, there: str, back: str) -> None:
    """A rate between two other currencies: their own, else one step by the reporting currency."""
    a, b, c = (w.own(column) for column in (straight, there, back))
    w.add(name, f'=IF({a}<>"",{a},IF(AND(ISNUMBER({b}),ISNUMBER({c})),{b}*{c},""))')


def _rates(w: Workings) -> None:
    here = w.places.here
    first, second = (
        f'UPPER(TRIM({here("exchange_rates", n)}&""))' for n in ("from_currency", "to_currency")
    )
    day, rate = here("exchange_rates", "rate_date"), here("exchange_rates", "rate")
    w.add(
        "e_pair",
        f'=IF(AND(LEN({first})=3,LEN({second})=3,ISNUMBER({rate})),IF({rate}>0,{first}&">"&{second}'
        ',""),"")',
    )
    w.add(
        "e_key",
        f'=IF({w.own("e_pair")}="",0,IF({_day(day)}="",0,{_day(day)}*{KEY}+ROW()))',
    )


def _organisations(w: Workings) -> None:
    def here(name: str) -> str:
        return f'LOWER(TRIM({w.places.here("organisations", name)}&""))'

    w.add("o_id", _key(w.places.here("organisations", "org_id")))
    kind = f'{w.places.here("organisations", "org_type")}&""'
    w.add("o_type", f'=IF(ISERROR(MATCH({kind},l_org_type,0)),"",{kind})')
    own = w.own("o_type")
    w.add("o_home", f'=UPPER(TRIM({w.places.here("organisations", "hq_country")}&""))')
    cso = _one_of(own, ["21", "22", "23", "24"])
    w.add("o_cso", f'=IF({own}="",2,IF({cso},1,0))')
    w.add(
        "o_state",
        f'=IF(OR({_one_of(own, ["10", "11", "15"])},{here("is_security_agency")}="yes"),1,0)',
    )
    local_type = f'IF({own}="",2,IF({_one_of(own, ["22", "24"])},1,0))'
    affiliated = here("intl_affiliated")
    free = f'IF({affiliated}="yes",0,IF(OR({affiliated}="no",ft_unknown="no"),1,2))'
    controlled = here("state_controlled")
    own_rule = f'IF({controlled}="no",1,IF({controlled}="yes",0,2))'
    not_state = f"(1-{w.own('o_state')})"
    w.add("o_local", f"={all_of(local_type, free, own_rule, not_state)}")


def _one_of(cell: str, values: Sequence[str]) -> str:
    tests = [f'{cell}="{value}"' for value in values]
    return f"OR({','.join(tests)})"


def _local(w: Workings, org: str, country: str) -> str:
    """1, 0 or 2: whether an organisation is local and independent where the work is done."""
    local = f"INDEX({w.all('o_local')},{org})"
    home = f"INDEX({w.all('o_home')},{org})"
    served = f'IF(ft_served="",2,IF(ISNUMBER(SEARCH(","&{home}&",",ft_served)),{local},0))'
    there = f'IF({country}="",{served},IF({home}={country},{local},0))'
    return f'=IF({org}=0,2,IF({local}=0,0,IF({home}="",2,{there})))'


def _grants(w: Workings) -> None:
    def here(name: str) -> str:
        return w.places.here("grants", name)

    own = w.own
    w.add("g_id", _key(here("grant_id")))
    w.add("g_org", f"={_found(here('recipient_org_id'), w.all('o_id'))}")
    w.add("g_live", f'=IF({own("g_id")}="",0,IF({here("activity_status")}&""="5",0,1))')
    days = [here(n) for n in ("value_date", "signature_date", "planned_start_date")]
    w.add("g_day", f"={_day(*days)}")
    w.add("g_cur", f'=UPPER(TRIM({here("currency")}&""))')
    _convert(w, "g_rate", own("g_cur"), "ft_currency", own("g_day"))
    amount = here("amount")
    w.add(
        "g_value",
        f'=IF(AND({own("g_id")}<>"",ISNUMBER({amount}),ISNUMBER({own("g_rate")})),'
        f'IF({amount}>0,{amount}*{own("g_rate")},""),"")',
    )
    w.add(
        "g_lost",
        f'=IF(AND({own("g_id")}<>"",ISNUMBER({amount}),{own("g_cur")}<>"",{own("g_day")}<>"",'
        f'{own("g_rate")}=""),1,0)',
    )
    day = own("g_day")
    w.add("g_in", f'=IF({day}="",1,IF(AND({day}>=ft_start,{day}<=ft_end),1,0))')
    for name, unknown in (("cso", 2), ("state", 0)):
        org = own("g_org")
        w.add(f"g_{name}", f"=IF({org}=0,{unknown},INDEX({w.all('o_' + name)},{org}))")
    w.add(
        "g_counted",
        f"=IF(AND({own('g_live')}=1,{own('g_in')}=1,{own('g_state')}=0,"
        f"ISNUMBER({own('g_value')})),1,0)",
    )
    w.add("g_country", f'=UPPER(TRIM({here("recipient_country")}&""))')
    w.add("g_local", _local(w, own("g_org"), own("g_country")))
    stated = here("planned_duration_months")
    months = here(MONTHS)
    w.add(
        "g_months",
        f'=IF(ISNUMBER({months}),{months},IF(ISNUMBER({stated}),IF({stated}>=0,{stated},""),""))',
    )
    w.add(
        "g_long",
        f'=IF({own("g_months")}="",2,'
        f"IF({own('g_months')}>={parameter('dur.multi_year_months')},1,0))",
    )


def _subgrants(w: Workings) -> None:
    def here(name: str) -> str:
        return w.places.here("subgrants", name)

    own = w.own
    w.add("s_id", _key(here("subgrant_id")))
    w.add("s_grant", f"={_found(here('parent_grant_id'), w.all('g_id'))}")
    w.add("s_org", f"={_found(here('receiver_org_id'), w.all('o_id'))}")
    w.add("s_day", f"={_day(here('value_date'), here('planned_start_date'))}")
    w.add("s_cur", f'=UPPER(TRIM({here("currency")}&""))')
    _convert(w, "s_rate", own("s_cur"), "ft_currency", own("s_day"))
    amount = here("amount")
    usable = f'AND({own("s_id")}<>"",ISNUMBER({amount}))'
    w.add(
        "s_value",
        f'=IF({usable},IF(AND(ISNUMBER({own("s_rate")}),{amount}>0),{amount}*{own("s_rate")},""),'
        '"")',
    )
    w.add(
        "s_lost",
        f'=IF(AND({usable},{own("s_cur")}<>"",{own("s_day")}<>"",{own("s_rate")}=""),1,0)',
    )
    grant = own("s_grant")
    country = f'IF({grant}=0,"",INDEX({w.all("g_country")},{grant}))'
    w.add("s_country", f"={country}")
    w.add("s_cso", f"=IF({own('s_org')}=0,2,INDEX({w.all('o_cso')},{own('s_org')}))")
    w.add("s_local", _local(w, own("s_org"), own("s_country")))
    purpose = f'LOWER(TRIM({here("purpose")}&""))'
    first = (
        f'AND({own("s_id")}<>"",{here("parent_subgrant_id")}&""="",{grant}>0,'
        f'{purpose}<>"services",ISNUMBER({own("s_value")}))'
    )
    w.add("s_first", f"=IF({first},INDEX({w.all('g_counted')},{grant}),0)")
    w.add(
        "s_one",
        f"=IF(AND({own('s_first')}=1,{own('s_local')}=1),"
        f"IF(INDEX({w.all('g_local')},{grant})=1,0,{own('s_value')}),0)",
    )
    # What it came out of, and its amount in that currency.
    above = here("parent_subgrant_id")
    w.add("s_above", f"={_found(above, w.all('s_id'))}")
    w.add(
        "s_to",
        f'=IF({above}&""="",IF({grant}=0,"",INDEX({w.all("g_cur")},{grant})),'
        f'IF({own("s_above")}=0,"",INDEX({w.all("s_cur")},{own("s_above")})))',
    )
    _convert(w, "s_straight", own("s_cur"), own("s_to"), own("s_day"))
    _convert(w, "s_back", "ft_currency", own("s_to"), own("s_day"))
    _crossed(w, "s_trate", "s_straight", "s_rate", "s_back")
    w.add(
        "s_part",
        f"=IF({usable},IF(AND(ISNUMBER({own('s_trate')}),{amount}>0),{amount}*{own('s_trate')},0),"
        "0)",
    )
    w.add("s_direct", f'=IF({above}&""="",{grant},0)')


def _reach(w: Workings) -> None:
    """What each grant could add at best to what reaches local organisations through one other."""
    own, row = w.own, "(ROW()-1)"
    subs = w.all("s_grant")
    answer = f'LOWER(TRIM({w.places.here("grants", "subgrants_reported")}&""))'
    known = f"SUMIFS({w.all('s_one')},{subs},{row})"
    maybe = f"SUMIFS({w.all('s_value')},{subs},{row},{w.all('s_first')},1,{w.all('s_local')},2)"
    silent = f'AND({own("g_local")}=0,{answer}<>"yes",{answer}<>"not_applicable")'
    rest = f"MAX(0,{own('g_value')}-{known})"
    w.add(
        "g_reach",
        f"=IF(AND({own('g_counted')}=1,{own('g_local')}<>1),"
        f"IF(OR({own('g_local')}=2,{silent}),{rest},{maybe}),0)",
    )
    sums = f"SUMIFS({w.all('s_part')},{w.all('s_direct')},{row})"
    amount = w.places.here("grants", "amount")
    w.add(
        "g_over",
        f"=IF(AND({own('g_live')}=1,ISNUMBER({amount})),"
        f"IF({sums}>{amount}*(1+{parameter('dat.tolerance_pct')}/100)*(1+1E-12),1,0),0)",
    )
    sums = f"SUMIFS({w.all('s_part')},{w.all('s_above')},{row})"
    amount = w.places.here("subgrants", "amount")
    w.add(
        "s_over",
        f'=IF(AND({own("s_id")}<>"",ISNUMBER({amount})),'
        f"IF({sums}>{amount}*(1+{parameter('dat.tolerance_pct')}/100)*(1+1E-12),1,0),0)",
    )


def _budget_lines(w: Workings) -> None:
    """Budget lines by strand, and what of each grant no line covers (as in `rules.resilience`)."""

    def here(name: str) -> str:
        return f'LOWER(TRIM({w.places.here("budget_lines", name)}&""))'

    own, cell = w.own, w.places.here
    w.add("b_id", _key(cell("budget_lines", "line_id")))
    w.add("b_of", f'=TRIM({cell("budget_lines", "parent_id")}&"")')
    w.add("b_new", f'=IF(AND({own("b_id")}<>"",{here("budget_type")}="2"),1,0)')
    kind, of = here("parent_type"), own("b_of")
    w.add("b_sub", f'=IF({kind}="subgrant",{_found(of, w.all("s_id"))},0)')
    via = f"IF({own('b_sub')}=0,0,INDEX({w.all('s_grant')},{own('b_sub')}))"
    w.add("b_grant", f'=IF({kind}="grant",{_found(of, w.all("g_id"))},{via})')
    days = [
        f'IF({kind}="grant",IF({own("b_grant")}=0,"",INDEX({w.all("g_day")},{own("b_grant")})),'
        f'IF({own("b_sub")}=0,"",INDEX({w.all("s_day")},{own("b_sub")})))'
    ]
    stated = cell("budget_lines", "value_date")
    w.add("b_day", f'=IF({_day(stated)}="",{days[0]},{_day(stated)})')
    w.add("b_cur", f'=UPPER(TRIM({cell("budget_lines", "currency")}&""))')
    _convert(w, "b_rate", own("b_cur"), "ft_currency", own("b_day"))
    amount = cell("budget_lines", "amount")
    w.add(
        "b_value",
        f'=IF(AND({own("b_id")}<>"",ISNUMBER({amount}),ISNUMBER({own("b_rate")})),'
        f'IF({amount}>=0,{amount}*{own("b_rate")},""),"")',
    )
    w.add(
        "b_lost",
        f'=IF(AND({own("b_id")}<>"",ISNUMBER({amount}),{own("b_cur")}<>"",{own("b_day")}<>"",'
        f'{own("b_rate")}=""),1,0)',
    )
    category = cell("budget_lines", "category")
    default = f'IFERROR(INDEX(l_strand,MATCH(UPPER(TRIM({category}&"")),l_budget_category,0)),"")'
    w.add("b_default", f"={default}")
    w.add("b_said", f'=IF({here("pve_strand")}="",{own("b_default")},{here("pve_strand")})')
    newer = f"SUMIFS({w.all('b_new')},{w.all('b_of')},{of})"
    w.add(
        "b_on",
        f'=IF(AND({own("b_id")}<>"",{own("b_grant")}>0,{own("b_said")}<>"as sub-grant"),'
        f"IF(OR({own('b_new')}=1,{newer}=0),1,0),0)",
    )
    below = f'AND({own("b_on")}=1,{kind}="subgrant",ISNUMBER({own("b_value")}))'
    w.add("b_below", f"=IF({below},{own('b_value')},0)")
    aside = f'AND({own("b_on")}=1,{own("b_default")}="as sub-grant",{kind}<>"subgrant")'
    w.add("b_aside", f"=IF({aside},IF(ISNUMBER({own('b_value')}),{own('b_value')},0),0)")
    grant = own("b_grant")

    def summed(name: str) -> str:
        return f"SUMIFS({w.all(name)},{w.all('b_grant')},{grant})"

    kept = f"MAX(0,1-{summed('b_below')}/{summed('b_aside')})"
    w.add(
        "b_kept",
        f'=IF({own("b_on")}=0,0,IF({own("b_value")}="","",IF({own("b_aside")}>0,'
        f"{own('b_value')}*{kept},{own('b_value')})))",
    )
    w.add("b_gap", f'=IF(AND({own("b_on")}=1,{own("b_value")}=""),1,0)')
    row = "(ROW()-1)"
    w.add(
        "g_res",
        f"=IF(AND({own('g_live')}=1,{own('g_in')}=1,ISNUMBER({own('g_value')})),1,0)",
    )
    w.add("g_lines", f"=SUMIFS({w.all('b_kept')},{w.all('b_grant')},{row},{w.all('b_on')},1)")
    value = f"N({own('g_value')})"
    base = f"MAX({value},{own('g_lines')})"
    w.add("g_factor", f"=IF({base}>0,{value}/{base},1)")
    rest = f"({value}-{own('g_lines')})"
    w.add(
        "g_left",
        f"=IF({own('g_res')}=1,IF({rest}>1E-12*{base},{rest}*{own('g_factor')},0),0)",
    )
    strand = f'LOWER(TRIM({cell("grants", "pve_strand")}&""))'
    w.add("g_strand", f'=IF({strand}="","?",{strand})')
    gaps = f"SUMIFS({w.all('b_gap')},{w.all('b_grant')},{row})"
    w.add("g_rest_strand", f'=IF({gaps}>0,"?",{own("g_strand")})')
    stated_strand = f'AND({own("b_said")}<>"",{own("b_said")}<>"as grant")'
    of_grant = f"INDEX({w.all('g_strand')},{grant})"
    w.add(
        "b_strand",
        f'=IF({own("b_on")}=0,"",IF({stated_strand},{own("b_said")},{of_grant}))',
    )
    w.add(
        "b_share",
        f"=IF(AND({own('b_on')}=1,ISNUMBER({own('b_kept')})),"
        f"IF(INDEX({w.all('g_res')},{grant})=1,{own('b_kept')}*INDEX({w.all('g_factor')},{grant}),"
        "0),0)",
    )


def _payments(w: Workings) -> None:
    own, cell = w.own, w.places.here
    w.add(
        "t_day",
        f"={_day(cell('transactions', 'value_date'), cell('transactions', 'transaction_date'))}",
    )
    w.add("t_cur", f'=UPPER(TRIM({cell("transactions", "currency")}&""))')
    _convert(w, "t_rate", own("t_cur"), "ft_currency", own("t_day"))
    w.add(
        "t_lost",
        f'=IF(AND(ISNUMBER({cell("transactions", "value")}),{own("t_cur")}<>"",{own("t_day")}<>"",'
        f'{own("t_rate")}=""),1,0)',
    )


def _police_pay(w: Workings) -> None:
    own, cell = w.own, w.places.here

    def text(table: str, name: str) -> str:
        return f'TRIM({cell(table, name)}&"")'

    w.add("u_id", _key(cell("police_units", "unit_id")))
    year, wage = cell("pay_benchmarks", "year"), cell("pay_benchmarks", "amount")
    area = text("pay_benchmarks", "benchmark_area")
    complete = (
        f'ISNUMBER({year}),ISNUMBER({wage}),{text("pay_benchmarks", "currency")}<>"",'
        f'{text("pay_benchmarks", "source")}<>"",{area}<>""'
    )
    kind = f"LOWER({text('pay_benchmarks', 'type')})"
    w.add(
        "n_key",
        f'=IF(AND({complete}),IF(AND({wage}>0,{year}>=1990,{year}<=2100),{area}&"|"&{kind},""),"")',
    )
    w.add("n_year", f'=IF({own("n_key")}="",0,{year})')
    w.add("p_id", _key(cell("police_pay", "unit_id")))
    w.add("p_unit", f"={_found(own('p_id'), w.all('u_id'))}")
    where = w.places.column("police_units", "benchmark_area")
    w.add("p_area", f'=IF({own("p_unit")}=0,"",TRIM(INDEX({where},{own("p_unit")}+1)&""))')
    month = cell("police_pay", "pay_period")
    w.add(
        "p_month",
        f'=IF({own("p_id")}="",0,IF(ISNUMBER({month}),YEAR({month})*100+MONTH({month}),'
        f"IFERROR(LEFT({month},4)*100+RIGHT({month},2),0)))",
    )
    rank = text("police_pay", "rank")
    w.add("p_row", f'=IF({own("p_id")}="","",{own("p_id")}&"|"&{rank}&"|"&{own("p_month")})')
    last = f"SUMPRODUCT(MAX(({w.all('p_id')}={own('p_id')})*{w.all('p_month')}))"
    first = f"MATCH({own('p_row')},{w.all('p_row')},0)=ROW()-1"
    w.add(
        "p_latest",
        f"=IF({own('p_month')}=0,0,IF({own('p_month')}={last},IF({first},1,0),0))",
    )
    key = f'{own("p_area")}&"|living_wage"'
    of_year = f"({w.all('n_key')}={key})*({w.all('n_year')}<=INT({own('p_month')}/100))"
    w.add(
        "p_of",
        f'=IF(OR({own("p_month")}=0,{own("p_area")}=""),0,'
        f"SUMPRODUCT(MAX({of_year}*{w.all('n_year')})))",
    )
    row = (
        f"SUMPRODUCT(MAX(({w.all('n_key')}={key})*({w.all('n_year')}={own('p_of')})"
        f"*({KEY}-ROW({w.all('n_key')}))))"
    )
    w.add("p_wage_row", f"=IF({own('p_of')}=0,0,{KEY}-{row})")
    listed = w.places.column("pay_benchmarks", "currency")
    at = own("p_wage_row")
    w.add("p_from", f'=IF({at}=0,"",UPPER(TRIM(INDEX({listed},{at})&"")))')
    w.add("p_cur", f"=UPPER({text('police_pay', 'currency')})")
    w.add("p_day", f"={_day(cell('police_pay', 'due_date'))}")
    _convert(w, "p_straight", own("p_from"), own("p_cur"), own("p_day"))
    _convert(w, "p_there", own("p_from"), "ft_currency", own("p_day"))
    _convert(w, "p_back", "ft_currency", own("p_cur"), own("p_day"))
    _crossed(w, "p_rate", "p_straight", "p_there", "p_back")
    amounts = w.places.column("pay_benchmarks", "amount")
    w.add("p_wage", f'=IF(OR({at}=0,{own("p_rate")}=""),"",INDEX({amounts},{at})*{own("p_rate")})')
    w.add(
        "p_lost",
        f'=IF(AND({at}>0,{own("p_cur")}<>"",{own("p_rate")}=""),1,0)',
    )
    basis = w.places.column("pay_benchmarks", "basis")
    gross = f'IF({at}=0,"",LOWER(TRIM(INDEX({basis},{at})&"")))'
    taken = cell("police_pay", "deductions_mandatory")
    w.add(
        "p_exact",
        f'=IF({gross}="gross",1,IF(AND({gross}="net",ISNUMBER({taken})),1,0))',
    )
    base, more = cell("police_pay", "base_pay"), cell("police_pay", "regular_allowances")
    cash = f"IF(AND(ISNUMBER({base}),ISNUMBER({more})),{base}+{more}"
    kind_value = f"N({cell('police_pay', 'in_kind_value')})"
    capped = f"MIN({kind_value},{own('p_wage')}*{parameter('pay.in_kind_cap_pct')}/100)"
    off = f'IF({gross}="net",N({taken}),0)'
    w.add("p_pay", f'=IF({own("p_wage")}="","",{cash}+{capped}-{off},""))')
    ratio = f"{own('p_pay')}/{own('p_wage')}"
    least = f"{parameter('pay.adequacy_min_pct')}/100*(1-1E-12)"
    w.add(
        "p_enough",
        f'=IF({own("p_pay")}="",2,IF({ratio}>={least},IF({own("p_exact")}=1,1,2),0))',
    )
    heads = cell("police_pay", "headcount_verified")
    w.add("p_heads", f"=IF(AND({own('p_latest')}=1,ISNUMBER({heads})),{heads},0)")
    w.add(
        "p_below",
        f'=IF(AND({own("p_id")}<>"",{own("p_enough")}=0),IF({heads}&""="0",0,1),0)',
    )


# --- What a row shows -----------------------------------------------------------------------------


def row_words(table: str, places: Places, w: Workings) -> str:
    """The formula of the column “To look at”: in words, what the row's figures would be found for.

    Words that name a number read it from the numbers in force.
    """

    def here(name: str) -> str:
        letter = places.letters[table][name]
        return f"INDEX(${letter}:${letter},ROW())"

    tests: list[tuple[str, str]] = []
    if table in ("grants", "subgrants"):
        start, end = here("planned_start_date"), here("planned_end_date")
        p = table[0]
        wrong = f"AND(ISNUMBER({start}),ISNUMBER({end}))"
        tests.append((f"IF({wrong},{end}<{start},FALSE)", '"Ends before it begins. "'))
        tests.append((f"{w.beside(p + '_lost')}=1", '"No exchange rate in Exchange rates. "'))
        months, days = here(MONTHS), here(DAYS)
        limit = parameter("dur.short_months")
        if table == "grants":  # a stated duration stands in where a date is missing
            stated = here("planned_duration_months")
            days = f'IF({months}="",0,{days})'
            months = f'IF({months}="",IF(ISNUMBER({stated}),{stated},""),{months})'
        short = f"OR({months}<{limit},AND({months}={limit},{days}=0))"
        if table == "grants":
            scope = f"{w.beside('g_live')}=1"
        else:
            scope = f'LOWER({here("purpose")}&"")<>"services"'
        scope += f",{w.beside(p + '_cso')}=1"
        said = f'"Lasts "&{limit}&" months or less. "'
        tests.append((f'AND({scope},IF({months}="",FALSE,{short}))', said))
        tests.append((f"{w.beside(p + '_over')}=1", '"Its sub-grants come to more than it. "'))
    elif table in ("budget_lines", "transactions"):
        lost = w.beside(f"{table[0]}_lost")
        tests.append((f"{lost}=1", '"No exchange rate in Exchange rates. "'))
    elif table == "police_pay" and "p_below" in w.formulas:
        tests.append((f"{w.beside('p_below')}=1", '"Below the living wage of its area. "'))
        tests.append((f"{w.beside('p_lost')}=1", '"No exchange rate for its benchmark. "'))
    elif table == "cso_security":
        tests.append((_overdue(here), '"Protocol review overdue. "'))
    elif table == "participants" and places.has("convenings"):
        tests.append((_late(here, places), '"Visa documents later than the lead time. "'))
    key = here(schema.tables()[table].key)
    said = "&".join(f'IF({test},{words},"")' for test, words in tests)
    no_row = f'OR({key}="",UPPER(LEFT({key},{len(EXAMPLE)}))="{EXAMPLE}")'
    return f'=IF({no_row},"",TRIM({said}))'


def _overdue(here: Here) -> str:
    """Rule SAF-02: the age of the last review, against the closer limit where there is danger."""
    day = here("protocol_last_review_date")
    months, spare = months_in(day, "ft_today"), days_in(day, "ft_today")
    risk = f'LOWER({here("risk_level")}&"")'
    threat = f'LOWER({here("state_actor_threat")}&"")'
    closer, usual = parameter("saf.review_months_high"), parameter("saf.review_months")
    strict = f'OR({risk}="high",{risk}="severe",{threat}="yes")'
    unsure = f'OR({risk}="",{threat}="")'
    limit = f"IF({strict},{closer},IF({unsure},MAX({closer},{usual}),{usual}))"
    older = f"OR({months}>{limit},AND({months}={limit},{spare}>0))"
    known = f'LOWER({here("protocol_in_place")}&"")="yes",ISNUMBER({day}),ISNUMBER(ft_today)'
    return f"IF(AND({known}),IF({day}<=ft_today,{older},FALSE),FALSE)"


def _late(here: Here, places: Places) -> str:
    """Rule CON-02: fewer days from the papers, or from today, to the first day than are needed."""
    sent, event = here("documents_sent_date"), here("event_id")

    def of_event(name: str) -> str:
        ids = places.column("convenings", "event_id")
        return f'INDEX({places.column("convenings", name)},MATCH({event}&"",{ids},0))'

    need = f"MAX({parameter('con.lead_warn_days')},{parameter('con.lead_error_days')})"
    day = f"IF(ISNUMBER({sent}),INT({sent}),ft_today)"
    start, form = of_event("start_date"), f'LOWER({of_event("format")}&"")'
    known = f'{form}<>"",{form}<>"online",ISNUMBER({start}),ISNUMBER({day})'
    who = (
        f'LOWER({here("sector")}&"")="cso",LOWER({here("visa_required")}&"")="yes",'
        f'OR({sent}="",ISNUMBER({sent}))'
    )
    return f"IFERROR(IF(AND({who},{known}),INT({start})-{day}<{need},FALSE),FALSE)"


# --- The key figures ------------------------------------------------------------------------------


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
        met, lost_cause = f"{worst}<={asked}*(1+1E-12)", f"{best}>{asked}*(1+1E-12)"
    else:
        met, lost_cause = f"{worst}>={asked}*(1-1E-12)", f"{best}<{asked}*(1-1E-12)"
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


def _letter(number: int) -> str:
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
