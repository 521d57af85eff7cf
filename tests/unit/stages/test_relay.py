"""The relay's own logic: what it has in flight, when it stops, and what it reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from delivery.domain.relaying import (
    Accepted,
    Delivery,
    Fate,
    Leased,
    Mark,
    Message,
    OutboxRow,
    Refused,
    Unavailable,
)
from delivery.relay import KafkaTrouble, Relayer, RelayPolicy, RelayReport, Trouble
from tests.unit.domain.test_relaying import PAUSES, outbox_row
from tests.unit.samples import NOW

POLICY = RelayPolicy(batch_size=4, lease=timedelta(seconds=60), pauses=PAUSES, delivery_timeout=timedelta(seconds=12))
A_MINUTE = NOW + timedelta(seconds=60)
TOO_LARGE = Refused(words="too large", of_batch=True)


@dataclass
class Clock:
    time: datetime = NOW

    def __call__(self) -> datetime:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class Outbox:
    """Leases its rows in their order, and remembers what is marked."""

    rows: list[OutboxRow]
    clock: Clock
    marks: list[Mark] = field(default_factory=list)
    lost: int = 0
    oldest: datetime | None = None
    asked: int = 0
    #: How many rows there is room for in a set.
    room: int = 1_000
    #: How many rows each set has that are set aside.
    blocked: list[int] = field(default_factory=list)
    down: Exception | None = None

    def lease_due(self, *, limit: int, now: datetime, lease: timedelta) -> Leased:
        assert (now, lease) == (self.clock.time, POLICY.lease)
        self.asked += 1
        size = min(limit, self.room)
        left = len(self.rows[size:limit])
        rows, self.rows = self.rows[:size], self.rows[size:]
        return Leased(rows=rows, until=now + lease, blocked=self.blocked.pop(0) if self.blocked else 0, left=left)

    def mark(self, marks: Sequence[Mark], *, leased_until: datetime, now: datetime) -> int:
        if self.down:
            raise self.down
        assert now < leased_until
        self.marks += marks
        return len(marks) - self.lost

    def oldest_pending_at(self) -> datetime | None:
        return self.oldest


@dataclass
class Kafka:
    """Answers each look with what is in flight, in the order of sending; a message takes `seconds`."""

    clock: Clock
    deliveries: Mapping[int, list[Delivery]] = field(default_factory=dict)
    seconds: float = 0.0
    silent: bool = False
    refuses: Exception | None = None
    in_flight: list[Message] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    together: list[set[int]] = field(default_factory=list)
    abandoned: list[int] = field(default_factory=list)

    def prepare(self) -> None:
        if self.refuses:
            raise self.refuses

    def send(self, message: Message) -> None:
        self.sent.append(message.row_id)
        self.in_flight.append(message)

    def answers(self, *, within: float) -> Sequence[tuple[int, Delivery]]:
        self.clock.wait(within if self.silent else self.seconds)
        if self.silent:
            return []
        answered, self.in_flight = self.in_flight, []
        self.together.append({message.row_id for message in answered})
        return [(message.row_id, self._delivery(message.row_id)) for message in answered]

    def _delivery(self, row_id: int) -> Delivery:
        waiting = self.deliveries.get(row_id, [])
        return waiting.pop(0) if waiting else Accepted()

    def abandon(self) -> None:
        self.abandoned.append(len(self.in_flight))
        self.in_flight = []


@dataclass
class Run:
    """One run of the relay over these rows."""

    rows: list[OutboxRow]
    deliveries: Mapping[int, list[Delivery]] = field(default_factory=dict)
    policy: RelayPolicy = POLICY
    until: datetime = A_MINUTE

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.outbox = Outbox(list(self.rows), self.clock)
        self.kafka = Kafka(self.clock, self.deliveries)

    def report(self) -> RelayReport:
        relayer = Relayer(
            outbox=self.outbox, kafka=self.kafka, policy=self.policy, now=self.clock, wait=self.clock.wait
        )
        return relayer.run(until=self.until)

    def fates(self) -> dict[int, Fate]:
        assert all(number == 1 for number in Counter(mark.row_id for mark in self.outbox.marks).values())
        return {mark.row_id: mark.fate for mark in self.outbox.marks}

    def due(self) -> dict[int, datetime | None]:
        return {mark.row_id: mark.due_at for mark in self.outbox.marks}


def of_key(key: str, *ids: int) -> list[OutboxRow]:
    return [outbox_row(id=number, message_key=key) for number in ids]


def test_a_key_has_one_message_in_flight_and_keys_run_side_by_side() -> None:
    """That is what keeps a key's order if Kafka refuses one of its rows."""
    run = Run([*of_key("a", 1, 2), *of_key("b", 3), *of_key("", 4)])
    report = run.report()
    assert run.kafka.together == [{1, 3, 4}, {2}]
    assert (report.published, report.failure) == (4, None)
    assert set(run.fates().values()) == {Fate.PUBLISHED}
    assert run.kafka.abandoned == []  # the next set needs the client


def test_rows_behind_a_refused_one_come_back_with_it() -> None:
    """They were not tried, so they use up nothing; other keys are not held up."""
    run = Run([*of_key("a", 1, 2, 3), *of_key("b", 4)], {1: [Refused(words="policy")]})
    report = run.report()
    assert run.fates() == {1: Fate.REFUSED, 2: Fate.UNTRIED, 3: Fate.UNTRIED, 4: Fate.PUBLISHED}
    assert {run.due()[number] for number in (1, 2, 3)} == {NOW + timedelta(seconds=1)}
    assert [mark.error for mark in run.outbox.marks if mark.row_id in (2, 3)] == [None, None]
    assert (report.published, report.refused, report.put_back, report.failure) == (1, 1, 2, None)


def test_a_dead_row_lets_the_next_of_its_key_go() -> None:
    """Refused for the last time, or unreadable: nothing will ever come of it."""
    rows = [
        outbox_row(id=1, max_retry=1),
        outbox_row(id=2, payload='{"payload": "secret"}'),
        outbox_row(id=3, payload="[]"),
        outbox_row(id=4),
    ]
    run = Run(rows, {1: [Refused(words="policy")]})
    report = run.report()
    assert run.kafka.sent == [1, 4]
    assert run.fates() == {1: Fate.DEAD, 2: Fate.DEAD, 3: Fate.DEAD, 4: Fate.PUBLISHED}
    assert (report.published, report.dead) == (1, 3)
    assert report.troubles == (
        Trouble(row_id=1, topic="t", fate=Fate.DEAD, words="policy"),
        Trouble(row_id=2, topic="t", fate=Fate.DEAD, words="payload: should be a JSON object"),
        Trouble(row_id=3, topic="t", fate=Fate.DEAD, words="payload is not a JSON object but an array"),
    )


def test_what_was_refused_in_a_batch_is_tried_alone() -> None:
    """Kafka refuses a whole batch for its size: each of its messages may be small enough, and one is not."""
    run = Run(
        [*of_key("a", 1, 4), *of_key("b", 2), *of_key("c", 3)], {1: [TOO_LARGE], 2: [TOO_LARGE] * 2, 3: [TOO_LARGE]}
    )
    report = run.report()
    assert run.kafka.together[0] == {1, 2, 3}
    assert all(len(together) == 1 for together in run.kafka.together[1:])
    assert run.fates() == {1: Fate.PUBLISHED, 4: Fate.PUBLISHED, 3: Fate.PUBLISHED, 2: Fate.REFUSED}
    assert (report.published, report.refused) == (3, 1)


def test_kafka_away_kills_nothing_and_fails_the_run_once_all_is_marked() -> None:
    """Row by row it would look like a refusal; the alarm looks at failed runs and at the oldest pending row."""
    rows = [*of_key("a", 1, 2), *of_key("b", 3)]
    run = Run(rows, {1: [Unavailable(words="Kafka: away")], 3: [Unavailable(words="Kafka: away")]})
    report = run.report()
    assert run.fates() == {1: Fate.DELAYED, 2: Fate.UNTRIED, 3: Fate.DELAYED}
    assert all(mark.retry_count == 0 for mark in run.outbox.marks)
    assert set(run.due().values()) == {NOW + PAUSES.kafka_away}
    assert isinstance(report.failure, KafkaTrouble)
    assert str(report.failure) == report.trouble == "Kafka: away"
    assert (report.put_back, report.dead, report.published) == (3, 0, 0)


def test_the_run_goes_on_after_trouble_so_that_nothing_waits_for_the_next_tick() -> None:
    """Kafka may be back in a second."""
    run = Run([*of_key("a", 1, 2, 3, 4), *of_key("b", 5)], {1: [Unavailable(words="away")]})
    assert run.report().published == 1
    assert run.fates()[5] is Fate.PUBLISHED


def test_an_empty_outbox_is_looked_at_each_second_until_too_little_time_is_left_to_mark() -> None:
    """Twelve seconds for Kafka and three for MySQL are kept back."""
    run = Run([])
    report = run.report()
    assert (run.outbox.asked, report) == (45, RelayReport())
    assert run.clock.time == A_MINUTE - timedelta(seconds=15)


def test_a_full_set_is_followed_by_the_next_at_once() -> None:
    """Only a set that was not full says that nothing more is due."""
    run = Run([outbox_row(id=number, message_key=str(number)) for number in range(1, 11)])
    run.until = NOW + timedelta(seconds=15, milliseconds=1)
    assert run.report().published == 10
    assert run.outbox.asked == 3


def test_a_set_of_large_rows_is_followed_by_the_next_at_once() -> None:
    """It was not full, but only because it had no room for those that are left."""
    run = Run(of_key("a", 1, 2, 3), until=NOW + timedelta(seconds=15, milliseconds=1))
    run.outbox.room = 1
    assert run.report().published == 3
    assert run.clock.time == NOW + POLICY.idle


def test_a_set_that_is_full_with_rows_set_aside_is_followed_by_the_next_at_once() -> None:
    """Those that are set aside took room in it, so more may be due."""
    run = Run(of_key("a", 1), until=NOW + timedelta(seconds=15, milliseconds=1))
    run.outbox.blocked = [3]
    assert run.report().published == 1
    assert run.outbox.asked == 2


def test_with_the_deadline_near_nothing_is_leased_or_produced() -> None:
    """What could not be marked any more is left to the next run."""
    run = Run(of_key("a", 1), until=NOW + timedelta(seconds=15))
    assert run.report() == RelayReport()
    assert (run.outbox.asked, run.kafka.sent) == (0, [])


def test_a_set_that_takes_too_long_gives_the_rest_of_its_rows_back() -> None:
    """Each message takes ten seconds: the fourth could no longer be answered and marked in time."""
    run = Run(of_key("a", 1, 2, 3, 4), until=NOW + timedelta(seconds=40))
    run.kafka.seconds = 10
    report = run.report()
    assert run.kafka.sent == [1, 2, 3]
    assert run.fates()[4] is Fate.UNTRIED
    assert run.due()[4] == NOW + timedelta(seconds=30)
    assert (report.published, report.put_back, report.failure) == (3, 1, None)


def test_no_row_is_in_flight_when_its_lease_ends() -> None:
    """Another relay would produce it again, in front of what is produced after it."""
    run = Run(of_key("a", *range(1, 9)), policy=replace(POLICY, batch_size=8), until=NOW + timedelta(minutes=10))
    run.kafka.seconds = 11
    run.report()
    assert run.kafka.sent[:5] == [1, 2, 3, 4, 5]  # the sixth would begin at 55 s of 60
    assert run.fates()[6] is Fate.UNTRIED


def test_what_has_no_answer_in_the_end_stays_leased_and_fails_the_run() -> None:
    """It may be in Kafka or not: it comes back when its lease ends."""
    run = Run([*of_key("a", 1, 2), *of_key("b", 3)], until=NOW + timedelta(seconds=30))
    run.kafka.silent = True
    report = run.report()
    assert (run.outbox.marks, run.kafka.abandoned, report.unanswered) == ([], [2], 2)
    assert isinstance(report.failure, KafkaTrouble)
    assert str(report.failure) == "Kafka did not answer in time"
    assert run.clock.time - POLICY.idle == run.until - POLICY.spare  # in which the others of a set would be marked


def test_marks_that_somebody_else_was_quicker_with_are_counted() -> None:
    """Ingest recorded the event before the relay could mark its row."""
    run = Run(of_key("a", 1, 2))
    run.outbox.lost = 1
    assert run.report().lost == 1


def test_rows_that_wait_for_an_older_one_of_their_key_are_counted() -> None:
    """In sets with something to produce, and in sets where everything waits."""
    run = Run(of_key("a", 1))
    run.outbox.blocked = [1, 3, 2]
    assert run.report().blocked == 6


@pytest.mark.parametrize("breaks", ["prepare", "mark"])
def test_a_failure_of_another_kind_ends_the_run_and_stands_in_the_report(breaks: str) -> None:
    """Secrets Manager or MySQL: without a client nothing is leased."""
    run, error = Run(of_key("a", 1)), ConnectionError("no answer")
    run.kafka.refuses, run.outbox.down = (error, None) if breaks == "prepare" else (None, error)
    assert run.report().failure is error
    assert run.outbox.asked == (0 if breaks == "prepare" else 1)


@pytest.mark.parametrize(("oldest", "age"), [(None, 0.0), (NOW - timedelta(seconds=90), 90.0), (A_MINUTE, 0.0)])
def test_the_age_of_the_oldest_pending_row_is_told_each_time(oldest: datetime | None, age: float) -> None:
    """A producer's clock may be ahead of ours."""
    run = Run([])
    run.outbox.oldest = oldest
    assert run.report().oldest_pending_seconds == age


def test_the_log_names_twenty_rows_of_a_run_and_the_counts_tell_of_all() -> None:
    """A topic that is gone would fill the log."""
    rows = [outbox_row(id=number, message_key=str(number), payload="[]") for number in range(1, 31)]
    report = Run(rows).report()
    assert (len(report.troubles), report.dead) == (20, 30)
