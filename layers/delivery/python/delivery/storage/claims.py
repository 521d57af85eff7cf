"""Leasing what is due: one range scan of one index, in sets, never waiting for another claimer (DESIGN section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from delivery.domain.outcome import ErrorCode
from delivery.domain.record import Claimed, Pointer, Status
from delivery.storage.database import from_stored, in_transaction, rows_of, to_stored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection, Engine, Row

DUE_INDEX = "ix_notification_records_due"
LEASE_EXPIRED_REASON = "the sender of the last attempt never reported, and no attempt is left"

# The index is forced: on a small or mostly due table the optimizer prefers a full scan, which would lock final rows.
DUE = text(f"""
SELECT id, status, attempt_count, max_attempts, IF(status = 'sending', updated_at, NULL) AS opened_at
FROM notification_records FORCE INDEX ({DUE_INDEX})
WHERE next_retry_at <= :now ORDER BY next_retry_at, id LIMIT :limit FOR UPDATE SKIP LOCKED""")  # noqa: S608 - constant

_LEASE = "UPDATE notification_records SET status = 'sending', next_retry_at = %s, updated_at = %s"

_BURY = """
UPDATE notification_records SET status = 'dead', next_retry_at = NULL, updated_at = %s,
    last_error_code = COALESCE(last_error_code, %s), last_error = COALESCE(last_error, %s)"""

_OLDEST_DUE = text(f"""
SELECT next_retry_at FROM notification_records FORCE INDEX ({DUE_INDEX})
WHERE next_retry_at <= :now ORDER BY next_retry_at LIMIT 1""")  # noqa: S608 - constant


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRecords:
    """The rows whose `next_retry_at` has come."""

    engine: Engine

    def lease_due(self, *, limit: int, now: datetime, lease: timedelta) -> Claimed:
        """Takes up to `limit` due rows, oldest first: `sending` under a lease, or `dead` where attempts are used up."""
        times = {"now": to_stored(now), "until": to_stored(now + lease)}
        return in_transaction(self.engine, lambda connection: _lease_due(connection, limit, times))

    def oldest_due_at(self, *, now: datetime) -> datetime | None:
        """Since when the oldest due row has been waiting; None if nothing is due."""
        with self.engine.connect() as connection:
            found = connection.execute(_OLDEST_DUE, {"now": to_stored(now)}).scalar()
        return from_stored(found) if found else None


def _lease_due(connection: Connection, limit: int, times: dict[str, datetime]) -> Claimed:
    due = connection.execute(DUE, {"now": times["now"], "limit": limit}).all()
    # Updates go by primary key in ascending order: the lock order that every writer shares.
    usable = sorted(row.id for row in due if row.attempt_count < row.max_attempts)
    spent = sorted(row.id for row in due if row.attempt_count >= row.max_attempts)
    lost = [row for row in due if row.status == Status.SENDING and row.attempt_count > 0]
    _update(connection, _LEASE, (times["until"], times["now"]), ids=usable)
    _update(connection, _BURY, (times["now"], ErrorCode.LEASE_EXPIRED.value, LEASE_EXPIRED_REASON), ids=spent)
    pointers = [Pointer(row.id, row.attempt_count) for row in due if row.attempt_count < row.max_attempts]
    return Claimed(pointers=pointers, buried=len(spent), lost=_note_lost(connection, lost))


def _update(connection: Connection, statement: str, values: tuple[object, ...], *, ids: Sequence[int]) -> None:
    if ids:
        chosen = ", ".join(["%s"] * len(ids))
        connection.exec_driver_sql(f"{statement} WHERE id IN ({chosen})", (*values, *ids))


def _note_lost(connection: Connection, rows: Sequence[Row[tuple[object, ...]]]) -> int:
    """Gives an attempt that never reported its line in the history; one that did report keeps its own."""
    if not rows:
        return 0
    values = [
        (row.id, row.attempt_count, row.opened_at, "lost", ErrorCode.LEASE_EXPIRED.value, "its sender never reported")
        for row in rows
    ]
    return connection.exec_driver_sql(
        "INSERT INTO notification_attempts "  # noqa: S608 - placeholders only
        "(record_id, attempt, started_at, outcome, error_code, error) "
        f"VALUES {rows_of(6, len(values))} ON DUPLICATE KEY UPDATE record_id = record_id",
        tuple(value for row in values for value in row),
    ).rowcount
