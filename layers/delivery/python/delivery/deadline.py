"""How much time is left. A function sets its deadline once an invocation, and every wait below asks here.

The clock is the wall clock: a function that was frozen must find on waking that its time is over, whatever a monotonic
clock did meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from threading import Lock

_SHORTEST_WAIT = 0.001  # a time-out of 0 would make a socket non-blocking

_ends_at: ContextVar[float] = ContextVar("ends_at", default=inf)


class OutOfTime(TimeoutError):  # noqa: N818 - it says what is the matter
    """There was no time left for this, or it did not end in time."""


@contextmanager
def ending_at(until: datetime) -> Iterator[None]:
    """Whatever waits inside ends by then; an earlier deadline outside goes on to count."""
    with _ending(until.timestamp()):
        yield


@contextmanager
def ending_in(seconds: float) -> Iterator[None]:
    """Whatever waits inside ends within so many seconds; an earlier deadline outside goes on to count."""
    with _ending(time.time() + seconds):
        yield


@contextmanager
def _ending(moment: float) -> Iterator[None]:
    token = _ends_at.set(min(moment, _ends_at.get()))
    try:
        yield
    finally:
        _ends_at.reset(token)


def seconds_left() -> float:
    """Until the deadline; below 0 when it has passed, infinite when there is none."""
    return _ends_at.get() - time.time()


def wait_of(at_most: float) -> float:
    """How long a wait may last that should not last longer than this. Never 0: a wait of nothing would be endless."""
    return max(_SHORTEST_WAIT, min(at_most, seconds_left()))


def need(seconds: float) -> None:
    """Raises OutOfTime unless so much time is left: what cannot end is not begun."""
    if seconds_left() < seconds:
        raise OutOfTime("not begun: too little time is left")


class NotWritten(Exception):  # noqa: N818 - it says what is the matter
    """A request was not written: its time was over, or its caller had given it up. Nobody ever saw it."""


@dataclass(slots=True)
class Permit:
    """The right to write one request: the call takes it once, unless its caller takes it back first."""

    #: Seconds since the epoch, by the wall clock, as above.
    until: float
    _lock: Lock = field(default_factory=Lock)
    _taken: bool = False
    _revoked: bool = False

    @classmethod
    def ending_at(cls, until: datetime) -> Permit:
        return cls(until.timestamp())

    def left(self) -> float:
        return self.until - time.time()

    def begin(self, seconds: float) -> bool:
        """Narrows it to a call of so many seconds from now; False if it ends before that."""
        begun = self.left() >= seconds
        self.until = min(self.until, time.time() + seconds)
        return begun

    def take(self) -> None:
        """Just before the first byte is written. Raises NotWritten if it must not be."""
        with self._lock:
            if self._revoked or (self.left() <= 0 and not self._taken):
                raise NotWritten
            self._taken = True

    @property
    def taken(self) -> bool:
        return self._taken

    def revoke(self) -> bool:
        """Whether the request was not written, and now never will be."""
        with self._lock:
            self._revoked = not self._taken
            return self._revoked
