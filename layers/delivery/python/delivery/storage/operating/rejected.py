"""Reads rejects for operators, whole enough to run through ingest again, and marks those that were."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping

from delivery.domain.intake import KafkaRecord
from delivery.domain.operating import Action, Page, Place, RejectFilter, StoredReject
from delivery.storage.mysql.columns import Rights, select, update
from delivery.storage.mysql.database import in_transaction, to_stored
from delivery.storage.operating.audit import write_line
from delivery.storage.operating.pages import Branch, Listing, in_utc
from delivery.storage.rejects import fingerprint

_TABLE = "notification_rejects"
_INDEX = "ix_notification_rejects_code"
# MySQL jumps from one code to the next.
CODES = f"SELECT code FROM {_TABLE} FORCE INDEX ({_INDEX}) GROUP BY code"  # noqa: S608 - constant
_TIMES = {"created_from": "created_at >= %(created_from)s", "created_before": "created_at < %(created_before)s"}
_LISTED = ("id", "topic", "partition", "offset", "timestamp", "code", "reason", "created_at", "replayed_at")
_WHOLE = (*_LISTED, "key", "value", "headers", "fingerprint")
_ROWS = f"SELECT {', '.join(f'`{name}`' for name in _LISTED)} FROM notification_rejects WHERE id IN %(ids)s"  # noqa: S608
_REJECTS = f"SELECT {', '.join(f'`{name}`' for name in _WHOLE)} FROM notification_rejects WHERE id IN %(ids)s"  # noqa: S608
_MARK = "UPDATE notification_rejects SET replayed_at = %(now)s WHERE id IN %(ids)s AND replayed_at IS NULL"

RIGHTS: Rights = {"notification_rejects": [*select(*_WHOLE), *update("replayed_at")]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejects:
    engine: Engine

    def page(
        self, wanted: RejectFilter, *, after: Place | None = None, size: int = 50, oldest_first: bool = False
    ) -> Page:
        """The rejects without keys, values and headers."""
        with self.engine.connect() as connection:
            meant = listing(connection, wanted)
            found = meant.first(connection, after=after, size=size, oldest_first=oldest_first)
            rows = _listed(connection, found.ids)
        return Page(rows=[rows[one] for one in found.ids if one in rows], next=found.next)

    def whole(self, ids: Sequence[int]) -> Sequence[StoredReject]:
        """The complete rejects with these ids, if they exist, in the order of their ids and so of their arrival."""
        if not ids:
            return []
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql(_REJECTS, {"ids": sorted(set(ids))}).mappings()
            return sorted((_stored(row) for row in found), key=lambda reject: reject.id)

    def mark_replayed(self, ids: Sequence[int], action: Action, *, now: datetime) -> int:
        """Marks those that are not marked yet, and returns how many there were."""

        def work(connection: Connection) -> int:
            values = {"ids": sorted(set(ids)), "now": to_stored(now)}
            marked = int(connection.exec_driver_sql(_MARK, values).rowcount) if ids else 0
            write_line(connection, action, count=marked, now=now)
            return marked

        return in_transaction(self.engine, work)


def listing(connection: Connection, wanted: RejectFilter) -> Listing:
    """Lists the selected rejects by one range of the index for each code that occurs."""
    times = {name: to_stored(time) for name in _TIMES if (time := getattr(wanted, name)) is not None}
    codes = [row.code for row in connection.exec_driver_sql(CODES) if wanted.code in (None, row.code)]
    named = {f"c{number}": code for number, code in enumerate(codes)}
    within = [_TIMES[name] for name in times]
    return Listing(
        table=_TABLE,
        branches=[Branch(_INDEX, [f"code = %({name})s", *within]) for name in named],
        rest=list(_rest(wanted)),
        parameters={**named, **times, "topic": wanted.topic},
    )


def _rest(wanted: RejectFilter) -> Iterator[str]:
    if wanted.topic is not None:
        yield "topic = %(topic)s"
    if wanted.replayed is not None:
        yield f"replayed_at IS {'NOT NULL' if wanted.replayed else 'NULL'}"


def _listed(connection: Connection, ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    if not ids:
        return {}
    return {row["id"]: in_utc(row) for row in connection.exec_driver_sql(_ROWS, {"ids": list(ids)}).mappings()}


def _stored(row: RowMapping) -> StoredReject:
    headers = tuple((pair["name"], base64.b64decode(pair["value"])) for pair in json.loads(row["headers"]))
    source = KafkaRecord(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        timestamp=row["timestamp"],
        key=row["key"],
        value=row["value"],
        headers=headers,
    )
    known = {name: value for name, value in in_utc(row).items() if name in _LISTED}
    # Rows older than the fingerprint column have none.
    is_whole = row["fingerprint"] in (b"", fingerprint(source))
    return StoredReject(id=row["id"], source=source, is_whole=is_whole, known=known)
