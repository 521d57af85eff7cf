"""A dedupe key for producers that want at most one notification per user, kind and time window."""

from __future__ import annotations

from datetime import datetime, timedelta

DEFAULT_WINDOW = timedelta(minutes=30)


def time_window_key(
    *, user_id: int, trigger_type: str, requested_at: datetime, window: timedelta = DEFAULT_WINDOW
) -> str:
    """`user:kind:window number`, the same for all requests of one window counted from the Unix epoch (UTC).

    Raises:
        ValueError: the user id is not positive, the trigger type is empty or holds more than 64 characters, the time
            has no zone, or the window is shorter than a second.
    """
    kind = trigger_type.strip()
    if user_id <= 0:
        raise ValueError("user_id should be greater than 0")
    if not 0 < len(kind) <= 64:  # noqa: PLR2004 - the length of the column
        raise ValueError("trigger_type should hold 1 to 64 characters")
    if requested_at.tzinfo is None:
        raise ValueError("requested_at should carry a time zone")
    if window < timedelta(seconds=1):
        raise ValueError("window should be a second or longer")
    return f"{user_id}:{kind}:{int(requested_at.timestamp() // window.total_seconds())}"
