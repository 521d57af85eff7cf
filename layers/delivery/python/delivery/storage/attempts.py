"""Opens attempts in sets, by compare-and-set on `attempt_count`, so that one sender alone owns an attempt."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row
from sqlalchemy.exc import DBAPIError

from delivery.deadline import ending_in, seconds_left
from delivery.domain.record import OPEN_STATUSES, Attempt, DatabaseDown, Pointer
from delivery.domain.transition import Closed, Closing
from delivery.storage.closing import close
from delivery.storage.mysql.columns import Rights, assigned, listed, select, update
from delivery.storage.mysql.database import (
    LOCK_WAIT_TIMEOUT,
    error_number,
    from_stored,
    in_transaction,
    own_words,
    to_stored,
)
from delivery.storage.mysql.packets import TOO_LARGE

# A proxy may accept smaller packets than the server behind it says.
_WORTH_HALVING = {LOCK_WAIT_TIMEOUT, *TOO_LARGE}
_LONGEST_WAIT = 4.0  # the connection's lock wait, plus the rest of the transaction
_CLOSE_SECONDS = 15.0  # finding one locked line among five hundred takes nine waits of one second

# Each field of Attempt is the column of that name, except those that opening sets.
_CARRIED = tuple(field.name for field in fields(Attempt) if field.name not in {"record_id", "number", "started_at"})
# Rows of the Go service may hold NULL in these.
_READ_AS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("summary_text", "fallback_text", "trace_id"), lambda words: words or ""),
    "requested_at": lambda moment: moment and from_stored(moment),
}
_LOCKED = ("id", "status", "attempt_count", *_CARRIED, "next_retry_at", "updated_at")
# The key is forced, here and below: on a small table the optimizer prefers a full scan, which locks any row for a
# moment, or waits for it.
_LOCK = f"""
SELECT {listed(_LOCKED)} FROM notification_records FORCE INDEX (PRIMARY)
WHERE id IN %(ids)s ORDER BY id FOR UPDATE"""  # noqa: S608 - constant
_LOCK_THE_FREE = f"{_LOCK} SKIP LOCKED"

_OPENED = {
    "status": "'sending'",
    "attempt_count": "attempt_count + 1",
    "next_retry_at": "%(until)s",
    "last_error_code": "NULL",
    "last_error": "NULL",
    "updated_at": "%(now)s",
}
_OPEN = f"UPDATE notification_records FORCE INDEX (PRIMARY) SET {assigned(_OPENED)} WHERE id IN %(ids)s"  # noqa: S608 - constant

RIGHTS: Rights = {"notification_records": [*select(*_LOCKED), *update(*_OPENED)]}


class _Opening(NamedTuple):
    now: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Opening an attempt gives the right to call Feishu for its record. Closing it writes the outcome of the call."""

    engine: Engine

    def open(self, pointers: Collection[Pointer], *, now: datetime, lease: timedelta) -> list[Attempt]:
        """Opens the next attempt of every record that still matches its pointer. Leaving out the others is normal."""
        wanted = set(pointers)
        if not wanted:
            return []
        # The random part of the lease identifies our own opening if the connection is lost at commit.
        opening = _Opening(now=to_stored(now), until=to_stored(now + lease + timedelta(seconds=random.random())))
        attempts = partial(self._open, wanted, opening, now)
        try:
            return attempts(_LOCK)
        except DBAPIError as error:
            if error_number(error) != LOCK_WAIT_TIMEOUT:
                raise
        return attempts(_LOCK_THE_FREE)  # locked rows come due again by themselves

    def _open(self, wanted: set[Pointer], opening: _Opening, now: datetime, lock: str) -> list[Attempt]:
        tries = count()
        return in_transaction(
            self.engine,
            lambda connection: _open(connection, wanted, opening, now, lock, again=next(tries) > 0),
            again_after_loss=True,
            again_after_wait=False,
        )

    def close(self, closings: Sequence[Closing]) -> Closed:
        """Writes history and new states. Rows that another transaction has locked are skipped and returned as `locked`.

        Closing again after a lost answer changes nothing and returns the same.

        Raises:
            DatabaseDown: MySQL refused them or could not be reached.
        """
        if not closings:
            return Closed(won=frozenset())
        try:
            with ending_in(_CLOSE_SECONDS):
                return self._close(sorted(closings, key=lambda closing: closing.attempt.record_id))
        except DBAPIError as error:
            raise DatabaseDown(own_words(error)) from error

    def _close(self, closings: Sequence[Closing]) -> Closed:
        """Splits the set if a line of history is locked or the packet is refused, so that one half may succeed."""
        try:
            return in_transaction(
                self.engine,
                lambda connection: close(connection, closings),
                again_after_loss=True,
                again_after_wait=False,
            )
        except DBAPIError as error:
            number = error_number(error)
            if number == LOCK_WAIT_TIMEOUT and (len(closings) == 1 or seconds_left() < _LONGEST_WAIT):
                return Closed(won=frozenset(), locked=frozenset(closing.attempt.record_id for closing in closings))
            if number not in _WORTH_HALVING or len(closings) == 1:
                raise
        half = len(closings) // 2
        first, second = self._close(closings[:half]), self._close(closings[half:])
        return Closed(won=first.won | second.won, locked=first.locked | second.locked)


def _open(
    connection: Connection, wanted: set[Pointer], opening: _Opening, now: datetime, lock: str, *, again: bool
) -> list[Attempt]:
    """Only a retry looks for rows that the first try committed: another sender's opening may match by chance."""
    ids = {pointer.record_id for pointer in wanted}
    rows = connection.exec_driver_sql(lock, {"ids": ids}).all()
    fresh = [row for row in rows if _may_open(row, wanted)]
    if fresh:
        connection.exec_driver_sql(_OPEN, {"ids": [row.id for row in fresh], **opening._asdict()})
    opened_before = [row for row in rows if again and _is_ours(row, wanted, opening)]
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
    """Whether our own opening was committed although its answer was lost."""
    return Pointer(row.id, row.attempt_count - 1) in wanted and (row.updated_at, row.next_retry_at) == opening


def _attempt(row: Row[Any], number: int, now: datetime) -> Attempt:
    stored = row._mapping  # noqa: SLF001 - public in SQLAlchemy despite its name
    carried = {name: _READ_AS[name](stored[name]) if name in _READ_AS else stored[name] for name in _CARRIED}
    return Attempt(record_id=row.id, number=number, started_at=now, **carried)
