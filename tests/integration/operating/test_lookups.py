"""Reading what happened, without changing it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from delivery.storage.lookups import Lookups
from delivery.storage.tables import attempts
from tests.integration.clock import Clock
from tests.integration.notifications import add_row, asking_for, rows
from tests.integration.sending import PointerList, claim_all, recorder_store


def test_a_record_is_found_by_id_and_by_key(engine: Engine, clock: Clock) -> None:
    """Keys are compared byte for byte; what is not there is None."""
    recorder_store(engine, clock, asking_for("key", "Key"))
    lookups = Lookups(engine=engine)
    found = lookups.by_key("feishu", "Key")
    assert found is not None
    assert (found["dedupe_key"], found["created_at"]) == ("Key", clock().replace(tzinfo=None))
    assert lookups.by_id(found["id"]) == found
    absent = [lookups.by_id(0), lookups.by_key("feishu", "KEY"), lookups.by_key("Feishu", "key")]
    assert absent == [None, None, None]


def test_the_due_list_is_what_claim_takes(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """The same rows in the same order; looking takes nothing."""
    for age in (3, -1, 9, 0, 5):
        add_row(engine, now=clock(), next_retry_at=clock() - timedelta(seconds=age))
    add_row(engine, now=clock(), status="sent", next_retry_at=None)
    before = rows(engine)
    lookups = Lookups(engine=engine)
    due = [record["id"] for record in lookups.due(now=clock(), limit=10)]
    assert [record["id"] for record in lookups.due(now=clock(), limit=2)] == due[:2]
    assert rows(engine) == before
    assert [pointer.record_id for pointer in claim_all(engine, clock, queue)] == due
    assert lookups.due(now=clock(), limit=10) == []


def test_history_is_in_order_and_of_one_record(engine: Engine, clock: Clock) -> None:
    """Attempt by attempt."""
    with engine.begin() as connection:
        for record_id, attempt in ((1, 10), (2, 1), (1, 2), (1, 1)):
            line = {"record_id": record_id, "attempt": attempt, "outcome": "temporary"}
            connection.execute(attempts.insert(), {**line, "started_at": clock().replace(tzinfo=None)})
    lookups = Lookups(engine=engine)
    assert [line["attempt"] for line in lookups.history(1)] == [1, 2, 10]
    assert lookups.history(3) == []
