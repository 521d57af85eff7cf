"""Engines and transactions: within the deadline, with more tries for a deadlock's victim or after a lost answer."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError

from delivery.deadline import need, seconds_left, wait_of
from delivery.storage.mysql.connection import connect_to

T = TypeVar("T")

# As in "Duplicate entry '…' for key 'x'" and "Incorrect string value: '…' for column 'x'". A value may hold quotes.
_QUOTED_VALUE = re.compile(r"'.*'(?= for (?:key|column)\b)|(?<=value: )'.*'|(?<=near )'.*'", re.DOTALL)

_DEADLOCK, LOCK_WAIT_TIMEOUT = 1213, 1205
# The victim of a deadlock loses its savepoints too: rolling back to one is then what fails, with this number.
_SAVEPOINT_GONE = 1305
_WORTH_ANOTHER_TRY = {_DEADLOCK, LOCK_WAIT_TIMEOUT, _SAVEPOINT_GONE}
_TRIES = 5
# A server that was the writer and is a reader now, as after a failover. Only a new connection reaches the new writer.
_READ_ONLY = {1290, 1792, 1836}
#: too many connections, a server that ends, a statement that took too long, and whatever is worth another try
_PASSING = {1040, 1053, 3024, *_WORTH_ANOTHER_TRY, *_READ_ONLY}
#: The client library's own numbers: not reached, lost, or silent.
_OF_THE_CLIENT = range(2000, 3000)
_LEAST_SECONDS = 0.2  # with less left no transaction is begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where MySQL is and who we are there. `ca_file` empty means no TLS, for a server on this machine."""

    host: str
    port: int
    database: str
    user: str
    password: str
    ca_file: str = ""

    def __repr__(self) -> str:
        return f"Address({self.user}@{self.host}:{self.port}/{self.database})"


def address_of(url: str) -> Address:
    """The address in a `mysql+pymysql://` URL."""
    parts = make_url(url)
    return Address(
        host=parts.host or "127.0.0.1",
        port=parts.port or 3306,
        database=parts.database or "",
        user=parts.username or "root",
        password=parts.password or "",
    )


def open_engine(
    address: Callable[[], Address], *, connections: int = 1, statement_seconds: float = 10, table_lock_seconds: int = 3
) -> Engine:
    """An engine that keeps so many connections, made on first use and checked before each: an instance may have slept.

    The address is asked for at each connect, so that a rotated password is picked up. A statement waits for a row for
    a second and for a table for at most `table_lock_seconds`. If it is silent for `statement_seconds`, or until the
    deadline, its connection is lost.
    """
    engine = create_engine(
        "mysql+pymysql://",
        creator=lambda: connect_to(address(), statement_seconds, table_lock_seconds),
        pool_size=connections,
        max_overflow=3,
        pool_pre_ping=True,
        pool_reset_on_return=None,  # every transaction here is ended by whoever began it: no second rollback
        hide_parameters=True,  # they are users' words
    )
    event.listen(engine, "handle_error", _leave_a_reader)
    return engine


def _leave_a_reader(context: ExceptionContext) -> None:
    if _number(context.original_exception) in _READ_ONLY:
        context.is_disconnect = True


def in_transaction(
    engine: Engine, work: Callable[[Connection], T], *, again_after_loss: bool = False, again_after_wait: bool = True
) -> T:
    """Runs `work` in one transaction, and again from the start if it lost a deadlock or waited too long for a lock.

    Without `again_after_wait`, a wait for a lock that was too long is raised at once. `again_after_loss` is for work
    that may run on top of itself: a connection that is lost at commit leaves open whether the transaction took place,
    and then it is run again on a new one.

    Raises:
        OutOfTime: the deadline is too near to begin.
        sqlalchemy.exc.DBAPIError: what MySQL said first, not what a rollback met afterwards.
    """
    for tries_left in reversed(range(_TRIES)):
        need(_LEAST_SECONDS)
        try:
            return _once(engine, work)
        except DBAPIError as error:
            lost = again_after_loss and error.connection_invalidated
            waited = error_number(error) == LOCK_WAIT_TIMEOUT and not again_after_wait
            worth_it = lost or (error_number(error) in _WORTH_ANOTHER_TRY and not waited)
            if not (worth_it and tries_left) or seconds_left() < _LEAST_SECONDS:
                raise
            time.sleep(wait_of(random.uniform(0.005, 0.05)))
    raise AssertionError("the last try either returns or raises")


def _once(engine: Engine, work: Callable[[Connection], T]) -> T:
    with engine.connect() as connection:
        transaction = connection.begin()
        try:
            result = work(connection)
            transaction.commit()
        except BaseException:
            with suppress(DBAPIError):  # the connection may be gone; what was raised before says more
                transaction.rollback()
            raise
        return result


def is_passing(error: DBAPIError) -> bool:
    """Whether MySQL was not reached, was lost, or was too busy: nothing is wrong with the statement."""
    number = error_number(error)
    return error.connection_invalidated or number in _PASSING or number in _OF_THE_CLIENT


def error_number(error: DBAPIError) -> int:
    """MySQL's number of this error, 0 if it has none."""
    return _number(error.orig)


def _number(error: BaseException | None) -> int:
    arguments = getattr(error, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else 0


def own_words(error: DBAPIError) -> str:
    """MySQL's number and message, without the statement and without the values that some messages quote."""
    words = ": ".join(str(part) for part in getattr(error.orig, "args", ())) or type(error).__name__
    return _QUOTED_VALUE.sub("'…'", words)


def to_stored(moment: datetime) -> datetime:
    """Aware UTC to what a DATETIME(3) column holds: naive, cut to the millisecond."""
    utc = moment.astimezone(UTC)
    return utc.replace(tzinfo=None, microsecond=utc.microsecond // 1000 * 1000)


def from_stored(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
