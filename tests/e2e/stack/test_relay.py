"""What a business transaction commits to the outbox reaches Feishu by way of Kafka; what it rolls back never does."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, RootTransaction, create_engine, select

from delivery.storage.tables import outbox, records
from hongyan_producer import enqueue
from tests.e2e.stack.stack_processes import StackProcess, starting
from tests.e2e.stack.using_stack import calls
from tests.waiting import until

USER = 41


@pytest.fixture(scope="module")
def stack() -> Iterator[StackProcess]:
    """With the clock of `make up`."""
    with starting("relay", minute_seconds=5) as stack:
        stack.up()
        saved = stack.hongyan("channel", "save", "--user", str(USER))
        assert saved.returncode == 0, saved
        yield stack


@pytest.fixture(scope="module")
def engine(stack: StackProcess) -> Iterator[Engine]:
    engine = create_engine(stack.endpoints()["database_url"])
    yield engine
    engine.dispose()


@contextmanager
def business(engine: Engine) -> Iterator[RootTransaction]:
    """A transaction with a row of its own, which the caller ends."""
    with engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE IF NOT EXISTS tasks (title VARCHAR(20))")
        connection.exec_driver_sql("INSERT INTO tasks VALUES ('write the report')")
        yield transaction


def payload(name: str) -> Mapping[str, Any]:
    return {
        "user_id": USER,
        "preview_id": name,
        "dedupe_key": name,
        "target_url": f"/assistant/{name}",
        "summary_text": "今天 15:00 的评审与写周报冲突。",
        "requested_at": datetime.now(UTC),
    }


def row(engine: Engine, outbox_id: int) -> Mapping[str, Any] | None:
    with engine.connect() as connection:
        found = connection.execute(select(outbox).where(outbox.c.id == outbox_id)).mappings().first()
        return dict(found) if found else None


def record(engine: Engine, key: str) -> Mapping[str, Any] | None:
    with engine.connect() as connection:
        found = connection.execute(select(records).where(records.c.dedupe_key == key)).mappings().first()
        return dict(found) if found else None


def committed(engine: Engine, name: str) -> int:
    with business(engine) as transaction:
        outbox_id = enqueue(transaction.connection, payload(name))
        transaction.commit()
        return outbox_id


def rolled_back(engine: Engine, name: str) -> int:
    with business(engine) as transaction:
        outbox_id = enqueue(transaction.connection, payload(name))
        transaction.rollback()
        return outbox_id


def consumed(engine: Engine, outbox_id: int) -> Mapping[str, Any]:
    def is_consumed() -> Mapping[str, Any] | None:
        found = row(engine, outbox_id)
        return found if found and found["status"] == "consumed" else None

    return until(is_consumed, within=120)


def test_what_is_committed_reaches_feishu_once_and_what_is_rolled_back_leaves_nothing(
    stack: StackProcess, engine: Engine
) -> None:
    """The later event has got through by then, so that nothing of the earlier one is still on its way."""
    gone = rolled_back(engine, "rolled-back")
    kept = consumed(engine, committed(engine, "committed"))
    sent = until(lambda: (found := record(engine, "committed")) and found["status"] == "sent" and found)
    assert [call["notification_id"] for call in calls(stack)].count(sent["id"]) == 1
    assert (kept["retry_count"], kept["last_error"]) == (0, None)
    assert row(engine, gone) is None
    assert record(engine, "rolled-back") is None


def test_a_row_reaches_kafka_within_two_seconds(engine: Engine) -> None:
    """Once the relay is warm; the best of a few, since the machine may be busy.

    Where ingest was quicker than the relay's own mark, its mark counts.
    """
    waited = []
    for number in range(5):
        kept = consumed(engine, committed(engine, f"soon-{number}"))
        there = kept["published_at"] or kept["consumed_at"]
        waited.append((there - kept["created_at"]).total_seconds())
    assert min(waited) < 2, waited


def test_a_row_that_is_no_event_dies_and_says_why(engine: Engine) -> None:
    """At once: trying again would not make it readable."""
    good = committed(engine, "before-it")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO notification_outbox_messages (event_type, service_name, topic, message_key, payload, status,"
            " next_retry_at, created_at, updated_at) SELECT event_type, service_name, topic, message_key, '[1]',"
            " 'pending', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)"
            " FROM notification_outbox_messages WHERE id = %s",
            (good,),
        )
        unreadable = connection.exec_driver_sql("SELECT LAST_INSERT_ID()").scalar_one()
    dead = until(lambda: (found := row(engine, unreadable)) and found["status"] == "dead" and found)
    assert dead["last_error"]
    assert dead["published_at"] is None
