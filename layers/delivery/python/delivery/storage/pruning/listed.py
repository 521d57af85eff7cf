"""Reads the rows of an operators' listing from the oldest on, a window at a time."""

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection, Engine

from delivery.domain.operating import Place
from delivery.domain.retention import EndedRow
from delivery.storage.mysql.database import from_stored
from delivery.storage.operating.pages import Listing


def windows_of(
    engine: Engine, listing: Callable[[Connection], Listing], *, ended: str, size: int
) -> Iterator[Sequence[EndedRow]]:
    """Yields windows of rows. Each is read on demand, and no connection stays open in between.

    The statement `ended` finds when each of a window's rows ended.
    """
    with engine.connect() as connection:
        meant = listing(connection)
    place: Place | None = None
    while True:
        with engine.connect() as connection:
            found = meant.first(connection, after=place, size=size, oldest_first=True)
            window = _with_ends(connection, found.places, ended)
        if window:  # empty if somebody deleted all of it meanwhile
            yield window
        if found.next is None:
            return
        place = found.next


def _with_ends(connection: Connection, places: Sequence[Place], ended: str) -> Sequence[EndedRow]:
    if not places:
        return []
    rows = connection.exec_driver_sql(ended, {"ids": [place.id for place in places]})
    ends = {row.id: from_stored(row.ended_at) for row in rows}
    return [EndedRow(place.id, place.created_at, ends[place.id]) for place in places if place.id in ends]
