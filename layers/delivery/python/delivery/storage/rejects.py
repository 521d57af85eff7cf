"""Keeps the Kafka records that can never become a notification, whole, so that none is lost."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from delivery.domain.intake import KafkaRecord, Reject
from delivery.storage.columns import INSERT, Rights, Sources, listed, rows_of, select, update, values_of

_TEXT_CHARACTERS = 16_000

_REJECT: Sources[Reject] = {
    "topic": lambda reject: reject.source.topic,
    "partition": lambda reject: reject.source.partition,
    "offset": lambda reject: reject.source.offset,
    "key": lambda reject: reject.source.key,
    "value": lambda reject: reject.source.value,
    "headers": lambda reject: _headers(reject.source),
    "code": lambda reject: reject.code.value,
    "reason": lambda reject: reject.reason[:_TEXT_CHARACTERS],
}
# Not `id = id`: with one offset twice in a statement MySQL takes that for a conflict (1869).
_INSERT = f"""
INSERT INTO notification_rejects ({listed([*_REJECT, "created_at"])}) VALUES {{rows}}
ON DUPLICATE KEY UPDATE code = code"""  # noqa: S608 - constant

RIGHTS: Rights = {"notification_rejects": [INSERT, *select("code"), *update("code")]}


def insert_rejects(connection: Connection, rejects: Sequence[Reject], now: datetime) -> None:
    """Stores each once by its place in Kafka. Storing a batch again changes nothing."""
    if not rejects:
        return
    sources: Sources[Reject] = {**_REJECT, "created_at": lambda _: now}
    statement = _INSERT.format(rows=rows_of(sources, len(rejects)))
    connection.exec_driver_sql(statement, values_of(sources, rejects))


def _headers(source: KafkaRecord) -> str:
    """Names with base64 values, in order; a name may occur twice and a value may be any bytes."""
    pairs = [{"name": name, "value": base64.b64encode(value).decode()} for name, value in source.headers]
    return json.dumps(pairs, ensure_ascii=False).encode("utf-8", "replace").decode()
