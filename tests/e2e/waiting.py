"""Waiting on conditions: a slow machine takes longer, and a broken one is told after a long while."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def until(found: Callable[[], T], *, within: float = 60.0) -> T:
    """What `found` answers once that is something true."""
    deadline = time.monotonic() + within
    while not (answer := found()):
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.02)
    return answer
