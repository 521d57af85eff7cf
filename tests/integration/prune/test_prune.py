"""What prune deletes on a real MySQL, and what it never does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from delivery.domain.outcome import Delivered
from delivery.domain.record import Pointer
from delivery.domain.transition import Closing, after_attempt
from delivery.prune import EndedRows
from delivery.storage.attempts import Attempts
from delivery.storage.pruning.outbox import OutboxRows
from delivery.storage.pruning.records import FinalRecords
from delivery.storage.pruning.rejects import KeptRejects
from tests.integration.children import killed_when_it_says
from tests.integration.clock import Clock
from tests.integration.notifications import add_row, batch, count
from tests.integration.prune.pruning import (
    HOUR,
    MILLISECOND,
    OUTBOX_DAYS,
    RECORD_DAYS,
    REJECT_DAYS,
    add_final,
    add_outbox,
    add_reject,
    ids_of,
    prune,
    pruner,
    records_left,
    with_attempts,
)
from tests.integration.sending import LEASE, PointerList, ingester
from tests.unit.samples import EXACT_RETRY
from tests.waiting import until

OLD = timedelta(days=RECORD_DAYS) + MILLISECOND


def test_a_final_record_goes_when_it_ended_more_than_its_days_ago_to_the_millisecond(
    engine: Engine, clock: Clock
) -> None:
    """In each final state, with all of its attempts; the attempts of others stay."""
    limit = clock() - timedelta(days=RECORD_DAYS)
    for status, code in (("sent", None), ("dead", "provider_5xx"), ("skipped", "recipient_missing")):
        add_final(engine, 2, ended=limit - MILLISECOND, tries=3, status=status, last_error_code=code)
    kept = add_final(engine, 2, ended=limit, tries=3)
    report = prune(engine, clock)
    assert records_left(engine) == with_attempts(engine) == kept
    assert count(engine, "notification_attempts") == 6
    assert report.deleted == {"records": 6, "rejects": 0, "outbox": 0, "outbox_dead": 0}


def test_a_record_is_as_old_as_its_end_however_long_ago_it_was_made(engine: Engine, clock: Clock) -> None:
    """A redriven one was sent yesterday: its memory has to last as long as any other's."""
    yesterday = clock() - timedelta(days=1)
    [redriven] = add_final(engine, 1, ended=yesterday, made=clock() - 2 * OLD, tries=1)
    add_final(engine, 1, ended=clock() - OLD, made=clock() - 2 * OLD, tries=1)
    report = prune(engine, clock)
    assert records_left(engine) == with_attempts(engine) == [redriven]
    assert report.oldest_kept_seconds["records"] == timedelta(days=1).total_seconds()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("pending", None),
        ("failed", "provider_5xx"),
        ("sending", None),
        ("dead", "held_after_restore"),
        ("of another service", None),
    ],
)
def test_what_is_not_final_or_held_is_never_deleted(engine: Engine, clock: Clock, status: str, code: str) -> None:
    """However old: parked records wait for their user, and held ones for an operator."""
    made = clock() - 10 * OLD
    [kept] = add_final(engine, 1, ended=made, tries=2, status=status, last_error_code=code)
    add_final(engine, 1, ended=made)
    prune(engine, clock)
    assert records_left(engine) == with_attempts(engine) == [kept]


def test_a_row_that_changed_after_it_was_found_stays(engine: Engine, clock: Clock) -> None:
    """An operator redrove or held it, or ingest took it up again: the deletion itself says what may go."""
    old, limit = clock() - OLD, clock() - timedelta(days=RECORD_DAYS)
    ids = add_final(engine, 1, ended=old, tries=1, status="failed")
    ids += add_final(engine, 1, ended=old, tries=1, status="dead", last_error_code="held_after_restore")
    ids += add_final(engine, 1, ended=limit, tries=1)
    add_reject(engine, 1, came=old, replayed=limit)
    add_outbox(engine, 1, "pending", ended=old)
    add_outbox(engine, 2, "consumed", ended=limit)
    assert FinalRecords(engine=engine).delete(ids, ended_before=limit) == 0
    assert KeptRejects(engine=engine).delete([1], ended_before=limit) == 0
    assert OutboxRows.consumed(engine).delete([1, 2], ended_before=limit) == 0
    assert records_left(engine) == with_attempts(engine) == ids


def test_a_reject_goes_its_days_after_it_came_or_was_replayed(engine: Engine, clock: Clock) -> None:
    """Replayed or not."""
    limit = clock() - timedelta(days=REJECT_DAYS)
    add_reject(engine, 1, came=limit - MILLISECOND)
    add_reject(engine, 2, came=limit)
    add_reject(engine, 3, came=limit - HOUR, replayed=limit - MILLISECOND)
    add_reject(engine, 4, came=limit - HOUR, replayed=limit)
    report = prune(engine, clock)
    assert ids_of(engine, "notification_rejects") == [2, 4]
    assert report.deleted["rejects"] == 2


def test_outbox_rows_go_their_days_after_they_were_consumed_and_dead_ones_as_rejects_do(
    engine: Engine, clock: Clock
) -> None:
    """What is pending has yet to be published; what is published and not consumed tells of an event that got lost."""
    limit, rejects = clock() - timedelta(days=OUTBOX_DAYS), clock() - timedelta(days=REJECT_DAYS)
    add_outbox(engine, 1, "consumed", ended=limit - MILLISECOND)
    add_outbox(engine, 2, "consumed", ended=limit)
    add_outbox(engine, 3, "consumed", ended=limit, made=limit - HOUR)
    add_outbox(engine, 4, "dead", ended=rejects - MILLISECOND)
    add_outbox(engine, 5, "dead", ended=rejects)
    add_outbox(engine, 6, "pending", ended=rejects - HOUR)
    add_outbox(engine, 7, "published", ended=rejects - HOUR)
    report = prune(engine, clock)
    assert ids_of(engine, "notification_outbox_messages") == [2, 3, 5, 6, 7]
    assert (report.deleted["outbox"], report.deleted["outbox_dead"]) == (1, 1)


def test_a_window_has_rows(engine: Engine, clock: Clock) -> None:
    """An empty one would look like one in which nothing is old enough, behind which nobody looks."""
    kinds: list[EndedRows] = [
        FinalRecords(engine=engine),
        KeptRejects(engine=engine),
        OutboxRows.consumed(engine),
    ]
    assert [list(kind.windows(size=2)) for kind in kinds] == [[], [], []]
    add_final(engine, 4, ended=clock())
    for number in range(1, 5):
        add_reject(engine, number, came=clock())
        add_outbox(engine, number, "consumed", ended=clock())
    assert [[len(window) for window in kind.windows(size=2)] for kind in kinds] == [[2, 2], [2, 2], [2, 2]]


def test_with_0_days_everything_is_kept_for_ever(engine: Engine, clock: Clock) -> None:
    """And nothing is said about it."""
    ancient = clock() - timedelta(days=5_000)
    add_final(engine, 1, ended=ancient, tries=1)
    add_reject(engine, 1, came=ancient)
    add_outbox(engine, 1, "consumed", ended=ancient)
    add_outbox(engine, 2, "dead", ended=ancient)
    report = prune(engine, clock, record=0, reject=0, outbox=0)
    assert (report.deleted, report.oldest_kept_seconds) == ({}, {})
    tables = ("notification_records", "notification_attempts", "notification_rejects", "notification_outbox_messages")
    assert [count(engine, table) for table in tables] == [1, 1, 1, 2]


@pytest.mark.parametrize("set_size", [1, 7, 50, 1_000])
def test_sets_of_any_size_come_to_the_same(engine: Engine, clock: Clock, set_size: int) -> None:
    """Also where rows of one time are in several sets, and where kept ones lie among them."""
    codes = [None, "provider_5xx", "network_error"]
    for code in codes:
        add_final(engine, 33, ended=clock() - OLD, tries=1, status="dead", last_error_code=code)
    kept = add_final(engine, 20, ended=clock(), made=clock() - 2 * OLD, tries=1)
    for number in range(1, 30):
        add_reject(engine, number, came=clock() - OLD)
        add_outbox(engine, number, "consumed", ended=clock() - OLD)
    report = prune(engine, clock, set_size=set_size)
    assert records_left(engine) == with_attempts(engine) == kept
    assert report.deleted == {"records": 99, "rejects": 29, "outbox": 29, "outbox_dead": 0}


def test_outbox_rows_that_ended_late_do_not_hold_up_those_behind_them(engine: Engine, clock: Clock) -> None:
    """As after a backlog: their ids are low, and they were consumed yesterday."""
    old = clock() - OLD
    for number in range(1, 21):
        add_outbox(engine, number, "consumed", ended=clock() - HOUR, made=old)
    for number in range(21, 31):
        add_outbox(engine, number, "consumed", ended=old)
    assert prune(engine, clock, set_size=5).deleted["outbox"] == 10


def test_a_run_without_time_deletes_nothing_and_the_next_goes_on(engine: Engine, clock: Clock) -> None:
    """It says how old the oldest row is that should be gone."""
    add_final(engine, 25, ended=clock() - OLD, tries=2)
    waits = iter(range(3))

    def wait(_: timedelta) -> None:
        if next(waits, None) is None:
            clock.move(hours=2)

    first = pruner(engine, clock, set_size=5, wait=wait, reject=0, outbox=0).run(until=clock() + HOUR)
    assert (first.deleted, first.unfinished) == ({"records": 20}, ("records",))
    assert first.oldest_kept_seconds["records"] == (OLD + timedelta(hours=2)).total_seconds()
    assert len(records_left(engine)) == len(with_attempts(engine)) == 5
    assert pruner(engine, clock, reject=0, outbox=0).run(until=clock()).deleted == {"records": 0}
    assert prune(engine, clock).deleted["records"] == 5


def test_every_kind_has_its_turn(engine: Engine, clock: Clock) -> None:
    """A table that grew for years does not keep the others from being pruned."""
    add_final(engine, 50, ended=clock() - OLD)
    add_reject(engine, 1, came=clock() - OLD)
    add_outbox(engine, 1, "consumed", ended=clock() - OLD)
    report = pruner(engine, clock, set_size=1, wait=lambda _: clock.wait(HOUR / 5)).run(until=clock() + HOUR)
    assert (report.deleted["records"], report.deleted["rejects"], report.deleted["outbox"]) == (2, 1, 1)


def test_killed_between_two_statements_it_leaves_no_record_without_its_attempts(
    engine: Engine, shared_url: str, clock: Clock
) -> None:
    """The set is one transaction: it took place or it did not."""
    ids = add_final(engine, 30, ended=clock() - OLD, tries=2)
    killed_when_it_says("attempts deleted", "tests.integration.prune.dying_pruner", shared_url)
    assert records_left(engine) == with_attempts(engine) == ids
    until(lambda: prune(engine, clock).deleted["records"] == 30)  # MySQL has to notice first that it died
    assert count(engine, "notification_attempts") == 0


def test_an_event_that_is_repeated_after_its_record_is_gone_is_a_new_notification(
    engine: Engine, clock: Clock, queue: PointerList
) -> None:
    """Records are the memory of what was sent."""
    ingester(engine, clock, queue).run(batch("a"))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE notification_records SET status = 'sent', next_retry_at = NULL")
    clock.move(days=RECORD_DAYS)
    prune(engine, clock)
    assert ingester(engine, clock, queue).run(batch("a")).duplicates == 1
    clock.move(seconds=1)
    prune(engine, clock)
    assert ingester(engine, clock, queue).run(batch("a")).duplicates == 0
    assert count(engine, where="status = 'pending'") == 1


def test_a_report_of_a_record_that_is_gone_leaves_no_attempt(engine: Engine, clock: Clock) -> None:
    """It may have waited in its queue for two weeks, and a stage may keep records for a day."""
    pointer = Pointer(add_row(engine, now=clock(), next_retry_at=clock()), 0)
    [attempt] = Attempts(engine=engine).open([pointer], now=clock(), lease=LEASE)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM notification_records")
    outcome = Delivered(provider_message_id="1")
    transition = after_attempt(attempt, outcome, EXACT_RETRY, clock())
    closing = Closing(attempt=attempt, outcome=outcome, transition=transition, finished_at=clock())
    closed = Attempts(engine=engine).close([closing])
    assert (closed.won, closed.locked) == (frozenset(), frozenset())
    assert count(engine, "notification_attempts") == 0
