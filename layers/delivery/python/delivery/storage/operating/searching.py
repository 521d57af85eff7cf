"""Finds records for operators, newest first, by ranges of indexes.

A list of states is put together from one range for each pair of state and code that occurs, of which there are few.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping

from delivery.domain.operating import Page, Place, RecordFilter
from delivery.storage.mysql.columns import Rights, select
from delivery.storage.mysql.database import to_stored
from delivery.storage.operating.pages import Branch, Listing, in_utc
from delivery.storage.tables import attempts, records

_TABLE = "notification_records"
STATE_INDEX = "ix_notification_records_state"
#: Fields by which an index finds few rows, the most selective first.
_EXACT = {
    "dedupe_key": "uk_notification_records_key",
    "preview_id": "ix_notification_records_preview",
    "trigger_id": "ix_notification_records_trigger",
    "user_id": "ix_notification_records_user",
}
_TIMES = {"created_from": "created_at >= %(created_from)s", "created_before": "created_at < %(created_before)s"}
_CONDITIONS = {
    "dedupe_key": "channel = 'feishu' AND dedupe_key = %(dedupe_key)s",
    "preview_id": "preview_id = %(preview_id)s",
    "trigger_id": "trigger_id = %(trigger_id)s",
    "user_id": "user_id = %(user_id)s",
    "trigger_type": "trigger_type = %(trigger_type)s",
    "statuses": "status IN %(statuses)s",
    "code": "last_error_code = %(code)s",
    "way": "EXISTS (SELECT * FROM notification_attempts AS a WHERE a.record_id = r.id AND a.way = %(way)s)",
}
# MySQL jumps from one pair to the next instead of reading the index: EXPLAIN says "Using index for group-by".
PAIRS = "SELECT status, last_error_code FROM notification_records GROUP BY status, last_error_code"
_RECORD = records.c.keys()
_ATTEMPT = attempts.c.keys()
_DOCUMENTS = ("provider_request_json", "provider_response_json")
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
        """The selected records, newest first."""
        with self.engine.connect() as connection:
            found = listing(connection, wanted).first(connection, after=after, size=size)
            rows = _rows(connection, found.ids)
        return Page(rows=[rows[one] for one in found.ids if one in rows], next=found.next)

    def record(self, record_id: int) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]] | None:
        """A record and its attempts in order."""
        with self.engine.connect() as connection:
            found = _rows(connection, [record_id]).get(record_id)
            history = connection.exec_driver_sql(_HISTORY, {"id": record_id}).mappings()
            return (found, [in_utc(row) for row in history]) if found else None


def listing(connection: Connection, wanted: RecordFilter, *, but_code: str | None = None) -> Listing:
    """Lists the selected records by the best index, except those with `but_code`."""
    given = {name: value for name in (*_CONDITIONS, *_TIMES) if (value := _stored(wanted, name)) is not None}
    times = [condition for name, condition in _TIMES.items() if name in given]
    exact = next((name for name in _EXACT if name in given), None)
    known = {exact} if exact else {"statuses", "code"}
    rest = [condition for name, condition in _CONDITIONS.items() if name in given and name not in known]
    if exact:
        branches = [Branch(_EXACT[exact], [_CONDITIONS[exact], *times])]
        others = ["NOT last_error_code <=> %(but_code)s"] if but_code else []
        parameters = {**given, "but_code": but_code}
        return Listing(table=_TABLE, branches=branches, rest=[*rest, *others], parameters=parameters)
    pairs = [pair for pair in pairs_of(connection, wanted) if but_code is None or pair[1] != but_code]
    branches = [Branch(STATE_INDEX, [pair_condition(number), *times]) for number in range(len(pairs))]
    return Listing(table=_TABLE, branches=branches, rest=rest, parameters={**given, **pair_parameters(pairs)})


def pairs_of(connection: Connection, wanted: RecordFilter) -> list[Pair]:
    """The pairs of state and code that occur and match the filter."""
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


def _stored(wanted: RecordFilter, name: str) -> object:
    """The value as MySQL stores it; None if it was not given."""
    value = getattr(wanted, name)
    if name == "statuses":
        return sorted(value) or None
    return to_stored(value) if name in _TIMES and value is not None else value


def _rows(connection: Connection, ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    if not ids:
        return {}
    found = connection.exec_driver_sql(_ROWS, {"ids": list(ids)}).mappings()
    return {row["id"]: {**in_utc(row), **_decoded(row)} for row in found}


def _decoded(row: RowMapping) -> Mapping[str, Any]:
    """MySQL's driver returns JSON as text and flags as numbers."""
    documents = {name: json.loads(row[name]) for name in _DOCUMENTS if row[name] is not None}
    return {**documents, "fallback_used": bool(row["fallback_used"])}
