"""Every wait for MySQL ends with the deadline, whatever is silent, and the error says which server it was."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from delivery.deadline import OutOfTime, ending_in
from delivery.domain.record import Pointer
from delivery.storage.attempts import Attempts
from delivery.storage.claims import DueRecords
from delivery.storage.mysql.database import Address, address_of, error_number, in_transaction, open_engine, own_words
from tests.integration.clock import Clock
from tests.integration.notifications import add_row, add_rows
from tests.integration.send.test_closing import table_locked
from tests.integration.sending import LEASE
from tests.integration.silences import Silence

SECONDS = 1.0
CERTIFICATE = "layers/delivery/rds-ca.pem"


@pytest.fixture
def through(between: Silence, shared_url: str) -> Iterator[Engine]:
    """An engine whose connections may fall silent."""
    address = replace(address_of(shared_url), host="127.0.0.1", port=between.port)
    engine = open_engine(lambda: address)
    yield engine
    engine.dispose()


@contextmanager
def in_time(seconds: float = SECONDS) -> Iterator[None]:
    """What happens inside has so many seconds and ends before the five that a connection has without a deadline."""
    began = monotonic()
    with ending_in(seconds):
        yield
    assert monotonic() - began < seconds + 3


def select_one(connection: Connection) -> object:
    return connection.exec_driver_sql("SELECT 1").scalar_one()


def test_a_server_that_takes_connections_and_says_nothing(between: Silence, through: Engine) -> None:
    """The handshake is waited for no longer than there is time."""
    between.fall_silent()
    with in_time(), pytest.raises(OperationalError, match=f"MySQL at 127.0.0.1:{between.port}: Lost connection"):
        in_transaction(through, select_one)
    assert between.accepted == 1


def test_a_server_that_says_nothing_is_left_after_five_seconds_without_a_deadline(
    between: Silence, through: Engine
) -> None:
    """A developer's command has none."""
    between.fall_silent()
    began = monotonic()
    with pytest.raises(OperationalError):
        in_transaction(through, select_one)
    assert 4 < monotonic() - began < 20


def test_an_address_where_nothing_answers() -> None:
    """The queue of connections is full, as with a host that drops packets."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        nowhere = Address(host="127.0.0.1", port=port, database="d", user="root", password="")
        with in_time(), pytest.raises(OperationalError, match=f"MySQL at 127.0.0.1:{port}"):
            in_transaction(open_engine(lambda: nowhere), select_one)
        for one in waiting:
            one.close()


def test_a_tls_handshake_that_never_ends() -> None:
    """The server greets, agrees to TLS and is silent from then on."""
    greeting = (
        b"\x0a8.4.0\0" + b"\1\0\0\0" + b"12345678\0" + b"\xff\xff\xff\2\0\xff\xdf\x15" + b"\0" * 10 + b"123456789012\0"
    )
    greeting += b"caching_sha2_password\0"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        silent = Address(host="127.0.0.1", port=port, database="d", user="root", password="", ca_file=CERTIFICATE)
        engine = open_engine(lambda: silent)
        taken: list[socket.socket] = []

        def greet() -> None:
            taken.append(listener.accept()[0])
            taken[0].sendall(len(greeting).to_bytes(3, "little") + b"\0" + greeting)

        threading.Thread(target=greet, daemon=True).start()
        with in_time(), pytest.raises(OperationalError, match=r"127\.0\.0\.1"):
            in_transaction(engine, select_one)
        assert taken[0].recv(100)[4:8]  # it did ask for TLS
        taken[0].close()


def test_a_statement_whose_answer_does_not_come(between: Silence, through: Engine) -> None:
    """Nor is its rollback waited for, and what is told is the first error."""

    def fall_silent_then_ask(connection: Connection) -> object:
        between.fall_silent()
        return select_one(connection)

    with in_time(), pytest.raises(OperationalError, match=f"2013, 'MySQL at 127.0.0.1:{between.port}: Lost connection"):
        in_transaction(through, fall_silent_then_ask)


def test_a_silent_connection_is_left_after_two_seconds_of_asking(between: Silence, through: Engine) -> None:
    """The check before use; its successor is silent here, too, and has the five seconds of a connect."""
    in_transaction(through, select_one)
    between.fall_silent()
    began = monotonic()
    with ending_in(4), pytest.raises(OperationalError):
        in_transaction(through, select_one)
    assert between.accepted == 2
    assert monotonic() - began < 7  # the two seconds and the five


def test_a_locked_row_is_not_waited_for_beyond_the_deadline(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """Nor are the retries of the wait, which may be five."""
    record_id = add_row(engine, now=clock(), next_retry_at=clock())
    lock = "SELECT id FROM notification_records WHERE id = %s FOR UPDATE"
    with another_engine().connect() as other:
        other.exec_driver_sql(lock, (record_id,))
        with in_time(2), pytest.raises((OperationalError, OutOfTime)):
            in_transaction(engine, lambda connection: connection.exec_driver_sql(lock, (record_id,)).all())


def test_a_locked_table_is_not_waited_for_beyond_the_deadline(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """Metadata locks have a time-out of their own, of a year unless it is set."""
    with table_locked(another_engine(), "notification_records"), in_time(), pytest.raises(OperationalError):
        DueRecords(engine=engine).lease_due(limit=9, now=clock(), lease=LEASE)
    with table_locked(another_engine(), "notification_records"), in_time(9), pytest.raises(OperationalError) as waited:
        in_transaction(
            engine,
            lambda connection: connection.exec_driver_sql("SELECT 1 FROM notification_records").all(),
            again_after_wait=False,
        )
    assert error_number(waited.value) == 1205


def test_without_time_nothing_is_begun(between: Silence, through: Engine, clock: Clock) -> None:
    """Not even a connection."""
    with ending_in(0.1), pytest.raises(OutOfTime, match="not begun"):
        Attempts(engine=through).open([Pointer(1, 0)], now=clock(), lease=LEASE)
    assert between.accepted == 0


def test_a_deadlock_s_victim_tries_again(engine: Engine) -> None:
    """And one that waited too long for a lock; five times at most."""
    for number in (1213, 1205):
        tries: list[int] = []

        def lose_three_times(connection: Connection, number: int = number, tries: list[int] = tries) -> object:
            tries.append(number)
            if len(tries) <= 3:
                connection.exec_driver_sql(f"SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'lost'")
            return select_one(connection)

        assert in_transaction(engine, lose_three_times) == 1
        assert len(tries) == 4


def test_a_server_that_became_a_reader_is_left_at_once(engine: Engine, clock: Clock) -> None:
    """The next use connects anew, and may find the new writer behind the same name."""
    pointers = [Pointer(record_id, 0) for record_id in add_rows(engine, 2, now=clock(), next_retry_at=clock())]
    before = connection_id(engine)
    with engine.connect() as root:
        root.exec_driver_sql("SET GLOBAL super_read_only = ON")
    try:
        with pytest.raises(DBAPIError) as refused:
            in_transaction(engine, lambda connection: connection.exec_driver_sql("DELETE FROM notification_attempts"))
        assert error_number(refused.value) == 1290
    finally:
        with engine.connect() as root:
            root.exec_driver_sql("SET GLOBAL read_only = OFF")
    assert connection_id(engine) != before
    assert len(Attempts(engine=engine).open(pointers, now=clock(), lease=LEASE)) == 2


def connection_id(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one())


def test_each_connection_keeps_to_utc_strictly_and_reads_what_is_committed(engine: Engine) -> None:
    """Whatever the server's own settings are; a lock is waited for a second, a table three."""
    wanted = "@@time_zone, @@transaction_isolation, @@innodb_lock_wait_timeout, @@lock_wait_timeout"
    with engine.connect() as connection:
        found = tuple(connection.exec_driver_sql(f"SELECT {wanted}").one())
    assert found == ("+00:00", "READ-COMMITTED", 1, 3)


def words_of(engine: Engine, *statements: tuple[str, tuple[str, ...]]) -> str:
    """What is told of the error that the last of these met."""
    with engine.begin() as connection:
        *first, last = statements
        for statement, values in first:
            connection.exec_driver_sql(statement, values)
        with pytest.raises(DBAPIError) as refused:
            connection.exec_driver_sql(*last)
    return own_words(refused.value)


def test_a_duplicate_key_is_told_by_its_key_and_not_by_its_value(engine: Engine) -> None:
    """A user's words may stand in a key; quotes in a value hide nothing of it."""
    insert = ("INSERT INTO once VALUES (%s)", ("it's 'private' for key 'x' or so",))
    words = words_of(engine, ("CREATE TEMPORARY TABLE once (word VARCHAR(60) PRIMARY KEY)", ()), insert, insert)
    assert words == "1062: Duplicate entry '…' for key 'once.PRIMARY'"


def test_a_value_that_does_not_fit_its_column_is_not_told(engine: Engine) -> None:
    """Its column is."""
    insert = ("INSERT INTO small VALUES (%s)", ("private",))
    words = words_of(engine, ("CREATE TEMPORARY TABLE small (number INT)", ()), insert)
    assert words == "1366: Incorrect integer value: '…' for column 'number' at row 1"


def test_a_statement_that_mysql_cannot_read_is_not_told(engine: Engine) -> None:
    """It quotes the end of it."""
    assert "private" not in words_of(engine, ("SELECT 1 WHERE 'private words", ()))


def test_a_silent_server_is_logged_nowhere_beside_the_error(
    between: Silence, through: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is raised once; the pool does not tell of its own troubles with the same connection."""
    caplog.set_level(logging.INFO)

    def fall_silent_then_ask(connection: Connection) -> object:
        between.fall_silent()
        return select_one(connection)

    with ending_in(SECONDS), pytest.raises(OperationalError):
        in_transaction(through, fall_silent_then_ask)
    assert [record.message for record in caplog.records] == []
