"""Waiting for a condition instead of for a time."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")


#: A sender whose cold start used up its time gives its pointers back, and the local stage's queue hides them for 72 s.
_LONGEST = 200.0


def until(found: Callable[[], Found | None], *, within: float = _LONGEST) -> Found:
    """Waits until `found` returns something true, and returns that."""
    deadline = time.monotonic() + within
    while not (answer := found()):
        assert time.monotonic() < deadline, f"still not so after {within:.0f} s"
        time.sleep(0.02)
    return answer


def is_gone(pid: int) -> bool:
    """Also when nobody has asked yet how it ended."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True
