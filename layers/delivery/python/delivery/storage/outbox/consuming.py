"""Marks the producers' outbox rows with what ingest did with the event that each carried."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from delivery.domain.intake import Reject
from delivery.storage.mysql.columns import Rights, assigned, select, update

_ERROR_CHARACTERS = 16_000
_UNFINISHED = "status IN ('pending', 'published')"

_CONSUMED = {
    "status": "'consumed'",
    "consumed_at": "%(now)s",
    "next_retry_at": "NULL",
    "last_error": "NULL",
    "updated_at": "%(now)s",
}
# The key is forced: while few rows are unfinished the optimizer prefers the index of their status, and so waits for any
# of them that is locked.
_MARK_CONSUMED = f"""
UPDATE notification_outbox_messages FORCE INDEX (PRIMARY) SET {assigned(_CONSUMED)}
WHERE id IN %(ids)s AND {_UNFINISHED}"""  # noqa: S608 - constant

_DEAD = {"status": "'dead'", "last_error": "%(error)s", "next_retry_at": "NULL", "updated_at": "%(now)s"}
_MARK_DEAD = f"""
UPDATE notification_outbox_messages SET {assigned(_DEAD)}
WHERE id = %(id)s AND {_UNFINISHED}"""  # noqa: S608 - constant

RIGHTS: Rights = {"notification_outbox_messages": [*select("id", "status"), *update(*_CONSUMED, *_DEAD)]}


def mark_consumed(connection: Connection, outbox_ids: Sequence[int], now: datetime) -> None:
    """Marks the rows whose events are now notifications. An id of 0 stands for no outbox row."""
    ids = {outbox_id for outbox_id in outbox_ids if outbox_id}
    if ids:
        connection.exec_driver_sql(_MARK_CONSUMED, {"now": now, "ids": ids})


def mark_dead(connection: Connection, rejects: Sequence[Reject], now: datetime) -> None:
    """Marks the rows whose events were rejected, with the reason."""
    rows = sorted((reject.outbox_id, f"{reject.code}: {reject.reason}") for reject in rejects if reject.outbox_id)
    if rows:
        marks = [{"id": outbox_id, "error": why[:_ERROR_CHARACTERS], "now": now} for outbox_id, why in rows]
        connection.exec_driver_sql(_MARK_DEAD, marks)
