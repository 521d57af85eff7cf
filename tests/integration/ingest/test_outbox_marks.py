"""Ingest marks outbox rows beside the relay and other consumers, which hold rows of the same table."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine

from delivery.domain.contract import RejectCode
from delivery.domain.intake import Reject
from delivery.storage.mysql.database import in_transaction, to_stored
from delivery.storage.outbox.consuming import mark_consumed, mark_dead
from tests.integration.clock import Clock
from tests.integration.counting import lock_waits
from tests.integration.notifications import kafka
from tests.integration.relay.outbox_rows import TABLE, add, states
from tests.integration.send.test_lock_order import waiting
from tests.waiting import until

LOCK = f"SELECT id FROM {TABLE} WHERE id = %s FOR UPDATE"


def test_a_locked_row_of_another_event_is_not_waited_for(fresh_engine: Engine, clock: Clock) -> None:
    """The relay holds it, one of few unfinished rows. To a batch that names more rows, their index looks cheaper."""
    before = add(fresh_engine, clock(), ["7"] * 500, status="consumed")
    ours = [*before, *add(fresh_engine, clock(), ["7"] * 50, status="published")]
    [theirs] = add(fresh_engine, clock(), ["7"])
    with fresh_engine.begin() as relay:
        relay.exec_driver_sql(LOCK, (theirs,))
        waits = lock_waits(fresh_engine)
        in_transaction(fresh_engine, lambda connection: mark_consumed(connection, ours, to_stored(clock())))
        assert lock_waits(fresh_engine) == waits
    found = states(fresh_engine)
    assert {found[row_id].status for row_id in ours} == {"consumed"}
    assert found[theirs].status == "pending"


def test_whoever_waits_for_a_row_to_reject_holds_no_later_one(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """In whatever order the events came: two batches that share rows would deadlock."""
    first, second = add(engine, clock(), ["7", "7"], status="published")
    rejects = [rejected(second), rejected(first)]
    with another_engine().connect() as holder, ThreadPoolExecutor(max_workers=1) as thread:
        holder.exec_driver_sql(LOCK, (first,))
        own = another_engine()
        marked = thread.submit(in_transaction, own, lambda connection: mark_dead(connection, rejects, clock()))
        try:
            until(lambda: waiting(engine), within=10)
            with engine.begin() as looking:
                looking.exec_driver_sql(f"{LOCK} NOWAIT", (second,))  # MySQL refuses this at once if somebody has it
        finally:
            holder.rollback()
        marked.result()
    assert [row.status for row in states(engine).values()] == ["dead", "dead"]


def rejected(outbox_id: int) -> Reject:
    return Reject(source=kafka(b""), code=RejectCode.ENVELOPE_INVALID, reason="the value is empty", outbox_id=outbox_id)
