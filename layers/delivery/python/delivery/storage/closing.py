"""Closes attempts in sets: their history, and the new states of the records that they still own."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError

from delivery.domain.outcome import Delivered, NotStarted, Outcome, PermanentFailure, TemporaryFailure
from delivery.domain.record import Status
from delivery.domain.transition import Closed, Closing
from delivery.storage.mysql.columns import INSERT, Rights, Sources, copied, listed, rows_of, select, update
from delivery.storage.mysql.database import LOCK_WAIT_TIMEOUT, error_number, to_stored
from delivery.storage.mysql.packets import in_packets, size_of_row

_RESPONSE_CHARACTERS = 2_000
_ERROR_CHARACTERS = 2_000

# Locked rows are skipped, so that the others can be closed. The key is forced: on a small table the optimizer prefers a
# full scan, which locks any row for a moment.
_FREE = """
SELECT id, attempt_count, status FROM notification_records FORCE INDEX (PRIMARY)
WHERE id IN %(ids)s FOR UPDATE SKIP LOCKED"""
_AS_IT_IS = "SELECT id, attempt_count, status FROM notification_records WHERE id IN %(ids)s"

_ATTEMPT: Sources[Closing] = {
    "record_id": lambda closing: closing.attempt.record_id,
    "attempt": lambda closing: closing.attempt.number,
}

_REPORT: Sources[Closing] = {
    "finished_at": lambda closing: to_stored(closing.finished_at),
    "outcome": lambda closing: _outcome_name(closing.outcome),
    "error_code": lambda closing: None if isinstance(closing.outcome, Delivered) else closing.outcome.code.value,
    "error": lambda closing: None if isinstance(closing.outcome, Delivered) else _error(closing.outcome.reason),
    "http_status": lambda closing: closing.outcome.exchange.http_status,
    "response": lambda closing: _cut(_json(closing.outcome.exchange.response), _RESPONSE_CHARACTERS),
    "latency_ms": lambda closing: closing.outcome.exchange.latency_ms,
    "way": lambda closing: closing.way,
}
_HISTORY: Sources[Closing] = {
    **_ATTEMPT,
    "started_at": lambda closing: to_stored(closing.attempt.started_at),
    **_REPORT,
}
# A late sender's report replaces the line `lost` that claim wrote for the same attempt.
_WRITE_HISTORY = f"""
INSERT INTO notification_attempts ({listed(_HISTORY)}) VALUES {{rows}} AS new
ON DUPLICATE KEY UPDATE {copied(_REPORT, source="new")}"""  # noqa: S608 - constant

_NEW_STATE: Sources[Closing] = {
    "attempt_count": lambda closing: _attempts_after(closing),  # noqa: PLW0108 - defined below
    "status": lambda closing: closing.transition.status.value,
    "next_retry_at": lambda closing: _time(closing.transition.next_retry_at),
    "last_error_code": lambda closing: closing.transition.error_code,
    "last_error": lambda closing: _error(closing.transition.error),
    "sent_at": lambda closing: _time(closing.transition.sent_at),
    "provider_message_id": lambda closing: closing.transition.provider_message_id,
    "provider_request_json": lambda closing: _json(closing.outcome.exchange.request),
    "provider_response_json": lambda closing: _json(closing.outcome.exchange.response),
    "updated_at": lambda closing: to_stored(closing.finished_at),
}
_CLOSING: Sources[Closing] = {**_ATTEMPT, **_NEW_STATE}
_CLOSE = f"""
UPDATE (VALUES {{rows}}) AS new ({listed(_CLOSING)}) STRAIGHT_JOIN notification_records AS r
    ON r.id = new.record_id AND r.attempt_count = new.attempt AND r.status = 'sending'
SET {copied(_NEW_STATE, source="new", to="r")}"""  # noqa: S608 - constant

RIGHTS: Rights = {
    "notification_records": [*select("id", "attempt_count", "status"), *update(*_NEW_STATE)],
    "notification_attempts": [INSERT, *select(*_REPORT), *update(*_REPORT)],
}


def close(connection: Connection, closings: Sequence[Closing]) -> Closed:
    """Closes these attempts, which are sorted by record id; see `Attempts.close`."""
    # Lock records before history, as claim does; otherwise the two deadlock.
    ids = [closing.attempt.record_id for closing in closings]
    try:
        free = {row.id: row for row in connection.exec_driver_sql(_FREE, {"ids": ids})}
    except DBAPIError as error:
        if error_number(error) != LOCK_WAIT_TIMEOUT:
            raise
        return Closed(won=frozenset(), locked=frozenset(ids))  # SKIP LOCKED waits only for a lock on the whole table
    held = [record_id for record_id in ids if record_id not in free]
    seen = {row.id: row for row in connection.exec_driver_sql(_AS_IT_IS, {"ids": held})} if held else {}
    rows = {**free, **seen}
    locked = _ids(closing for closing in closings if _is_open(closing, seen))
    ours = [closing for closing in closings if _is_open(closing, free)]
    already = _ids(closing for closing in closings if _is_closed(closing, rows))
    # A report may come so late that its record has been pruned; then its history is not written.
    told = [one for one in closings if one.attempt.record_id in rows and one.attempt.record_id not in locked]
    _write(connection, _WRITE_HISTORY, _HISTORY, [one for one in told if not isinstance(one.outcome, NotStarted)])
    _write(connection, _CLOSE, _CLOSING, ours, row="ROW")
    return Closed(won=_ids(ours) | already, locked=locked)


def _is_open(closing: Closing, rows: Mapping[int, Row[Any]]) -> bool:
    """Whether the attempt still owns its record."""
    row = rows.get(closing.attempt.record_id)
    return row is not None and (row.status, row.attempt_count) == (Status.SENDING, closing.attempt.number)


def _is_closed(closing: Closing, rows: Mapping[int, Row[Any]]) -> bool:
    """Whether this closing was written before although MySQL's answer was lost."""
    row = rows.get(closing.attempt.record_id)
    return row is not None and (row.status, row.attempt_count) == (closing.transition.status, _attempts_after(closing))


def _attempts_after(closing: Closing) -> int:
    count = closing.transition.attempt_count
    return closing.attempt.number if count is None else count


def _ids(closings: Iterable[Closing]) -> frozenset[int]:
    return frozenset(closing.attempt.record_id for closing in closings)


def _write(
    connection: Connection, statement: str, sources: Sources[Closing], closings: Sequence[Closing], *, row: str = ""
) -> None:
    values = [tuple(value(closing) for value in sources.values()) for closing in closings]
    for part in in_packets(connection, values, size_of_row):
        rows = rows_of(sources, len(part), row=row)
        connection.exec_driver_sql(statement.format(rows=rows), tuple(chain.from_iterable(part)))


def _outcome_name(outcome: Outcome) -> str:
    """The outcome's name in the attempt history, where claim also writes `lost`."""
    match outcome:
        case Delivered():
            return "delivered"
        case TemporaryFailure():
            return "temporary"
        case PermanentFailure():
            return "permanent"
        case _:
            return "skipped"


def _time(moment: datetime | None) -> datetime | None:
    return to_stored(moment) if moment else None


def _json(document: object) -> str | None:
    return json.dumps(document, ensure_ascii=False) if document else None


def _error(words: str | None) -> str | None:
    return _cut(words, _ERROR_CHARACTERS)


def _cut(words: str | None, limit: int) -> str | None:
    return words[:limit] if words else None
