"""The relay finds the older rows of a key that are not published yet, however many are.

The index is on a column of its own that only pending rows have a value in, so that the many rows that are published or
consumed stand at one end of it and are never moved again.
"""

from alembic import op
from sqlalchemy import inspect

revision = "0005"
down_revision = "0004"

_ORDERED_KEY = "IF(status = 'pending' AND LENGTH(message_key) > 0, message_key, NULL)"
_ORDER = "ix_notification_outbox_order"


def upgrade() -> None:
    """Makes each change in its own statement, and only if it was not made yet, because MySQL commits each statement."""
    inspector = inspect(op.get_bind())
    if "ordered_key" not in {column["name"] for column in inspector.get_columns("notification_outbox_messages")}:
        op.execute(
            "ALTER TABLE notification_outbox_messages ADD COLUMN ordered_key varchar(191) COLLATE utf8mb4_0900_bin "
            f"GENERATED ALWAYS AS ({_ORDERED_KEY}) VIRTUAL"
        )
    if _ORDER not in {index["name"] for index in inspector.get_indexes("notification_outbox_messages")}:
        op.execute(f"ALTER TABLE notification_outbox_messages ADD KEY {_ORDER} (ordered_key, id)")
