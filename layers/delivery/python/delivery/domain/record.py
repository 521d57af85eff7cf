"""A record: its states, the pointer that travels in the queue, and what claim and a sender get of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

CHANNEL_FEISHU = "feishu"
"""The channel of a record that goes to Feishu (column `notification_records.channel`)."""


class Status(StrEnum):
    """The states of a record, with who moves it on and when. `next_retry_at` is when claim looks at it next."""

    PENDING = "pending"
    """Recorded by ingest, not yet sent. A sender opens attempt 1; if its pointer is lost, claim finds it at the
    hand-off deadline."""

    SENDING = "sending"
    """Leased by claim, which has published a pointer, or by the sender of attempt `attempt_count`. The holder of the
    lease moves it on; if the holder dies, claim takes it again when the lease ends."""

    FAILED = "failed"
    """The last attempt failed and may be tried again: claim leases it at `next_retry_at`."""

    SENT = "sent"
    """Final: Feishu accepted it."""

    DEAD = "dead"
    """Final: failed for good, or attempts used up; `last_error_code` says why. Only an operator's redrive moves it."""

    SKIPPED = "skipped"
    """Final: the user had no channel or had disabled it. Only an operator's redrive moves it."""


OPEN_STATUSES = frozenset({Status.PENDING, Status.SENDING, Status.FAILED})
"""A sender may open an attempt in these states, and claim may take them when due. All others are final."""

RESUMABLE_STATUSES = frozenset({Status.PENDING, Status.FAILED})
"""In these states a repeated event publishes the record's pointer again at once. In the others it does nothing."""


class Pointer(NamedTuple):
    """The send queue carries only these. It means: look at this record if it still has had this many attempts."""

    record_id: int
    attempt_count: int


class QueueDown(Exception):  # noqa: N818 - the name says what is the matter
    """The send queue did not take every pointer. Nothing is lost: the rows come due again by themselves."""


class DatabaseDown(Exception):  # noqa: N818 - the name says what is the matter
    """MySQL did not write what it was given. The message has MySQL's own words without the values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A committed set of due rows that claim took."""

    pointers: Sequence[Pointer] = ()
    #: Rows whose attempts were used up and that are now `dead`.
    buried: int = 0
    #: Attempts whose sender died. Their history says `lost`.
    lost: int = 0

    @property
    def taken(self) -> int:
        return len(self.pointers) + self.buried


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An opened attempt, with everything that its sender needs."""

    record_id: int
    #: The attempt's number, from 1. The row's `attempt_count` equals it while the attempt owns the row.
    number: int
    max_attempts: int
    user_id: int
    channel: str
    dedupe_key: str
    preview_id: str
    trigger_id: str
    trigger_type: str
    target_type: str
    target_id: int
    target_url: str
    summary_text: str
    fallback_text: str
    trace_id: str
    #: When the producer asked for the notification. Rows of the Go service do not say.
    requested_at: datetime | None
    started_at: datetime
