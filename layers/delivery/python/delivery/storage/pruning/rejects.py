"""Rejects, from the oldest on, found by the index of codes, which is in the order in which they came."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from delivery.domain.operating import RejectFilter
from delivery.domain.retention import EndedRow
from delivery.storage.mysql.columns import DELETE, Rights, select
from delivery.storage.operating.pages import Listing
from delivery.storage.operating.rejected import listing
from delivery.storage.pruning.deleting import delete_free
from delivery.storage.pruning.listed import windows_of

_END = "COALESCE(replayed_at, created_at)"
_ENDED = f"SELECT id, {_END} AS ended_at FROM notification_rejects WHERE id IN %(ids)s"  # noqa: S608 - constant
_FREE = f"""
SELECT id FROM notification_rejects FORCE INDEX (PRIMARY)
WHERE id IN %(ids)s AND {_END} < %(before)s FOR UPDATE SKIP LOCKED"""  # noqa: S608 - constant
_DELETE = "DELETE /*+ INDEX(r PRIMARY) */ FROM notification_rejects AS r WHERE r.id IN %(ids)s"

RIGHTS: Rights = {"notification_rejects": [DELETE, *select("id", "code", "created_at", "replayed_at")]}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRejects:
    """Rejects, whose days are counted from their replay, or else from their arrival."""

    engine: Engine
    name: str = "rejects"

    def windows(self, *, size: int) -> Iterator[Sequence[EndedRow]]:
        """Yields windows of rows in the order of their arrival. Each is read on demand."""
        return windows_of(self.engine, _listing, ended=_ENDED, size=size)

    def delete(self, ids: Collection[int], *, ended_before: datetime) -> int:
        """Deletes those that may go and are not locked. Returns how many there were."""
        return delete_free(self.engine, ids, free=_FREE, deletes=(_DELETE,), ended_before=ended_before, known={})


def _listing(connection: Connection) -> Listing:
    return listing(connection, RejectFilter())
