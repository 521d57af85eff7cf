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
#: Where a list begins: every page has one statement, and the first costs what the others do.
_BEGINNING = {
    True: Place(datetime(1000, 1, 1, tzinfo=UTC), 0),
    False: Place(datetime(9999, 12, 31, tzinfo=UTC), 2**63 - 1),
}
#: Rows in which the rest of a filter is looked up at once, and how often for one page.
_LOOKED_AT, _LOOKS = 1_000, 10


class Branch(NamedTuple):
    """A range of an index that is in the order of the list, and the conditions on its columns."""

    index_name: str
    conditions: Sequence[str]


class Found(NamedTuple):
    """The rows of a page, and where the next one begins; None after the last.

    A page may hold fewer rows than were asked for although more follow: what a filter leaves to be looked up in the
    rows is looked up in so many of them, and then the next page goes on.
    """

    places: Sequence[Place]
    next: Place | None

    @property
    def ids(self) -> list[int]:
        return [place.id for place in self.places]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The rows of a table that a filter means, in the order in which they were made."""

    table: str
    branches: Sequence[Branch]
    #: What no index of the branches knows.
    rest: Sequence[str] = ()
    parameters: Mapping[str, object]

    def first(self, connection: Connection, *, after: Place | None, size: int, oldest_first: bool = False) -> Found:
        """The first `size` rows behind `after`."""
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
        """What finds ids and times, with `limit` and the place left to be given."""
        order, beyond = _ORDER[oldest_first]
        # MySQL makes two ranges of the index of this, and none of a comparison of pairs.
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
        """Those of these for which the rest of the filter holds."""
        if not (self.rest and seen):
            return seen
        where = " AND ".join(["id IN %(ids)s", *self.rest])
        statement = f"SELECT id FROM {self.table} AS r FORCE INDEX (PRIMARY) WHERE {where}"  # noqa: S608 - constants
        rows = connection.exec_driver_sql(statement, {**self.parameters, "ids": [place.id for place in seen]})
        meant = {row.id for row in rows}
        return [place for place in seen if place.id in meant]


def in_utc(row: RowMapping) -> dict[str, Any]:
    """The row by column, its times aware."""
    return {str(name): from_stored(value) if isinstance(value, datetime) else value for name, value in row.items()}
