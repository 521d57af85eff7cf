"""Send: pointers in; attempts are opened, Feishu is called concurrently, and every outcome is written down."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from delivery.domain.channel import CHANNEL_FEISHU_WEBHOOK, Channel, Unreadable
from delivery.domain.outcome import ErrorCode, Outcome, PermanentFailure, TemporaryFailure, Unreachable
from delivery.domain.transition import Closing, RetryPolicy, after_attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from delivery.domain.record import Attempt, Pointer

_CLOSE_EVERY = timedelta(milliseconds=200)
_TO_CLOSE_AND_ANSWER = timedelta(seconds=2)


class AttemptStore(Protocol):
    """The right to call Feishu for a record, and the report of what came of it."""

    def open(self, pointers: Collection[Pointer], *, now: datetime, lease: timedelta) -> list[Attempt]: ...

    def close(self, closings: Sequence[Closing]) -> set[int]: ...


class ChannelStore(Protocol):
    def of_users(self, user_ids: Collection[int], channel: str) -> Mapping[int, Channel | Unreadable]: ...


class Courier(Protocol):
    """One way of reaching Feishu."""

    @property
    def patience(self) -> timedelta:
        """The longest that one call may take."""

    def deliver(self, attempt: Attempt, channel: Channel) -> Outcome: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPolicy:
    lease: timedelta
    #: Calls of Feishu at once; the executor has as many threads.
    concurrency: int
    retry: RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReport:
    """Records by the state their attempt led to; `late` ones belonged to somebody else by the time of the report."""

    by_status: Mapping[str, int] = field(default_factory=dict)
    late: int = 0
    #: Not looked at, for want of time: to be delivered again.
    unopened: frozenset[Pointer] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends what its pointers point at, each at most once per attempt."""

    attempts: AttemptStore
    channels: ChannelStore
    courier: Courier
    policy: SendPolicy
    executor: Executor
    now: Callable[[], datetime]
    #: Told of each attempt after it is closed, and whether the report still counted.
    on_closed: Callable[[Closing, bool], None] = lambda _closing, _won: None

    def run(self, pointers: Sequence[Pointer], *, until: datetime) -> SendReport:
        """Works until all is closed; opens nothing that could not finish before `until`."""
        shift = _Shift(sender=self, waiting=list(dict.fromkeys(pointers)), until=until, closed_at=self.now())
        while shift.step():
            pass
        return shift.report()


@dataclass(slots=True, kw_only=True)
class _Shift:
    """One run: what waits to be opened, what is with Feishu, and what is to be written down."""

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
        """One turn of open, wait, close; False when there is nothing left that can be done."""
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
        """When a call submitted now has been answered or given up: it may have to wait for another one's thread."""
        calls = 2 if self.in_flight else 1
        return self.sender.now() + calls * self.sender.courier.patience

    def _open(self) -> None:
        size = self.sender.policy.concurrency
        pointers, self.waiting = self.waiting[:size], self.waiting[size:]
        try:
            self._start_all(pointers)
        except Exception as error:  # noqa: BLE001 - raised by report, when what is with Feishu has been closed
            self.broken, self.waiting = error, []

    def _start_all(self, pointers: Sequence[Pointer]) -> None:
        attempts = self.sender.attempts.open(pointers, now=self.sender.now(), lease=self.sender.policy.lease)
        users = {attempt.user_id for attempt in attempts}
        channels = self.sender.channels.of_users(users, CHANNEL_FEISHU_WEBHOOK)
        give_up_at = self._answered_by() + _TO_CLOSE_AND_ANSWER / 2
        for attempt in attempts:
            self._start(attempt, channels.get(attempt.user_id), give_up_at)

    def _start(self, attempt: Attempt, channel: Channel | Unreadable | None, give_up_at: datetime) -> None:
        reachable = _reachable(channel)
        if not isinstance(reachable, Channel):
            self._finish(attempt, reachable)
            return
        future = self.sender.executor.submit(self.sender.courier.deliver, attempt, reachable)
        self.in_flight[future] = attempt, give_up_at

    def _collect(self) -> None:
        wait(self.in_flight, timeout=_CLOSE_EVERY.total_seconds(), return_when=FIRST_COMPLETED)
        now = self.sender.now()
        for future, (attempt, give_up_at) in list(self.in_flight.items()):
            if future.done():
                del self.in_flight[future]
                self._take(attempt, future)
            elif now > give_up_at:
                # It should have ended by itself; a look-up of the host's name, say, knows no time-out.
                del self.in_flight[future]
                future.cancel()
                self._finish(attempt, TemporaryFailure(code=ErrorCode.TIMEOUT, reason="no whole answer in time"))

    def _take(self, attempt: Attempt, future: Future[Outcome]) -> None:
        error = future.exception()
        if isinstance(error, Exception):
            self.broken = error  # a fault of ours: the others are closed first, this one's lease will end
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
            # The messages are out: as long as there is time, keep trying to say so, or they are sent a second time.
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


def _reachable(channel: Channel | Unreadable | None) -> Channel | Outcome:
    """The channel if it can be called, else the verdict without a call."""
    match channel:
        case None:
            return Unreachable(reason="the user has no Feishu channel")
        case Unreadable(reason=reason):
            return PermanentFailure(code=ErrorCode.CREDENTIAL_UNREADABLE, reason=reason)
        case Channel(enabled=False):
            return Unreachable(reason="the user's Feishu channel is disabled")
        case Channel(webhook_url=""):
            return Unreachable(reason="the user's Feishu channel has no webhook URL")
        case _:
            return channel
