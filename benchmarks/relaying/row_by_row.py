"""The relay that is measured against: find one row, produce it, wait for Kafka, mark it, each by itself.

It speaks to Kafka through the same client and leaves what a set leaves.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from delivery.domain.relaying import Accepted, Message, OutboxRow, message_of
from delivery.producing import Kafka
from delivery.storage.mysql.database import in_transaction, to_stored

_FIND = """
SELECT id, topic, message_key, event_type, service_name, payload, retry_count, max_retry
FROM notification_outbox_messages
WHERE status = 'pending' AND next_retry_at <= %s ORDER BY next_retry_at, id LIMIT 1"""
_MARK = """
UPDATE notification_outbox_messages SET status = 'published', published_at = %s, next_retry_at = NULL,
    last_error = NULL, updated_at = %s
WHERE id = %s AND status = 'pending'"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowByRow:
    engine: Engine
    kafka: Kafka

    def relay_one(self, *, now: datetime) -> bool:
        """Relays one row, and returns whether one was due."""
        found = in_transaction(
            self.engine, lambda on: on.exec_driver_sql(_FIND, (to_stored(now),)).mappings().one_or_none()
        )
        if found is None:
            return False
        row = OutboxRow(**found)
        message = message_of(row)
        assert isinstance(message, Message)
        self.kafka.send(message)
        while not (answers := self.kafka.answers(within=1)):
            pass
        assert answers == [(row.id, Accepted())]
        return in_transaction(self.engine, lambda on: _mark(on, row.id, now))


def _mark(on: Connection, row_id: int, now: datetime) -> bool:
    return on.exec_driver_sql(_MARK, (to_stored(now), to_stored(now), row_id)).rowcount == 1
