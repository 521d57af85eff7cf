"""The log lines that the pages tell operators to look for are those that the functions write."""

from __future__ import annotations

import re

from cdk.settings.context import ROOT

_NAMED = re.compile(r"log lines? (`[^`]+`(?: and `[^`]+`)*)")


def test_every_log_line_that_a_page_names_is_one_that_a_function_writes() -> None:
    pages = [page.read_text() for page in (ROOT / "docs").glob("*.md")]
    named = [line.strip("`") for page in pages for found in _NAMED.findall(page) for line in found.split(" and ")]
    modules = [module for room in ("functions", "layers/delivery") for module in (ROOT / room).rglob("*.py")]
    written = "".join(module.read_text() for module in modules)
    assert len(named) > 5
    assert [line for line in named if f'"{line}' not in written] == []
