"""The least that recording a batch can cost: bare PyMySQL, one multi-row insert, one read-back, one commit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from benchmarks.storing.statements import INSERT, row_of
from delivery.domain.intake import Request
from delivery.domain.record import RESUMABLE_STATUSES, Pointer

_NO_OP = " ON DUPLICATE KEY UPDATE id = id"
_READ_BACK = "SELECT id, attempt_count, status FROM notification_records WHERE (channel, dedupe_key) IN ({keys})"


def ingest(connection: Any, requests: Sequence[Request], *, now: datetime, handoff_at: datetime) -> list[Pointer]:  # noqa: ANN401 - PyMySQL's
    """Stores the batch once and returns its pointers, as `Recorder.store` does."""
    rows = [row_of(request, now=now, handoff_at=handoff_at) for request in requests]
    keys = [part for request in requests for part in request.record.key]
    with connection.cursor() as cursor:
        cursor.executemany(INSERT + _NO_OP, rows)
        cursor.execute(_READ_BACK.format(keys=", ".join(["(%s, %s)"] * len(rows))), keys)
        found = cursor.fetchall()
    connection.commit()
    return [Pointer(record_id, count) for record_id, count, status in found if status in RESUMABLE_STATUSES]
