"""Makes large outboxes fast: most rows are consumed, some are due, and the server writes them itself."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from delivery.storage.mysql.database import to_stored

TOPIC = "hongyan.bench.relay"
_CHUNK = 50_000
_SAID_EVERY = 1_000_000
_SESSION = f"SET SESSION cte_max_recursion_depth = {_CHUNK}, sql_log_bin = 0"

# Each row has its own key, because a user seldom has two rows in a set of 500.
_FILL = """
INSERT INTO notification_outbox_messages (event_type, service_name, topic, message_key, payload, status, next_retry_at,
    published_at, consumed_at, created_at, updated_at)
WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < %(count)s)
SELECT 'notification.feishu.requested', 'notification', %(topic)s, %(first)s + n, %(payload)s,
    IF(%(first)s + n > %(consumed)s, 'pending', 'consumed'),
    IF(%(first)s + n > %(consumed)s, %(due_at)s, NULL),
    IF(%(first)s + n > %(consumed)s, NULL, %(due_at)s),
    IF(%(first)s + n > %(consumed)s, NULL, %(due_at)s),
    %(due_at)s, %(due_at)s
FROM numbers"""

_PAYLOAD = (
    '{"event_id": "0190f3a2-7c5e-7bb1-9a51-3d5f2f6b8c11", "event_type": "notification.feishu.requested", '
    '"event_version": "1", "aggregate_id": "preview-000000000001", "payload": {"user_id": 7, '
    '"trigger_id": "trigger-1", "preview_id": "preview-000000000001", "trigger_type": "schedule_conflict", '
    '"target_type": "schedule", "target_id": 12, "dedupe_key": "7:schedule_conflict:979344", '
    '"target_url": "/assistant/preview/000000000001", "summary_text": "周三下午的评审与客户会议冲突", '
    '"fallback_text": "", "requested_at": "2026-01-31T08:00:00Z"}}'
)


def fill_outbox(engine: Engine, *, rows: int, due: int, due_at: datetime, progress: Callable[[str], None]) -> None:
    """Fills a typical outbox. The newest `due` rows are pending and came due at `due_at`."""
    values = {"topic": TOPIC, "payload": _PAYLOAD, "consumed": rows - due, "due_at": to_stored(due_at)}
    with engine.connect() as connection:
        connection.exec_driver_sql(_SESSION)
        for first in range(0, rows, _CHUNK):
            count = min(_CHUNK, rows - first)
            connection.exec_driver_sql(_FILL, {**values, "first": first, "count": count})
            connection.commit()
            if (first + count) % _SAID_EVERY == 0:
                progress(f"{first + count:,} rows")
        connection.exec_driver_sql("ANALYZE LOCAL TABLE notification_outbox_messages")
        connection.invalidate()  # nobody else may get a connection without binary log
