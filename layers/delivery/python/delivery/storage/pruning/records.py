"""Final records and their attempts, from the oldest on.

They are found by the index of states, which is in the order in which records were made: open records, held ones and
younger ones are in other ranges of it, so that however many there are, none of them is read.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from delivery.domain.operating import RecordFilter
from delivery.domain.outcome import ErrorCode
from delivery.domain.record import OPEN_STATUSES, Status
from delivery.domain.retention import EndedRow
from delivery.storage.mysql.columns import DELETE, Rights, select
from delivery.storage.operating.pages import Listing
from delivery.storage.operating.searching import listing
from delivery.storage.pruning.deleting import delete_free
from delivery.storage.pruning.listed import windows_of

_FINAL = frozenset(Status) - OPEN_STATUSES

# `updated_at` says when a record became final: only a redrive writes a final record, and that reopens it.
_ENDED = """
SELECT id, updated_at AS ended_at FROM notification_records WHERE id IN %(ids)s"""
_FREE = """
SELECT id FROM notification_records FORCE INDEX (PRIMARY)
WHERE id IN %(ids)s AND updated_at < %(before)s AND status IN %(final)s AND NOT last_error_code <=> %(held)s
FOR UPDATE SKIP LOCKED"""
# The index is hinted because a full scan of a small table would wait for any locked row. DELETE takes FORCE INDEX only
# in the form for several tables, and MySQL 9.7 ignores it there.
_DELETE_ATTEMPTS = "DELETE /*+ INDEX(a PRIMARY) */ FROM notification_attempts AS a WHERE a.record_id IN %(ids)s"
_DELETE = "DELETE /*+ INDEX(r PRIMARY) */ FROM notification_records AS r WHERE r.id IN %(ids)s"

RIGHTS: Rights = {
    "notification_records": [DELETE, *select("id", "status", "last_error_code", "created_at", "updated_at")],
    "notification_attempts": [DELETE, *select("record_id")],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalRecords:
    """Final records, except those held after a restore, which wait for an operator."""

    engine: Engine
    name: str = "records"

    def windows(self, *, size: int) -> Iterator[Sequence[EndedRow]]:
        """Yields windows of rows in the order of their creation. Each is read on demand."""
        return windows_of(self.engine, _listing, ended=_ENDED, size=size)

    def delete(self, ids: Collection[int], *, ended_before: datetime) -> int:
        """Deletes those that may go and are not locked, with their attempts. Returns how many records there were."""
        return delete_free(
            self.engine,
            ids,
            free=_FREE,
            deletes=(_DELETE_ATTEMPTS, _DELETE),
            ended_before=ended_before,
            known={"final": _FINAL, "held": ErrorCode.HELD.value},
        )


def _listing(connection: Connection) -> Listing:
    return listing(connection, RecordFilter(statuses=_FINAL), but_code=ErrorCode.HELD)
