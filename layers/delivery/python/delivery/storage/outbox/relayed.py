"""Marks outbox rows with what Kafka did with them, if they are still the relay's to mark."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from delivery.domain.relaying import Fate, Mark
from delivery.storage.mysql.columns import Rights, Sources, assigned, copied, listed, rows_of, select, update, values_of
from delivery.storage.mysql.database import in_transaction, to_stored
from delivery.storage.mysql.packets import in_packets, size_of_row
from delivery.storage.outbox.leasing import RIGHTS as LEASE_RIGHTS
from delivery.storage.outbox.leasing import DueRows

_ERROR_CHARACTERS = 2_000

_PUBLISHED = {
    "status": "'published'",
    "published_at": "%(now)s",
    "next_retry_at": "NULL",
    "last_error": "NULL",
    "updated_at": "%(now)s",
}
# Ingest may have marked the row first: `consumed` and `dead` stay.
_MARK_PUBLISHED = f"""
UPDATE notification_outbox_messages FORCE INDEX (PRIMARY) SET {assigned(_PUBLISHED)}
WHERE id IN %(ids)s AND status = 'pending'"""  # noqa: S608 - constant

_BACK: Sources[Mark] = {
    "status": lambda mark: mark.status,
    "retry_count": lambda mark: mark.retry_count,
    "next_retry_at": lambda mark: to_stored(mark.due_at) if mark.due_at else None,
}
_MARK: Sources[Mark] = {
    "id": lambda mark: mark.row_id,
    **_BACK,
    "last_error": lambda mark: mark.error[:_ERROR_CHARACTERS] if mark.error is not None else None,
}
# The row is still this relay's if its lease ends at this time.
_MARK_BACK = f"""
UPDATE (VALUES {{rows}}) AS new ({listed(_MARK)})
    STRAIGHT_JOIN notification_outbox_messages AS r
    ON r.id = new.id AND r.status = 'pending' AND r.next_retry_at = %s
SET {copied(_BACK, source="new", to="r")}, r.last_error = COALESCE(new.last_error, r.last_error), r.updated_at = %s"""  # noqa: S608 - constant

RIGHTS: Rights = {
    "notification_outbox_messages": [
        *LEASE_RIGHTS["notification_outbox_messages"],
        *select("id", "last_error"),
        *update(*_PUBLISHED, *_BACK, "last_error", "updated_at"),
    ]
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox(DueRows):
    """Leases and marks the rows that producers wrote."""

    def mark(self, marks: Sequence[Mark], *, leased_until: datetime, now: datetime) -> int:
        """Marks the rows that are still this relay's, and returns how many there were.

        They must be pending and, unless they are published, under this lease. After a lost answer it tries again,
        which writes no mark twice.
        """
        in_order = sorted(marks, key=lambda mark: mark.row_id)
        return in_transaction(
            self.engine,
            lambda connection: _mark(connection, in_order, to_stored(leased_until), to_stored(now)),
            again_after_loss=True,
        )


def _mark(connection: Connection, marks: Sequence[Mark], leased_until: datetime, now: datetime) -> int:
    published = [mark.row_id for mark in marks if mark.fate is Fate.PUBLISHED]
    back = [mark for mark in marks if mark.fate is not Fate.PUBLISHED]
    won = connection.exec_driver_sql(_MARK_PUBLISHED, {"now": now, "ids": published}).rowcount if published else 0
    for part in in_packets(connection, back, lambda mark: size_of_row(values_of(_MARK, [mark]))):
        statement = _MARK_BACK.format(rows=rows_of(_MARK, len(part), row="ROW"))
        won += connection.exec_driver_sql(statement, (*values_of(_MARK, part), leased_until, now)).rowcount
    return won
