"""Opens attempts in sets, by compare-and-set on `attempt_count`, so that one sender alone owns an attempt."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row

from delivery.domain.record import OPEN_STATUSES, Attempt, Pointer, Status
from delivery.domain.transition import Closed, Closing
from delivery.storage.closing import close
from delivery.storage.columns import Rights, assigned, listed, select, update
from delivery.storage.database import from_stored, in_transaction, to_stored

# A field of Attempt is the column of that name, except for those that opening decides.
_CARRIED = tuple(field.name for field in fields(Attempt) if field.name not in {"record_id", "number", "started_at"})
# Rows of the Go service may hold NULL in these.
_READ_AS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("summary_text", "fallback_text", "trace_id"), lambda words: words or ""),
    "requested_at": lambda moment: moment and from_stored(moment),
}
_LOCKED = ("id", "status", "attempt_count", *_CARRIED, "next_retry_at", "updated_at")
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

RIGHTS: Rights = {"notification_records": [*select(*_LOCKED), *update(*_OPENED)]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Opening an attempt is the right to call Feishu for its record; closing it reports what came of the call."""

    engine: Engine

    def open(self, pointers: Collection[Pointer], *, now: datetime, lease: timedelta) -> list[Attempt]:
        """Opens the next attempt of every record that still is as its pointer says. Others are left out: normal."""
        wanted = set(pointers)
        if not wanted:
            return []
        # The odd milliseconds tell our own opening from another one of the same moment, should its commit be unsure.
        opening = _Opening(now=to_stored(now), until=to_stored(now + lease + timedelta(seconds=random.random())))
        return in_transaction(
            self.engine, lambda connection: _open(connection, wanted, opening, now), again_after_loss=True
        )

    def close(self, closings: Sequence[Closing]) -> Closed:
        """Writes history and new states. Rows that another transaction has locked are left for later, and named.

        Doing it again, because an answer of MySQL was lost, changes nothing and has the same answer.
        """
        if not closings:
            return Closed(won=frozenset())
        ordered = sorted(closings, key=lambda closing: closing.attempt.record_id)
        return in_transaction(self.engine, lambda connection: close(connection, ordered), again_after_loss=True)


class _Opening(NamedTuple):
    now: datetime
    until: datetime


def _open(connection: Connection, wanted: set[Pointer], opening: _Opening, now: datetime) -> list[Attempt]:
    ids = sorted({pointer.record_id for pointer in wanted})
    rows = connection.exec_driver_sql(_LOCK, {"ids": ids}).all()
    fresh = [row for row in rows if _may_open(row, wanted)]
    if fresh:
        connection.exec_driver_sql(_OPEN, {"ids": [row.id for row in fresh], **opening._asdict()})
    opened_before = [row for row in rows if _is_ours(row, wanted, opening)]
    return [_attempt(row, row.attempt_count + 1, now) for row in fresh] + [
        _attempt(row, row.attempt_count, now) for row in opened_before
    ]


def _may_open(row: Row[Any], wanted: set[Pointer]) -> bool:
    return (
        Pointer(row.id, row.attempt_count) in wanted
        and row.status in OPEN_STATUSES
        and row.attempt_count < row.max_attempts
    )


def _is_ours(row: Row[Any], wanted: set[Pointer], opening: _Opening) -> bool:
    """Whether this very opening was committed before, though its answer was lost."""
    return (
        Pointer(row.id, row.attempt_count - 1) in wanted
        and row.status == Status.SENDING
        and (row.updated_at, row.next_retry_at) == opening
    )


def _attempt(row: Row[Any], number: int, now: datetime) -> Attempt:
    stored = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for the row by column
    carried = {name: _READ_AS[name](stored[name]) if name in _READ_AS else stored[name] for name in _CARRIED}
    return Attempt(record_id=row.id, number=number, started_at=now, **carried)
