"""A step of the run: what it is called, what it says while it works, and how it measures."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import Figure, Measured
from local.servers.mysql import MySqlServer


class Step(NamedTuple):
    name: str
    says: str
    #: the server to measure on, and a directory for logs and other passing things
    measure: Callable[[MySqlServer, Path], dict[str, Measured]]
    figures: tuple[Figure, ...]

    @property
    def names(self) -> set[str]:
        """What it may be asked for by: its own name, or that of a figure it makes."""
        return {self.name, *(figure.name for figure in self.figures)}
