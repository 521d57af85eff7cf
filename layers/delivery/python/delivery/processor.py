"""Python runs one thread of a process at a time, so threads that take turns do better on one processor."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def one_processor() -> Iterator[None]:
    """This thread and those that it starts meanwhile share one of the processors that it may use.

    With two, each thread that hands the interpreter on wakes one on the other processor. Changes nothing where the
    system has no affinities (macOS) or forbids to set them.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    _keep_to({random.choice(sorted(allowed))})
    try:
        yield
    finally:
        _keep_to(allowed)


def _keep_to(processors: set[int]) -> None:
    with suppress(OSError):
        os.sched_setaffinity(0, processors)
