"""Opening and closing attempts in sets, by compare-and-set on `attempt_count`: exactly one sender owns an attempt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, bindparam, text

from delivery.domain.outcome import Delivered, Outcome, PermanentFailure, TemporaryFailure
from delivery.domain.record import OPEN_STATUSES, Attempt, Pointer
from delivery.storage.database import in_transaction, rows_of, to_stored

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection, Engine, Row

    from delivery.domain.transition import Closing

_IDS: BindParameter[object] = bindparam("ids", expanding=True)
_RESPONSE_CHARACTERS = 2_000
_ERROR_CHARACTERS = 2_000

_LOCK = text("""
SELECT id, status, attempt_count, max_attempts, user_id, channel, preview_id, trigger_id, trigger_type, target_type,
    target_id, target_url, summary_text, fallback_text, trace_id
FROM notification_records WHERE id IN :ids ORDER BY id FOR UPDATE""").bindparams(_IDS)

_OPEN = text("""
UPDATE notification_records SET status = 'sending', attempt_count = attempt_count + 1, next_retry_at = :until,
    last_error_code = NULL, last_error = NULL, updated_at = :now
WHERE id IN :ids""").bindparams(_IDS)

_OWNED = text("""
SELECT id, attempt_count FROM notification_records
WHERE id IN :ids AND status = 'sending' ORDER BY id FOR UPDATE""").bindparams(_IDS)

_HISTORY_COLUMNS = (
    "record_id, attempt, started_at, finished_at, outcome, error_code, error, http_status, response, latency_ms"
)
# A late sender's report replaces the line `lost` that claim wrote for the same attempt.
_HISTORY_UPDATE = ", ".join(f"{name} = new.{name}" for name in _HISTORY_COLUMNS.split(", ")[3:])

_CLOSE = """
UPDATE notification_records AS r JOIN (VALUES {rows})
    AS v (record_id, attempt, status, next_retry_at, code, error, sent_at, message_id, request, response, now_at)
    ON r.id = v.record_id AND r.attempt_count = v.attempt AND r.status = 'sending'
SET r.status = v.status, r.next_retry_at = v.next_retry_at, r.last_error_code = v.code, r.last_error = v.error,
    r.sent_at = v.sent_at, r.provider_message_id = v.message_id, r.provider_request_json = v.request,
    r.provider_response_json = v.response, r.updated_at = v.now_at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """The right to call Feishu for a record, and the report of what came of it."""

    engine: Engine

    def open(self, pointers: Collection[Pointer], *, now: datetime, lease: timedelta) -> list[Attempt]:
        """Opens the next attempt of every record that still is as its pointer says. Lost ones are left out: normal."""
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
    rows = [row for row in connection.execute(_LOCK, {"ids": ids}) if _may_open(row, wanted)]
    if rows:
        times = {"now": to_stored(now), "until": to_stored(until)}
        connection.execute(_OPEN, {"ids": [row.id for row in rows], **times})
    return [_attempt(row, now) for row in rows]


def _may_open(row: Row[tuple[Any, ...]], wanted: set[Pointer]) -> bool:
    return (
        Pointer(row.id, row.attempt_count) in wanted
        and row.status in OPEN_STATUSES
        and row.attempt_count < row.max_attempts
    )


def _attempt(row: Row[tuple[Any, ...]], now: datetime) -> Attempt:
    return Attempt(
        record_id=row.id,
        number=row.attempt_count + 1,
        max_attempts=row.max_attempts,
        user_id=row.user_id,
        channel=row.channel,
        preview_id=row.preview_id,
        trigger_id=row.trigger_id,
        trigger_type=row.trigger_type,
        target_type=row.target_type,
        target_id=row.target_id,
        target_url=row.target_url,
        summary_text=row.summary_text or "",
        fallback_text=row.fallback_text or "",
        trace_id=row.trace_id or "",
        started_at=now,
    )


def _close(connection: Connection, closings: Sequence[Closing]) -> set[int]:
    # Records before history, as claim locks them: the other way round the two deadlock.
    owned = {
        (row.id, row.attempt_count)
        for row in connection.execute(_OWNED, {"ids": [closing.attempt.record_id for closing in closings]})
    }
    _write_history(connection, closings)
    won = [closing for closing in closings if (closing.attempt.record_id, closing.attempt.number) in owned]
    if won:
        values = [value for closing in won for value in _new_state(closing)]
        connection.exec_driver_sql(_CLOSE.format(rows=rows_of(11, len(won), row="ROW")), tuple(values))
    return {closing.attempt.record_id for closing in won}


def _new_state(closing: Closing) -> tuple[Any, ...]:
    new, exchange = closing.transition, closing.outcome.exchange
    return (
        closing.attempt.record_id,
        closing.attempt.number,
        new.status.value,
        to_stored(new.next_retry_at) if new.next_retry_at else None,
        new.error_code,
        _cut(new.error, _ERROR_CHARACTERS),
        to_stored(new.sent_at) if new.sent_at else None,
        new.provider_message_id,
        _json(exchange.request),
        _json(exchange.response),
        to_stored(closing.finished_at),
    )


def _write_history(connection: Connection, closings: Sequence[Closing]) -> None:
    connection.exec_driver_sql(
        f"INSERT INTO notification_attempts ({_HISTORY_COLUMNS}) "  # noqa: S608 - placeholders only
        f"VALUES {rows_of(10, len(closings))} AS new ON DUPLICATE KEY UPDATE {_HISTORY_UPDATE}",
        tuple(value for closing in closings for value in _history(closing)),
    )


def _history(closing: Closing) -> tuple[Any, ...]:
    outcome, exchange = closing.outcome, closing.outcome.exchange
    return (
        closing.attempt.record_id,
        closing.attempt.number,
        to_stored(closing.attempt.started_at),
        to_stored(closing.finished_at),
        outcome_name(outcome),
        None if isinstance(outcome, Delivered) else outcome.code.value,
        None if isinstance(outcome, Delivered) else _cut(outcome.reason, _ERROR_CHARACTERS),
        exchange.http_status,
        _cut(_json(exchange.response), _RESPONSE_CHARACTERS),
        exchange.latency_ms,
    )


def outcome_name(outcome: Outcome) -> str:
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


def _json(document: object) -> str | None:
    return json.dumps(document, ensure_ascii=False) if document else None


def _cut(words: str | None, limit: int) -> str | None:
    return words[:limit] if words else None
