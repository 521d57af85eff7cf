"""Records a batch in one transaction with one multi-row insert, whatever the size of the batch."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Engine, Row
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from delivery.domain.contract import RejectCode
from delivery.domain.intake import Intake, Reject, Request, Stored
from delivery.domain.record import RESUMABLE_STATUSES, NewRecord, Pointer, Status
from delivery.storage.columns import INSERT, Rights, listed, row_of, select, update
from delivery.storage.database import error_number, in_transaction, to_stored
from delivery.storage.outbox import mark_consumed, mark_dead
from delivery.storage.rejects import insert_rejects

# MySQL refuses one value: wrong string, truncated, bad date, missing default, a trigger's SIGNAL, bad JSON, a CHECK.
_REFUSALS = {1265, 1292, 1364, 1366, 1406, 1264, 1644, 3140, 3819, 4025}

# With some thousands of long keys MySQL runs out of its range_optimizer_max_mem_size and scans the whole table.
_KEYS_A_QUERY = 2_000

# A field of NewRecord is the column of that name, except for the id that a producer believes the record has.
_GIVEN = tuple(field.name for field in fields(NewRecord) if field.name != "notification_id")
_given: Callable[[NewRecord], tuple[Any, ...]] = attrgetter(*_GIVEN)
_SAME_FOR_ALL = ("status", "max_attempts", "next_retry_at", "created_at", "updated_at")

# An upsert that changes nothing: unlike INSERT IGNORE it hides no error.
_INSERT = f"""
INSERT INTO notification_records ({listed([*_GIVEN, *_SAME_FOR_ALL])}) VALUES {{rows}}
ON DUPLICATE KEY UPDATE id = id"""  # noqa: S608 - constant

_STORED = ("id", "attempt_count", "status")
_READ_BACK = f"""
SELECT {listed(_STORED)} FROM notification_records
WHERE channel = %(channel)s AND dedupe_key IN %(keys)s"""  # noqa: S608 - constant

RIGHTS: Rights = {
    "notification_records": [INSERT, *select(*_STORED, "channel", "dedupe_key"), *update("id")],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Stores batches. Storing one twice, or its halves at once on two connections, changes nothing."""

    engine: Engine

    def store(self, intake: Intake, *, now: datetime, handoff_at: datetime, max_attempts: int) -> Stored:
        """Writes what the batch asked for, commits, and says which pointers to publish.

        Raises:
            sqlalchemy.exc.DBAPIError: the database is not there; nothing was stored.
        """
        times = _Times(now=to_stored(now), handoff_at=to_stored(handoff_at), max_attempts=max_attempts)
        try:
            return in_transaction(self.engine, lambda connection: _store(connection, intake, times))
        except DBAPIError as error:
            if not _refuses_a_value(error):
                raise
            return in_transaction(self.engine, lambda connection: _store_sifted(connection, intake, times))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    now: datetime
    handoff_at: datetime
    max_attempts: int


def _store(connection: Connection, intake: Intake, times: _Times) -> Stored:
    created = _insert(connection, intake.requests, times)
    return _finish(connection, intake, created, (), times)


def _store_sifted(connection: Connection, intake: Intake, times: _Times) -> Stored:
    """Used after MySQL refused the set: halves it under savepoints until each refused row stands alone."""
    refused: list[Reject] = []
    created = _insert_sifted(connection, _in_key_order(intake.requests), times, refused)
    return _finish(connection, intake, created, refused, times)


def _insert_sifted(connection: Connection, requests: Sequence[Request], times: _Times, refused: list[Reject]) -> int:
    try:
        with connection.begin_nested():
            return _insert(connection, requests, times)
    except DBAPIError as error:
        if not _refuses_a_value(error):
            raise
        if len(requests) == 1:
            refused.append(_refusal(requests[0], error))
            return 0
    middle = len(requests) // 2
    return sum(_insert_sifted(connection, half, times, refused) for half in (requests[:middle], requests[middle:]))


def _finish(connection: Connection, intake: Intake, created: int, refused: Sequence[Reject], times: _Times) -> Stored:
    refused_sources = {id(reject.source) for reject in refused}
    kept = [request for request in intake.requests if id(request.source) not in refused_sources]
    rejects = [*intake.rejects, *refused]
    insert_rejects(connection, rejects, times.now)
    mark_consumed(connection, [*(request.outbox_id for request in kept), *intake.repeated], times.now)
    mark_dead(connection, rejects, times.now)
    return Stored(created=created, pointers=_pointers(connection, kept), refused=refused)


def _insert(connection: Connection, requests: Sequence[Request], times: _Times) -> int:
    if not requests:
        return 0
    row = f"({row_of(_GIVEN)}, {_same_for_all(times)})"
    values = tuple(value for request in _in_key_order(requests) for value in _given(request.record))
    return connection.exec_driver_sql(_INSERT.format(rows=", ".join([row] * len(requests))), values).rowcount


def _same_for_all(times: _Times) -> str:
    """The values of the columns of that name."""
    # Written out once: as values they would be more than a quarter of what PyMySQL has to escape for each row.
    moments = (f"'{moment:%Y-%m-%d %H:%M:%S.%f}'" for moment in (times.handoff_at, times.now, times.now))
    return f"'{Status.PENDING}', {times.max_attempts:d}, {', '.join(moments)}"


def _in_key_order(requests: Sequence[Request]) -> list[Request]:
    # Two batches that share keys lock them in the same order, so that one waits instead of both deadlocking.
    return sorted(requests, key=lambda request: request.record.key)


def _pointers(connection: Connection, requests: Sequence[Request]) -> list[Pointer]:
    parts = (requests[start : start + _KEYS_A_QUERY] for start in range(0, len(requests), _KEYS_A_QUERY))
    found = (row for part in parts for row in _stored(connection, part))
    return [Pointer(row.id, row.attempt_count) for row in found if row.status in RESUMABLE_STATUSES]


def _stored(connection: Connection, requests: Sequence[Request]) -> Iterator[Row[Any]]:
    """One query a channel: a list of keys costs MySQL and PyMySQL half of what a list of pairs does."""
    channels = {request.record.channel for request in requests}
    for channel in channels:
        keys = [request.record.dedupe_key for request in requests if request.record.channel == channel]
        yield from connection.exec_driver_sql(_READ_BACK, {"channel": channel, "keys": keys}).all()


def _refuses_a_value(error: DBAPIError) -> bool:
    return isinstance(error, DataError | IntegrityError) or error_number(error) in _REFUSALS


def _refusal(request: Request, error: DBAPIError) -> Reject:
    return Reject(
        source=request.source,
        code=RejectCode.STORAGE_REJECTED,
        reason=f"MySQL refused the row: {json.dumps(getattr(error.orig, 'args', []), ensure_ascii=False)}",
        outbox_id=request.outbox_id,
    )
