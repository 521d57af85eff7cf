"""Closing attempts: what came of each is written to MySQL, or, while MySQL does not take it, kept and handed on.

A message whose outcome is not written down is sent again when its lease ends. So an outcome is owed until MySQL has it,
and before the time is up it goes to the report queue, from which any sender closes it later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from delivery.deadline import OutOfTime
from delivery.domain.record import QueueDown
from delivery.domain.transition import Closed, Closing

#: After another transaction has locked a record for this long, its outcome goes to the report queue.
_LOCKED_PATIENCE = timedelta(seconds=2)


class ClosingStore(Protocol):
    """Where attempts are closed."""

    def close(self, closings: Sequence[Closing]) -> Closed:
        """Raises DatabaseDown if MySQL does not take them."""


class ReportQueue(Protocol):
    """Where outcomes wait while MySQL cannot take them."""

    def publish(self, closings: Sequence[Closing]) -> None:
        """Raises QueueDown unless all of them were taken."""


class ClosingObserver(Protocol):
    """Learns where each outcome was written."""

    def closed(self, closing: Closing, *, won: bool) -> None: ...

    def reported(self, closings: Sequence[Closing], why: str) -> None: ...

    def unreported(self, closings: Sequence[Closing], why: str) -> None:
        """Neither MySQL nor the report queue took these, so their messages may reach the users twice."""


@dataclass(slots=True, kw_only=True)
class Closer:
    """Writes the outcomes of one run to MySQL."""

    store: ClosingStore
    reports: ReportQueue
    observer: ClosingObserver
    now: Callable[[], datetime]
    #: Finished attempts that are not closed yet.
    finished: list[Closing] = field(default_factory=list)
    #: The error of the last try to close; None after one has succeeded.
    trouble: Exception | None = None
    locked_since: datetime | None = None

    @property
    def owes(self) -> bool:
        """Whether a close failed and has not succeeded since. Until then no new attempt may be opened."""
        return bool(self.finished) and (self.trouble is not None or self.locked_since is not None)

    def close(self) -> None:
        """Closes finished attempts except those with locked rows. What MySQL does not take is tried again."""
        if not self.finished:
            return
        try:
            closed = self.store.close(self.finished)
        except Exception as error:  # noqa: BLE001 - whatever the error, these outcomes must still be written
            if self.trouble is None or not isinstance(error, OutOfTime):
                self.trouble = error  # the error that used up the time says more than OutOfTime
            return
        self.trouble = None
        self._settle(closed)

    def _settle(self, closed: Closed) -> None:
        _tell(self.observer, self.finished, closed)
        self.finished = [closing for closing in self.finished if closing.attempt.record_id in closed.locked]
        if not self.finished:
            self.locked_since = None
            return
        self.locked_since = self.locked_since or self.now()
        if self.now() - self.locked_since > _LOCKED_PATIENCE:
            self.hand_over()

    def hand_over(self) -> bool:
        """Sends the remaining outcomes to the report queue. Returns False if that did not take them either."""
        owed, why = self.finished, self._why_owed()
        if not owed:
            return True
        self.finished, self.locked_since = [], None
        try:
            self.reports.publish(owed)
        except QueueDown as error:
            self.observer.unreported(owed, f"{why}; the report queue: {error}")
            return False
        self.observer.reported(owed, why)
        return True

    def _why_owed(self) -> str:
        error = self.trouble
        return f"{type(error).__name__}: {error}" if error else "another transaction holds their rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCloser:
    """Closes outcomes that come from the report queue."""

    store: ClosingStore
    observer: ClosingObserver

    def run(self, reports: Sequence[Closing]) -> frozenset[int]:
        """Returns the ids of locked records, whose reports must be delivered again."""
        closed = self.store.close(reports)
        _tell(self.observer, reports, closed)
        return closed.locked


def _tell(observer: ClosingObserver, closings: Sequence[Closing], closed: Closed) -> None:
    for closing in closings:
        if closing.attempt.record_id not in closed.locked:
            observer.closed(closing, won=closing.attempt.record_id in closed.won)
