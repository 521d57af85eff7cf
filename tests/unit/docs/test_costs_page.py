"""docs/costs.md: each amount is its price times its quantity, sums are sums, and README says the same."""

import math
import re
from collections.abc import Iterator

import pytest

from cdk.settings.context import ROOT

PAGE = (ROOT / "docs" / "costs.md").read_text()


def rows(page: str = PAGE) -> Iterator[list[str]]:
    """What a table's row says, without headings and without lines that only set it."""
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and not cells[-1].startswith(("$", "-")):
            yield cells


def product(quantity: str) -> float:
    return math.prod(float(factor) for factor in quantity.split("×"))


def amounts(cells: list[str]) -> Iterator[tuple[str, str]]:
    """Quantities, each with the dollars beside it."""
    return ((cells[at], cells[at + 1]) for at in range(2, len(cells), 2) if cells[at] not in {"", "–"})


ITEMS = [cells for cells in rows() if not cells[0].startswith("**")]
SUMS = {cells[0].strip("*"): [float(cells[at].strip("*")) for at in (3, 5)] for cells in rows() if "**" in cells[0]}


@pytest.mark.parametrize("cells", ITEMS, ids=[cells[0] for cells in ITEMS])
def test_an_amount_is_its_price_times_its_quantity(cells: list[str]) -> None:
    """To the cent."""
    for quantity, dollars in amounts(cells):
        assert float(dollars) == pytest.approx(float(cells[1]) * product(quantity), abs=0.0051)


@pytest.mark.parametrize("name", ["by the hour", "by what is sent"])
def test_a_sum_is_the_sum_of_its_table(name: str) -> None:
    """For both stages."""
    chapter = next(part for part in PAGE.split("\n## ") if part.lower().startswith(name))
    items = [cells for cells in rows(chapter) if not cells[0].startswith("**")]
    for at, total in zip((3, 5), SUMS[name], strict=True):
        assert total == pytest.approx(sum(float(cells[at]) for cells in items if cells[at] != "–"))


def test_both_sums_are_all() -> None:
    """Whatever is paid."""
    together = [sum(of_stage) for of_stage in zip(SUMS["by the hour"], SUMS["by what is sent"], strict=True)]
    assert together == pytest.approx(SUMS["together"])


def test_the_readme_says_the_same() -> None:
    """Rounded to dollars, in this order."""
    row = next(line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| a month"))
    assert [int(it) for it in re.findall(r"\$(\d+)", row)] == [round(it) for it in SUMS["together"]]
