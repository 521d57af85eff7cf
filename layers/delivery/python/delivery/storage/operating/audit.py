"""Keeps what operators did: a line for each action, written in the transaction of what it did."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping

from delivery.domain.operating import Action, Page, Place
from delivery.storage.mysql.columns import INSERT, Rights, listed, select
from delivery.storage.mysql.database import from_stored, to_stored

_LINE = ("at", "actor", "action", "filter", "count")
_ADD = f"""
INSERT INTO notification_audit ({listed(_LINE)})
VALUES (%(at)s, %(actor)s, %(action)s, %(filter)s, %(count)s)"""  # noqa: S608 - constant
NEWEST = f"""
SELECT id, {listed(_LINE)} FROM notification_audit WHERE id < %(before)s
ORDER BY id DESC LIMIT %(limit)s"""  # noqa: S608 - constant
_BEFORE_ANY = 2**63 - 1

RIGHTS: Rights = {"notification_audit": [INSERT, *select("id", *_LINE)]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    engine: Engine

    def page(self, *, after: Place | None = None, size: int = 50) -> Page:
        """The audit's lines, newest first."""
        wanted = {"before": after.id if after else _BEFORE_ANY, "limit": size + 1}
        with self.engine.connect() as connection:
            found = [_line(row) for row in connection.exec_driver_sql(NEWEST, wanted).mappings()]
        last = found[size - 1] if len(found) > size else None
        return Page(rows=found[:size], next=Place(last["at"], last["id"]) if last else None)


def write_line(connection: Connection, action: Action, *, count: int, now: datetime) -> None:
    """Writes the line in the caller's transaction, so a rollback leaves none."""
    values = {
        "at": to_stored(now),
        "actor": action.actor[:191],
        "action": action.action,
        "filter": json.dumps(action.filter, ensure_ascii=False, default=str),
        "count": count,
    }
    connection.exec_driver_sql(_ADD, values)


def _line(row: RowMapping) -> dict[str, Any]:
    return {**row, "at": from_stored(row["at"]), "filter": json.loads(row["filter"])}
