"""Claim's own logic: how much it leases, when it stops, and what it reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from delivery.claim import Claimer, ClaimPolicy, ClaimReport
from delivery.domain.record import Claimed, Pointer, QueueDown
from tests.unit.samples import NOW

POLICY = ClaimPolicy(lease=timedelta(minutes=10), batch_size=100, max_queued=1_000)


@dataclass
class Clock:
    time: datetime = NOW

    def __call__(self) -> datetime:
        return self.time


@dataclass
class Records:
    """`due` rows are due; each lease takes a second."""

    due: int
    clock: Clock
    buried: int = 0
    lost: int = 0
    oldest: datetime | None = None
    limits: list[int] = field(default_factory=list)
    with_ended_leases: list[bool] = field(default_factory=list)

    def lease_due(self, *, limit: int, now: datetime, lease: timedelta, ended_leases: bool) -> Claimed:
        assert (now, lease) == (self.clock.time, POLICY.lease)
        self.with_ended_leases.append(ended_leases)
        self.clock.time += timedelta(seconds=1)
        self.limits.append(limit)
        taken = min(limit, self.due)
        self.due -= taken
        buried, self.buried = min(self.buried, taken), 0
        lost, self.lost = self.lost, 0
        pointers = [Pointer(number, 0) for number in range(taken - buried)]
        return Claimed(pointers=pointers, buried=buried, lost=lost)

    def oldest_due_at(self, *, now: datetime) -> datetime | None:
        assert now == self.clock.time
        return self.oldest


@dataclass
class Queue:
    queued: int = 0
    down: bool = False
    published: list[Pointer] = field(default_factory=list)

    def publish(self, pointers: Sequence[Pointer]) -> None:
        assert pointers, "an empty call would be a call for nothing"
        if self.down:
            raise QueueDown("no queue")
        self.published.extend(pointers)

    def depth(self) -> int:
        return self.queued


@dataclass
class Reports:
    """The report queue: for each look, whether reports wait, or why that cannot be told. The last answer stays."""

    looks: list[bool | QueueDown] = field(default_factory=lambda: [False])

    def __call__(self) -> bool:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, QueueDown):
            raise look
        return look


def claimer(records: Records, queue: Queue, reports: Reports | None = None) -> Claimer:
    return Claimer(records=records, queue=queue, reports_wait=reports or Reports(), policy=POLICY, now=records.clock)


def in_a_minute() -> datetime:
    return NOW + timedelta(minutes=1)


@pytest.mark.parametrize(("due", "limits"), [(0, [100]), (1, [100]), (99, [100]), (100, [100, 100]), (250, [100] * 3)])
def test_it_leases_set_after_set_until_nothing_is_due(due: int, limits: list[int]) -> None:
    """A set that is not full is the last."""
    records, queue = Records(due, Clock()), Queue()
    report = claimer(records, queue).run(until=in_a_minute())
    assert records.limits == limits
    assert (report.claimed, len(queue.published), report.held_back) == (due, due, False)


@pytest.mark.parametrize(("queued", "claimed"), [(1_000, 0), (5_000, 0), (999, 1), (950, 50), (850, 150), (0, 1_000)])
def test_it_leases_no_more_than_the_queue_has_room_for(queued: int, claimed: int) -> None:
    """When Feishu is slower than the producers, rows wait in MySQL."""
    records, queue = Records(2_000, Clock()), Queue(queued=queued)
    report = claimer(records, queue).run(until=in_a_minute())
    assert (report.claimed, len(queue.published), report.held_back) == (claimed, claimed, True)
    assert records.due == 2_000 - claimed


def test_it_stops_when_its_time_is_up() -> None:
    """What is still due waits for the next tick; that is not the queue holding back."""
    records = Records(2_000, Clock())
    report = claimer(records, Queue()).run(until=NOW + timedelta(seconds=3))
    assert (report.claimed, report.held_back) == (300, False)
    assert claimer(records, Queue()).run(until=records.clock.time).claimed == 0


def test_rows_whose_attempts_are_used_up_are_reported_dead_and_not_published() -> None:
    """And attempts whose sender died are reported as lost, whether or not their record may be tried again."""
    records, queue = Records(50, Clock(), buried=8, lost=2), Queue()
    report = claimer(records, queue).run(until=in_a_minute())
    assert (report.claimed, report.dead, report.lost, len(queue.published)) == (42, 8, 2, 42)


def test_a_set_that_was_buried_whole_does_not_end_the_tick() -> None:
    """A full set may hold nothing to publish; what comes after it is due all the same."""
    records, queue = Records(130, Clock(), buried=100), Queue()
    report = claimer(records, queue).run(until=in_a_minute())
    assert (report.claimed, report.dead, len(queue.published)) == (30, 100, 30)


@pytest.mark.parametrize(("oldest", "seconds"), [(None, 0.0), (NOW - timedelta(minutes=2), 120.0)])
def test_it_reports_how_long_the_oldest_due_row_had_waited(oldest: datetime | None, seconds: float) -> None:
    """The figure by which operators see that claim falls behind."""
    report = claimer(Records(0, Clock(), oldest=oldest), Queue()).run(until=in_a_minute())
    assert report.oldest_due_seconds == seconds


def test_a_queue_that_refuses_ends_the_tick_and_the_report_has_its_words() -> None:
    """No more rows are leased for nothing; those that were come due when their lease ends."""
    records = Records(2_000, Clock())
    report = claimer(records, Queue(down=True)).run(until=in_a_minute())
    assert records.limits == [100]
    assert (report.claimed, report.queue_refused, report.failure) == (100, "the send queue: no queue", None)


def test_a_database_that_fails_half_way_is_reported_beside_what_was_claimed() -> None:
    """The handler raises it once the counts are told."""
    records, gone = Records(2_000, Clock()), ConnectionError("no database")

    def fail_the_second_time(**arguments: Any) -> Claimed:
        if records.limits:
            raise gone
        return Records.lease_due(records, **arguments)

    records.lease_due = fail_the_second_time  # type: ignore[method-assign]
    report = claimer(records, Queue()).run(until=in_a_minute())
    assert (report.claimed, report.failure) == (100, gone)


def test_while_reports_wait_no_ended_lease_is_taken() -> None:
    """Its outcome may be among them: taking it would send its message a second time. The rest goes on."""
    records, queue = Records(250, Clock()), Queue()
    report = claimer(records, queue, Reports([True, True, False])).run(until=in_a_minute())
    assert records.with_ended_leases == [False, False, True]
    assert (report.claimed, len(queue.published)) == (250, 250)


def test_while_the_report_queue_cannot_be_asked_no_ended_lease_is_taken_and_the_rest_goes_out() -> None:
    """It may hold any outcome, but none of a record that is not `sending`. It is asked once, as that may take long."""
    records, queue = Records(250, Clock()), Queue()
    reports = Reports([QueueDown("AccessDenied: no"), False])
    report = claimer(records, queue, reports).run(until=in_a_minute())
    assert records.with_ended_leases == [False, False, False]
    assert (report.reports_wait, report.queue_refused) == (True, "the report queue: AccessDenied: no")
    assert (report.claimed, len(queue.published)) == (250, 250)


def test_a_report_of_nothing_counts_nothing() -> None:
    """As a tick has it that broke at once."""
    nothing = ClaimReport()
    assert (nothing.claimed, nothing.dead, nothing.lost, nothing.oldest_due_seconds) == (0, 0, 0, 0.0)
    assert (nothing.held_back, nothing.reports_wait) == (False, False)
    assert (nothing.queue_refused, nothing.failure) == ("", None)
    assert nothing.add(Claimed(pointers=[Pointer(1, 0)])) == ClaimReport(claimed=1)
