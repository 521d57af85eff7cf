"""Ids of previews and triggers compare byte for byte, as dedupe keys do: `A1` and `a1` are two.

By the rules of a language they were slower to keep in order, too, and ingest keeps an index of each.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_ID = "varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL"


def upgrade() -> None:
    op.execute(f"ALTER TABLE notification_records MODIFY trigger_id {_ID}, MODIFY preview_id {_ID}")
