"""Outbox rows as producers write them, and as the relay leaves them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from delivery.storage.mysql.database import to_stored
from delivery.storage.tables import outbox

TOPIC = "smartflow.notification.outbox"
TABLE = "notification_outbox_messages"


def written(number: int, **changes: Any) -> dict[str, Any]:
    """What stands in `payload`; `number` is what a test knows the event by."""
    return {
        "event_id": f"event-{number}",
        "event_type": "notification.feishu.requested",
        "event_version": "1",
        "aggregate_id": "preview",
        "payload": {"number": number},
        **changes,
    }


def add(engine: Engine, now: datetime, keys: Sequence[str], **columns: Any) -> list[int]:
    """A pending row for each key, due now; their ids in order. Times may be aware."""
    row = {
        "event_type": "notification.feishu.requested",
        "service_name": "notification",
        "topic": TOPIC,
        **dict.fromkeys(("next_retry_at", "created_at", "updated_at"), now),
        **columns,
    }
    values = {name: to_stored(value) if isinstance(value, datetime) else value for name, value in row.items()}
    with engine.begin() as connection:
        first = connection.execute(text(f"SELECT COALESCE(MAX(id), 0) + 1 FROM {TABLE}")).scalar_one()
        ids = range(first, first + len(keys))
        rows = [
            {"payload": written(number), **values, "id": number, "message_key": key}
            for number, key in zip(ids, keys, strict=True)
        ]
        connection.execute(outbox.insert(), rows)
    return list(ids)


def states(engine: Engine) -> dict[int, Any]:
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT * FROM {TABLE} ORDER BY id")).all()
    return {row.id: row for row in found}


def counts(engine: Engine) -> Mapping[str, int]:
    """How many rows there are in each status."""
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT status, COUNT(*) FROM {TABLE} GROUP BY status"))
        return {row[0]: row[1] for row in found}


def set_columns(engine: Engine, ids: Collection[int], **columns: Any) -> None:
    values = {name: to_stored(it) if isinstance(it, datetime) else it for name, it in columns.items()}
    with engine.begin() as connection:
        connection.execute(outbox.update().where(outbox.c.id.in_(ids)).values(**values))


def number_in(value: bytes | None) -> int:
    number: int = json.loads(value or b"")["payload"]["number"]
    return number
