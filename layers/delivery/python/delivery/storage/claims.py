"""Leases the rows that are due, in sets, from one scan of one index that never waits for another claimer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, TextClause, text

from delivery.domain.outcome import ErrorCode
from delivery.domain.record import Claimed, Pointer, Status
from delivery.storage.mysql.columns import INSERT, Rights, Sources, assigned, listed, rows_of, select, update, values_of
from delivery.storage.mysql.database import from_stored, in_transaction, to_stored

DUE_INDEX = "ix_notification_records_due"
LEASE_EXPIRED_REASON = "the sender of the last attempt never reported, and no attempt is left"

_DUE_COLUMNS = ("id", "status", "attempt_count", "max_attempts")

# The index is forced: on a small or mostly due table the optimizer prefers a full scan, which would lock final rows.
_DUE = f"""
SELECT {listed(_DUE_COLUMNS)}, IF(status = 'sending', updated_at, NULL) AS opened_at
FROM notification_records FORCE INDEX ({DUE_INDEX})
WHERE next_retry_at <= :now {{but}}ORDER BY next_retry_at, id LIMIT :limit FOR UPDATE SKIP LOCKED"""  # noqa: S608 - constant
DUE = text(_DUE.format(but=""))
#: While reports wait in their queue, an ended lease does not mean that its sender died.
DUE_BUT_SENDING = text(_DUE.format(but="AND status <> 'sending' "))

_LEASED = {"status": "'sending'", "next_retry_at": "%(until)s", "updated_at": "%(now)s"}
_LEASE = f"UPDATE notification_records FORCE INDEX (PRIMARY) SET {assigned(_LEASED)} WHERE id IN %(ids)s"  # noqa: S608 - constant

_USED_UP = {
    "status": "'dead'",
    "next_retry_at": "NULL",
    "updated_at": "%(now)s",
    "last_error_code": "COALESCE(last_error_code, %(code)s)",
    "last_error": "COALESCE(last_error, %(reason)s)",
}
_END = f"UPDATE notification_records FORCE INDEX (PRIMARY) SET {assigned(_USED_UP)} WHERE id IN %(ids)s"  # noqa: S608 - constant

# An attempt that has reported keeps its line.
_LOST: Sources[Row[Any]] = {
    "record_id": lambda row: row.id,
    "attempt": lambda row: row.attempt_count,
    "started_at": lambda row: row.opened_at,
    "outcome": lambda _: "lost",
    "error_code": lambda _: ErrorCode.LEASE_EXPIRED.value,
    "error": lambda _: "its sender never reported",
}
_NOTE_LOST = f"""
INSERT INTO notification_attempts ({listed(_LOST)}) VALUES {{rows}}
ON DUPLICATE KEY UPDATE record_id = record_id"""  # noqa: S608 - constant

_OLDEST_DUE = text(f"""
SELECT next_retry_at FROM notification_records FORCE INDEX ({DUE_INDEX})
WHERE next_retry_at <= :now ORDER BY next_retry_at LIMIT 1""")  # noqa: S608 - constant

RIGHTS: Rights = {
    "notification_records": [
        *select(*_DUE_COLUMNS, "updated_at", "next_retry_at", "last_error_code", "last_error"),
        *update(*_LEASED, *_USED_UP),
    ],
    "notification_attempts": [INSERT, *select("record_id"), *update("record_id")],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRecords:
    """The rows whose `next_retry_at` has come."""

    engine: Engine

    def lease_due(self, *, limit: int, now: datetime, lease: timedelta, ended_leases: bool = True) -> Claimed:
        """Takes up to `limit` due rows, oldest first: `sending` under a lease, or `dead` if no attempt is left.

        Without `ended_leases`, rows in `sending` are left alone.
        """
        times = {"now": to_stored(now), "until": to_stored(now + lease)}
        due = DUE if ended_leases else DUE_BUT_SENDING
        return in_transaction(self.engine, lambda connection: _lease_due(connection, due, limit, times))

    def oldest_due_at(self, *, now: datetime) -> datetime | None:
        """When the oldest due row came due; None if nothing is due."""
        with self.engine.connect() as connection:
            found = connection.execute(_OLDEST_DUE, {"now": to_stored(now)}).scalar()
        return from_stored(found) if found else None


def _lease_due(connection: Connection, statement: TextClause, limit: int, times: dict[str, datetime]) -> Claimed:
    due = connection.execute(statement, {"now": times["now"], "limit": limit}).all()
    pointers = [Pointer(row.id, row.attempt_count) for row in due if row.attempt_count < row.max_attempts]
    used_up = [row.id for row in due if row.attempt_count >= row.max_attempts]
    lost = [row for row in due if row.status == Status.SENDING and row.attempt_count > 0]
    if pointers:
        connection.exec_driver_sql(_LEASE, {**times, "ids": [pointer.record_id for pointer in pointers]})
    if used_up:
        why = {"code": ErrorCode.LEASE_EXPIRED.value, "reason": LEASE_EXPIRED_REASON}
        connection.exec_driver_sql(_END, {"now": times["now"], **why, "ids": used_up})
    return Claimed(pointers=pointers, buried=len(used_up), lost=_note_lost(connection, lost))


def _note_lost(connection: Connection, rows: Sequence[Row[Any]]) -> int:
    """Adds a line to the history for each attempt that never reported, and returns how many there were."""
    if not rows:
        return 0
    statement = _NOTE_LOST.format(rows=rows_of(_LOST, len(rows)))
    return connection.exec_driver_sql(statement, values_of(_LOST, rows)).rowcount
