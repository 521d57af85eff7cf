"""What a sender works with, in memory: attempts that remember, and a way of reaching Feishu that does as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from delivery.domain.channel import Channel, UnreadableChannel
from delivery.domain.outcome import Delivered, Outcome
from delivery.domain.record import Attempt, Pointer
from delivery.domain.transition import Closing
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from delivery.send import Sender, SendPolicy
from tests.unit.samples import RETRY, attempt, channel


@dataclass
class Attempts:
    """Opens what it is asked to, unless somebody else has it; a record's user has the record's number."""

    taken: set[int] = field(default_factory=set)
    #: records whose report comes too late
    outlived: set[int] = field(default_factory=set)
    close_errors: int = 0
    open_errors_from: int = 1_000
    opened: list[list[Pointer]] = field(default_factory=list)
    closed: list[Closing] = field(default_factory=list)
    close_calls: int = 0
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

    def close(self, closings: Sequence[Closing]) -> set[int]:
        self.close_calls += 1
        if self.close_calls <= self.close_errors:
            raise ConnectionError("no database to close in")
        self.closed.extend(closings)
        self.any_closed.set()
        return {closing.attempt.record_id for closing in closings} - self.outlived

    def outcome_of(self, record_id: int) -> Outcome:
        [closing] = [closing for closing in self.closed if closing.attempt.record_id == record_id]
        return closing.outcome


@dataclass
class Channels:
    """Everybody has a Flow webhook, except for the users named here."""

    instead: Mapping[int, Collection[Channel | UnreadableChannel]] = field(default_factory=dict)
    asked: list[set[int]] = field(default_factory=list)

    def of_users(
        self, user_ids: Collection[int], ways: Collection[str]
    ) -> Mapping[int, Collection[Channel | UnreadableChannel]]:
        self.asked.append(set(user_ids))
        found = {user_id: self.instead.get(user_id, [channel(user_id=user_id)]) for user_id in user_ids}
        wanted = {user_id: [one for one in channels if one.channel in ways] for user_id, channels in found.items()}
        return {user_id: channels for user_id, channels in wanted.items() if channels}


@dataclass
class Way:
    """Does what `how` says for a record; remembers whom it called, and how many at once."""

    how: Callable[[Attempt], Outcome] = lambda _attempt: Delivered(provider_message_id="m")
    called: list[int] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def deliver(self, one: Attempt, to: Channel) -> Outcome:
        assert to.user_id == one.user_id
        with self.lock:
            self.called.append(one.record_id)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self.how(one)
        finally:
            with self.lock:
                self.at_once -= 1


def utc_now() -> datetime:
    return datetime.now(UTC)


def soon(seconds: float = 30) -> datetime:
    return utc_now() + timedelta(seconds=seconds)


def pointers(*record_ids: int) -> list[Pointer]:
    return [Pointer(record_id, 0) for record_id in record_ids]


@contextmanager
def sender(
    attempts: Attempts,
    way: Way,
    *,
    others: Mapping[str, Way] | None = None,
    channels: Channels | None = None,
    concurrency: int = 4,
    call_timeout: timedelta = timedelta(seconds=5),
    now: Callable[[], datetime] = utc_now,
    on_closed: Callable[[Closing, bool], None] = lambda _closing, _won: None,
) -> Iterator[Sender]:
    with ThreadPoolExecutor(max_workers=concurrency) as executor:
        yield Sender(
            attempts=attempts,
            channels=channels or Channels(),
            ways={**(others or {}), FLOW_WEBHOOK: way},
            policy=SendPolicy(
                lease=timedelta(minutes=10), concurrency=concurrency, call_timeout=call_timeout, retry=RETRY
            ),
            executor=executor,
            now=now,
            on_closed=on_closed,
        )
