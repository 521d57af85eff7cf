"""The way that is measured against: one row, one statement, one transaction at a time.

It does what a service with an object mapper does: look whether the record exists, create it, and move it on with an
UPDATE that states what it expects. It writes what our sets write, so that both leave the same rows, and takes its
transactions from where our sets take theirs, so that one row at a time is all that is different.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from benchmarks.storing.statements import INSERT, row_of
from delivery.domain.intake import Request
from delivery.domain.record import Pointer
from delivery.storage.mysql.database import in_transaction, to_stored

_FIND = "SELECT id, attempt_count, status FROM notification_records WHERE channel = %s AND dedupe_key = %s"
_DUE = """
SELECT id, attempt_count, status FROM notification_records
WHERE status IN ('pending', 'failed', 'sending') AND next_retry_at <= %s ORDER BY next_retry_at, id LIMIT %s"""
_CLAIM = """
UPDATE notification_records SET status = 'sending', next_retry_at = %s, updated_at = %s
WHERE id = %s AND attempt_count = %s AND status = %s"""
_OPEN = """
UPDATE notification_records SET status = 'sending', attempt_count = attempt_count + 1, next_retry_at = %s,
    last_error_code = NULL, last_error = NULL, updated_at = %s
WHERE id = %s AND attempt_count = %s AND status IN ('pending', 'failed', 'sending')"""
_READ = "SELECT * FROM notification_records WHERE id = %s"
_HISTORY = """
INSERT INTO notification_attempts (record_id, attempt, started_at, finished_at, outcome) VALUES (%s, %s, %s, %s, %s)"""
_CLOSE = """
UPDATE notification_records SET status = 'sent', next_retry_at = NULL, sent_at = %s, provider_message_id = %s,
    updated_at = %s
WHERE id = %s AND attempt_count = %s AND status = 'sending'"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowByRow:
    engine: Engine

    def ingest(self, requests: Sequence[Request], *, now: datetime, handoff_at: datetime) -> list[Pointer]:
        return [self._ingest(request, now, handoff_at) for request in requests]

    def claim(self, *, limit: int, now: datetime, lease: timedelta) -> list[Pointer]:
        due = in_transaction(self.engine, lambda on: on.exec_driver_sql(_DUE, (to_stored(now), limit)).all())
        until = to_stored(now + lease)
        claims = [(until, to_stored(now), row.id, row.attempt_count, row.status) for row in due]
        return [Pointer(values[2], values[3]) for values in claims if self._changed(_CLAIM, values)]

    def open(self, pointer: Pointer, *, now: datetime, lease: timedelta) -> Any:  # noqa: ANN401 - a row
        """Opens the record to send; None if somebody else has it."""
        values = (to_stored(now + lease), to_stored(now), *pointer)

        def opened(on: Connection) -> Any:  # noqa: ANN401
            if on.exec_driver_sql(_OPEN, values).rowcount:
                return on.exec_driver_sql(_READ, (pointer.record_id,)).one()
            return None

        return in_transaction(self.engine, opened)

    def close(self, record: Any, *, started_at: datetime, now: datetime, message_id: str) -> None:  # noqa: ANN401
        attempt = record.id, record.attempt_count
        finished = to_stored(now)

        def closed(on: Connection) -> None:
            on.exec_driver_sql(_HISTORY, (*attempt, to_stored(started_at), finished, "delivered"))
            on.exec_driver_sql(_CLOSE, (finished, message_id, finished, *attempt))

        in_transaction(self.engine, closed)

    def _ingest(self, request: Request, now: datetime, handoff_at: datetime) -> Pointer:
        key, row = request.record.key, row_of(request, now=now, handoff_at=handoff_at)
        found = in_transaction(self.engine, lambda on: on.exec_driver_sql(_FIND, key).one_or_none())
        if found:
            return Pointer(found.id, found.attempt_count)
        return Pointer(in_transaction(self.engine, lambda on: on.exec_driver_sql(INSERT, row).lastrowid), 0)

    def _changed(self, statement: str, values: tuple[Any, ...]) -> bool:
        return bool(in_transaction(self.engine, lambda on: on.exec_driver_sql(statement, values).rowcount))
