"""Python runs one thread of a process at a time, so threads that take turns do better on one processor."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Of the calling thread; see `proc_pid_stat(5)`.
_STAT = Path("/proc/thread-self/stat")
#: Field 39, counted from the state, which follows the program's name in parentheses.
_PROCESSOR = 39 - 3


@contextmanager
def one_processor() -> Iterator[None]:
    """This thread and those that it starts meanwhile stay on the processor that it is on.

    With two, each thread that hands the interpreter on wakes one on the other processor. Changes nothing where the
    system has no affinities (macOS) or forbids to set them.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    with suppress(OSError, ValueError, IndexError):
        os.sched_setaffinity(0, {_current()})
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, allowed)


def _current() -> int:
    """To go to another one would mean to fill its caches first: 20 ms of a cold start."""
    return int(_STAT.read_text().rpartition(")")[2].split()[_PROCESSOR])
