"""The public texts that thresholds rest on, by their id. `status` says how far each was read.

A number that is only remembered, not read, is not cited: its threshold is a house default.
"""

from __future__ import annotations

from fundtrack.model import Source

SOURCES = {
    source.id: source
    for source in (
        Source(
            "S01",
            "Grand Bargain 2016",
            "The Grand Bargain, commitment 2.4",
            "Grand Bargain signatories",
            "2016",
        ),
        Source(
            "S02",
            "IASC categories",
            "Categories for tracking direct as possible funding to local and national actors",
            "IASC Humanitarian Financing Task Team",
            "year not verified",
        ),
        Source(
            "S04",
            "DI 2024",
            "Falling short? Humanitarian funding and reform, ch. 2",
            "Development Initiatives",
            "2024",
        ),
        Source(
            "S05",
            "Grand Bargain quality funding 2022",
            "Caucus on Quality Funding, outcome document of 11 July 2022",
            "Grand Bargain / IASC",
            "2022",
        ),
        Source(
            "S06",
            "InterAction 2024",
            "Multi-Year Funding and Results-Based Protection",
            "InterAction",
            "2024",
        ),
        Source(
            "S07",
            "DI 2020",
            "Multi-year humanitarian funding: Global baselines and trends, ch. 8",
            "Development Initiatives",
            "2020",
        ),
        Source(
            "S09",
            "Grand Bargain 2024",
            "Highlights of the 2024 Grand Bargain self-reporting cycle",
            "Grand Bargain Secretariat",
            "2024",
        ),
        Source(
            "S10",
            "Charter for Change 2015",
            "Charter for Change: Localisation of Humanitarian Aid",
            "Charter4Change",
            "2015",
        ),
        Source(
            "S11",
            "Charter for Change 2019",
            "Charter for Change, 2019 text as a signatory sums it up",
            "Help – Hilfe zur Selbsthilfe",
            "2020",
            "read second-hand",
        ),
        Source(
            "S12",
            "USAID target",
            "Taking localisation beyond labels and lip service, on USAID's 2021 target",
            "UNU-WIDER",
            "year not verified",
        ),
        Source(
            "S16",
            "GISF 2019",
            "Reflections on the campaign “At What Cost?”",
            "Global Interagency Security Forum",
            "2019",
        ),
        Source(
            "S17",
            "EISF portfolio",
            "The Cost of Security Risk Management for NGOs",
            "EISF, now GISF",
            "year not verified",
            "title read",
        ),
        Source(
            "S19",
            "Good Practice Review 8",
            "Humanitarian Security Risk Management, chapter on funding security",
            "Humanitarian Practice Network",
            "2025",
        ),
        Source("S20", "GISF plans", "Security plans (toolbox)", "GISF", "no date"),
        Source(
            "S21",
            "EU Visa Code",
            "Regulation (EC) 810/2009 as amended by Regulation (EU) 2019/1155",
            "European Union",
            "2009 and 2019",
        ),
        Source(
            "S22",
            "DISCOVER Cookbook",
            "Visa support for participants from the Global South (an open proposal)",
            "NumFOCUS community",
            "2025",
        ),
        Source(
            "S23",
            "ip-health post",
            "Conferences and community participants",
            "ip-health mailing list",
            "2016",
        ),
        Source(
            "S25", "Anker definition", "The Anker Methodology", "Anker Research Institute", "2011"
        ),
        Source(
            "S26",
            "Anker ch. 15",
            "Living Wages Around the World, ch. 15: measuring prevailing wages",
            "Edward Elgar",
            "2017",
        ),
        Source(
            "S27",
            "ILO 2024",
            "Conclusions of the Meeting of Experts on wage policies, including living wages",
            "ILO",
            "2024",
        ),
        Source(
            "S28",
            "ECOSOC 1989/61",
            "Guidelines on the Code of Conduct for Law Enforcement Officials",
            "UN ECOSOC",
            "1989",
            "document read",
        ),
        Source(
            "S29",
            "European Code of Police Ethics",
            "Recommendation Rec(2001)10, paragraphs 25 and 32",
            "Council of Europe",
            "2001",
        ),
        Source(
            "S30",
            "ILO R085",
            "Protection of Wages Recommendation, paragraph 4(b)",
            "ILO",
            "1949",
        ),
        Source(
            "S34",
            "UN 15%",
            "Seven-Point Action Plan on Gender-Responsive Peacebuilding, as UN Women describes it",
            "UN Women",
            "2016",
        ),
        Source(
            "S35",
            "New Agenda for Peace 1%",
            "The gap between commitments and funding for women's organisations",
            "UN Women",
            "2025",
        ),
        Source(
            "S39",
            "ECHO 30 days",
            "Specific Grant Agreement, art. 5, and model agreement on pre-financing",
            "European Commission, DG ECHO",
            "2014 to 2027",
        ),
        Source(
            "S41",
            "IATI value-date",
            "IATI common schema 2.03, attribute value-date",
            "IATI",
            "2018",
        ),
        Source(
            "S42",
            "360Giving valueDate",
            "360Giving schema, Transaction.valueDate",
            "360Giving",
            "2025",
        ),
        Source(
            "S43",
            "UN rate rule",
            "UN-Women financial rules on the UN operational rate of exchange",
            "UN-Women",
            "no date",
        ),
    )
}


def cited(cite: tuple[str, ...]) -> str:
    """The citation in words: “Grand Bargain 2016; brief, p. 31”."""
    return "; ".join(
        f"{SOURCES[c].short} ({SOURCES[c].publisher}, {SOURCES[c].year})" if c in SOURCES else c
        for c in cite
    )
