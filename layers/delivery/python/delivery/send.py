"""Send opens an attempt for each pointer, calls Feishu for many of them at once, and writes down every outcome."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Protocol

from delivery.closing import Closer, ClosingObserver, ClosingStore, ReportQueue
from delivery.deadline import Permit, ending_at
from delivery.domain.channel import Channel, Held, StoredChannel, choose
from delivery.domain.outcome import ErrorCode, NotStarted, Outcome, TemporaryFailure
from delivery.domain.record import Attempt, Pointer
from delivery.domain.transition import Closing, RetryPolicy, after_attempt
from delivery.feishu.way import Way
from delivery.processor import one_processor

#: Of MySQL: one to open attempts, one to close others meanwhile.
CONNECTIONS = 2
_CLOSE_EVERY = timedelta(milliseconds=200)
#: To look after each call as it ends would take the processor from the others.
_GATHER_SECONDS = 0.005
_TO_CLOSE = timedelta(seconds=2)
#: Kept of the time for the report queue, in case MySQL takes nothing.
_TO_REPORT = timedelta(seconds=3)
#: A call ends by itself. If it does not, it is given up this much later.
_GRACE = timedelta(milliseconds=500)


class AttemptStore(ClosingStore, Protocol):
    """The right to call Feishu for a record, and the report of what came of it."""

    def open(self, pointers: Collection[Pointer], *, now: datetime, lease: timedelta) -> list[Attempt]: ...


class ChannelStore(Protocol):
    def of_records(self, record_ids: Collection[int], ways: Collection[str]) -> Mapping[int, Collection[StoredChannel]]:
        """By record, the channels that its user has for these ways."""


class SendObserver(ClosingObserver, Protocol):
    """Is told what happens to each record, as it happens: a run that raises later has been told all the same."""

    def held(self, record_ids: Collection[int], why: str) -> None:
        """Trouble of ours keeps these from being sent. They use no attempt, and come due again by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPolicy:
    lease: timedelta
    #: Calls of Feishu at once; the executor has as many threads.
    concurrency: int
    #: How long the ways let one call take.
    call_timeout: timedelta
    retry: RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends the records that its pointers name, each once per attempt at most."""

    attempts: AttemptStore
    channels: ChannelStore
    reports: ReportQueue
    #: By the name that a channel has for its way; a user's channels are tried in this order.
    ways: Mapping[str, Way]
    policy: SendPolicy
    #: A new one for each run: a call that hangs must not take a thread from the next.
    threads: Callable[[], Executor]
    now: Callable[[], datetime]
    observer: SendObserver
    #: Between two tries to close, in seconds.
    sleep: Callable[[float], None] = time.sleep

    def run(self, pointers: Sequence[Pointer], *, until: datetime) -> frozenset[Pointer]:
        """Works until everything is closed or reported, and opens nothing that could not finish before `until`.

        Returns:
            The pointers there was no time for: the queue has to deliver them again.
        """
        run = _Run(sender=self, waiting=list(dict.fromkeys(pointers)), until=until, closed_at=self.now())
        with one_processor():
            run.work()
        return run.unopened()


@dataclass(slots=True, kw_only=True)
class _Call:
    attempt: Attempt
    way: str
    permit: Permit


@dataclass(slots=True, kw_only=True)
class _Run:
    """The state of one run: what waits to be opened, what is with Feishu, and what has to be closed."""

    sender: Sender
    waiting: list[Pointer]
    until: datetime
    closed_at: datetime
    threads: Executor = field(init=False)
    closer: Closer = field(init=False)
    in_flight: dict[Future[Outcome], _Call] = field(default_factory=dict)
    #: Of these, of some that were given up, and of closes.
    ended: SimpleQueue[Future[Outcome]] = field(default_factory=SimpleQueue)
    broken: Exception | None = None

    def __post_init__(self) -> None:
        one = self.sender
        self.threads = one.threads()
        self.closer = Closer(store=one.attempts, reports=one.reports, observer=one.observer, now=one.now)

    def work(self) -> None:
        """Goes on until nothing is left that can be done."""
        try:
            while self._step():
                pass
        finally:
            self.threads.shutdown(wait=False, cancel_futures=True)
            self.closer.thread.shutdown()  # a transaction must not stay open in a function that is frozen

    def _step(self) -> bool:
        """Opens, waits and closes once; False when nothing is left that can be done."""
        if self._may_open():
            self._open()
        self._collect()
        self._close_if_time()
        return bool(self.in_flight or self.closer.unclosed or self._may_open())

    def unopened(self) -> frozenset[Pointer]:
        if error := self.broken or self.closer.lost:
            raise error
        return frozenset(self.waiting)

    @property
    def _answered_by(self) -> datetime:
        """By when every call must have ended, for its outcome to be closed or else reported."""
        return self.until - _TO_REPORT - _TO_CLOSE

    def _may_open(self) -> bool:
        calls = 2 if self.in_flight else 1  # it may have to wait for a thread
        enough_time = self.sender.now() + calls * self.sender.policy.call_timeout <= self._answered_by
        room = self._room * 2 >= self.sender.policy.concurrency
        return bool(self.waiting) and room and enough_time and not self.closer.owes

    @property
    def _room(self) -> int:
        """How many more may be opened: each thread has one call to make and at most one that waits for it."""
        return 2 * self.sender.policy.concurrency - len(self.in_flight)

    def _open(self) -> None:
        size = min(self._room, self.sender.policy.concurrency)
        pointers, self.waiting = self.waiting[:size], self.waiting[size:]
        try:
            with ending_at(self._answered_by):
                self._start_all(pointers)
        except Exception as error:  # noqa: BLE001 - unopened() raises it, once what is with Feishu is closed
            self.broken, self.waiting = error, []

    def _start_all(self, pointers: Sequence[Pointer]) -> None:
        one, ways = self.sender, tuple(self.sender.ways)
        channels = one.channels.of_records({pointer.record_id for pointer in pointers}, ways)
        ready: dict[int, Channel | Outcome] = {}
        held: defaultdict[str, list[int]] = defaultdict(list)
        for record_id in (pointer.record_id for pointer in pointers):
            chosen = choose(channels.get(record_id, ()), ways)
            if isinstance(chosen, Held):
                held[chosen.reason].append(record_id)
            else:
                ready[record_id] = chosen
        for reason, record_ids in held.items():
            one.observer.held(record_ids, reason)
        to_open = [pointer for pointer in pointers if pointer.record_id in ready]
        for attempt in one.attempts.open(to_open, now=one.now(), lease=one.policy.lease):
            self._start(attempt, ready[attempt.record_id])

    def _start(self, attempt: Attempt, chosen: Channel | Outcome) -> None:
        if not isinstance(chosen, Channel):
            self._finish(attempt, chosen, way=None)
            return
        permit = Permit.ending_at(self._answered_by)
        future = self.threads.submit(self.sender.ways[chosen.channel].deliver, attempt, chosen, permit)
        self.in_flight[future] = _Call(attempt=attempt, way=chosen.channel, permit=permit)
        future.add_done_callback(self.ended.put)

    def _collect(self) -> None:
        if not (self.in_flight or self.closer.running):
            return
        for future in self._next_ended():
            if call := self.in_flight.pop(future, None):
                self._take(call, future)
        for future, call in list(self.in_flight.items()):
            if call.permit.left() < -_GRACE.total_seconds():
                del self.in_flight[future]
                self._give_up(call, future)

    def _next_ended(self) -> Iterator[Future[Outcome]]:
        """Waits for one, and has those that ended meanwhile as well."""
        with suppress(Empty):
            yield self.ended.get(timeout=_CLOSE_EVERY.total_seconds())
            if self.in_flight:
                time.sleep(_GATHER_SECONDS)
            while True:
                yield self.ended.get_nowait()

    def _give_up(self, call: _Call, future: Future[Outcome]) -> None:
        """Whatever its thread does later, the request is not written any more."""
        future.cancel()
        if call.permit.revoke():
            outcome: Outcome = NotStarted(reason="its call had not begun when the time was over")
        else:
            outcome = TemporaryFailure(code=ErrorCode.TIMEOUT, reason="no whole answer in time")
        self._finish(call.attempt, outcome, way=call.way)

    def _take(self, call: _Call, future: Future[Outcome]) -> None:
        error = future.exception()
        if isinstance(error, Exception):
            self.broken = error  # a bug of ours: the others are closed first, and this lease ends by itself
        else:
            self._finish(call.attempt, future.result(), way=call.way)

    def _finish(self, attempt: Attempt, outcome: Outcome, *, way: str | None) -> None:
        now = self.sender.now()
        transition = after_attempt(attempt, outcome, self.sender.policy.retry, now)
        self.closer.finished.append(
            Closing(attempt=attempt, way=way, outcome=outcome, transition=transition, finished_at=now)
        )

    def _close_if_time(self) -> None:
        closer, last = self.closer, self.until - _TO_REPORT
        closer.settle()
        now = self.sender.now()
        over = now > last + _GRACE if closer.running else closer.owes and now + _CLOSE_EVERY >= last
        if over:
            closer.hand_over()
        elif not (closer.running or (self.in_flight and now - self.closed_at < _CLOSE_EVERY)):
            if closer.owes:
                self.sender.sleep(_CLOSE_EVERY.total_seconds() / 2)
            closer.begin(until=last, on_end=self.ended.put)
            self.closed_at = now
