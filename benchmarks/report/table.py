"""Prints the measured figures as a table on the terminal."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from benchmarks.report.figures import FIGURES, Measured


def show(measured: Mapping[str, Measured], console: Console | None = None) -> None:
    table = Table("figure", "measured", "wanted", "", "from", box=None, pad_edge=False)
    for figure in FIGURES:
        if result := measured.get(figure.name):
            table.add_row(figure.name, f"{result.value:.2f}", figure.bound, figure.verdict(result.value), result.detail)
    (console or Console()).print(table)
