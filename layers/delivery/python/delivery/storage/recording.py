"""Records a batch in one transaction with one multi-row insert, whatever the size of the batch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from delivery.domain.contract import NewRecord, RejectCode
from delivery.domain.intake import Intake, Reject, Request, Stored
from delivery.domain.record import RESUMABLE_STATUSES, Pointer, Status
from delivery.storage.mysql.columns import INSERT, Rights, listed, row_of, select, update
from delivery.storage.mysql.database import error_number, in_transaction, own_words, to_stored
from delivery.storage.mysql.packets import MOST_BYTES, halved, in_packets, size_of, size_of_row
from delivery.storage.outbox.consuming import mark_consumed, mark_dead
from delivery.storage.rejects import insert_rejects

# Errors about a single value that are no DataError to PyMySQL: bad date, missing default, a trigger's SIGNAL, bad JSON,
# CHECK.
_REFUSALS = {1292, 1364, 1644, 3140, 3819}

# With several thousand long keys MySQL exceeds range_optimizer_max_mem_size and scans the whole table.
_KEYS_A_QUERY = 2_000

# Each field of NewRecord is the column of that name, except the id that a producer believes the record has.
_GIVEN = tuple(field.name for field in fields(NewRecord) if field.name not in {"notification_id", "requested_at"})
_given: Callable[[NewRecord], tuple[Any, ...]] = attrgetter(*_GIVEN)
_OWN = (*_GIVEN, "requested_at")
_SAME_FOR_ALL = ("status", "max_attempts", "next_retry_at", "created_at", "updated_at")

# An upsert that changes nothing: unlike INSERT IGNORE it hides no error.
_INSERT = f"""
INSERT INTO notification_records ({listed([*_OWN, *_SAME_FOR_ALL])}) VALUES {{rows}}
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
    """Stores batches. Storing a batch twice, even at the same time on two connections, stores it once."""

    engine: Engine

    def store(self, intake: Intake, *, now: datetime, handoff_at: datetime, max_attempts: int) -> Stored:
        """Writes and commits what the batch asked for, and returns the pointers to publish.

        Raises:
            sqlalchemy.exc.DBAPIError: the database does not work, and nothing was stored.
        """
        terms = _Terms(now=to_stored(now), handoff_at=to_stored(handoff_at), max_attempts=max_attempts)
        while True:
            try:
                return self._whole_or_sifted(intake, terms)
            except DBAPIError as error:
                terms = replace(terms, at_most=halved(terms.at_most, error))

    def _whole_or_sifted(self, intake: Intake, terms: "_Terms") -> Stored:
        try:
            return in_transaction(self.engine, lambda connection: _store(connection, intake, terms))
        except DBAPIError as error:
            if not _refuses_a_value(error):
                raise
            return in_transaction(self.engine, lambda connection: _store_sifted(connection, intake, terms))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    now: datetime
    handoff_at: datetime
    max_attempts: int
    #: How many bytes a statement may have.
    at_most: int = MOST_BYTES


class _Refused(NamedTuple):
    request: Request
    reject: Reject


def _store(connection: Connection, intake: Intake, terms: _Terms) -> Stored:
    created = _insert(connection, intake.requests, terms)
    return _finish(connection, intake, created, (), terms)


def _store_sifted(connection: Connection, intake: Intake, terms: _Terms) -> Stored:
    """Stores a set that MySQL refused, by halving it under savepoints until each refused row stands alone.

    If a row is refused, the next event with its key takes its place.
    """
    waiting: dict[tuple[str, str], list[Request]] = {}
    for request in intake.repeated:
        waiting.setdefault(request.record.key, []).append(request)
    created, refused, turn = 0, list[Reject](), intake.requests
    while turn:
        refusals: list[_Refused] = []
        created += _insert_sifted(connection, _in_key_order(turn), terms, refusals)
        refused += [reject for _, reject in refusals]
        keys = [request.record.key for request, _ in refusals]
        turn = [waiting[key].pop(0) for key in keys if waiting.get(key)]
    return _finish(connection, intake, created, refused, terms)


def _insert_sifted(connection: Connection, requests: Sequence[Request], terms: _Terms, refusals: list[_Refused]) -> int:
    try:
        with connection.begin_nested():
            return _insert(connection, requests, terms)
    except DBAPIError as error:
        if not _refuses_a_value(error):
            raise
        if len(requests) == 1:
            refusals.append(_Refused(requests[0], _refusal(requests[0], error)))
            return 0
    middle = len(requests) // 2
    return sum(_insert_sifted(connection, half, terms, refusals) for half in (requests[:middle], requests[middle:]))


def _finish(connection: Connection, intake: Intake, created: int, refused: Sequence[Reject], terms: _Terms) -> Stored:
    refused_sources = {id(reject.source) for reject in refused}
    kept = [one for one in (*intake.requests, *intake.repeated) if id(one.source) not in refused_sources]
    rejects = [*intake.rejects, *refused]
    insert_rejects(connection, rejects, terms.now, at_most=terms.at_most)
    mark_consumed(connection, [request.outbox_id for request in kept], terms.now)
    mark_dead(connection, rejects, terms.now)
    return Stored(created=created, pointers=_pointers(connection, kept, terms), refused=refused)


def _insert(connection: Connection, requests: Sequence[Request], terms: _Terms) -> int:
    rows = [_row(request.record) for request in _in_key_order(requests)]
    placeholders = f"({row_of(_OWN)}, {_same_for_all(terms)})"
    return sum(
        _insert_part(connection, part, placeholders)
        for part in in_packets(connection, rows, size_of_row, at_most=terms.at_most)
    )


def _insert_part(connection: Connection, rows: Sequence[tuple[object, ...]], placeholders: str) -> int:
    values = tuple(value for row in rows for value in row)
    return connection.exec_driver_sql(_INSERT.format(rows=", ".join([placeholders] * len(rows))), values).rowcount


def _row(record: NewRecord) -> tuple[object, ...]:
    # PyMySQL would write an aware time without converting it to UTC.
    return (*_given(record), to_stored(record.requested_at))


def _same_for_all(terms: _Terms) -> str:
    """The values of `_SAME_FOR_ALL`'s columns."""
    # Written as literals: as values they would be more than a quarter of what PyMySQL escapes for each row.
    moments = (f"'{moment:%Y-%m-%d %H:%M:%S.%f}'" for moment in (terms.handoff_at, terms.now, terms.now))
    return f"'{Status.PENDING}', {terms.max_attempts:d}, {', '.join(moments)}"


def _in_key_order(requests: Sequence[Request]) -> list[Request]:
    # Two batches that share keys lock them in the same order, so that one waits instead of both deadlocking.
    return sorted(requests, key=lambda request: request.record.key)


def _pointers(connection: Connection, requests: Iterable[Request], terms: _Terms) -> list[Pointer]:
    keys_by_channel: dict[str, dict[str, None]] = {}
    for request in requests:
        keys_by_channel.setdefault(request.record.channel, {})[request.record.dedupe_key] = None
    found = (
        row for channel, keys in keys_by_channel.items() for row in _stored(connection, channel, list(keys), terms)
    )
    return [Pointer(row.id, row.attempt_count) for row in found if row.status in RESUMABLE_STATUSES]


def _stored(connection: Connection, channel: str, keys: Sequence[str], terms: _Terms) -> Iterator[Row[Any]]:
    """One query per channel, because a list of keys costs MySQL and PyMySQL half as much as a list of pairs."""
    for start in range(0, len(keys), _KEYS_A_QUERY):
        few = keys[start : start + _KEYS_A_QUERY]
        for part in in_packets(connection, few, size_of, at_most=terms.at_most):
            yield from connection.exec_driver_sql(_READ_BACK, {"channel": channel, "keys": part}).all()


def _refuses_a_value(error: DBAPIError) -> bool:
    return isinstance(error, DataError | IntegrityError) or error_number(error) in _REFUSALS


def _refusal(request: Request, error: DBAPIError) -> Reject:
    return Reject(
        source=request.source,
        code=RejectCode.STORAGE_REJECTED,
        reason=f"MySQL refused the row: {own_words(error)}",
        outbox_id=request.outbox_id,
    )
