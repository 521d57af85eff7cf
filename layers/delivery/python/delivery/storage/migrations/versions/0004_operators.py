"""Operators find records by state and code, newest first, and each of their actions leaves a line.

One index serves lists, counts over time and redrives: all of them ask for one state and code at a time. The indexes of
previews and triggers become ordered by time, as that of users is, so that no list has to be sorted.
"""

from alembic import op
from sqlalchemy import inspect

revision = "0004"
down_revision = "0003"

_STATE = "ix_notification_records_state"
_CODE = "ix_notification_rejects_code"
# The indexes keep their names: if 0001 runs again, it takes any other for an index of the Go service.
_PREVIEW, _TRIGGER = "ix_notification_records_preview", "ix_notification_records_trigger"


def upgrade() -> None:
    """Changes each table in one statement, and only if that was not done yet, because MySQL commits each statement."""
    if _STATE not in _indexes("notification_records"):
        op.execute(
            f"ALTER TABLE notification_records ADD KEY {_STATE} (status, last_error_code, created_at), "
            f"DROP KEY {_PREVIEW}, ADD KEY {_PREVIEW} (preview_id, created_at), "
            f"DROP KEY {_TRIGGER}, ADD KEY {_TRIGGER} (trigger_id, created_at)"
        )
    if _CODE not in _indexes("notification_rejects"):
        op.execute(f"ALTER TABLE notification_rejects ADD KEY {_CODE} (code, created_at)")
    if "way" not in _columns("notification_attempts"):
        op.execute("ALTER TABLE notification_attempts ADD COLUMN way varchar(32) NULL")
    op.execute(
        "CREATE TABLE IF NOT EXISTS notification_audit (id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, "
        "`at` datetime(3) NOT NULL, actor varchar(191) NOT NULL, action varchar(32) NOT NULL, "
        "`filter` json NOT NULL, `count` int NOT NULL) "
        "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci"
    )


def _indexes(table: str) -> set[str | None]:
    return {index["name"] for index in inspect(op.get_bind()).get_indexes(table)}


def _columns(table: str) -> set[str]:
    return {column["name"] for column in inspect(op.get_bind()).get_columns(table)}
