"""A step of the run: its name, what it says while it works, and how it measures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.report.figures import Figure, Measured
from local.servers.mysql import MySqlServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a step measures with."""

    server: MySqlServer
    #: for logs and whatever else may be deleted afterwards
    state: Path
    #: how large the largest table becomes
    rows: int
    #: says how far a long step has come
    progress: Callable[[str], None]


class Step(NamedTuple):
    name: str
    says: str
    measure: Callable[[Bench], dict[str, Measured]]
    figures: tuple[Figure, ...]

    @property
    def names(self) -> set[str]:
        """What `--only` accepts for it: its own name, or that of one of its figures."""
        return {self.name, *(figure.name for figure in self.figures)}
