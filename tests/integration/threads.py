"""Runs several things at the same time, each on its own thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")


def at_once(works: Sequence[Callable[[], T]]) -> list[T]:
    """What each returned, in their order. What one raises is raised here."""
    barrier = Barrier(len(works))

    def start(work: Callable[[], T]) -> T:
        barrier.wait(timeout=30)
        return work()

    with ThreadPoolExecutor(max_workers=len(works)) as pool:
        return list(pool.map(start, works))
