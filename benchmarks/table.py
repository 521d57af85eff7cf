"""The measured figures as a table on the terminal: number, what is wanted, and whether it will do."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from benchmarks.figures import FIGURES, Measured


def show(measured: Mapping[str, Measured], console: Console | None = None) -> None:
    table = Table("figure", "measured", "wanted", "", "from", box=None, pad_edge=False)
    for figure in FIGURES:
        if result := measured.get(figure.name):
            verdict = "" if figure.met_by(result.value) else "misses"
            table.add_row(figure.name, f"{result.value:.2f}", figure.bound, verdict, result.detail)
    (console or Console()).print(table)
