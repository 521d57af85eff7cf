"""Makes large tables fast: most rows are final, some are due, and the server writes them itself."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, Engine

from delivery.storage.mysql.database import to_stored

_CHUNK = 100_000
_SAID_EVERY = 1_000_000
_SESSION = f"SET SESSION cte_max_recursion_depth = {_CHUNK}, sql_log_bin = 0"

_FILL = """
INSERT INTO notification_records (channel, user_id, trigger_id, preview_id, trigger_type, target_type, target_id,
    dedupe_key, target_url, summary_text, status, next_retry_at, created_at, updated_at)
WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < %(count)s)
SELECT 'feishu', n %% 1000, CONCAT('trigger-', n), CONCAT('preview-', n), 'schedule_conflict', 'schedule', n,
    LPAD(%(first)s + n, 12, '0'), '/assistant/preview', '周三下午的评审与客户会议冲突',
    IF((%(first)s + n) %% %(one_due_in)s = 0, 'pending', 'sent'),
    IF((%(first)s + n) %% %(one_due_in)s = 0, %(due_at)s, NULL),
    %(due_at)s, %(due_at)s
FROM numbers"""


def fill(engine: Engine, *, rows: int, due: int, due_at: datetime, progress: Callable[[str], None]) -> None:
    """So many rows, of which at least `due` came due at `due_at`, spread evenly over the table."""
    with engine.connect() as connection:
        connection.exec_driver_sql(_SESSION)
        for first in range(0, rows, _CHUNK):
            count = min(_CHUNK, rows - first)
            _fill(connection, first=first, count=count, one_due_in=rows // due, due_at=to_stored(due_at))
            if (first + count) % _SAID_EVERY == 0:
                progress(f"{first + count:,} rows")
        connection.exec_driver_sql("ANALYZE LOCAL TABLE notification_records")
        connection.invalidate()  # a connection without binary log is nobody else's


def _fill(connection: Connection, **values: object) -> None:
    connection.exec_driver_sql(_FILL, values)
    connection.commit()
