"""Writes what a run leaves behind: benchmarks/latest.json, and the measured part of docs/performance.md."""

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report.figures import FIGURES, Measured
from benchmarks.report.sizing import sizing
from cdk.settings.context import ROOT

LATEST = ROOT / "benchmarks" / "latest.json"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: written by make bench -->", "<!-- end of measured -->"


_FOLLOWS = "What follows for a stage's settings, with Lambda's processors taken to be as fast as this machine's:"


def write(measured: Mapping[str, Measured], *, mysql: str, latest: Path = LATEST, page: Path = PAGE) -> None:
    numbers = {name: round(measured[name].value, 3) for name in (figure.name for figure in FIGURES)}
    latest.write_text(json.dumps(numbers, indent=2) + "\n")
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    parts = [before + BEGIN, _machine(mysql), _table(measured, numbers), _FOLLOWS, sizing(numbers), END + after]
    page.write_text("\n\n".join(parts))


def _machine(mysql: str) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory"
    software = f"MySQL {mysql}, Python {platform.python_version()}"
    return f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine}, {software}; client and server share the cores."


def _table(measured: Mapping[str, Measured], numbers: Mapping[str, float]) -> str:
    rows = [
        f"| `{figure.name}` | {numbers[figure.name]:g} | {figure.bound} "
        f"| {figure.verdict(numbers[figure.name])} | {measured[figure.name].detail} |"
        for figure in FIGURES
    ]
    return "\n".join(["| figure | measured | wanted | | from |", "|---|---:|---|---|---|", *rows])
