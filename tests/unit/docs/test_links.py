"""What a page or a docstring refers to is there: the file, and the heading in it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DESIGN = ROOT / "docs" / "design.md"


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
ROOMS = ("layers", "producer", "functions", "cdk", "hongyan", "local", "tests")
CODE = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]


def prose(page: Path) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken_links(page: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        name, _, wanted = target.partition("#")
        file = page.parent / name if name else page
        if "://" in target:
            continue
        if not file.exists() or (wanted and wanted not in map(anchor, headings(file))):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    """In this repository; nobody is called on the network."""
    assert list(broken_links(page)) == []


def test_what_the_code_cites_of_the_design_is_a_heading_of_it() -> None:
    """As `docs/design.md, States`."""
    cited = {name for file in CODE for name in re.findall(r"docs/design\.md, (\w+)", file.read_text())}
    assert cited <= set(headings(DESIGN))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_has_a_mark_of_an_unfinished_merge(page: Path) -> None:
    """In code ruff sees it."""
    assert not re.search(r"^(<<<<<<<|>>>>>>>) ", page.read_text(), flags=re.MULTILINE)
