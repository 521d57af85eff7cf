"""Writes the parts of a statement that follow from a list of columns, so that the list stands once in its module.

The rights of the functions' MySQL users follow from the same lists (`delivery.deployment.rights`).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sized
from typing import NamedTuple, TypeVar

T = TypeVar("T")

#: What is written to each column: how its value is taken from the thing that is stored.
Sources = Mapping[str, Callable[[T], object]]


class Privilege(NamedTuple):
    """A privilege on a table, as GRANT names it."""

    name: str
    #: Empty is the whole table.
    column: str = ""


#: Table → what may be done with it.
Rights = Mapping[str, Collection[Privilege]]

#: ON DUPLICATE KEY UPDATE needs SELECT and UPDATE on its columns as well.
INSERT = Privilege("INSERT")

#: Of a whole table: MySQL has none for a column. FOR UPDATE needs nothing more.
DELETE = Privilege("DELETE")


def select(*columns: str) -> Iterator[Privilege]:
    return (Privilege("SELECT", column) for column in columns)


def update(*columns: str) -> Iterator[Privilege]:
    """FOR UPDATE needs this on some column, too."""
    return (Privilege("UPDATE", column) for column in columns)


def listed(columns: Iterable[str], *, of: str = "") -> str:
    """`id`, `status`; with `of`, each behind the name of its table."""
    return ", ".join(f"{of}.`{column}`" if of else f"`{column}`" for column in columns)


def assigned(expressions: Mapping[str, str]) -> str:
    """What follows SET: each column with its expression."""
    return ", ".join(f"`{column}` = {expression}" for column, expression in expressions.items())


def copied(columns: Iterable[str], *, source: str, to: str = "") -> str:
    """What follows SET or UPDATE when each column takes the value of the same name in `source`."""
    into = f"{to}." if to else ""
    return ", ".join(f"{into}`{column}` = {source}.`{column}`" for column in columns)


def row_of(columns: Sized) -> str:
    """Placeholders for one row: `%s, %s`."""
    return ", ".join(["%s"] * len(columns))


def rows_of(columns: Sized, count: int, *, row: str = "") -> str:
    """Placeholders for `count` rows: `(%s, %s), (%s, %s)`."""
    return ", ".join([f"{row}({row_of(columns)})"] * count)


def values_of(sources: Sources[T], things: Iterable[T]) -> tuple[object, ...]:
    """The values for those placeholders, row by row."""
    return tuple(value(thing) for thing in things for value in sources.values())
