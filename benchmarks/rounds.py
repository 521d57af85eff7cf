"""Times things on a machine that is also doing others: ways take turns, and the median of each counts."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter

#: One turn of a way of doing something; returns the seconds that each record took.
Turn = Callable[[], float]


@dataclass(slots=True)
class Stopwatch:
    seconds: float = 0.0

    def each_of(self, number: int) -> float:
        return self.seconds / number


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Yields an object that holds the block's seconds after the block has ended."""
    watch = Stopwatch()
    began = perf_counter()
    yield watch
    watch.seconds = perf_counter() - began


def take_turns(ways: Mapping[str, Turn], *, rounds: int) -> dict[str, float]:
    """The median of every way. Each way's first turn warms up and does not count, and each round begins with another.

    To go back and forth instead would let the first and the last follow themselves, and find their data in the
    processor's caches.
    """
    took: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for turn in range(rounds + 1):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            seconds = ways[name]()
            if turn:
                took[name].append(seconds)
    return {name: median(seconds) for name, seconds in took.items()}
