"""The producers' outbox rows that ended, in the order of their ids, which is about that in which they were written."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import Connection, Engine

from delivery.domain.retention import EndedRow
from delivery.storage.mysql.columns import DELETE, Rights, select
from delivery.storage.mysql.database import from_stored
from delivery.storage.pruning.deleting import delete_free

# Ended rows have no next_retry_at, so they are one range of this index, in the order of their ids.
_WINDOW = """
SELECT id, created_at, updated_at FROM notification_outbox_messages FORCE INDEX (ix_notification_outbox_due)
WHERE status = %(status)s AND next_retry_at IS NULL AND id > %(after)s ORDER BY id LIMIT %(limit)s"""
_FREE = """
SELECT id FROM notification_outbox_messages FORCE INDEX (PRIMARY)
WHERE id IN %(ids)s AND status = %(status)s AND updated_at < %(before)s FOR UPDATE SKIP LOCKED"""
_DELETE = "DELETE /*+ INDEX(o PRIMARY) */ FROM notification_outbox_messages AS o WHERE o.id IN %(ids)s"

RIGHTS: Rights = {
    "notification_outbox_messages": [DELETE, *select("id", "status", "next_retry_at", "created_at", "updated_at")]
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRows:
    """Outbox rows in one final state, `consumed` or `dead`. Pending and published rows are never deleted."""

    engine: Engine
    status: str
    name: str

    @classmethod
    def consumed(cls, engine: Engine) -> Self:
        return cls(engine=engine, status="consumed", name="outbox")

    @classmethod
    def dead(cls, engine: Engine) -> Self:
        """The rows that Kafka never took or ingest rejected."""
        return cls(engine=engine, status="dead", name="outbox_dead")

    def windows(self, *, size: int) -> Iterator[Sequence[EndedRow]]:
        """Yields windows of rows. Each is read on demand."""
        last = 0
        while True:
            with self.engine.connect() as connection:
                rows = _window(connection, self.status, after=last, size=size)
            if rows:
                yield rows
            if len(rows) < size:
                return
            last = rows[-1].id

    def delete(self, ids: Collection[int], *, ended_before: datetime) -> int:
        """Deletes those that may go and are not locked. Returns how many there were."""
        return delete_free(
            self.engine,
            ids,
            free=_FREE,
            deletes=(_DELETE,),
            ended_before=ended_before,
            known={"status": self.status},
        )


def _window(connection: Connection, status: str, *, after: int, size: int) -> Sequence[EndedRow]:
    rows = connection.exec_driver_sql(_WINDOW, {"status": status, "after": after, "limit": size})
    return [EndedRow(row.id, from_stored(row.created_at), from_stored(row.updated_at)) for row in rows]
