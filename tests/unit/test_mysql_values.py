"""Addresses, times and errors of MySQL, without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pymysql
import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from delivery.storage.mysql.database import (
    Address,
    address_of,
    error_number,
    from_stored,
    is_passing,
    own_words,
    to_stored,
)


def error(*arguments: object, lost: bool = False) -> DBAPIError:
    return OperationalError("SELECT 1", None, pymysql.err.OperationalError(*arguments), connection_invalidated=lost)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (
            "mysql+pymysql://me:se%40cret@db.example:3307/notifications",
            Address(host="db.example", port=3307, database="notifications", user="me", password="se@cret"),
        ),
        ("mysql+pymysql://", Address(host="127.0.0.1", port=3306, database="", user="root", password="")),
    ],
)
def test_an_address_is_that_of_its_url_or_root_on_this_machine(url: str, address: Address) -> None:
    assert address_of(url) == address


def test_a_shown_address_has_no_password() -> None:
    """It may stand in a traceback."""
    assert repr(address_of("mysql+pymysql://me:secret@db.example/notifications")) == (
        "Address(me@db.example:3306/notifications)"
    )


@pytest.mark.parametrize("number", [1040, 1053, 1205, 1213, 1290, 1305, 1792, 1836, 2000, 2003, 2013, 2999, 3024])
def test_an_error_that_passes_is_nobody_s_fault(number: int) -> None:
    """Too many connections, a shutdown, locks, a reader, the client library's own, a statement's time."""
    assert is_passing(error(number, "words"))


@pytest.mark.parametrize("arguments", [(1062, "Duplicate entry"), (1064, "syntax"), (3000, "corrupt"), ("words",), ()])
def test_an_error_that_comes_again_does_not_pass(arguments: tuple[object, ...]) -> None:
    """Unless the connection was lost with it."""
    assert not is_passing(error(*arguments))
    assert is_passing(error(*arguments, lost=True))


@pytest.mark.parametrize(
    ("arguments", "number", "words"),
    [
        ((1213, "Deadlock found"), 1213, "1213: Deadlock found"),
        (("no number",), 0, "no number"),
        ((), 0, "OperationalError"),
    ],
)
def test_an_error_is_told_by_what_it_has(arguments: tuple[object, ...], number: int, words: str) -> None:
    """Its number and its words, or else its kind."""
    assert (error_number(error(*arguments)), own_words(error(*arguments))) == (number, words)


@pytest.mark.parametrize("microsecond", [0, 999, 1_000, 1_001, 500_000, 999_999])
def test_a_time_is_stored_in_utc_cut_to_the_millisecond(microsecond: int) -> None:
    """And read as what is stored."""
    in_utc = datetime(2026, 1, 31, 8, 0, 0, microsecond, tzinfo=UTC)
    stored = to_stored(in_utc.astimezone(timezone(timedelta(hours=8))))
    assert stored == datetime(2026, 1, 31, 8, 0, 0, microsecond - microsecond % 1_000)  # noqa: DTZ001 - as stored
    assert from_stored(stored) == in_utc.replace(microsecond=stored.microsecond)
