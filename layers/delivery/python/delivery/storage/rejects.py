"""Rejects: Kafka records that can never become a notification, kept whole so that none is lost."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from delivery.storage.database import rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from delivery.domain.intake import KafkaRecord, Reject

_TEXT_CHARACTERS = 16_000
_ROW_WIDTH = 9


def insert_rejects(connection: Connection, rejects: Sequence[Reject], now: datetime) -> None:
    """Stores each once by its place in Kafka; a batch done again changes nothing."""
    if not rejects:
        return
    connection.exec_driver_sql(
        "INSERT INTO notification_rejects "  # noqa: S608 - placeholders only
        "(topic, `partition`, `offset`, `key`, value, headers, code, reason, created_at) "
        # Not `id = id`: with one offset twice in a statement MySQL takes that for a conflict (1869).
        f"VALUES {rows_of(_ROW_WIDTH, len(rejects))} ON DUPLICATE KEY UPDATE code = code",
        tuple(value for reject in rejects for value in _row(reject, now)),
    )


def _row(reject: Reject, now: datetime) -> tuple[object, ...]:
    source = reject.source
    return (
        source.topic,
        source.partition,
        source.offset,
        source.key,
        source.value,
        _headers(source),
        reject.code.value,
        reject.reason[:_TEXT_CHARACTERS],
        now,
    )


def _headers(source: KafkaRecord) -> str:
    """Names with base64 values, in order; a name may occur twice and a value may be any bytes."""
    pairs = [{"name": name, "value": base64.b64encode(value).decode()} for name, value in source.headers]
    return json.dumps(pairs, ensure_ascii=False).encode("utf-8", "replace").decode()
