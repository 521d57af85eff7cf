"""Pages by place instead of by number: the thousandth costs what the first does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping

from delivery.domain.operating import Place
from delivery.storage.mysql.database import from_stored, to_stored

_ORDER = {True: ("created_at ASC, id ASC", ">"), False: ("created_at DESC, id DESC", "<")}
#: Where a list begins. With it the first page needs no statement of its own.
_BEGINNING = {
    True: Place(datetime(1000, 1, 1, tzinfo=UTC), 0),
    False: Place(datetime(9999, 12, 31, tzinfo=UTC), 2**63 - 1),
}
#: How many rows the rest of a filter is checked in at once, and how often for one page.
_LOOKED_AT, _LOOKS = 1_000, 10


class Branch(NamedTuple):
    """A range of an index that has the list's order, and the conditions on its columns."""

    index_name: str
    conditions: Sequence[str]


class Found(NamedTuple):
    """The rows of a page, and where the next page begins; None after the last.

    A page may hold fewer rows than were asked for although more follow: conditions that no index answers are checked
    in a limited number of rows, and the next page continues from there.
    """

    places: Sequence[Place]
    next: Place | None

    @property
    def ids(self) -> list[int]:
        return [place.id for place in self.places]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The rows of a table that match a filter, in the order of their creation."""

    table: str
    branches: Sequence[Branch]
    #: Conditions that the branches' indexes do not answer.
    rest: Sequence[str] = ()
    parameters: Mapping[str, object]

    def first(self, connection: Connection, *, after: Place | None, size: int, oldest_first: bool = False) -> Found:
        """The first `size` rows after `after`."""
        found: list[Place] = []
        limit = max(size + 1, _LOOKED_AT) if self.rest else size + 1
        place = after or _BEGINNING[oldest_first]
        for _ in range(_LOOKS):
            seen = self._in_order(connection, place, limit=limit, oldest_first=oldest_first)
            found += self._meant(connection, seen)
            if len(found) > size:
                return Found(found[:size], found[size - 1])
            if len(seen) < limit:
                return Found(found, None)
            place = seen[-1]
        return Found(found, place)

    def statement(self, *, oldest_first: bool = False) -> str:
        """The statement that finds ids and times. `limit` and the place are its parameters."""
        order, beyond = _ORDER[oldest_first]
        # MySQL turns this into two ranges of the index, but a comparison of pairs into none.
        place = f"(created_at {beyond} %(at)s OR (created_at = %(at)s AND id {beyond} %(id)s))"
        branches = [
            f"(SELECT id, created_at FROM {self.table} AS r FORCE INDEX ({branch.index_name}) "  # noqa: S608 - constants
            f"WHERE {' AND '.join([*branch.conditions, place])} ORDER BY {order} LIMIT %(limit)s)"
            for branch in self.branches
        ]
        return f"{' UNION ALL '.join(branches)} ORDER BY {order} LIMIT %(limit)s"

    def _in_order(self, connection: Connection, place: Place, *, limit: int, oldest_first: bool) -> Sequence[Place]:
        if not self.branches:
            return []
        behind = {"at": to_stored(place.created_at), "id": place.id, "limit": limit}
        rows = connection.exec_driver_sql(self.statement(oldest_first=oldest_first), {**self.parameters, **behind})
        return [Place(from_stored(row.created_at), row.id) for row in rows]

    def _meant(self, connection: Connection, seen: Sequence[Place]) -> Collection[Place]:
        """The seen rows that also match the rest of the filter."""
        if not (self.rest and seen):
            return seen
        where = " AND ".join(["id IN %(ids)s", *self.rest])
        statement = f"SELECT id FROM {self.table} AS r FORCE INDEX (PRIMARY) WHERE {where}"  # noqa: S608 - constants
        rows = connection.exec_driver_sql(statement, {**self.parameters, "ids": [place.id for place in seen]})
        meant = {row.id for row in rows}
        return [place for place in seen if place.id in meant]


def in_utc(row: RowMapping) -> dict[str, Any]:
    """The row by column, with aware times."""
    return {str(name): from_stored(value) if isinstance(value, datetime) else value for name, value in row.items()}
