"""How long a statement may take where no deadline is near, and how often its transaction is tried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from time import monotonic

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from delivery.deadline import ending_in
from delivery.storage.mysql.database import address_of, error_number, in_transaction, open_engine
from tests.integration.silences import Silence


@pytest.fixture
def impatient(between: Silence, shared_url: str) -> Iterator[Engine]:
    """An engine whose statements have a second, on connections that may fall silent."""
    address = replace(address_of(shared_url), host="127.0.0.1", port=between.port)
    engine = open_engine(lambda: address, statement_seconds=1)
    yield engine
    engine.dispose()


def test_a_statement_has_its_own_time_without_a_deadline(between: Silence, impatient: Engine) -> None:
    """A function that has minutes left would else wait minutes for a server that is gone."""

    def fall_silent_then_ask(connection: Connection) -> object:
        between.fall_silent()
        return connection.exec_driver_sql("SELECT 1").scalar_one()

    began = monotonic()
    with pytest.raises(OperationalError, match="2013"):
        in_transaction(impatient, fall_silent_then_ask)
    assert 0.9 < monotonic() - began < 4


def test_a_statement_that_the_server_does_not_read_has_no_more_time(between: Silence, impatient: Engine) -> None:
    """Its bytes fill the sockets' buffers; then writing waits."""

    def fall_silent_then_write(connection: Connection) -> object:
        between.fall_silent()
        return connection.exec_driver_sql("SELECT LENGTH(%s)", ("x" * 15_000_000,)).scalar_one()

    began = monotonic()
    with ending_in(30), pytest.raises(OperationalError):
        in_transaction(impatient, fall_silent_then_write)
    assert monotonic() - began < 8


def test_a_statement_may_take_a_while_if_nothing_hurries(impatient: Engine, engine: Engine) -> None:
    """Ten seconds unless an engine says otherwise; this one says one."""
    slow = "SELECT SLEEP(1.5)"
    assert in_transaction(engine, lambda connection: connection.exec_driver_sql(slow).scalar_one()) == 0
    with pytest.raises(OperationalError, match="2013"):
        in_transaction(impatient, lambda connection: connection.exec_driver_sql(slow).scalar_one())


@pytest.mark.parametrize("number", [1213, 1205])
def test_a_transaction_that_loses_each_time_is_tried_five_times(engine: Engine, number: int) -> None:
    """Then MySQL's error is raised: somebody holds the lock for long."""
    tries = []

    def lose(connection: Connection) -> None:
        tries.append(number)
        connection.exec_driver_sql(f"SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'lost'")

    with pytest.raises(OperationalError) as lost:
        in_transaction(engine, lose)
    assert (error_number(lost.value), len(tries)) == (number, 5)
