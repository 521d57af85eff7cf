"""What the send queue can fail with."""

from __future__ import annotations


class QueueDown(Exception):  # noqa: N818 - it says what is the matter
    """The queue did not take everything. Nothing is lost: a row whose pointer is missing comes due again by itself."""
