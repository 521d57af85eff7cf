"""Send opens an attempt for each pointer, calls Feishu for many of them at once, and writes down every outcome."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from delivery.domain.channel import Channel, UnreadableChannel, choose
from delivery.domain.outcome import ErrorCode, Outcome, TemporaryFailure
from delivery.domain.record import Attempt, Pointer
from delivery.domain.transition import Closing, RetryPolicy, after_attempt
from delivery.feishu.way import Way

_CLOSE_EVERY = timedelta(milliseconds=200)
_TO_CLOSE_AND_ANSWER = timedelta(seconds=2)


class AttemptStore(Protocol):
    """The right to call Feishu for a record, and the report of what came of it."""

    def open(self, pointers: Collection[Pointer], *, now: datetime, lease: timedelta) -> list[Attempt]: ...

    def close(self, closings: Sequence[Closing]) -> set[int]: ...


class ChannelStore(Protocol):
    def of_users(
        self, user_ids: Collection[int], ways: Collection[str]
    ) -> Mapping[int, Collection[Channel | UnreadableChannel]]:
        """The channels that these users have for these ways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPolicy:
    lease: timedelta
    #: Calls of Feishu at once; the executor has as many threads.
    concurrency: int
    #: How long the ways let one call take.
    call_timeout: timedelta
    retry: RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReport:
    """How many records went to which state; `late` counts attempts that closed when somebody else owned the record."""

    by_status: Mapping[str, int] = field(default_factory=dict)
    late: int = 0
    #: There was no time to open these; the queue has to deliver them again.
    unopened: frozenset[Pointer] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends the records that its pointers name, each once per attempt at most."""

    attempts: AttemptStore
    channels: ChannelStore
    #: By the name that a channel has for its way; a user's channels are tried in this order.
    ways: Mapping[str, Way]
    policy: SendPolicy
    executor: Executor
    now: Callable[[], datetime]
    #: Called for each attempt once it is closed, and told whether the record was still ours.
    on_closed: Callable[[Closing, bool], None] = lambda _closing, _won: None

    def run(self, pointers: Sequence[Pointer], *, until: datetime) -> SendReport:
        """Works until everything is closed, and opens nothing that could not finish before `until`."""
        run = _Run(sender=self, waiting=list(dict.fromkeys(pointers)), until=until, closed_at=self.now())
        while run.step():
            pass
        return run.report()


@dataclass(slots=True, kw_only=True)
class _Run:
    """The state of one run: what waits to be opened, what is with Feishu, and what has to be closed."""

    sender: Sender
    waiting: list[Pointer]
    until: datetime
    closed_at: datetime
    in_flight: dict[Future[Outcome], tuple[Attempt, datetime]] = field(default_factory=dict)
    finished: list[Closing] = field(default_factory=list)
    by_status: Counter[str] = field(default_factory=Counter)
    late: int = 0
    broken: Exception | None = None

    def step(self) -> bool:
        """Opens, waits and closes once; False when nothing is left that can be done."""
        if self._may_open():
            self._open()
        self._collect()
        self._close_if_time()
        return bool(self.in_flight or self.finished or self._may_open())

    def report(self) -> SendReport:
        if self.broken:
            raise self.broken
        return SendReport(by_status=dict(self.by_status), late=self.late, unopened=frozenset(self.waiting))

    def _may_open(self) -> bool:
        enough_time = self._answered_by() + _TO_CLOSE_AND_ANSWER <= self.until
        return bool(self.waiting) and enough_time and len(self.in_flight) <= self.sender.policy.concurrency

    def _answered_by(self) -> datetime:
        """By when a call submitted now is answered or given up; it may have to wait for a thread."""
        calls = 2 if self.in_flight else 1
        return self.sender.now() + calls * self.sender.policy.call_timeout

    def _open(self) -> None:
        size = self.sender.policy.concurrency
        pointers, self.waiting = self.waiting[:size], self.waiting[size:]
        try:
            self._start_all(pointers)
        except Exception as error:  # noqa: BLE001 - report() raises it, once what is with Feishu is closed
            self.broken, self.waiting = error, []

    def _start_all(self, pointers: Sequence[Pointer]) -> None:
        attempts = self.sender.attempts.open(pointers, now=self.sender.now(), lease=self.sender.policy.lease)
        users = {attempt.user_id for attempt in attempts}
        channels = self.sender.channels.of_users(users, tuple(self.sender.ways))
        give_up_at = self._answered_by() + _TO_CLOSE_AND_ANSWER / 2
        for attempt in attempts:
            self._start(attempt, channels.get(attempt.user_id, ()), give_up_at)

    def _start(self, attempt: Attempt, channels: Collection[Channel | UnreadableChannel], give_up_at: datetime) -> None:
        chosen = choose(channels, tuple(self.sender.ways))
        if not isinstance(chosen, Channel):
            self._finish(attempt, chosen)
            return
        future = self.sender.executor.submit(self.sender.ways[chosen.channel].deliver, attempt, chosen)
        self.in_flight[future] = attempt, give_up_at

    def _collect(self) -> None:
        wait(self.in_flight, timeout=_CLOSE_EVERY.total_seconds(), return_when=FIRST_COMPLETED)
        now = self.sender.now()
        for future, (attempt, give_up_at) in list(self.in_flight.items()):
            if future.done():
                del self.in_flight[future]
                self._take(attempt, future)
            elif now > give_up_at:
                # It should have ended by itself, but looking up a host's name, for one, has no time-out.
                del self.in_flight[future]
                future.cancel()
                self._finish(attempt, TemporaryFailure(code=ErrorCode.TIMEOUT, reason="no whole answer in time"))

    def _take(self, attempt: Attempt, future: Future[Outcome]) -> None:
        error = future.exception()
        if isinstance(error, Exception):
            self.broken = error  # a bug of ours: the others are closed first, and this lease ends by itself
        else:
            self._finish(attempt, future.result())

    def _finish(self, attempt: Attempt, outcome: Outcome) -> None:
        now = self.sender.now()
        transition = after_attempt(attempt, outcome, self.sender.policy.retry, now)
        self.finished.append(Closing(attempt=attempt, outcome=outcome, transition=transition, finished_at=now))

    def _close_if_time(self) -> None:
        due = not self.in_flight or self.sender.now() - self.closed_at >= _CLOSE_EVERY
        if not (self.finished and due):
            return
        try:
            won = self.sender.attempts.close(self.finished)
        except Exception:
            # The messages are out. Unless that is written down, they are sent again when their lease ends.
            if self.sender.now() + _TO_CLOSE_AND_ANSWER / 2 > self.until:
                raise
            time.sleep(_CLOSE_EVERY.total_seconds())
            return
        self.closed_at = self.sender.now()
        closings, self.finished = self.finished, []
        for closing in closings:
            self._count(closing, won=closing.attempt.record_id in won)

    def _count(self, closing: Closing, *, won: bool) -> None:
        if won:
            self.by_status[closing.transition.status.value] += 1
        else:
            self.late += 1
        self.sender.on_closed(closing, won)
