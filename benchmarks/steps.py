"""A step of the run: its name, what it says while it works, and how it measures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.report.figures import Figure, Measured
from local.servers.mysql import MySqlServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The means that a step measures with."""

    server: MySqlServer
    #: For logs and other files that may be deleted afterwards.
    state: Path
    #: The number of rows in the largest table.
    rows: int
    #: Reports the progress of a long step.
    progress: Callable[[str], None]


class Step(NamedTuple):
    name: str
    says: str
    measure: Callable[[Bench], dict[str, Measured]]
    figures: tuple[Figure, ...]

    @property
    def names(self) -> set[str]:
        """The names that `--only` accepts: the step's own, or that of one of its figures."""
        return {self.name, *(figure.name for figure in self.figures)}
