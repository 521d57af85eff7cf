"""A snapshot that a stage left, and what was open in it: the MySQL that stands in for RDS still has its rows."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

_OPEN = """
INSERT INTO {database}.notification_records (channel, user_id, trigger_id, preview_id, trigger_type, target_type,
    target_id, dedupe_key, target_url, status, next_retry_at, created_at, updated_at)
VALUES ('feishu', 7, '', '', '', '', 0, 'open', '/assistant/', 'pending', :an_hour_ago, :an_hour_ago, :an_hour_ago)"""


def open_in_the_backup(engine: Engine, database: str) -> None:
    """Records something that waits to be sent."""
    with engine.begin() as connection:
        then = datetime.now(UTC) - timedelta(hours=1)
        connection.execute(text(_OPEN.format(database=database)), {"an_hour_ago": then})


def restoring(snapshot: str, database: str, *, region: str) -> Mapping[str, Any]:
    """The settings that make a new MySQL of it, and hold what was open until a moment ago."""
    just_now = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    arn = f"arn:aws:rds:{region}:111111111111:snapshot:{snapshot}"
    return {"new": {"snapshot_arn": arn}, "name": database, "hold_open_before": just_now}


def records(engine: Engine, database: str) -> list[tuple[str, str]]:
    """The state and the last code of each."""
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT status, last_error_code FROM {database}.notification_records"))
        return [(str(status), str(code)) for status, code in found]
