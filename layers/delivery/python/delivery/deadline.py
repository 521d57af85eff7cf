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
    """There was too little time left, or the work did not end in time."""


@contextmanager
def ending_at(until: datetime) -> Iterator[None]:
    """Every wait inside the block ends by `until`. An earlier deadline outside still applies."""
    with _ending(until.timestamp()):
        yield


@contextmanager
def ending_in(seconds: float) -> Iterator[None]:
    """Every wait inside the block ends within so many seconds. An earlier deadline outside still applies."""
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
    """Seconds until the deadline: negative once it has passed, infinite if there is none."""
    return _ends_at.get() - time.time()


def wait_of(at_most: float) -> float:
    """`at_most`, or less if less time is left. Never 0, because a wait of 0 would never end."""
    return max(_SHORTEST_WAIT, min(at_most, seconds_left()))


def need(seconds: float) -> None:
    """Raises OutOfTime unless this much time is left, so that nothing begins that cannot finish."""
    if seconds_left() < seconds:
        raise OutOfTime("not begun: too little time is left")


class NotWritten(Exception):  # noqa: N818 - it says what is the matter
    """A request was never sent, because its time was over or its caller had given it up."""


@dataclass(slots=True)
class Permit:
    """The right to write one request. The call takes it once, unless the caller revokes it first."""

    #: Seconds since the epoch, by the wall clock.
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
        """Shortens the permit to this many seconds from now. Returns False if less time than that is left."""
        begun = self.left() >= seconds
        self.until = min(self.until, time.time() + seconds)
        return begun

    def take(self) -> None:
        """Call just before writing the first byte. Raises NotWritten if it must not be written."""
        with self._lock:
            if self._revoked or (self.left() <= 0 and not self._taken):
                raise NotWritten
            self._taken = True

    @property
    def taken(self) -> bool:
        return self._taken

    def revoke(self) -> bool:
        """Revokes the permit. Returns True if the request was not written and now never will be."""
        with self._lock:
            self._revoked = not self._taken
            return self._revoked
