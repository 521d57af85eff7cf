"""What operators ask for and are shown: filters, pages, and the places where the next page begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from delivery.domain.intake import KafkaRecord
from delivery.domain.record import Status

REDRIVABLE_STATUSES = frozenset({Status.DEAD, Status.SKIPPED})
"""What an operator may make due again. `sent` stays sent, and the others are under way."""


class Place(NamedTuple):
    """A row's place in a list that is ordered by when the rows were made."""

    created_at: datetime
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Which records are meant: every part that is given has to hold."""

    user_id: int | None = None
    statuses: frozenset[Status] = frozenset()
    code: str | None = None
    #: The way of one of its attempts.
    way: str | None = None
    trigger_id: str | None = None
    trigger_type: str | None = None
    preview_id: str | None = None
    dedupe_key: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectFilter:
    """Which rejects are meant: every part that is given has to hold."""

    code: str | None = None
    topic: str | None = None
    replayed: bool | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows by column name, times in UTC; `next` is where the following page begins, None after the last."""

    rows: Sequence[Mapping[str, Any]]
    next: Place | None


class Count(NamedTuple):
    """How many records that were made in a stretch of time are in a state now."""

    begins_at: datetime
    status: Status
    code: str | None
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Who does what to which rows: the line that it leaves in the audit."""

    actor: str
    action: str
    filter: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveTerms:
    """How the records of a redrive come due."""

    now: datetime
    #: The fresh budget of each.
    attempts: int
    #: When the first one is due, and how long after it the next.
    first_due_at: datetime
    apart: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One set of an operation on many rows."""

    #: How many rows changed.
    changed: int
    #: Where the next set begins; None when there is none.
    next: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    """How far a redrive came."""

    changed: int = 0
    #: When the last of them is due, and so the first of the next set.
    due_at: datetime
    next: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReject:
    """A reject as it came from Kafka, and what is known of it."""

    id: int
    source: KafkaRecord
    #: False if Kafka's record was larger than MySQL took.
    is_whole: bool
    known: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How far a replay came."""

    accepted: int = 0
    #: Those that ingest rejected again, by id, with the reason.
    still_rejected: Mapping[int, str] = field(default_factory=dict)
    next: Place | None = None

    def and_then(self, part: Replayed, *, next_place: Place | None) -> Replayed:
        still = {**self.still_rejected, **part.still_rejected}
        return Replayed(accepted=self.accepted + part.accepted, still_rejected=still, next=next_place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """How far sealing credentials anew came."""

    changed: int = 0
    #: Channels whose credentials do not open; their users have to save them again.
    unreadable: int = 0
    #: The id behind which to go on; None when all were looked at.
    next: int | None = None
    #: How many channels are behind it.
    left: int = 0
