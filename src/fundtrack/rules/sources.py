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
