"""What ingest does without its database or its queue, and what becomes of the producers' outbox rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from delivery.storage.mysql.database import Address, open_engine
from delivery.storage.tables import outbox
from local.machine.ports import free_port
from tests.integration.clock import Clock
from tests.integration.notifications import batch, count, event, kafka, rows
from tests.integration.sending import PointerList, claim_all, ingester


def add_outbox(engine: Engine, clock: Clock, **status_by_id: str) -> None:
    now = clock().replace(tzinfo=None)
    fixed = {"event_type": "t", "service_name": "s", "topic": "t", "message_key": "7", "payload": {}}
    times = {"next_retry_at": now, "last_error": "old", "created_at": now, "updated_at": now}
    with engine.begin() as connection:
        for name, status in status_by_id.items():
            connection.execute(outbox.insert(), {**fixed, **times, "id": int(name[1:]), "status": status})


def outbox_rows(engine: Engine) -> dict[int, tuple[object, ...]]:
    columns = "id, status, consumed_at, next_retry_at, last_error"
    with engine.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT {columns} FROM notification_outbox_messages").all()
    return {row.id: tuple(row)[1:] for row in found}


def test_without_its_database_ingest_raises_and_publishes_nothing(clock: Clock, queue: PointerList) -> None:
    """Lambda then keeps the offsets where they are and delivers the batch again."""
    nowhere = Address(host="127.0.0.1", port=free_port(), database="none", user="root", password="")
    engine = open_engine(lambda: nowhere)
    with pytest.raises(OperationalError):
        ingester(engine, clock, queue).run([*batch("a"), kafka(b"poison", offset=5)])
    assert queue.pointers == []


def test_a_batch_that_fails_in_the_middle_leaves_nothing(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """The rows of a batch and its rejects come together or not at all."""
    with engine.begin() as connection:
        connection.exec_driver_sql("RENAME TABLE notification_rejects TO away")
    try:
        with pytest.raises(Exception, match="notification_rejects"):
            ingester(engine, clock, queue).run([*batch("a"), kafka(b"poison", offset=5)])
        assert (count(engine), queue.pointers) == (0, [])
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("RENAME TABLE away TO notification_rejects")


def test_an_idle_connection_that_the_server_closed_costs_nothing(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock, queue: PointerList
) -> None:
    """A function instance sleeps between batches, longer than a proxy or a failover lets its connection live."""
    stage = ingester(engine, clock, queue)
    stage.run(batch("a"))
    with engine.connect() as connection:
        mine = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
    with another_engine().begin() as connection:
        connection.exec_driver_sql(f"KILL {mine}")
    assert stage.run(batch("b")).requested == 1


def test_without_its_queue_rows_wait_for_the_hand_off_deadline(
    engine: Engine, clock: Clock, queue: PointerList
) -> None:
    """The batch is acknowledged all the same: its rows are safe, and due by themselves five minutes later."""
    queue.down = True
    report = ingester(engine, clock, queue).run(batch("a", "b"))
    assert (report.requested, report.published, report.queue_refused) == (2, 0, "told to be down")
    queue.down = False
    clock.move(minutes=4, seconds=59)
    assert claim_all(engine, clock, queue) == []
    clock.move(seconds=1)
    assert claim_all(engine, clock, queue) == [(row.id, 0) for row in rows(engine)]


def test_an_outbox_row_learns_what_became_of_its_event(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """Consumed once its notification is recorded, also when another event of the batch was the same; dead with why.

    The outbox row of a broken envelope, too, if its id can be read.
    """
    add_outbox(
        engine, clock, _1="published", _2="pending", _3="published", _4="published", _5="published", _6="pending"
    )
    values = [
        event("a", envelope={"outbox_id": 1}),
        event("a", envelope={"outbox_id": 2}),
        event("b", envelope={"outbox_id": 3}, user_id=0),
        event("c", envelope={"outbox_id": 99}),
        event("d", envelope={"outbox_id": -4}),
        event("e", envelope={"outbox_id": 6, "event_id": 5}),
    ]
    ingester(engine, clock, queue).run([kafka(value, offset=offset) for offset, value in enumerate(values)])
    now = clock().replace(tzinfo=None)
    found = outbox_rows(engine)
    assert found[1] == found[2] == ("consumed", now, None, None)
    assert found[3] == ("dead", None, None, "payload_invalid: user_id: should be greater than 0")
    assert found[6] == ("dead", None, None, "envelope_invalid: event_id: should be a string")
    assert found[4] == found[5] == ("published", None, now, "old")


@pytest.mark.parametrize("final", ["consumed", "dead"])
def test_a_finished_outbox_row_is_never_reopened(engine: Engine, clock: Clock, queue: PointerList, final: str) -> None:
    """Kafka may deliver an event again, good or bad, long after its row was settled."""
    add_outbox(engine, clock, _1=final, _2=final)
    before = outbox_rows(engine)
    values = [event("a", envelope={"outbox_id": 1}), event("b", envelope={"outbox_id": 2}, user_id=0)]
    ingester(engine, clock, queue).run([kafka(value, offset=offset) for offset, value in enumerate(values)])
    assert outbox_rows(engine) == before
