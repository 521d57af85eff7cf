"""Notifications for tests: events as producers write them, Kafka records, and rows in any state."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, select, text

from delivery.domain.contract import NewRecord
from delivery.domain.intake import Intake, KafkaRecord, Request
from delivery.domain.record import CHANNEL_FEISHU
from delivery.storage.mysql.database import to_stored
from delivery.storage.tables import attempts, records

TOPIC = "smartflow.notification.outbox"


def event(dedupe_key: str, *, envelope: dict[str, object] | None = None, **payload: object) -> bytes:
    """The Kafka value of a good event, with these fields changed."""
    good = {
        "user_id": 7,
        "preview_id": f"preview-{dedupe_key}"[:64],
        "dedupe_key": dedupe_key,
        "target_url": "/assistant/preview",
        "summary_text": "周三的会议改到了周四",
        "requested_at": "2026-01-31T08:00:00+08:00",
    }
    around = {"event_type": "notification.feishu.requested", "event_version": "1", "service_name": "notification"}
    return json.dumps({**around, **(envelope or {}), "payload": {**good, **payload}}, ensure_ascii=False).encode()


def kafka(value: bytes | None, *, offset: int = 0, **fields: Any) -> KafkaRecord:
    return KafkaRecord(topic=TOPIC, partition=0, offset=offset, value=value, **fields)


def batch(*dedupe_keys: str) -> list[KafkaRecord]:
    """Good events, one to an offset."""
    return [kafka(event(key), offset=offset) for offset, key in enumerate(dedupe_keys)]


def asking_for(*dedupe_keys: str, **changes: Any) -> Intake:
    """An intake that the contract never saw, so that it may hold what the contract would refuse."""
    requests = [
        Request(record=new_record(key, **changes), source=kafka(event(key), offset=offset))
        for offset, key in enumerate(dedupe_keys)
    ]
    return Intake(requests=requests, rejects=[])


def new_record(dedupe_key: str, **changes: Any) -> NewRecord:
    fields: dict[str, Any] = {
        "channel": CHANNEL_FEISHU,
        "user_id": 7,
        "dedupe_key": dedupe_key,
        "preview_id": "preview",
        "trigger_id": "trigger",
        "trigger_type": "kind",
        "target_type": "preview",
        "target_id": 1,
        "target_url": "/assistant/preview",
        "summary_text": "周三的会议改到了周四",
        "fallback_text": "",
        "fallback_used": False,
        "trace_id": "trace",
        "requested_at": datetime(2026, 1, 31, 8, tzinfo=UTC),
    }
    return NewRecord(**{**fields, **changes})


def add_row(engine: Engine, *, now: datetime, **columns: Any) -> int:
    """One row in the state that the columns say; its id. Times may be aware."""
    return add_rows(engine, 1, now=now, **columns)[0]


def add_rows(engine: Engine, number: int, *, now: datetime, **columns: Any) -> list[int]:
    """Rows that differ in their dedupe key alone; their ids in order."""
    row = {**vars_of(new_record("")), "created_at": now, "updated_at": now, **columns}
    values = {name: to_stored(value) if isinstance(value, datetime) else value for name, value in row.items()}
    with engine.begin() as connection:
        first = connection.execute(text("SELECT COALESCE(MAX(id), 0) + 1 FROM notification_records")).scalar_one()
        ids = list(range(first, first + number))
        connection.execute(
            records.insert(), [{**values, "id": row_id, "dedupe_key": f"row-{row_id}"} for row_id in ids]
        )
    return ids


def vars_of(record: NewRecord) -> dict[str, Any]:
    """The columns of a new record."""
    names = [name for name in record.__slots__ if name != "notification_id"]
    return {name: getattr(record, name) for name in names}


def rows(engine: Engine, columns: str = "*") -> list[Any]:
    """All records, oldest first."""
    with engine.connect() as connection:
        return list(connection.exec_driver_sql(f"SELECT {columns} FROM notification_records ORDER BY id").all())


def row(engine: Engine, record_id: int) -> Any:
    with engine.connect() as connection:
        return connection.execute(text("SELECT * FROM notification_records WHERE id = :id"), {"id": record_id}).one()


def history(engine: Engine, record_id: int) -> list[Any]:
    """The lines of a record's attempts, in order."""
    of_record = select(attempts).where(attempts.c.record_id == record_id).order_by(attempts.c.attempt)
    with engine.connect() as connection:
        return list(connection.execute(of_record).all())


def count(engine: Engine, table: str = "notification_records", where: str = "1 = 1") -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table} WHERE {where}").scalar_one())
