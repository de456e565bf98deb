"""The hidden sheet of a template: step by step, what the live summary and the rows' words rest on.

One row of it belongs to the same row of every table; it reads its cells by their row number, so
that rows may be inserted, deleted, sorted and pasted.
"""

from __future__ import annotations

from collections.abc import Sequence

from fundtrack.schema import EXAMPLE
from fundtrack.template.entry import EARLIEST_DAY
from fundtrack.template.formulas import HAIR, MONTHS, Places, Workings, all_of, parameter

KEY = 100000  # a rate's key is its day times this, plus its row: the largest is the latest


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
        known = f"ISNUMBER({cell}),{cell}>={EARLIEST_DAY},{cell}<=ft_latest"
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
    """What each grant could add at best to what reaches local organisations through one other, and
    whether more was passed on than a grant or sub-grant holds.
    """
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
    for name, parent, table, live in (
        ("g_over", "s_direct", "grants", f"{own('g_live')}=1"),
        ("s_over", "s_above", "subgrants", f'{own("s_id")}<>""'),
    ):
        sums = f"SUMIFS({w.all('s_part')},{w.all(parent)},{row})"
        amount = w.places.here(table, "amount")
        most = f"{amount}*(1+{parameter('dat.tolerance_pct')}/100)*(1+{HAIR})"
        w.add(name, f"=IF(AND({live},ISNUMBER({amount})),IF({sums}>{most},1,0),0)")


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
        f"=IF({own('g_res')}=1,IF({rest}>{HAIR}*{base},{rest}*{own('g_factor')},0),0)",
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
    least = f"{parameter('pay.adequacy_min_pct')}/100*(1-{HAIR})"
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
