"""How values are written into statements: as PyMySQL writes them, whatever they hold."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysql.constants import SERVER_STATUS
from pymysql.converters import escape_datetime, escape_string

from delivery.storage.mysql.connection import MySqlConnection


@pytest.fixture(scope="module")
def connection() -> MySqlConnection:
    return connected(0)


def connected(server_status: int) -> MySqlConnection:
    one = MySqlConnection(defer_connect=True)
    vars(one)["server_status"] = server_status  # the server says it in its greeting
    return one


@given(st.text() | st.text(alphabet="\\\0\n\r\x1a\"'汉🦢%a"))
def test_a_text_is_escaped_as_pymysql_escapes_it(connection: MySqlConnection, text: str) -> None:
    """Whatever ends a text or escapes, in any order."""
    assert connection.escape(text) == f"'{escape_string(text)}'"


@given(st.datetimes())
def test_a_moment_is_written_as_pymysql_writes_it(connection: MySqlConnection, moment: datetime) -> None:
    """To the microsecond."""
    assert connection.escape(moment) == escape_datetime(moment)


def test_a_server_that_takes_no_backslashes_gets_none() -> None:
    """A backslash would stand in the text, and a quote behind it would end it."""
    one = connected(SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES)
    assert one.escape("a'b\\") == "'a''b\\'"
