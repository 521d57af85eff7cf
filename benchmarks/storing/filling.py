"""Makes large tables fast: most rows are final, some are due, and the server writes them itself."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, Engine

from delivery.storage.mysql.database import to_stored

_CHUNK = 50_000
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

_ADD_ATTEMPTS = """
INSERT INTO notification_attempts (record_id, attempt, started_at, finished_at, outcome, http_status, response, way)
SELECT id, 1, created_at, updated_at, 'delivered', 200, '{"status_code": 200, "body": {"code": 0}}', 'feishu_webhook'
FROM notification_records WHERE next_retry_at IS NULL AND id > %(first)s AND id <= %(last)s"""

_PART = 20_000
_END_MOST = """
UPDATE notification_records SET next_retry_at = NULL, created_at = created_at + INTERVAL dedupe_key SECOND,
    user_id = IF(dedupe_key %% 10 = 7, 7, user_id),
    status = CASE WHEN dedupe_key %% %(one_dead_in)s = 0 THEN 'dead' WHEN dedupe_key %% 100 = 1 THEN 'skipped'
        WHEN dedupe_key %% 100 = 3 THEN 'dead' ELSE 'sent' END,
    last_error_code = CASE WHEN dedupe_key %% %(one_dead_in)s = 0 THEN 'network_error'
        WHEN dedupe_key %% 100 = 1 THEN 'recipient_missing' WHEN dedupe_key %% 100 = 3 THEN 'provider_5xx' END
WHERE channel = 'feishu' AND dedupe_key > LPAD(%(first)s, 12, '0') AND dedupe_key <= LPAD(%(last)s, 12, '0')"""


def fill(engine: Engine, *, rows: int, due: int, due_at: datetime, progress: Callable[[str], None]) -> None:
    """Fills the table with rows, of which at least `due`, spread evenly, came due at `due_at`."""
    with engine.connect() as connection:
        connection.exec_driver_sql(_SESSION)
        for first in range(0, rows, _CHUNK):
            count = min(_CHUNK, rows - first)
            _fill(connection, first=first, count=count, one_due_in=rows // due, due_at=to_stored(due_at))
            if (first + count) % _SAID_EVERY == 0:
                progress(f"{first + count:,} rows")
        connection.exec_driver_sql("ANALYZE LOCAL TABLE notification_records")
        connection.invalidate()  # nobody else may get a connection without binary log


def end_most(engine: Engine, *, rows: int, dead: int) -> None:
    """Gives the records of `fill` distinct times, a second apart, and makes at least `dead` of them dead.

    The others are sent, and some are skipped, or dead for another reason. One in ten is user 7's.
    """
    with engine.connect() as connection:
        connection.exec_driver_sql(_SESSION)
        for first in range(0, rows, _PART):
            values = {"first": first, "last": first + _PART, "one_dead_in": rows // dead}
            connection.exec_driver_sql(_END_MOST, values)
            connection.commit()
        connection.exec_driver_sql("ANALYZE LOCAL TABLE notification_records")
        connection.invalidate()


def add_attempts(engine: Engine) -> None:
    """Adds one attempt for each final record."""
    with engine.connect() as connection:
        connection.exec_driver_sql(_SESSION)
        last = int(connection.exec_driver_sql("SELECT MAX(id) FROM notification_records").scalar_one())
        for first in range(0, last, _PART):
            connection.exec_driver_sql(_ADD_ATTEMPTS, {"first": first, "last": first + _PART})
            connection.commit()
        connection.invalidate()


def _fill(connection: Connection, **values: object) -> None:
    connection.exec_driver_sql(_FILL, values)
    connection.commit()
