"""What a sender works with, in memory: attempts that remember, and a way that does as it is told."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from delivery.deadline import Permit
from delivery.domain.channel import Channel, StoredChannel
from delivery.domain.outcome import Delivered, Outcome
from delivery.domain.record import Attempt, Pointer, QueueDown
from delivery.domain.transition import Closed, Closing
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from delivery.send import Sender, SendPolicy
from tests.unit.samples import RETRY, attempt, channel

T = TypeVar("T")


@dataclass
class Attempts:
    """Opens what it is asked to, unless somebody else has it; a record's user has the record's number."""

    taken: set[int] = field(default_factory=set)
    #: records whose report comes too late
    outlived: set[int] = field(default_factory=set)
    #: records that another transaction holds, for so many tries to close
    locked: dict[int, int] = field(default_factory=dict)
    close_errors: int = 0
    open_errors_from: int = 1_000
    opened: list[list[Pointer]] = field(default_factory=list)
    closed: list[Closing] = field(default_factory=list)
    close_calls: int = 0
    opened_before_an_error: int = 0
    any_closed: threading.Event = field(default_factory=threading.Event)

    def open(self, pointers: Collection[Pointer], *, now: datetime, lease: timedelta) -> list[Attempt]:
        if len(self.opened) >= self.open_errors_from:
            raise ConnectionError("no database to open in")
        self.opened.append(list(pointers))
        return [
            attempt(record_id=record_id, user_id=record_id, number=count + 1, started_at=now, max_attempts=3)
            for record_id, count in pointers
            if record_id not in self.taken and lease > timedelta(0)
        ]

    def close(self, closings: Sequence[Closing]) -> Closed:
        self.close_calls += 1
        if self.close_calls <= self.close_errors:
            self.opened_before_an_error = self.opened_before_an_error or len(self.opened)
            raise ConnectionError("no database to close in")
        locked = frozenset(one.attempt.record_id for one in closings if self._is_locked(one.attempt.record_id))
        written = [one for one in closings if one.attempt.record_id not in locked]
        self.closed.extend(written)
        self.any_closed.set()
        return Closed(won=frozenset(one.attempt.record_id for one in written) - self.outlived, locked=locked)

    def _is_locked(self, record_id: int) -> bool:
        self.locked[record_id] = self.locked.get(record_id, 0) - 1
        return self.locked[record_id] >= 0

    def outcome_of(self, record_id: int) -> Outcome:
        [closing] = [closing for closing in self.closed if closing.attempt.record_id == record_id]
        return closing.outcome


@dataclass
class Channels:
    """Everybody has a Flow webhook, except for the users named here."""

    instead: Mapping[int, Collection[StoredChannel]] = field(default_factory=dict)
    asked: list[set[int]] = field(default_factory=list)

    def of_records(self, record_ids: Collection[int], ways: Collection[str]) -> Mapping[int, Collection[StoredChannel]]:
        self.asked.append(set(record_ids))
        found = {user_id: self.instead.get(user_id, [channel(user_id=user_id)]) for user_id in record_ids}
        wanted = {user_id: [one for one in channels if one.channel in ways] for user_id, channels in found.items()}
        return {user_id: channels for user_id, channels in wanted.items() if channels}


@dataclass
class Reports:
    """A report queue that takes everything, or nothing."""

    down: bool = False
    taken: list[Closing] = field(default_factory=list)

    def publish(self, closings: Sequence[Closing]) -> None:
        if self.down:
            raise QueueDown("AccessDenied: no")
        self.taken.extend(closings)


@dataclass
class Observer:
    """Remembers what it was told."""

    closings: list[tuple[int, bool]] = field(default_factory=list)
    by_status: Counter[str] = field(default_factory=Counter)
    in_reports: list[tuple[int, str]] = field(default_factory=list)
    lost: list[tuple[int, str]] = field(default_factory=list)
    holds: list[tuple[list[int], str]] = field(default_factory=list)

    def closed(self, closing: Closing, *, won: bool) -> None:
        self.closings.append((closing.attempt.record_id, won))
        self.by_status[closing.transition.status.value if won else "late"] += 1

    def reported(self, closings: Sequence[Closing], why: str) -> None:
        self.in_reports += [(closing.attempt.record_id, why) for closing in closings]

    def unreported(self, closings: Sequence[Closing], why: str) -> None:
        self.lost += [(closing.attempt.record_id, why) for closing in closings]

    def held(self, record_ids: Collection[int], why: str) -> None:
        self.holds.append((sorted(record_ids), why))


@dataclass
class Way:
    """Does what `how` says for a record; remembers whom it called, and how many at once."""

    how: Callable[[Attempt], Outcome] = lambda _attempt: Delivered(provider_message_id="m")
    #: Whether it writes its request at once, as a call does once it is connected.
    writes: bool = True
    timeout: timedelta = timedelta(milliseconds=50)
    called: list[int] = field(default_factory=list)
    permits: dict[int, Permit] = field(default_factory=dict)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def problem(self, _channel: Channel) -> str | None:
        return None

    def shown(self, _channel: Channel) -> str:
        return "****"

    def deliver(self, one: Attempt, to: Channel, permit: Permit) -> Outcome:
        assert to.user_id == one.user_id
        assert permit.begin(self.timeout.total_seconds())
        self.permits[one.record_id] = permit
        if self.writes:
            permit.take()
        with self.lock:
            self.called.append(one.record_id)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self.how(one)
        finally:
            with self.lock:
                self.at_once -= 1


class AtOnce(Executor):
    """Makes each call while it is submitted."""

    def submit(self, call: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future = Future[T]()
        future.set_result(call(*args, **kwargs))
        return future


@dataclass
class Clock:
    """The real time and what was slept, which takes no time."""

    slept: timedelta = timedelta(0)

    def now(self) -> datetime:
        return utc_now() + self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += timedelta(seconds=seconds)


def utc_now() -> datetime:
    return datetime.now(UTC)


def soon(seconds: float = 30) -> datetime:
    return utc_now() + timedelta(seconds=seconds)


def pointers(*record_ids: int) -> list[Pointer]:
    return [Pointer(record_id, 0) for record_id in record_ids]


def sender(
    attempts: Attempts,
    way: Way,
    *,
    others: Mapping[str, Way] | None = None,
    channels: Channels | None = None,
    reports: Reports | None = None,
    observer: Observer | None = None,
    concurrency: int = 4,
    call_timeout: timedelta = timedelta(seconds=5),
) -> Sender:
    clock = Clock()
    return Sender(
        attempts=attempts,
        channels=channels or Channels(),
        reports=reports or Reports(),
        ways={**(others or {}), FLOW_WEBHOOK: way},
        policy=SendPolicy(lease=timedelta(minutes=10), concurrency=concurrency, call_timeout=call_timeout, retry=RETRY),
        threads=lambda: ThreadPoolExecutor(max_workers=concurrency),
        now=clock.now,
        sleep=clock.sleep,
        observer=observer or Observer(),
    )
