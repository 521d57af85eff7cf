"""Writes events to the outbox as a backend does: in the transaction of the business row that they belong to."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Engine, MetaData, String, Table, func, insert, select

from delivery.storage.tables import outbox
from hongyan_producer import enqueue
from hongyan_producer.contract.models import EVENT_TYPE, SERVICE_NAME
from local.demo.publishing.event_kinds import Event, Kind, Written

#: the demo's own business
tasks = Table(
    "demo_tasks",
    MetaData(),
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("user_id", BigInteger, nullable=False),
    Column("title", String(255), nullable=False),
)
#: JSON, as the column demands, but not an event.
_UNREADABLE = ["not", "an", "event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    engine: Engine
    topic: str

    def open(self) -> int:
        """Makes the business table. Returns the id of the outbox's newest row; this run's rows come after it."""
        tasks.create(self.engine, checkfirst=True)
        with self.engine.connect() as connection:
            return int(connection.execute(select(func.coalesce(func.max(outbox.c.id), 0))).scalar_one())

    def close(self) -> None:
        tasks.drop(self.engine, checkfirst=True)

    def write(self, events: Sequence[Event]) -> list[Written]:
        """Writes each in its own transaction. One that is rolled back has written both of its rows before."""
        return [self._write(event) for event in events]

    def _write(self, event: Event) -> Written:
        with self.engine.connect() as connection, connection.begin() as transaction:
            task_id = self._do_business(connection, event)
            outbox_id = self._enqueue(connection, event)
            if event.kind is Kind.ROLLED_BACK:
                transaction.rollback()
            else:
                transaction.commit()
        return Written(event=event, task_id=task_id, outbox_id=outbox_id, ended_at=datetime.now(UTC))

    def _do_business(self, connection: Connection, event: Event) -> int:
        task = {"user_id": int(event.key or b"0"), "title": event.dedupe_key or "a task of an unreadable event"}
        return _id(connection.execute(insert(tasks).values(task)))

    def _enqueue(self, connection: Connection, event: Event) -> int:
        if event.kind is Kind.UNREADABLE:
            return self._insert_unreadable(connection, event)
        return enqueue(connection, json.loads(event.value or b"")["payload"], topic=self.topic)

    def _insert_unreadable(self, connection: Connection, event: Event) -> int:
        """Inserts what a faulty producer might write, because the package refuses such a row."""
        now = datetime.now(UTC).replace(tzinfo=None)
        row = {
            "event_type": EVENT_TYPE,
            "service_name": SERVICE_NAME,
            "topic": self.topic,
            "message_key": (event.key or b"").decode(),
            "payload": _UNREADABLE,
            "next_retry_at": now,
            "created_at": now,
            "updated_at": now,
        }
        return _id(connection.execute(insert(outbox).values(row)))


def _id(inserted: Any) -> int:  # noqa: ANN401 - a result of SQLAlchemy's
    (key,) = inserted.inserted_primary_key
    return int(key)
