"""Counts records by state and code over time, from the index of states alone: it reads no row of the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from delivery.domain.operating import Count, RecordFilter
from delivery.domain.record import OPEN_STATUSES, Status
from delivery.storage.mysql.columns import Rights, select
from delivery.storage.mysql.database import from_stored, to_stored
from delivery.storage.operating.searching import STATE_INDEX, Pair, pair_condition, pair_parameters, pairs_of

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - MySQL stores naive times
_SOURCE = f"notification_records FORCE INDEX ({STATE_INDEX})"
_OF_PAIR = f"""
SELECT {{number}} AS pair, TIMESTAMPDIFF(SECOND, '1970-01-01', created_at) DIV %(seconds)s AS stretch, COUNT(*) AS n
FROM {_SOURCE} WHERE {{condition}} AND created_at >= %(since)s AND created_at < %(before)s
GROUP BY stretch"""  # noqa: S608 - constant
OPEN = f"SELECT status, COUNT(*) AS n FROM {_SOURCE} WHERE status IN %(open)s GROUP BY status"  # noqa: S608 - constant

RIGHTS: Rights = {"notification_records": [*select("status", "last_error_code", "created_at")]}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCounts:
    engine: Engine

    def over_time(self, *, since: datetime, before: datetime, stretch: timedelta) -> Sequence[Count]:
        """The records created in this time, counted by state and stretch. Stretches begin at whole multiples."""
        seconds = int(stretch.total_seconds())
        with self.engine.connect() as connection:
            pairs = pairs_of(connection, RecordFilter())
            if not pairs:
                return []
            times = {"seconds": seconds, "since": to_stored(since), "before": to_stored(before)}
            rows = connection.exec_driver_sql(counting(pairs), {**pair_parameters(pairs), **times})
            counts = [_count(pairs[row.pair], row.stretch * seconds, row.n) for row in rows]
        return sorted(counts, key=lambda one: (one.begins_at, one.status, one.code or ""))

    def open_now(self) -> dict[Status, int]:
        """How many records are open, whenever they were created."""
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql(OPEN, {"open": sorted(OPEN_STATUSES)})
            found = {Status(row.status): int(row.n) for row in rows}
        return {status: found.get(status, 0) for status in sorted(OPEN_STATUSES)}


def counting(pairs: Sequence[Pair]) -> str:
    """Reads one range of the index for each pair."""
    return " UNION ALL ".join(
        _OF_PAIR.format(number=number, condition=pair_condition(number)) for number in range(len(pairs))
    )


def _count(pair: Pair, begins: int, number: int) -> Count:
    begins_at = from_stored(_EPOCH + timedelta(seconds=begins))
    return Count(begins_at=begins_at, status=Status(pair[0]), code=pair[1], number=number)
