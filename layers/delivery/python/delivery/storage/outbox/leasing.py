"""Leases the producers' rows that are due, in sets, and sets aside those whose turn it is not.

Rows are leased and not locked: ingest marks the same rows while the relay waits for Kafka's answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from delivery.domain.relaying import Leased, OutboxRow
from delivery.storage.mysql.columns import Rights, assigned, listed, select, update
from delivery.storage.mysql.database import from_stored, in_transaction, to_stored

DUE_INDEX = "ix_notification_outbox_due"
ORDER_INDEX = "ix_notification_outbox_order"

#: How long rows wait for an older row that another relay is publishing.
_TURN = timedelta(seconds=1)

#: The most bytes that a set's payloads may have, so that they fit into memory. A set has at least one row.
_SET_BYTES = 2**24
#: A larger payload is read only once it is known to be in the set.
_LARGE_BYTES = 4_096

_READ = ("id", "topic", "message_key", "event_type", "service_name", "retry_count", "max_retry")

# A producer may leave next_retry_at NULL. The index is forced, here and below: on a small or mostly due table the
# optimizer prefers a full scan.
DUE = text(f"""
SELECT {listed(_READ)}, ordered_key, JSON_STORAGE_SIZE(payload) AS size,
    IF(JSON_STORAGE_SIZE(payload) > {_LARGE_BYTES}, NULL, payload) AS payload
FROM notification_outbox_messages FORCE INDEX ({DUE_INDEX})
WHERE status = 'pending' AND (next_retry_at <= :now OR next_retry_at IS NULL)
ORDER BY next_retry_at, id LIMIT :limit FOR UPDATE SKIP LOCKED""")  # noqa: S608 - constant

# Finds, for one row of each key in the set, the key's oldest pending row outside the set. With ORDER BY the whole
# index, MySQL reads the key's rows in order and stops at the first; by the id alone it would sort them all.
OLDEST_OUTSIDE = f"""
SELECT mine.topic, mine.ordered_key, other.id, other.retry_count, other.next_retry_at
FROM notification_outbox_messages AS mine JOIN LATERAL (
    SELECT id, retry_count, next_retry_at FROM notification_outbox_messages AS one FORCE INDEX ({ORDER_INDEX})
    WHERE one.ordered_key = mine.ordered_key AND one.topic = mine.topic AND one.id NOT IN %(set)s
    ORDER BY one.ordered_key, one.id LIMIT 1
) AS other
WHERE mine.id IN %(one_of_each_key)s"""  # noqa: S608 - constant

_LEASED = {"next_retry_at": "%(until)s", "updated_at": "%(now)s"}
_LEASE = f"""
UPDATE notification_outbox_messages FORCE INDEX (PRIMARY) SET {assigned(_LEASED)}
WHERE id IN %(ids)s"""  # noqa: S608 - constant

_LARGE = "SELECT id, payload FROM notification_outbox_messages WHERE id IN %(ids)s"

_OLDEST_PENDING = text(f"""
SELECT created_at FROM notification_outbox_messages WHERE id = (
    SELECT MIN(id) FROM notification_outbox_messages FORCE INDEX ({DUE_INDEX}) WHERE status = 'pending')""")  # noqa: S608 - constant

RIGHTS: Rights = {
    "notification_outbox_messages": [
        *select(*_READ, "payload", "ordered_key", "status", "next_retry_at", "created_at"),
        *update(*_LEASED),
    ]
}

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRows:
    """The rows whose `next_retry_at` has come."""

    engine: Engine

    def lease_due(self, *, limit: int, now: datetime, lease: timedelta) -> Leased:
        """Takes up to `limit` due rows, oldest first, and fewer if they are large.

        Rows after an older row of their key come back later.
        """
        return in_transaction(self.engine, lambda connection: _lease_due(connection, limit, now, lease))

    def oldest_pending_at(self) -> datetime | None:
        with self.engine.connect() as connection:
            found = connection.execute(_OLDEST_PENDING).scalar()
        return from_stored(found) if found else None


def _lease_due(connection: Connection, limit: int, now: datetime, lease: timedelta) -> Leased:
    found = connection.execute(DUE, {"now": to_stored(now), "limit": limit}).all()
    due = found[: _fitting(row.size for row in found)]
    aside = _turns(due, _oldest_outside(connection, due), now)
    moments = {row.id: aside.get(row.id, to_stored(now + lease)) for row in due}
    _move(connection, moments, now)
    rows = _outbox_rows(connection, [row for row in due if row.id not in aside])
    until = from_stored(to_stored(now + lease))
    return Leased(rows=rows, until=until, blocked=len(aside), left=len(found) - len(due))


def _fitting(sizes: Iterable[int]) -> int:
    """How many of the first rows fit into a set."""
    return max(1, sum(total <= _SET_BYTES for total in accumulate(sizes)))


def _oldest_outside(connection: Connection, due: Sequence[Row[Any]]) -> Mapping[_Key, Row[Any]]:
    one_of_each = {(row.topic, row.ordered_key): row.id for row in due if row.ordered_key is not None}
    if not one_of_each:
        return {}
    ids = {"set": [row.id for row in due], "one_of_each_key": [*one_of_each.values()]}
    found = connection.exec_driver_sql(OLDEST_OUTSIDE, ids)
    return {(row.topic, row.ordered_key): row for row in found}


def _turns(due: Iterable[Row[Any]], outside: Mapping[_Key, Row[Any]], now: datetime) -> Mapping[int, datetime]:
    """Row id → when to look again, for rows that must wait for an older one."""
    return {
        row.id: _turn_after(first, to_stored(now + _TURN))
        for row in due
        if (first := outside.get((row.topic, row.ordered_key))) is not None and first.id < row.id
    }


def _turn_after(first: Row[Any], soon: datetime) -> datetime:
    """The older row's retry time, if it has one, but never at once: this row would come first in every set."""
    retry_at: datetime | None = first.next_retry_at if first.retry_count else None
    return max(retry_at, soon) if retry_at else soon


def _move(connection: Connection, moments: Mapping[int, datetime], now: datetime) -> None:
    for until in set(moments.values()):
        ids = [row_id for row_id, moment in moments.items() if moment == until]
        connection.exec_driver_sql(_LEASE, {"until": until, "now": to_stored(now), "ids": ids})


def _outbox_rows(connection: Connection, rows: Sequence[Row[Any]]) -> Sequence[OutboxRow]:
    payloads = {row.id: row.payload for row in rows}
    if large := [row.id for row in rows if row.payload is None]:
        payloads.update((row.id, row.payload) for row in connection.exec_driver_sql(_LARGE, {"ids": large}))
    return [OutboxRow(**{name: getattr(row, name) for name in _READ}, payload=payloads[row.id]) for row in rows]
