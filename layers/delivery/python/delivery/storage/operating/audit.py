"""Writes what operators did: a line for each action, in the transaction of what it did."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from delivery.storage.mysql.columns import INSERT, Rights, listed, select
from delivery.storage.mysql.database import to_stored

if TYPE_CHECKING:  # its import would lengthen the sender's cold start
    from delivery.domain.operating import Action

COLUMNS = ("at", "actor", "action", "filter", "count")
_ADD = f"""
INSERT INTO notification_audit ({listed(COLUMNS)})
VALUES (%(at)s, %(actor)s, %(action)s, %(filter)s, %(count)s)"""  # noqa: S608 - constant

RIGHTS: Rights = {"notification_audit": [INSERT, *select("id", *COLUMNS)]}


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
