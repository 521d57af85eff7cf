"""How much of a statement its values are reckoned to take, and what is tried when one was too large all the same."""

from __future__ import annotations

from datetime import datetime
from functools import cache

import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError, OperationalError

from delivery.storage.mysql.connection import MySqlConnection
from delivery.storage.mysql.packets import MOST_BYTES, halved, size_of, size_of_row
from tests.unit.test_mysql_escaping import connected

KIB = 1024
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001 - as a DATETIME is


def error(number: int) -> DBAPIError:
    return OperationalError("SELECT 1", None, pymysql.err.OperationalError(number, "words"))


@cache
def connection() -> MySqlConnection:
    return connected(0)


def written(*values: object) -> int:
    """The bytes of one row of an INSERT."""
    return len(f", ({', '.join(connection().escape(value) for value in values)})".encode())


VALUES = st.text() | st.binary() | st.integers(-(2**63), 2**64 - 1) | st.datetimes() | st.none() | st.booleans()


@given(st.lists(VALUES, max_size=20))
def test_no_row_takes_more_bytes_than_is_reckoned(values: list[object]) -> None:
    """Whatever has to be escaped; else MySQL would close the connection."""
    assert written(*values) <= size_of_row(values)


@pytest.mark.parametrize("value", ["", "🦢" * 1_000, '"' * 1_000, b"", b"\xff" * 1_000, 2**64 - 1, LAST, None])
def test_no_value_takes_more_bytes_than_is_reckoned(value: object) -> None:
    """Not even a long one alone, or one that is all quotes."""
    assert written(value) - written() <= size_of(value)


@pytest.mark.parametrize(("value", "more"), [("🦢" * 1_000, 1), (b"\xff" * 1_000, 0)])
def test_a_large_value_is_reckoned_no_larger_than_it_may_be(value: object, more: int) -> None:
    """Else a batch would go in more statements than it needs, and a reject be cut that fits."""
    assert size_of(value) == written(value) - written() + more


@pytest.mark.parametrize("number", [1153, 2006])
def test_a_statement_that_was_too_large_is_halved_down_to_16_kib(number: int) -> None:
    """What MySQL itself takes was asked before: something between us takes less than half a mebibyte."""
    sizes = [MOST_BYTES, 512 * KIB, 256 * KIB, 128 * KIB, 64 * KIB, 32 * KIB, 16 * KIB]
    refused = error(number)
    halves = [halved(size, refused) for size in sizes[:-1]]
    assert halves == sizes[1:]
    assert {type(half) for half in halves} == {int}  # where a reject is cut
    with pytest.raises(OperationalError) as raised:
        halved(sizes[-1], refused)
    assert raised.value is refused


@pytest.mark.parametrize("number", [1154, 1213, 2013])
def test_a_statement_that_failed_otherwise_is_not_halved(number: int) -> None:
    refused = error(number)
    with pytest.raises(OperationalError) as raised:
        halved(MOST_BYTES, refused)
    assert raised.value is refused
