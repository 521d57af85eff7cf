"""Makes final records due again, in sets: each record once, however many operators ask at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection, Engine

from delivery.domain.operating import REDRIVABLE_STATUSES, Action, Done, Place, RecordFilter, RedriveTerms
from delivery.domain.outcome import ErrorCode
from delivery.storage.mysql.columns import Rights, assigned, select, update
from delivery.storage.mysql.database import in_transaction, to_stored
from delivery.storage.operating.audit import write_line
from delivery.storage.operating.pages import Found
from delivery.storage.operating.searching import listing

_FINAL = "status IN ('dead', 'skipped')"
# A locked row is being redriven or pruned by somebody else.
_FREE = f"""
SELECT id FROM notification_records FORCE INDEX (PRIMARY)
WHERE id IN %(ids)s AND {_FINAL} ORDER BY id FOR UPDATE SKIP LOCKED"""  # noqa: S608 - constant

_COUNT_FINAL = f"""
SELECT COUNT(*) FROM notification_records FORCE INDEX (PRIMARY)
WHERE id IN %(ids)s AND {_FINAL}"""  # noqa: S608 - constant

_DUE_AGAIN = {
    "status": "'failed'",
    "max_attempts": "attempt_count + %(attempts)s",
    # The k-th record of a set comes due k intervals later, so that a redrive does not delay new records.
    "next_retry_at": "%(due)s + INTERVAL FIND_IN_SET(id, %(order)s) * %(apart)s MICROSECOND",
    "updated_at": "%(now)s",
}
_REDRIVE = f"""
UPDATE notification_records FORCE INDEX (PRIMARY) SET {assigned(_DUE_AGAIN)}
WHERE id IN %(ids)s AND {_FINAL}"""  # noqa: S608 - constant

RIGHTS: Rights = {"notification_records": [*select("id", "status", "attempt_count"), *update(*_DUE_AGAIN)]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrives:
    engine: Engine

    def count_set(self, wanted: RecordFilter, *, after: Place | None, size: int) -> Done:
        """Counts what `redrive_set` would change."""
        with self.engine.connect() as connection:
            found = _found(connection, wanted, after=after, size=size)
        return Done(changed=len(found.places), next=found.next)

    def redrive_set(
        self, wanted: RecordFilter, terms: RedriveTerms, action: Action, *, after: Place | None, size: int
    ) -> Done:
        """Redrives the oldest `size` selected records after `after`, in one transaction with the audit line.

        Records that somebody else is changing at this moment are left out.
        """

        def work(connection: Connection) -> Done:
            found = _found(connection, wanted, after=after, size=size)
            changed = _redrive(connection, found.ids, terms)
            if changed or after is None:
                write_line(connection, action, count=changed, now=terms.now)
            return Done(changed=changed, next=found.next)

        return in_transaction(self.engine, work)

    def count_ended(self, ids: Sequence[int]) -> int:
        """Counts what `redrive` would change."""
        with self.engine.connect() as connection:
            return int(connection.exec_driver_sql(_COUNT_FINAL, {"ids": sorted(set(ids))}).scalar_one()) if ids else 0

    def redrive(self, ids: Sequence[int], terms: RedriveTerms, action: Action) -> int:
        """Redrives those of these records that are final, and returns how many there were."""

        def work(connection: Connection) -> int:
            changed = _redrive(connection, sorted(set(ids)), terms)
            write_line(connection, action, count=changed, now=terms.now)
            return changed

        return in_transaction(self.engine, work)


def _found(connection: Connection, wanted: RecordFilter, *, after: Place | None, size: int) -> Found:
    statuses = (wanted.statuses or REDRIVABLE_STATUSES) & REDRIVABLE_STATUSES
    if not statuses:
        return Found((), None)
    # Nobody knows whether records held after a restore were sent, so a filter must name their code to select them.
    but = ErrorCode.HELD if wanted.code is None else None
    meant = listing(connection, replace(wanted, statuses=statuses), but_code=but)
    return meant.first(connection, after=after, size=size, oldest_first=True)


def _redrive(connection: Connection, ids: Sequence[int], terms: RedriveTerms) -> int:
    free = {row.id for row in connection.exec_driver_sql(_FREE, {"ids": list(ids)})} if ids else set()
    if free:
        values = {
            "ids": sorted(free),
            "order": ",".join(str(one) for one in ids if one in free),
            "attempts": terms.attempts,
            "now": to_stored(terms.now),
            "due": to_stored(terms.first_due_at),
            "apart": int(terms.apart / timedelta(microseconds=1)),
        }
        connection.exec_driver_sql(_REDRIVE, values)
    return len(free)
