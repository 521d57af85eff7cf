"""Marks on the producers' outbox rows: what ingest did with the event that a row carried."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from delivery.domain.intake import Reject

_OPEN = "status IN ('pending', 'published')"


def mark_consumed(connection: Connection, outbox_ids: Sequence[int], now: datetime) -> None:
    """The events of these rows are notifications now. Ids of 0 stand for no outbox row."""
    ids = sorted({outbox_id for outbox_id in outbox_ids if outbox_id})
    if not ids:
        return
    connection.exec_driver_sql(
        "UPDATE notification_outbox_messages "  # noqa: S608 - placeholders only
        "SET status = 'consumed', consumed_at = %s, next_retry_at = NULL, last_error = NULL, updated_at = %s "
        f"WHERE id IN ({', '.join(['%s'] * len(ids))}) AND {_OPEN}",
        (now, now, *ids),
    )


def mark_dead(connection: Connection, rejects: Sequence[Reject], now: datetime) -> None:
    """The events of these rows were rejected; the row says why."""
    rows = sorted((reject.outbox_id, f"{reject.code}: {reject.reason}") for reject in rejects if reject.outbox_id)
    if not rows:
        return
    connection.exec_driver_sql(
        "UPDATE notification_outbox_messages "  # noqa: S608 - constant
        f"SET status = 'dead', last_error = %s, next_retry_at = NULL, updated_at = %s WHERE id = %s AND {_OPEN}",
        [(reason[:16_000], now, outbox_id) for outbox_id, reason in rows],
    )
