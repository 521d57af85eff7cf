"""Closing attempts: what came of each is written to MySQL, or, while MySQL does not take it, kept and handed on.

A message whose outcome is not written down is sent again when its lease ends. So an outcome is owed until MySQL has it,
and before the time is up it goes to the report queue, from which any sender closes it later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from delivery.deadline import OutOfTime, ending_at
from delivery.domain.record import QueueDown
from delivery.domain.transition import Closed, Closing

#: After another transaction has locked a record for this long, its outcome goes to the report queue.
_LOCKED_PATIENCE = timedelta(seconds=2)
#: MySQL may be silent if a close takes longer, so nothing is added to what it has to take.
_SLOW = timedelta(seconds=1)
_LOCKED = "another transaction holds their rows"
_ENDLESS = "closing them did not end in time"


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


class _Running(NamedTuple):
    """A close that was begun."""

    closings: Sequence[Closing]
    since: datetime
    result: Future[Closed | Exception]


@dataclass(slots=True, kw_only=True)
class Closer:
    """Writes the outcomes of one run to MySQL, one set after the other, on a thread of its own.

    Whoever sends goes on meanwhile. All methods are for the sender's thread, and none of them waits for MySQL.
    """

    store: ClosingStore
    reports: ReportQueue
    observer: ClosingObserver
    now: Callable[[], datetime]
    thread: Executor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))
    #: Finished attempts that are neither closed nor being closed.
    finished: list[Closing] = field(default_factory=list)
    running: _Running | None = None
    #: The error of the last try to close; None after one has succeeded.
    trouble: Exception | None = None
    #: Why outcomes were neither closed nor reported.
    lost: Exception | None = None
    locked_since: datetime | None = None

    @property
    def unclosed(self) -> bool:
        return bool(self.finished or self.running)

    @property
    def owes(self) -> bool:
        """Whether a close failed and has not succeeded since, or takes long. Until then no attempt may be opened."""
        slow = self.running is not None and self.now() - self.running.since > _SLOW
        return self.unclosed and (slow or self.trouble is not None or self.locked_since is not None)

    def begin(self, *, until: datetime, on_end: Callable[[Future[Any]], object]) -> None:
        """Begins to close what is finished, unless a close is running. It gives up by `until`."""
        if not self.finished or self.running:
            return
        closings, self.finished = self.finished, []
        result = self.thread.submit(_close, self.store, closings, until)
        self.running = _Running(closings, self.now(), result)
        result.add_done_callback(on_end)

    def settle(self) -> None:
        """Takes in what came of a close that has ended. What MySQL did not take is to be tried again."""
        if self.running is None or not self.running.result.done():
            return
        closings, closed = self.running.closings, self.running.result.result()
        self.running = None
        if isinstance(closed, Closed):
            self.trouble = None
            self._settle(closings, closed)
            return
        self.finished = [*closings, *self.finished]
        if self.trouble is None or not isinstance(closed, OutOfTime):
            self.trouble = closed  # the error that used up the time says more than OutOfTime

    def _settle(self, closings: Sequence[Closing], closed: Closed) -> None:
        _tell(self.observer, closings, closed)
        locked = [closing for closing in closings if closing.attempt.record_id in closed.locked]
        self.locked_since = (self.locked_since or self.now()) if locked else None
        if self.locked_since and self.now() - self.locked_since > _LOCKED_PATIENCE:
            self.locked_since = None
            self._report(locked, _LOCKED)
        else:
            self.finished = [*locked, *self.finished]

    def hand_over(self) -> None:
        """Sends the remaining outcomes to the report queue, also those of a close that does not end.

        Closing them twice does no harm.
        """
        owed = [*(self.running.closings if self.running else ()), *self.finished]
        why = _ENDLESS if self.running else _LOCKED
        self.finished, self.running, self.locked_since = [], None, None
        if owed:
            self._report(owed, f"{type(self.trouble).__name__}: {self.trouble}" if self.trouble else why)

    def _report(self, owed: Sequence[Closing], why: str) -> None:
        try:
            self.reports.publish(owed)
        except QueueDown as error:
            self.lost = self.trouble or error
            self.observer.unreported(owed, f"{why}; the report queue: {error}")
        else:
            self.observer.reported(owed, why)


def _close(store: ClosingStore, closings: Sequence[Closing], until: datetime) -> Closed | Exception:
    try:
        with ending_at(until):
            return store.close(closings)
    except Exception as error:  # noqa: BLE001 - whatever the error, these outcomes must still be written
        return error


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
