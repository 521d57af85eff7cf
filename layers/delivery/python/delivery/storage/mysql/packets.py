"""Keeps statements below `max_allowed_packet`: MySQL closes the connection when it is sent more."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pymysql.constants import CR
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from delivery.storage.mysql.database import error_number

T = TypeVar("T")

MOST_BYTES = 2**30  # what MySQL allows max_allowed_packet to be
_LEAST_BYTES = 16 * 1024
# 1153, or 2006 if MySQL closed the connection while we were still sending.
TOO_LARGE = {1153, CR.CR_SERVER_GONE_ERROR}
# MySQL has taken more than this since 4.0 unless told otherwise: smaller statements need not ask for its limit.
_SURELY_TAKEN = 512 * 1024
_STATEMENT_BYTES = 2_000  # a statement without its values
_BYTES_A_CHARACTER = 4
_BYTES_A_NUMBER = 30  # a time, too
_BYTES_A_ROW = 200  # its punctuation, and what is the same in all rows
_QUOTES = len("X''")
_LIMIT = "hongyan_max_allowed_packet"


def in_packets(
    connection: Connection, things: Sequence[T], size_of: Callable[[T], int], *, at_most: int = MOST_BYTES
) -> Iterator[Sequence[T]]:
    """The things in order, as many at a time as surely fit into one statement; one that is too large comes alone."""
    sizes = [size_of(thing) for thing in things]
    room = room_for(connection, sum(sizes), at_most=at_most)
    start, taken = 0, 0
    for number, size in enumerate(sizes):
        if taken + size > room and number > start:
            yield things[start:number]
            start, taken = number, 0
        taken += size
    if things:
        yield things[start:]


def room_for(connection: Connection, wanted: int, *, at_most: int) -> int:
    """How many bytes the values of a statement may have. MySQL is asked only if it matters, once a connection."""
    if wanted <= min(at_most, _SURELY_TAKEN):
        return wanted
    if _LIMIT not in connection.info:
        connection.info[_LIMIT] = connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one()
    return min(at_most, int(connection.info[_LIMIT]) - _STATEMENT_BYTES)


def size_of_row(values: Sequence[object]) -> int:
    """The most bytes that these values take in a statement."""
    return _BYTES_A_ROW + sum([size_of(value) for value in values])


def size_of(value: object) -> int:
    if isinstance(value, str):
        return _BYTES_A_CHARACTER * len(value) + _QUOTES
    # PyMySQL writes bytes in hexadecimal digits.
    return 2 * len(value) + _QUOTES if isinstance(value, bytes) else _BYTES_A_NUMBER


def halved(at_most: int, error: DBAPIError) -> int:
    """The size to try next if a statement was too large; any other error is raised, and this one when halving ends.

    A proxy between us and MySQL may have a lower limit than MySQL.
    """
    smaller = min(at_most // 2, _SURELY_TAKEN)
    if error_number(error) not in TOO_LARGE or smaller < _LEAST_BYTES:
        raise error
    return smaller
