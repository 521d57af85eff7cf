"""What operators ask for and are shown: filters, pages, and the places where the next page begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from delivery.domain.intake import KafkaRecord
from delivery.domain.record import Status

REDRIVABLE_STATUSES = frozenset({Status.DEAD, Status.SKIPPED})
"""The states that an operator may redrive. `sent` stays sent, and the other states are still in progress."""


class Place(NamedTuple):
    """A row's place in a list that is ordered by creation time."""

    created_at: datetime
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Selects records. Every given part must match."""

    user_id: int | None = None
    statuses: frozenset[Status] = frozenset()
    code: str | None = None
    #: One of the record's attempts used this way.
    way: str | None = None
    trigger_id: str | None = None
    trigger_type: str | None = None
    preview_id: str | None = None
    dedupe_key: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectFilter:
    """Selects rejects. Every given part must match."""

    code: str | None = None
    topic: str | None = None
    replayed: bool | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows by column name, with times in UTC. `next` is where the following page begins; None after the last."""

    rows: Sequence[Mapping[str, Any]]
    next: Place | None


class Count(NamedTuple):
    """How many of the records created in a stretch of time are now in this state."""

    begins_at: datetime
    status: Status
    code: str | None
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Who does what to which rows, as the audit records it."""

    actor: str
    action: str
    filter: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveTerms:
    """How the records of a redrive come due."""

    now: datetime
    #: How many more attempts each record gets.
    attempts: int
    #: When the first record is due, and the interval between records.
    first_due_at: datetime
    apart: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The result of one set of an operation on many rows."""

    #: How many rows changed.
    changed: int
    #: Where the next set begins; None after the last.
    next: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    """How far a redrive has come."""

    changed: int = 0
    #: The earliest time at which the next record may be due.
    due_at: datetime
    next: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReject:
    """A reject as it came from Kafka, with its other columns."""

    id: int
    source: KafkaRecord
    #: False if Kafka's record was too large for MySQL.
    is_whole: bool
    known: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How far a replay has come."""

    accepted: int = 0
    #: Id → reason, for rejects that ingest rejected again.
    still_rejected: Mapping[int, str] = field(default_factory=dict)
    next: Place | None = None

    def and_then(self, part: Replayed, *, next_place: Place | None) -> Replayed:
        still = {**self.still_rejected, **part.still_rejected}
        return Replayed(accepted=self.accepted + part.accepted, still_rejected=still, next=next_place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """How far resealing credentials has come."""

    changed: int = 0
    #: Channels whose credentials do not open. Their users must save them again.
    unreadable: int = 0
    #: The id after which to continue; None once all channels were looked at.
    next: int | None = None
    #: How many channels come after it.
    left: int = 0
