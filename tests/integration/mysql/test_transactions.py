"""Which errors a transaction is run again after, and which connections an engine keeps."""

from __future__ import annotations

import time
from dataclasses import replace

import pymysql
import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from delivery.deadline import ending_in, seconds_left
from delivery.storage.mysql.database import address_of, error_number, in_transaction, open_engine
from tests.integration.conftest import disposed
from tests.integration.faulty_commits import lose_next_commit
from tests.integration.mysql.test_deadline import connection_id


def fail(connection: Connection, number: int) -> None:
    connection.exec_driver_sql(f"SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'told to fail'")


def test_a_deadlock_s_victim_tries_again_though_it_waits_for_no_lock_twice(engine: Engine) -> None:
    """A deadlock is over at once; a wait would be as long as the first."""
    tries: list[int] = []

    def lose_once(connection: Connection) -> None:
        tries.append(1)
        if len(tries) == 1:
            fail(connection, 1213)

    in_transaction(engine, lose_once, again_after_wait=False)
    assert len(tries) == 2


def test_a_commit_whose_answer_was_lost_is_run_again_only_where_that_does_no_harm(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second lease would take other rows, and those of the first wait until it ends."""
    tries: list[int] = []

    def work(_: Connection) -> None:
        tries.append(1)

    lose_next_commit(monkeypatch, taken=True)
    with pytest.raises(OperationalError, match="2013"):
        in_transaction(engine, work)
    lose_next_commit(monkeypatch, taken=True)
    in_transaction(engine, work, again_after_loss=True)
    assert len(tries) == 1 + 2


def test_without_time_for_another_try_mysql_s_error_is_told(engine: Engine) -> None:
    """It says more than that the time is over."""

    def lose_late(_: Connection) -> None:
        time.sleep(max(seconds_left(), 0))
        raise OperationalError("SELECT 1", None, pymysql.err.OperationalError(1213, "Deadlock found"))

    with ending_in(1), pytest.raises(OperationalError, match="1213"):
        in_transaction(engine, lose_late)


def test_an_error_of_ours_is_told_though_the_connection_was_lost_meanwhile(engine: Engine) -> None:
    """The rollback cannot reach MySQL any more, which says less."""

    def lose_and_fail(connection: Connection) -> None:
        number = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
        with engine.connect() as another:
            another.exec_driver_sql(f"KILL {number}")
        raise ValueError("a bug of ours")

    with pytest.raises(ValueError, match="a bug of ours"):
        in_transaction(engine, lose_and_fail)


@pytest.mark.parametrize("number", [1290, 1792, 1836])
def test_a_connection_to_a_reader_is_left(engine: Engine, number: int) -> None:
    """By whatever number it says that it is one."""
    assert left_after(engine, number)


@pytest.mark.parametrize("number", [1062, 1213, 3024])
def test_a_connection_outlives_other_errors(engine: Engine, number: int) -> None:
    """A new one costs a handshake, and a proxy's patience."""
    assert not left_after(engine, number)


def left_after(engine: Engine, number: int) -> bool:
    """Whether the engine has another connection after this error."""
    before = connection_id(engine)
    with pytest.raises(DBAPIError) as failed:
        in_transaction(engine, lambda connection: fail(connection, number), again_after_wait=False)
    assert error_number(failed.value) == number
    return connection_id(engine) != before


def test_an_engine_logs_in_as_its_address_says(engine: Engine, shared_url: str) -> None:
    """Without a database, too: the deployment makes it."""
    somebody = replace(address_of(shared_url), user="somebody", password="a password of the tests", database="")
    with engine.begin() as root:
        root.exec_driver_sql("CREATE USER 'somebody'@'%%' IDENTIFIED BY 'a password of the tests'")
    try:
        with disposed(open_engine(lambda: somebody)) as own, own.connect() as connection:
            user, database = connection.exec_driver_sql("SELECT USER(), DATABASE()").one()
        assert (user.partition("@")[0], database) == ("somebody", None)
    finally:
        with engine.begin() as root:
            root.exec_driver_sql("DROP USER 'somebody'@'%%'")


@pytest.mark.parametrize(("may", "kept"), [({}, 1), ({"connections": 2}, 2)])
def test_an_engine_keeps_one_connection_or_as_many_as_it_may(shared_url: str, may: dict[str, int], kept: int) -> None:
    """MySQL has a limited number, and a function may have hundreds of instances. A new one costs a handshake."""
    address = address_of(shared_url)
    with disposed(open_engine(lambda: address, **may)) as engine:
        first, second = two_at_once(engine), two_at_once(engine)
    assert len(first & second) == kept


def two_at_once(engine: Engine) -> set[int]:
    with engine.connect() as one, engine.connect() as other:
        return {connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one() for connection in (one, other)}
