"""Records keep when they were asked for, and rejects are told apart by what they were, too.

A topic that was made anew counts its offsets from 0 again, and its rejects are others than those of before.
"""

from alembic import op
from sqlalchemy import inspect

revision = "0003"
down_revision = "0002"

# The index keeps its name: if 0001 runs again, it takes any other for an index of the Go service.
_POSITION = "uk_notification_rejects_position"


def upgrade() -> None:
    """Changes each table in one statement, and only if that was not done yet, because MySQL commits each statement."""
    if "requested_at" not in _columns("notification_records"):
        op.execute("ALTER TABLE notification_records ADD COLUMN requested_at datetime(3) NULL")
    if "fingerprint" not in _columns("notification_rejects"):
        op.execute(
            "ALTER TABLE notification_rejects ADD COLUMN `timestamp` bigint NULL, "
            "ADD COLUMN fingerprint varbinary(32) NOT NULL DEFAULT '', "
            f"DROP KEY {_POSITION}, ADD UNIQUE KEY {_POSITION} (topic, `partition`, `offset`, fingerprint)"
        )


def _columns(table: str) -> set[str]:
    return {column["name"] for column in inspect(op.get_bind()).get_columns(table)}
