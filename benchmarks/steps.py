"""A step of the run: what it is called, what it says while it works, and how it measures."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import Measured
from local.mysql import MySqlServer


class Step(NamedTuple):
    name: str
    says: str
    #: the server to measure on, and a directory for logs and other passing things
    measure: Callable[[MySqlServer, Path], dict[str, Measured]]
