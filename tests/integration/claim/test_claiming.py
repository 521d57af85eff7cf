"""Claiming what is due: each row once, oldest first, and a row whose claimer or sender died comes again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Engine

from delivery.domain.record import Pointer
from delivery.storage.claims import DUE, DueRecords
from delivery.storage.mysql.database import to_stored
from tests.integration.children import killed_when_it_says
from tests.integration.clock import Clock
from tests.integration.counting import lock_waits
from tests.integration.notifications import add_row, add_rows, count, history, row
from tests.integration.sending import LEASE, PointerList, claim_all, claimer
from tests.integration.threads import at_once


def test_eight_claimers_at_once_take_every_row_once(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """Schedules may fire twice and overlap; SKIP LOCKED gives each claimer rows of its own."""
    ids = add_rows(engine, 5_000, now=clock(), next_retry_at=clock())
    queues = [PointerList() for _ in range(8)]
    stages = [claimer(another_engine(), clock, queue, batch_size=100) for queue in queues]
    reports = at_once([partial(stage.run, until=clock() + timedelta(minutes=1)) for stage in stages])
    left_over = claim_all(engine, clock, PointerList())
    claimed = [pointer for queue in queues for pointer in queue.pointers] + left_over
    assert sorted(claimed) == [Pointer(record_id, 0) for record_id in ids]
    assert sum(report.claimed for report in reports) == 5_000 - len(left_over)
    assert count(engine, where="status = 'sending'") == 5_000


def test_the_oldest_due_is_taken_first(engine: Engine, clock: Clock) -> None:
    """By when it came due, then by id; and never more than asked for."""
    now = clock()
    late, early, also_early = (
        add_row(engine, now=now, next_retry_at=now - timedelta(seconds=age)) for age in (1, 9, 9)
    )
    due = DueRecords(engine=engine)
    assert due.oldest_due_at(now=now) == now - timedelta(seconds=9)
    assert due.lease_due(limit=2, now=now, lease=LEASE).pointers == [Pointer(early, 0), Pointer(also_early, 0)]
    assert due.lease_due(limit=2, now=now, lease=LEASE).pointers == [Pointer(late, 0)]
    assert due.oldest_due_at(now=now) is None


@pytest.mark.parametrize("status", ["pending", "failed", "sending"])
def test_a_due_row_is_leased(engine: Engine, clock: Clock, queue: PointerList, status: str) -> None:
    """Sending under a lease; its number of attempts and its last error stay until an attempt is opened."""
    now = clock()
    record_id = add_row(engine, now=now, status=status, attempt_count=3, last_error_code="c", next_retry_at=now)
    soon = add_row(engine, now=now, status=status, next_retry_at=now + timedelta(milliseconds=1))
    assert claim_all(engine, clock, queue) == [Pointer(record_id, 3)]
    taken, left = row(engine, record_id), row(engine, soon)
    assert (taken.status, taken.attempt_count, taken.last_error_code) == ("sending", 3, "c")
    assert taken.next_retry_at == (now + LEASE).replace(tzinfo=None)
    assert left.status == status


@pytest.mark.parametrize("status", ["sent", "dead", "skipped"])
def test_a_final_row_is_never_claimed(engine: Engine, clock: Clock, queue: PointerList, status: str) -> None:
    """Its time is NULL, and so it is not even seen."""
    add_row(engine, now=clock(), status=status, attempt_count=1, next_retry_at=None)
    clock.move(days=400)
    assert claim_all(engine, clock, queue) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            (None, None),
            ("sending_lease_expired", "the sender of the last attempt never reported, and no attempt is left"),
        ),
        (("provider_5xx", "HTTP 503"), ("provider_5xx", "HTTP 503")),
    ],
)
def test_used_up_attempts_are_the_end(
    engine: Engine, clock: Clock, queue: PointerList, before: tuple[str | None, ...], after: tuple[str, ...]
) -> None:
    """Dead, with the last error if there is one; nothing is published for it."""
    code, error = before
    attempts = {"attempt_count": 5, "max_attempts": 5, "last_error_code": code, "last_error": error}
    record_id = add_row(engine, now=clock(), status="sending", next_retry_at=clock(), **attempts)
    report = claimer(engine, clock, queue).run(until=clock() + timedelta(minutes=1))
    dead = row(engine, record_id)
    assert (report.claimed, report.dead, queue.pointers) == (0, 1, [])
    assert (dead.status, dead.next_retry_at) == ("dead", None)
    assert (dead.last_error_code, dead.last_error) == after


def test_a_lost_attempt_is_noted_once(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """A row leased again before a sender opened anything has lost a pointer, but no second attempt."""
    opened_at = clock()
    record_id = add_row(engine, now=opened_at, status="sending", attempt_count=1, next_retry_at=clock.move(minutes=9))
    add_row(engine, now=clock(), status="failed", attempt_count=1, next_retry_at=clock())
    add_row(engine, now=clock(), status="sending", attempt_count=0, next_retry_at=clock())
    reports = []
    for _ in range(3):
        reports.append(claimer(engine, clock, queue).run(until=clock() + timedelta(minutes=1)))
        clock.move(minutes=10)
    assert reports[0].lost == 1
    [line] = history(engine, record_id)
    assert (line.attempt, line.outcome, line.started_at) == (1, "lost", to_stored(opened_at))
    assert (line.error_code, line.error) == ("sending_lease_expired", "its sender never reported")


def test_no_more_is_leased_than_the_queue_has_room_for(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """When Feishu is slow, rows wait in MySQL, where they are cheap and in order."""
    add_rows(engine, 30, now=clock(), next_retry_at=clock())
    queue.pointers = [Pointer(0, 0)] * 19_988
    report = claimer(engine, clock, queue, batch_size=5).run(until=clock() + timedelta(minutes=1))
    assert (report.claimed, report.held_back, len(queue.pointers)) == (12, True, 20_000)
    assert count(engine, where="status = 'pending'") == 18


def test_a_claimer_that_dies_before_it_publishes_loses_nothing(
    engine: Engine, shared_url: str, clock: Clock, queue: PointerList
) -> None:
    """Killed between commit and queue: the row is leased to nobody and comes due when the lease ends."""
    record_id = add_row(engine, now=clock(), next_retry_at=clock())
    killed_when_it_says("leased", "tests.integration.claim.dying_claimer", shared_url)
    assert row(engine, record_id).status == "sending"
    assert claim_all(engine, clock, queue) == []
    clock.move(minutes=11)  # the claimer that died began its lease by a clock of its own, a little later
    assert claim_all(engine, clock, queue) == [Pointer(record_id, 0)]


def test_two_claimers_do_not_wait_for_each_other(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """What one of them holds, the other passes over at once."""
    ids = add_rows(engine, 6, now=clock(), next_retry_at=clock())
    with another_engine().connect() as other:
        other.execute(DUE, {"now": to_stored(clock()), "limit": 2})
        waits = lock_waits(engine)
        claimed = DueRecords(engine=engine).lease_due(limit=9, now=clock(), lease=LEASE)
        assert lock_waits(engine) == waits
    assert [pointer.record_id for pointer in claimed.pointers] == ids[2:]


def test_while_reports_wait_rows_that_are_sending_stay_as_they_are(engine: Engine, clock: Clock) -> None:
    """Whether their attempts are used up or not; they are taken once the reports are closed."""
    sending = {"status": "sending", "next_retry_at": clock()}
    held = [add_row(engine, now=clock(), attempt_count=number, **sending) for number in (1, 5)]
    free = [add_row(engine, now=clock(), next_retry_at=clock(), status=status) for status in ("pending", "failed")]
    before = [row(engine, record_id) for record_id in held]
    due = DueRecords(engine=engine)
    claimed = due.lease_due(limit=9, now=clock(), lease=LEASE, ended_leases=False)
    assert ([pointer.record_id for pointer in claimed.pointers], claimed.buried, claimed.lost) == (free, 0, 0)
    assert [row(engine, record_id) for record_id in held] == before
    claimed = due.lease_due(limit=9, now=clock(), lease=LEASE)
    assert (claimed.pointers, claimed.buried, claimed.lost) == ([Pointer(held[0], 1)], 1, 2)
