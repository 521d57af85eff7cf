"""Reads what happened: a record by id or by key, its attempts, and what is due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, select

from delivery.storage.mysql.database import to_stored
from delivery.storage.tables import attempts, records


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """Returns rows as they are stored, by column name, with times in naive UTC."""

    engine: Engine

    def by_id(self, record_id: int) -> Mapping[str, Any] | None:
        return self._first(select(records).where(records.c.id == record_id))

    def by_key(self, channel: str, dedupe_key: str) -> Mapping[str, Any] | None:
        return self._first(select(records).where(records.c.channel == channel, records.c.dedupe_key == dedupe_key))

    def history(self, record_id: int) -> Sequence[Mapping[str, Any]]:
        """The attempts of a record, in order."""
        return self._all(select(attempts).where(attempts.c.record_id == record_id).order_by(attempts.c.attempt))

    def due(self, *, now: datetime, limit: int) -> Sequence[Mapping[str, Any]]:
        """The rows that claim would take now, oldest first. Takes none."""
        due = records.c.next_retry_at <= to_stored(now)
        return self._all(select(records).where(due).order_by(records.c.next_retry_at, records.c.id).limit(limit))

    def _first(self, query: Select[Any]) -> Mapping[str, Any] | None:
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return dict(row) if row else None

    def _all(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]
