"""Finds records for operators, newest first, by ranges of indexes alone.

A list of states is put together from one range for each pair of state and code that occurs, of which there are few.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from delivery.domain.operating import Page, Place, RecordFilter
from delivery.storage.mysql.columns import Rights, select
from delivery.storage.mysql.database import to_stored
from delivery.storage.operating.pages import ids_in_order, in_utc, merged, page_of, placed
from delivery.storage.tables import attempts, records

#: By which an index can find a few rows at once, the most exact one first.
_EXACT = {
    "dedupe_key": "uk_notification_records_key",
    "preview_id": "ix_notification_records_preview",
    "trigger_id": "ix_notification_records_trigger",
    "user_id": "ix_notification_records_user",
}
_CONDITIONS = {
    "dedupe_key": "channel = 'feishu' AND dedupe_key = %(dedupe_key)s",
    "preview_id": "preview_id = %(preview_id)s",
    "trigger_id": "trigger_id = %(trigger_id)s",
    "user_id": "user_id = %(user_id)s",
    "trigger_type": "trigger_type = %(trigger_type)s",
    "way": "EXISTS (SELECT * FROM notification_attempts AS a WHERE a.record_id = r.id AND a.way = %(way)s)",
    "created_from": "created_at >= %(created_from)s",
    "created_before": "created_at < %(created_before)s",
}
_STATE_INDEX = "ix_notification_records_state"
# MySQL jumps from one pair to the next instead of reading the index: EXPLAIN says "Using index for group-by".
PAIRS = "SELECT status, last_error_code FROM notification_records GROUP BY status, last_error_code"
_RECORD = records.c.keys()
_ATTEMPT = attempts.c.keys()
_ROWS = "SELECT * FROM notification_records WHERE id IN %(ids)s"
_HISTORY = "SELECT * FROM notification_attempts WHERE record_id = %(id)s ORDER BY attempt"

RIGHTS: Rights = {
    "notification_records": [*select(*_RECORD)],
    "notification_attempts": [*select(*_ATTEMPT)],
}

Pair = tuple[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSearch:
    engine: Engine

    def page(self, wanted: RecordFilter, *, after: Place | None = None, size: int = 50) -> Page:
        """The records that are meant, newest first."""
        with self.engine.connect() as connection:
            statement, parameters = ids_of(connection, wanted, after=after)
            return page_of(connection, statement, parameters, size=size, rows_of=_rows)

    def record(self, record_id: int) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]] | None:
        """A record and its attempts in order."""
        with self.engine.connect() as connection:
            found = _rows(connection, [record_id]).get(record_id)
            history = connection.exec_driver_sql(_HISTORY, {"id": record_id}).mappings()
            return (found, [in_utc(row) for row in history]) if found else None


def ids_of(
    connection: Connection, wanted: RecordFilter, *, after: Place | None, oldest_first: bool = False
) -> tuple[str, Mapping[str, object]]:
    """The statement that finds ids and times of these records, with `limit` left to be given, and its parameters."""
    exact = next((name for name in _EXACT if getattr(wanted, name) is not None), None)
    conditions = [condition for name, condition in _CONDITIONS.items() if getattr(wanted, name) is not None]
    parameters = {name: _stored(wanted, name) for name in _CONDITIONS if getattr(wanted, name) is not None}
    if exact:
        branches = [ids_in_order(_source(_EXACT[exact]), [*conditions, *_states(wanted)], **_at(after, oldest_first))]
        parameters |= {"statuses": sorted(wanted.statuses), "code": wanted.code}
    else:
        pairs = pairs_of(connection, wanted)
        branches = [
            ids_in_order(_source(_STATE_INDEX), [*_pair(number), *conditions], **_at(after, oldest_first))
            for number in range(len(pairs))
        ]
        parameters |= pair_parameters(pairs)
    return merged(branches or [_NOTHING], oldest_first=oldest_first), {**parameters, **placed(after)}


_NOTHING = "(SELECT id, created_at FROM notification_records WHERE FALSE LIMIT %(limit)s)"


def pairs_of(connection: Connection, wanted: RecordFilter) -> list[Pair]:
    """The pairs of state and code that occur at all and are meant."""
    return [
        (row.status, row.last_error_code)
        for row in connection.exec_driver_sql(PAIRS)
        if (not wanted.statuses or row.status in wanted.statuses) and wanted.code in (None, row.last_error_code)
    ]


def pair_parameters(pairs: Iterable[Pair]) -> dict[str, object]:
    named = enumerate(pairs)
    return {name: value for at, (status, code) in named for name, value in ((f"s{at}", status), (f"c{at}", code))}


def pair_condition(number: int) -> str:
    return f"status = %(s{number})s AND last_error_code <=> %(c{number})s"


def _pair(number: int) -> list[str]:
    return [pair_condition(number)]


def _states(wanted: RecordFilter) -> list[str]:
    states = ["status IN %(statuses)s"] if wanted.statuses else []
    return [*states, "last_error_code = %(code)s"] if wanted.code is not None else states


def _source(index: str) -> str:
    return f"notification_records AS r FORCE INDEX ({index})"


def _at(after: Place | None, oldest_first: bool) -> dict[str, Any]:  # noqa: FBT001 - passed on
    return {"after": after, "oldest_first": oldest_first}


def _stored(wanted: RecordFilter, name: str) -> object:
    value = getattr(wanted, name)
    return to_stored(value) if name.startswith("created_") else value


def _rows(connection: Connection, ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    if not ids:
        return {}
    found = connection.exec_driver_sql(_ROWS, {"ids": list(ids)}).mappings()
    return {row["id"]: in_utc(row) for row in found}
