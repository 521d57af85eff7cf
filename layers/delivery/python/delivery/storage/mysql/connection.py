"""One connection to MySQL, on which every wait ends with the deadline: READ COMMITTED, UTC, strict."""

from __future__ import annotations

import ssl
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import pymysql
from pymysql.constants import CR, SERVER_STATUS
from pymysql.converters import escape_string

from delivery.deadline import ending_in, wait_of
from delivery.sockets import authorities_of, connect

if TYPE_CHECKING:
    from delivery.storage.mysql.database import Address

    _PyMySQL = pymysql.Connection[pymysql.cursors.Cursor]  # generic in its stubs only
else:
    _PyMySQL = pymysql.Connection

# The backslash first: the others get one.
_ESCAPES = [(character, escape_string(character)) for character in "\\\0\n\r\x1a\"'"]
_CONNECT_SECONDS = 5.0
_CHECK_SECONDS = 2.0
# TRADITIONAL is strict: a server may be configured to cut what does not fit without a word (RDS parameter groups do).
# MySQL waits a year for a table's lock (metadata) unless it is told otherwise.
_SESSION = (
    "SET SESSION transaction_isolation = 'READ-COMMITTED', sql_mode = 'TRADITIONAL', time_zone = '+00:00', "
    "innodb_lock_wait_timeout = 1, lock_wait_timeout = {seconds}"
)


class MySqlConnection(_PyMySQL):
    """A connection on which every wait ends with the deadline.

    PyMySQL looks at its two time-outs before each read and write, so as properties they follow the clock.
    """

    statement_seconds = 10.0

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - as PyMySQL has it
        super().__init__(**options)
        self.encoders = {**self.encoders, datetime: _escaped_moment}

    @property
    def _read_timeout(self) -> float:
        return self._wait()

    @_read_timeout.setter
    def _read_timeout(self, seconds: float | None) -> None:
        """PyMySQL's constructor sets it."""

    @property
    def _write_timeout(self) -> float:
        return self._wait()

    @_write_timeout.setter
    def _write_timeout(self, seconds: float | None) -> None:
        """PyMySQL's constructor sets it."""

    def _wait(self) -> float:
        """In tenths of a second: PyMySQL compares it for each row, and sets the socket's time-out when it has changed.

        Setting one is a system call, at which other threads take over.
        """
        seconds = wait_of(self.statement_seconds)
        return round(seconds, 1) or seconds

    def _read_bytes(self, num_bytes: int) -> bytes:
        """PyMySQL's error does not say which server was silent."""
        try:
            return super()._read_bytes(num_bytes)  # type: ignore[misc, no-any-return]  # not in its stubs
        except pymysql.err.OperationalError as error:
            number, words = error.args
            raise pymysql.err.OperationalError(number, f"MySQL at {self.host}:{self.port}: {words}") from error

    def _escape_string(self, s: str) -> str:
        """Escapes as PyMySQL does, whose own function takes most of the time of a large statement."""
        if self.server_status & SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES:  # type: ignore[attr-defined]  # neither
            return str(super()._escape_string(s))  # type: ignore[misc]  # not in its stubs
        for character, escaped in _ESCAPES:
            s = s.replace(character, escaped)
        return s

    def ping(self, reconnect: Literal[False] | None = False) -> None:  # type: ignore[override]  # noqa: FBT002 - as PyMySQL has it
        """The check before use: a connection that does not answer soon is as good as lost."""
        with ending_in(_CHECK_SECONDS):
            super().ping(reconnect)


def _escaped_moment(moment: datetime, _encoders: object = None) -> str:
    return f"'{moment}'"


def connect_to(address: Address, statement_seconds: float, table_lock_seconds: int) -> MySqlConnection:
    # Without CLIENT_FOUND_ROWS, which SQLAlchemy's own connect would set: a no-op upsert must count as 0 rows.
    made = MySqlConnection(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        database=address.database,
        init_command=_SESSION.format(seconds=table_lock_seconds),
        defer_connect=True,
        **_tls(address.ca_file),
    )
    with ending_in(_CONNECT_SECONDS):
        try:
            made.connect(connect(address.host, address.port, seconds=wait_of(_CONNECT_SECONDS)))
        except OSError as error:
            raise pymysql.err.OperationalError(
                CR.CR_CONN_HOST_ERROR, f"MySQL at {address.host}:{address.port} was not reached: {error}"
            ) from error
    made.statement_seconds = statement_seconds
    return made


def _tls(ca_file: str) -> dict[str, object]:
    """Without authorities TLS is switched off, or PyMySQL would read all of the system's, for nothing."""
    return {"ssl": _trusting(ca_file)} if ca_file else {"ssl_disabled": True}


def _trusting(ca_file: str) -> ssl.SSLContext:
    """Verifies chain, dates and host name, on every Python alike.

    From 3.13 on a default context also refuses certificates without an Authority Key Identifier, which many private
    authorities issue. PyMySQL's own context takes them (PyMySQL/PyMySQL#1198), and so a newer runtime changes nothing.
    """
    context = ssl.create_default_context(**authorities_of(ca_file))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
