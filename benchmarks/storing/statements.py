"""The insert that both baselines share, one row at a time."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from delivery.domain.contract import NewRecord
from delivery.domain.intake import Request
from delivery.storage.mysql.database import to_stored

MAX_ATTEMPTS = 5

_COLUMNS = tuple(field.name for field in fields(NewRecord) if field.name != "notification_id")

INSERT = f"""
INSERT INTO notification_records ({", ".join(_COLUMNS)}, status, max_attempts, next_retry_at, created_at, updated_at)
VALUES ({", ".join(["%s"] * (len(_COLUMNS) + 5))})"""


def row_of(request: Request, *, now: datetime, handoff_at: datetime) -> tuple[Any, ...]:
    given = [getattr(request.record, name) for name in _COLUMNS]
    stored = to_stored(now)
    return (*given, "pending", MAX_ATTEMPTS, to_stored(handoff_at), stored, stored)
