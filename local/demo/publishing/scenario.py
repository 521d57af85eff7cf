"""Chooses what the demo publishes: users with their channels and faults, and a few hundred events of every kind."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from local.demo.publishing.event_kinds import Event, Kind
from local.demo.publishing.events import EventMaker
from local.feishu.faults import FaultFields

SLOW_SECONDS = 0.8  # stage `local` waits 1.5 s, so a slow call succeeds even on a busy machine


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    user_id: int
    kind: Kind
    enabled: bool = True
    #: The token that Hongyan sends with every call.
    bearer_token: str = ""
    #: The token that the user's webhook requires.
    required_token: str = ""
    #: how Feishu fails for this user: the kind of fault and its fields
    fault: tuple[str, FaultFields] | None = None

    @property
    def fault_document(self) -> Mapping[str, object]:
        kind, fields = self.fault or ("", {})
        return {"kind": kind, "user_id": self.user_id, **fields}

    @property
    def webhook_key(self) -> str:
        return f"user-{self.user_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    #: Part of every dedupe key.
    run: str
    users: tuple[User, ...]
    #: What is published first, and what follows once the senders are working.
    waves: tuple[tuple[Event, ...], tuple[Event, ...]]

    @property
    def events(self) -> tuple[Event, ...]:
        return (*self.waves[0], *self.waves[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Users of one kind, among whom its faults are distributed in turn."""

    kind: Kind
    users: int
    #: for each user
    notifications: int = 1
    #: how often each event is published
    copies: int = 1
    faults: tuple[tuple[str, FaultFields], ...] = ()


_GROUPS = (
    _Group(kind=Kind.GOOD, users=40, notifications=3),
    _Group(kind=Kind.DUPLICATE, users=10, notifications=2, copies=3),
    _Group(kind=Kind.NO_CHANNEL, users=6, notifications=2),
    _Group(kind=Kind.DISABLED, users=6, notifications=2),
    _Group(
        kind=Kind.FAILING_ONCE,
        users=8,
        notifications=3,
        faults=(
            ("http_5xx", {"first": 1}),
            ("cut", {"first": 1}),
            ("no_json", {"first": 1}),
            ("endless_body", {"first": 1}),
        ),
    ),
    _Group(kind=Kind.FAILING_FOR_EVER, users=3, notifications=2, faults=(("http_5xx", {"status": 502}),)),
    _Group(kind=Kind.REFUSED, users=3, notifications=2),
    _Group(
        kind=Kind.RATE_LIMITED,
        users=8,
        notifications=3,
        faults=(
            ("http_429", {"first": 1, "retry_after": 2}),
            ("rate_limited", {"first": 1}),
            ("http_429", {"first": 1, "retry_after": 1, "retry_header": "x-ogw-ratelimit-reset"}),
        ),
    ),
    _Group(kind=Kind.SLOW, users=8, notifications=5, faults=(("slow", {"delay": SLOW_SECONDS}),)),
    _Group(kind=Kind.COMMITTED, users=10, notifications=3),
    _Group(kind=Kind.ROLLED_BACK, users=6, notifications=2),
)
_UNREADABLE_ROWS = 6
_SETS_OF_BAD_EVENTS = 2
_SETS_OF_FOREIGN_EVENTS = 6


def build_scenario(*, run: str, first_user_id: int, partitions: int, now: datetime) -> Scenario:
    """The same arguments give the same events in the same order."""
    maker = EventMaker(run=run, requested_at=now)
    users = tuple(_users(first_user_id))
    events = [*_events_of_users(maker, users), *_events_of_nobody(maker, users[0].user_id)]
    random.Random(run).shuffle(events)
    slow = [event for event in events if event.kind is Kind.SLOW]
    others = [event for event in events if event.kind is not Kind.SLOW]
    second = (*slow, _closer_of_outbox(maker, users), *_closers(maker, users[0], partitions))
    return Scenario(run=run, users=users, waves=(tuple(others), second))


def _users(first_user_id: int) -> Iterator[User]:
    kinds = [(group, number) for group in _GROUPS for number in range(group.users)]
    for user_id, (group, number) in enumerate(kinds, start=first_user_id):
        token = f"token-{user_id}" if group.kind is Kind.GOOD and number % 2 else ""
        refused = group.kind is Kind.REFUSED
        yield User(
            user_id=user_id,
            kind=group.kind,
            enabled=group.kind is not Kind.DISABLED,
            bearer_token="token-of-last-year" if refused else token,
            required_token=f"token-{user_id}" if refused else token,
            fault=group.faults[number % len(group.faults)] if group.faults else None,
        )


def _events_of_users(maker: EventMaker, users: tuple[User, ...]) -> Iterator[Event]:
    groups = {group.kind: group for group in _GROUPS}
    for user in users:
        group = groups[user.kind]
        for _ in range(group.notifications):
            yield from [maker.record(user.kind, user.user_id)] * group.copies


def _events_of_nobody(maker: EventMaker, user_id: int) -> Iterator[Event]:
    for _ in range(_SETS_OF_BAD_EVENTS):
        yield from maker.malformed(user_id)
        yield from maker.poison()
    for _ in range(_SETS_OF_FOREIGN_EVENTS):
        yield from maker.foreign(user_id)
    for _ in range(_UNREADABLE_ROWS):
        yield maker.unreadable(user_id)


def _closers(maker: EventMaker, user: User, partitions: int) -> Iterator[Event]:
    """A valid event at the end of each partition. Once it is a record, all events before it were processed."""
    for partition in range(partitions):
        yield maker.record(user.kind, user.user_id, partition=partition)


def _closer_of_outbox(maker: EventMaker, users: tuple[User, ...]) -> Event:
    """The outbox's last row. Once it is a record, no earlier row can still appear."""
    user = next(user for user in users if user.kind is Kind.COMMITTED)
    return maker.record(user.kind, user.user_id)
