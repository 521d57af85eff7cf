"""A channel as its user sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from delivery.domain.channel import StoredChannel


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTest:
    """The result of the last test message over a channel."""

    status: str
    error: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedChannel:
    """What a front end shows of a channel."""

    settings: StoredChannel
    enabled: bool
    has_bearer_token: bool
    last_test: LastTest | None
