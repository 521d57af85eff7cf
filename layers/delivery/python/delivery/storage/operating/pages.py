"""Pages by place instead of by number: the thousandth costs what the first does."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from delivery.domain.operating import Page, Place
from delivery.storage.mysql.database import from_stored, to_stored

_ORDER = {True: ("created_at ASC, id ASC", ">"), False: ("created_at DESC, id DESC", "<")}


def ids_in_order(
    source: str, conditions: Sequence[str], *, after: Place | None, oldest_first: bool, columns: str = "id, created_at"
) -> str:
    """One branch of a list: the first rows of `source` behind the place `after`."""
    order, beyond = _ORDER[oldest_first]
    # Not a comparison of pairs, which MySQL does not make a range of an index.
    place = [f"created_at {beyond}= %(at)s", f"(created_at {beyond} %(at)s OR id {beyond} %(id)s)"] if after else []
    where = " AND ".join([*conditions, *place]) or "TRUE"
    return f"(SELECT {columns} FROM {source} WHERE {where} ORDER BY {order} LIMIT %(limit)s)"  # noqa: S608 - constants


def merged(branches: Sequence[str], *, oldest_first: bool) -> str:
    """The first rows of all branches together."""
    return f"{' UNION ALL '.join(branches)} ORDER BY {_ORDER[oldest_first][0]} LIMIT %(limit)s"


def placed(after: Place | None) -> Mapping[str, object]:
    return {"at": to_stored(after.created_at), "id": after.id} if after else {}


def page_of(
    connection: Connection,
    statement: str,
    parameters: Mapping[str, object],
    *,
    size: int,
    rows_of: Callable[[Connection, Sequence[int]], Mapping[int, Mapping[str, Any]]],
) -> Page:
    """Runs a statement that finds ids and times, and reads the rows behind the first `size` of them."""
    found = connection.exec_driver_sql(statement, {**parameters, "limit": size + 1}).all()
    shown = found[:size]
    rows = rows_of(connection, [row.id for row in shown])
    last = shown[-1] if len(found) > size else None
    return Page(
        rows=[rows[row.id] for row in shown if row.id in rows],
        next=Place(from_stored(last.created_at), last.id) if last else None,
    )


def in_utc(row: RowMapping) -> dict[str, Any]:
    """The row by column, its times aware."""
    return {str(name): from_stored(value) if isinstance(value, datetime) else value for name, value in row.items()}
