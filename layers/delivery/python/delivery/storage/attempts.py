"""Opens and closes attempts in sets, by compare-and-set on `attempt_count`: exactly one sender owns an attempt."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row

from delivery.domain.outcome import Delivered, Outcome, PermanentFailure, TemporaryFailure
from delivery.domain.record import OPEN_STATUSES, Attempt, Pointer
from delivery.domain.transition import Closing
from delivery.storage.columns import (
    INSERT,
    Rights,
    Sources,
    assigned,
    copied,
    listed,
    rows_of,
    select,
    update,
    values_of,
)
from delivery.storage.database import in_transaction, to_stored

_RESPONSE_CHARACTERS = 2_000
_ERROR_CHARACTERS = 2_000

# A field of Attempt is the column of that name, except for those that opening decides.
_CARRIED = tuple(field.name for field in fields(Attempt) if field.name not in {"record_id", "number", "started_at"})
# Rows of the Go service may hold NULL in these.
_READ_AS: Mapping[str, Callable[[Any], Any]] = dict.fromkeys(
    ("summary_text", "fallback_text", "trace_id"), lambda words: words or ""
)
_LOCKED = ("id", "status", "attempt_count", *_CARRIED)
_LOCK = f"""
SELECT {listed(_LOCKED)} FROM notification_records WHERE id IN %(ids)s ORDER BY id FOR UPDATE"""  # noqa: S608 - constant

_OPENED = {
    "status": "'sending'",
    "attempt_count": "attempt_count + 1",
    "next_retry_at": "%(until)s",
    "last_error_code": "NULL",
    "last_error": "NULL",
    "updated_at": "%(now)s",
}
_OPEN = f"UPDATE notification_records SET {assigned(_OPENED)} WHERE id IN %(ids)s"  # noqa: S608 - constant

_OWNED = """
SELECT id, attempt_count FROM notification_records
WHERE id IN %(ids)s AND status = 'sending' ORDER BY id FOR UPDATE"""

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
UPDATE notification_records AS r JOIN (VALUES {{rows}}) AS new ({listed(_CLOSING)})
    ON r.id = new.record_id AND r.attempt_count = new.attempt AND r.status = 'sending'
SET {copied(_NEW_STATE, source="new", to="r")}"""  # noqa: S608 - constant

RIGHTS: Rights = {
    "notification_records": [*select(*_LOCKED), *update(*_OPENED, *_NEW_STATE)],
    "notification_attempts": [INSERT, *select(*_REPORT), *update(*_REPORT)],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Opening an attempt is the right to call Feishu for its record; closing it reports what came of the call."""

    engine: Engine

    def open(self, pointers: Collection[Pointer], *, now: datetime, lease: timedelta) -> list[Attempt]:
        """Opens the next attempt of every record that still is as its pointer says. Others are left out: normal."""
        wanted = set(pointers)
        if not wanted:
            return []
        return in_transaction(self.engine, lambda connection: _open(connection, wanted, now, now + lease))

    def close(self, closings: Sequence[Closing]) -> set[int]:
        """Writes history and new states. Returns the ids of the records that were still ours, and so have changed."""
        if not closings:
            return set()
        ordered = sorted(closings, key=lambda closing: closing.attempt.record_id)
        return in_transaction(self.engine, lambda connection: _close(connection, ordered))


def _open(connection: Connection, wanted: set[Pointer], now: datetime, until: datetime) -> list[Attempt]:
    ids = sorted({pointer.record_id for pointer in wanted})
    rows = [row for row in connection.exec_driver_sql(_LOCK, {"ids": ids}) if _may_open(row, wanted)]
    if rows:
        times = {"now": to_stored(now), "until": to_stored(until)}
        connection.exec_driver_sql(_OPEN, {"ids": [row.id for row in rows], **times})
    return [_attempt(row, now) for row in rows]


def _may_open(row: Row[Any], wanted: set[Pointer]) -> bool:
    return (
        Pointer(row.id, row.attempt_count) in wanted
        and row.status in OPEN_STATUSES
        and row.attempt_count < row.max_attempts
    )


def _attempt(row: Row[Any], now: datetime) -> Attempt:
    stored = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for the row by column
    carried = {name: _READ_AS[name](stored[name]) if name in _READ_AS else stored[name] for name in _CARRIED}
    return Attempt(record_id=row.id, number=row.attempt_count + 1, started_at=now, **carried)


def _close(connection: Connection, closings: Sequence[Closing]) -> set[int]:
    # Records before history, as claim locks them: the other way round the two deadlock.
    ids = [closing.attempt.record_id for closing in closings]
    owned = {(row.id, row.attempt_count) for row in connection.exec_driver_sql(_OWNED, {"ids": ids})}
    _write(connection, _WRITE_HISTORY, _HISTORY, closings)
    won = [closing for closing in closings if (closing.attempt.record_id, closing.attempt.number) in owned]
    if won:
        _write(connection, _CLOSE, _CLOSING, won, row="ROW")
    return {closing.attempt.record_id for closing in won}


def _write(
    connection: Connection, statement: str, sources: Sources[Closing], closings: Sequence[Closing], *, row: str = ""
) -> None:
    rows = rows_of(sources, len(closings), row=row)
    connection.exec_driver_sql(statement.format(rows=rows), values_of(sources, closings))


def _outcome_name(outcome: Outcome) -> str:
    """The word for an outcome in the attempt history, beside `lost`, which claim writes."""
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
