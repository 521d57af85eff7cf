"""Sets aside the records that were open when a restored backup was made, and makes them due again when asked to.

Nobody can tell whether they were sent after the backup. Held, they are `dead` with a code of their own, so that nothing
sends them until an operator decides.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from delivery.domain.outcome import ErrorCode
from delivery.domain.record import OPEN_STATUSES
from delivery.storage.claims import DUE_INDEX
from delivery.storage.mysql.columns import assigned
from delivery.storage.mysql.database import in_transaction, to_stored

_OPEN = tuple(sorted(status.value for status in OPEN_STATUSES))

# Every write after the backup changes `updated_at`, including the release, so no row is held a second time.
_UNTOUCHED = "next_retry_at IS NOT NULL AND updated_at < %(before)s AND status IN %(open)s"
_FIND_OPEN = f"""
SELECT id FROM notification_records FORCE INDEX ({DUE_INDEX})
WHERE {_UNTOUCHED} ORDER BY next_retry_at, id LIMIT %(limit)s"""  # noqa: S608 - constant

# MySQL assigns from left to right: the reason reads the old status.
_HELD = {
    "last_error": "CONCAT('was ', status, ' after ', attempt_count, ' attempts when the backup was made; "
    "it may have been sent since')",
    "last_error_code": "%(code)s",
    "status": "'dead'",
    "next_retry_at": "NULL",
    "updated_at": "%(now)s",
}
_HOLD = f"""
UPDATE notification_records FORCE INDEX (PRIMARY) SET {assigned(_HELD)}
WHERE id IN %(ids)s AND {_UNTOUCHED}"""  # noqa: S608 - constant

_FIND_HELD = text("""
SELECT id FROM notification_records FORCE INDEX (PRIMARY)
WHERE id > :after AND status = 'dead' AND last_error_code = :code ORDER BY id LIMIT :limit""")

# A record that was in its last attempt gets one more.
_RELEASED = {
    "status": "'failed'",
    "max_attempts": "GREATEST(max_attempts, attempt_count + 1)",
    "next_retry_at": "%(now)s",
    "updated_at": "%(now)s",
}
_RELEASE = f"""
UPDATE notification_records FORCE INDEX (PRIMARY) SET {assigned(_RELEASED)}
WHERE id IN %(ids)s AND status = 'dead' AND last_error_code = %(code)s"""  # noqa: S608 - constant


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRecords:
    """Every write states which rows it expects, and returns how many it changed."""

    engine: Engine

    def open_before(self, moment: datetime, *, limit: int) -> list[int]:
        """Open records that nothing has written since this moment."""
        known = {"before": to_stored(moment), "open": _OPEN, "limit": limit}
        with self.engine.connect() as connection:
            return list(connection.exec_driver_sql(_FIND_OPEN, known).scalars())

    def hold(self, ids: Collection[int], *, before: datetime, now: datetime) -> int:
        known = {"before": to_stored(before), "open": _OPEN}
        return self._write(_HOLD, ids, now, known)

    def held_after(self, record_id: int, *, limit: int) -> list[int]:
        """The next held records in the order of their ids."""
        known = {"after": record_id, "code": ErrorCode.HELD.value, "limit": limit}
        with self.engine.connect() as connection:
            return list(connection.execute(_FIND_HELD, known).scalars())

    def release(self, ids: Collection[int], *, now: datetime) -> int:
        return self._write(_RELEASE, ids, now, {})

    def _write(self, statement: str, ids: Collection[int], now: datetime, known: dict[str, object]) -> int:
        values = {**known, "ids": sorted(ids), "now": to_stored(now), "code": ErrorCode.HELD.value}

        def write(connection: Connection) -> int:
            return connection.exec_driver_sql(statement, values).rowcount

        return in_transaction(self.engine, write, again_after_loss=True)
