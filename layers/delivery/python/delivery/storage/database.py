"""Opens connections and runs transactions: READ COMMITTED, UTC, and a retry when MySQL ends one in a deadlock."""

import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import pymysql
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")

_DEADLOCK, _LOCK_WAIT_TIMEOUT = 1213, 1205
# The victim of a deadlock loses its savepoints too: rolling back to one is then what fails, with this number.
_SAVEPOINT_GONE = 1305
_WORTH_ANOTHER_TRY = {_DEADLOCK, _LOCK_WAIT_TIMEOUT, _SAVEPOINT_GONE}
_TRIES = 5
# TRADITIONAL is strict: a server may be configured to cut silently what does not fit (RDS parameter groups do).
_SESSION = (
    "SET SESSION transaction_isolation = 'READ-COMMITTED', sql_mode = 'TRADITIONAL', time_zone = '+00:00', "
    "innodb_lock_wait_timeout = 10"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where MySQL is and how we log in. An empty `ca_file` means no TLS, for a server on this machine."""

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


def open_engine(address: Callable[[], Address], *, statement_seconds: int = 60) -> Engine:
    """An engine with one connection, made on first use and checked before each use, because Lambda freezes instances.

    `address` is called at each connect, so that a rotated password is picked up. A statement that is silent for
    `statement_seconds` has lost its connection.
    """
    return create_engine(
        "mysql+pymysql://",
        creator=lambda: _connect(address(), statement_seconds),
        pool_size=1,
        max_overflow=3,
        pool_pre_ping=True,
    )


def _connect(address: Address, statement_seconds: int) -> Any:  # noqa: ANN401 - PyMySQL has no types of its own
    # Without CLIENT_FOUND_ROWS, which SQLAlchemy's own connect would set: a no-op upsert must count as 0 rows.
    return pymysql.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        database=address.database or None,
        charset="utf8mb4",
        init_command=_SESSION,
        connect_timeout=5,
        read_timeout=statement_seconds,
        write_timeout=60,
        ssl=ssl.create_default_context(cafile=address.ca_file) if address.ca_file else None,
        ssl_disabled=not address.ca_file,  # else PyMySQL reads all of the system's authorities, for nothing
    )


def in_transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Runs `work` in one transaction, and again from the start if it lost a deadlock or waited too long for a lock."""
    for tries_left in reversed(range(_TRIES)):
        try:
            with engine.begin() as connection:
                return work(connection)
        except DBAPIError as error:
            if not tries_left or error_number(error) not in _WORTH_ANOTHER_TRY:
                raise
            time.sleep(random.uniform(0.005, 0.05))
    raise AssertionError("the last try either returns or raises")


def error_number(error: DBAPIError) -> int:
    """MySQL's number of this error, 0 if it has none."""
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else 0


def own_words(error: DBAPIError) -> str:
    """MySQL's number and message, without the statement and its values."""
    return ": ".join(str(part) for part in getattr(error.orig, "args", ())) or type(error).__name__


def to_stored(moment: datetime) -> datetime:
    """An aware time as a DATETIME(3) column holds it: naive UTC, cut to the millisecond."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def from_stored(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
