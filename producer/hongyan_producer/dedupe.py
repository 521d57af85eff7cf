"""Builds dedupe keys."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def half_hour_key(user_id: int, trigger_type: str, requested_at: datetime) -> str:
    """The `dedupe_key` for "at most one notification for each user, kind and half hour"."""
    if requested_at.tzinfo is None:
        raise ValueError("requested_at: should have a time zone")
    return f"{user_id}:{trigger_type}:{(requested_at - _EPOCH) // timedelta(minutes=30)}"
