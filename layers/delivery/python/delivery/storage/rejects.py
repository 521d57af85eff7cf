"""Keeps the Kafka records that can never become a notification, whole, so that none is lost."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from delivery.domain.intake import KafkaRecord, Reject
from delivery.storage.mysql.columns import INSERT, Rights, Sources, listed, rows_of, select, update, values_of
from delivery.storage.mysql.packets import MOST_BYTES, in_packets, room_for, size_of_row

_TEXT_CHARACTERS = 16_000
_SMALL_COLUMNS = 1_000

_REJECT: Sources[Reject] = {
    "topic": lambda reject: reject.source.topic,
    "partition": lambda reject: reject.source.partition,
    "offset": lambda reject: reject.source.offset,
    "timestamp": lambda reject: reject.source.timestamp,
    "key": lambda reject: reject.source.key,
    "value": lambda reject: reject.source.value,
    "headers": lambda reject: _headers(reject.source),
    "code": lambda reject: reject.code.value,
    "reason": lambda reject: reject.reason[:_TEXT_CHARACTERS],
}
_COLUMNS = (*_REJECT, "fingerprint", "created_at")
# `id = id` would fail: if an offset occurs twice in the statement, MySQL calls that a conflict (1869).
_INSERT = f"""
INSERT INTO notification_rejects ({listed(_COLUMNS)}) VALUES {{rows}}
ON DUPLICATE KEY UPDATE code = code"""  # noqa: S608 - constant

RIGHTS: Rights = {"notification_rejects": [INSERT, *select("code"), *update("code")]}


def insert_rejects(
    connection: Connection, rejects: Sequence[Reject], now: datetime, *, at_most: int = MOST_BYTES
) -> None:
    """Stores each reject once, by its place in Kafka and its fingerprint. Storing a batch again changes nothing."""
    rows = [_row(connection, reject, now, at_most) for reject in rejects]
    for part in in_packets(connection, rows, size_of_row, at_most=at_most):
        values = tuple(value for row in part for value in row)
        connection.exec_driver_sql(_INSERT.format(rows=rows_of(_COLUMNS, len(part))), values)


def _row(connection: Connection, reject: Reject, now: datetime, at_most: int) -> tuple[object, ...]:
    values = values_of(_REJECT, [reject])
    size = size_of_row(values)
    room = room_for(connection, size, at_most=at_most)
    kept = values if size <= room else values_of(_REJECT, [_cut(reject, room)])
    return (*kept, fingerprint(reject.source), now)


def _cut(reject: Reject, room: int) -> Reject:
    """Cuts a record that is too large for MySQL, because otherwise it would block its partition."""
    source = reject.source
    value = source.value and source.value[: room // 4 - _SMALL_COLUMNS]
    told = f"only the first {len(value or b'')} of {len(source.value or b'')} bytes of the value are kept"
    kept = replace(
        source,
        key=source.key and source.key[: room // 16],
        value=value,
        headers=source.headers if len(_headers(source)) < room // 32 else (),
    )
    return replace(reject, source=kept, reason=f"{told}; {reject.reason}"[: room // 16])


def fingerprint(source: KafkaRecord) -> bytes:
    """Tells apart records with the same position, because a topic that was made anew counts from 0 again."""
    digest = hashlib.sha256(f"{source.timestamp};".encode())
    for part in (source.key, source.value):
        digest.update(b"-" if part is None else b"%d:%b" % (len(part), part))
    return digest.digest()


def _headers(source: KafkaRecord) -> str:
    """Names with base64 values, in order. A name may occur twice, and a value may be any bytes."""
    pairs = [{"name": name, "value": base64.b64encode(value).decode()} for name, value in source.headers]
    return json.dumps(pairs, ensure_ascii=False).encode("utf-8", "replace").decode()
