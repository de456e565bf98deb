"""Documentation: is learning from failure paid for, and research on foreign fighters who return?"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from fundtrack.book import Book
from fundtrack.flows import flows
from fundtrack.model import Basis, Clause, Limits, Severity, Threshold
from fundtrack.months import age_at_most
from fundtrack.rules import check
from fundtrack.rules.convening import paying, taken
from fundtrack.schema import codelists, tables
from fundtrack.verdicts import NotAssessable, Remark, Remarks, RowVerdicts

WINDOW = Threshold("doc.window_months", 24, "months", Basis.HOUSE)
LINES = ("budget_lines", ["category", "amount"])
STUDIES = ("research_outputs", ["type", "outcome_documented", "completed_date|published_date"])


def _lacks(book: Book, table: str, fields: list[str]) -> str:
    """What is not there of the columns that a question needs, in words; empty where all are."""
    plan = tables()[table]
    if table not in book.tables:
        return f"there is no sheet “{plan.sheet}”"
    options = [field.split("|") for field in fields]
    missing = [names for names in options if not any(book.has(table, n) for n in names)]
    titles = [" or ".join(f"“{plan.field(n).title}”" for n in names) for names in missing]
    return f"{plan.sheet} has no column {' and no column '.join(titles)}" if titles else ""


@check(
    "DOC-01",
    "Case studies are paid for, and one of the last {doc.window_months} months tells of a failure",
    name="Money for case studies of success and failure",
    scope="portfolio",
    origin="brief",
    brief=Clause(
        "FL6 (p. 17)",
        "Provide resources for the documentation and dissemination of case studies of success "
        "and failure",
    ),
    needs={},
    weighs=dict([LINES, STUDIES]),
    thresholds=[WINDOW],
    severity=Severity.WARNING,
)
def failures_documented(book: Book, limits: Limits) -> Remarks | NotAssessable:
    """The budget lines for documentation, and the case studies that document a failure.

    A study belongs to the day on which it was completed, else published. One of the two sheets is
    enough to judge its half; the other half then stays open.
    Why: what did not work is what the next programme most needs to know, and is seldom written.
    Fix: commission a study of a programme that did not work, and budget for it.
    Out of scope: (1) lines of cancelled grants; (2) studies later than the reference date.
    Example: a study of a failure completed on 2023-01-01 still counts on 2024-12-31, not a day
    later.
    """
    lacks = [_lacks(book, *LINES), _lacks(book, *STUDIES)]
    if all(lacks):
        return NotAssessable(
            f"{_sentence(' and '.join(lacks))} Add one of them, or give it with --with."
        )
    paid = paying(book, "DOC")["pays"].any(skipna=False)  # (1)
    told = _tells_of_failure(book, limits).any(skipna=False)  # (2)
    window = limits.fill("{doc.window_months}")
    halves = [
        (
            LINES[0],
            lacks[0],
            paid,
            "Whether a budget line pays for case studies is open",
            "the category or the amount of a line is blank",
            Remark(
                "money for case studies",
                "No budget line in force pays for the documentation of case studies.",
                "Add a line of the category DOC (documentation and dissemination of case studies) "
                "to one grant or programme.",
                "a budget line for the documentation of case studies",
            ),
        ),
        (
            STUDIES[0],
            lacks[1],
            told,
            "Whether a case study of a failure was made is open",
            "the type, the outcome or the date of a study is blank, or no reference date is known",
            Remark(
                "case study of failure",
                f"No case study that documents a failure was completed in the last {window} "
                "months.",
                "Commission one on a programme that did not work.",
                "a case study of a failure, or of both success and failure, in {doc.window_months} "
                "months",
            ),
        ),
    ]
    found, judged, open_, reasons = [], 0, 0, []
    for table, missing, answer, doubt, blank, remark in halves:
        if missing or pd.isna(answer):
            open_ += 1
            reasons.append(_sentence(f"{doubt}: {missing or blank}"))
            continue
        judged += max(1, len(book[table]))  # what was read to answer
        if not answer:
            found.append(remark)
    return Remarks(found, judged, open_, " ".join(reasons))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _tells_of_failure(book: Book, limits: Limits) -> pd.Series:
    """Whether each study is a case study of a failure within the window; blank where unknown."""
    studies, today = book["research_outputs"], book.settings.today
    done = studies["completed_date"].fillna(studies["published_date"])
    recent = age_at_most(done, today, limits["doc.window_months"]).astype("boolean")
    recent = recent.mask((done > today).astype(bool), False)
    failure = studies["outcome_documented"].isin(["failure", "both"]).astype("boolean")
    failure = failure.where(studies["outcome_documented"].notna())
    told: pd.Series = (studies["type"] == "case_study") & failure & recent
    return told


@check(
    "DOC-02",
    "Where foreign fighters return, research on their effect on communities is funded",
    name="Research on foreign fighters",
    scope="portfolio, country",
    origin="brief",
    brief=Clause(
        "FL7 (p. 17)",
        "Fund research and dissemination of findings on the impact of foreign fighters on both "
        "host and home communities",
    ),
    needs={"programmes": ["country", "returnee_context"]},
    weighs={
        "budget_lines": ["category", "amount", "parent_type", "parent_id"],
        "research_outputs": ["type", "grant_id"],
        "grants": ["recipient_country"],
    },
    severity=Severity.WARNING,
)
def returnees_researched(book: Book, limits: Limits) -> RowVerdicts:
    """For each country with returning fighters, a budget line or a study on foreign fighters.

    A line counts for the country of its programme or grant, a study for that of its grant. Where
    all programmes are in one country, what names no country counts for that one.
    Why: communities that take people back need to know what helps, and so do their police.
    Fix: one study with local researchers.
    Out of scope: (1) countries whose programmes say that no fighters return; (2) cancelled grants.
    Example: two programmes in Nigeria with returnees and no such line or study are one finding.
    """
    programmes = book["programmes"]
    places = programmes["country"]
    faced = programmes["returnee_context"] == "yes"
    # One row a country, at its first programme with returnees, else at the first that is silent.
    rank = faced.map({True: 0, False: 2}).fillna(1).astype("int64")
    order = programmes.assign(rank=rank).sort_values("rank", kind="stable")
    rows = order[order["country"].isna() | ~order["country"].duplicated()].sort_index()
    funded = [_funded_in(book, rows["country"], each) for each in (_lines(book), _studies(book))]
    names = codelists()["country"].codes

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        ids = programmes.loc[faced.fillna(False), "programme_id"]
        by_country = ids.dropna().sort_values().groupby(places).agg(", ".join)
        country = rows.loc[labels, "country"]
        return {
            "name": country.map(names),
            "ids": pd.Series(by_country.reindex(country.array).array, index=labels),
        }

    return RowVerdicts(
        "programmes",
        in_scope=faced.loc[rows.index],  # (1)
        meets=(funded[0] | funded[1]).mask(rows["country"].isna()),
        at="returnee_context",
        message="{name} faces returning foreign fighters ({ids}), and no research on their effect "
        "is funded there.",
        remedy="Fund one study with local researchers, or enter the one that is under way in the "
        "sheet Research outputs.",
        expected="a budget line or a study on foreign fighters",
        words=words,
        blank=[("programmes", "returnee_context"), ("programmes", "country")],
        otherwise=f": {_why_open(book)}",
        scope="country",
        key=rows["country"],
    )


def _lines(book: Book) -> pd.DataFrame | None:
    """The budget lines with `country` and `holds`: whether each pays for research on fighters."""
    if _lacks(book, *LINES):
        return None
    lines = paying(book, "RES_FF")
    countries = book["programmes"].set_index("programme_id")["country"]
    own = lines["parent_id"].where(lines["parent_type"] == "programme")
    country = lines["country"].fillna(taken(countries, own))
    return pd.DataFrame({"country": country, "holds": lines["pays"]})


def _studies(book: Book) -> pd.DataFrame | None:
    """The studies with `country` and `holds`: whether each is about foreign fighters."""
    if _lacks(book, "research_outputs", ["type"]):
        return None
    studies = book["research_outputs"]
    grants = flows(book).grants.set_index("grant_id")
    live = taken(grants["live"], studies["grant_id"]).astype("boolean").fillna(True)  # (2)
    country = taken(grants["country"], studies["grant_id"])
    return pd.DataFrame({"country": country, "holds": studies["type"] == "foreign_fighters"})[live]


def _funded_in(book: Book, countries: pd.Series, rows: pd.DataFrame | None) -> pd.Series:
    """Whether any of the rows holds for each country; blank where one may, or no sheet tells."""
    if rows is None:
        return pd.Series(pd.NA, index=countries.index, dtype="boolean")
    all_places = book["programmes"]["country"]
    lone = all_places.iloc[0] if all_places.nunique(dropna=False) == 1 else pd.NA
    place = rows["country"].fillna(lone) if pd.notna(lone) else rows["country"]
    there = rows["holds"].groupby(place).any(skipna=False)
    known = there.reindex(countries.array, fill_value=False).array
    nowhere = rows.loc[place.isna(), "holds"].any(skipna=False)  # of a country that is unknown
    perhaps = pd.NA if pd.isna(nowhere) or nowhere else False
    return pd.Series(known, index=countries.index, dtype="boolean") | perhaps


def _why_open(book: Book) -> str:
    """Why research may or may not be funded in a country."""
    lacks = [_lacks(book, *LINES), _lacks(book, "research_outputs", ["type"])]
    missing = " and ".join(text for text in lacks if text)
    return missing or "the country, category, type or amount of some research is blank"
