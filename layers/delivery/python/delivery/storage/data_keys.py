"""Keeps the wrapped data keys, which KMS alone can unwrap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text

from delivery.storage.mysql.columns import INSERT, Rights, select
from delivery.storage.mysql.database import in_transaction, to_stored
from delivery.storage.operating.audit import write_line

if TYPE_CHECKING:  # its import costs a cold start
    from delivery.domain.operating import Action

_NEWEST = text("SELECT id, wrapped_key FROM notification_data_keys ORDER BY id DESC LIMIT 1")
_BY_ID = text("SELECT wrapped_key FROM notification_data_keys WHERE id = :id")
_ADD = text("INSERT INTO notification_data_keys (wrapped_key, created_at) VALUES (:wrapped_key, :now)")

#: The rights of a function that saves credentials, because the first data key is made on first use.
RIGHTS_TO_ADD: Rights = {"notification_data_keys": [INSERT]}
#: The rights of a function that sends.
RIGHTS_TO_READ: Rights = {"notification_data_keys": [*select("id", "wrapped_key")]}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKeys:
    engine: Engine

    def newest(self) -> tuple[int, bytes] | None:
        """The id and the wrapped bytes of the key that seals; None before there is one."""
        with self.engine.connect() as connection:
            row = connection.execute(_NEWEST).one_or_none()
        return (row.id, bytes(row.wrapped_key)) if row else None

    def wrapped(self, key_id: int) -> bytes | None:
        with self.engine.connect() as connection:
            found = connection.execute(_BY_ID, {"id": key_id}).scalar()
        return bytes(found) if found is not None else None

    def add(self, wrapped_key: bytes, *, now: datetime, action: Action | None = None) -> int:
        """Stores a new wrapped key and returns its id. Adding two at once is harmless, because both stay readable.

        If an operator asked for it, `action` is written to the audit in the same transaction.
        """

        def work(connection: Connection) -> int:
            values = {"wrapped_key": wrapped_key, "now": to_stored(now)}
            key_id = int(connection.execute(_ADD, values).lastrowid)
            if action:
                write_line(connection, action, count=1, now=now)
            return key_id

        return in_transaction(self.engine, work)
