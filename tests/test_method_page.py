"""The page of the method: each term of the brief has a row, each cell of it leads somewhere.

The checker is tried on broken rows as well, so that a green page means something.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.rules import rules
from bot.settings import known_keys

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "method.md"
HEADER = "| term | rule | file | parameter | test |"
TERMS = (
    "4/4/2",
    "AMM steepening",
    "RSI",
    "A/D line",
    "MACD",
    "time-shifting",
    "FOMC",
    "CPI",
    "PPI",
    "WACC",
    "IRR",
    "extrinsic value",
    "break-even",
    "steward/promoter",
    "false binary",
    "Big Top temporal theta",
    "quick ratio",
    "REER",
    "interest-rate differential",
    "term structure",
    "HFT/MEV lesson",
    "slippage",
    "layer theta/gamma/vega",
)
LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")


@dataclass(frozen=True)
class Row:
    """One row of the table, as written."""

    term: str
    rule: str
    file: str
    parameter: str
    test: str


def rows_of(text: str) -> list[Row]:
    """Return the rows of the page's table."""
    table = text.split(HEADER + "\n")[1].split("\n\n", maxsplit=1)[0].splitlines()[1:]
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in table]


def anchors_of(text: str) -> set[str]:
    """Return what the page's headings can be linked by."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def faults_of(text: str) -> list[str]:
    """Return what is wrong with the page's table, empty when it is sound."""
    rows = rows_of(text)
    missing = [f"{term} has no row" for term in TERMS if term not in {row.term for row in rows}]
    return missing + [fault for row in rows for fault in _faults_of_row(row, anchors_of(text))]


def _faults_of_row(row: Row, anchors: set[str]) -> Iterator[str]:
    rule = LINK.fullmatch(row.rule)
    if rule is None or rule[1] not in rules():
        yield f"{row.term}: {row.rule} is no link to a known rule"
    elif rule[2].removeprefix("#") not in anchors:
        yield f"{row.term}: {rule[2]} is no heading of the page"
    if row.parameter.strip("`") not in known_keys():
        yield f"{row.term}: {row.parameter} is no key of the settings"
    for cell in (row.file, row.test):
        link = LINK.fullmatch(cell)
        if link is None or link[2] != f"../{link[1]}" or not (PAGE.parent / link[2]).is_file():
            yield f"{row.term}: {cell} leads to no file"
    if not row.test.startswith("[tests/"):
        yield f"{row.term}: {row.test} is no test"


@pytest.fixture(scope="module")
def page() -> str:
    """Return the text of the page."""
    return PAGE.read_text(encoding="utf-8")


def test_every_term_of_the_brief_has_a_row_whose_cells_lead_somewhere(page: str) -> None:
    assert faults_of(page) == []


def test_every_link_of_the_page_leads_somewhere(page: str) -> None:
    targets = [match[2] for match in LINK.finditer(page)]

    dead = [
        target
        for target in targets
        if target.removeprefix("#") not in anchors_of(page) and not (PAGE.parent / target).is_file()
    ]
    assert targets
    assert dead == []


def test_every_rule_is_told_on_the_page(page: str) -> None:
    chapters = page.split(HEADER, maxsplit=1)[0]

    assert [rule for rule in rules() if f"{rule})" not in chapters] == []


@pytest.mark.parametrize(
    ("sound", "broken", "fault"),
    [
        ("../strategies/tilt.py", "../strategies/tilted.py", "MACD: [strategies/tilt.py]"),
        ("`alvh.macd_fast`", "`alvh.macd_quick`", "MACD: `alvh.macd_quick` is no key"),
        ("[R-26](#", "[R-96](#", "MACD: [R-96](#the-hedge) is no link to a known rule"),
        ("[R-26](#the-hedge)", "[R-26](#the-hatch)", "MACD: #the-hatch is no heading"),
        ("[tests/strategies/test_tilt.py]", "[strategies/tilt.py]", "MACD: [strategies/tilt.py]"),
        ("| MACD |", "| MCAD |", "MACD has no row"),
    ],
    ids=["file", "key", "rule", "heading", "test", "term"],
)
def test_a_planted_broken_row_is_found(page: str, sound: str, broken: str, fault: str) -> None:
    chapters, table = page.split(HEADER)
    assert sound in table

    faults = faults_of(chapters + HEADER + table.replace(sound, broken, 1))

    assert any(found.startswith(fault) for found in faults), faults
