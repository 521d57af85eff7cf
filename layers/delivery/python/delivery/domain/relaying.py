"""What the relay reads of an outbox row, what Kafka did with its message, and what that means for the row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from delivery.domain.appearance import object_in
from hongyan_producer.contract.checking import Broken, checked_envelope
from hongyan_producer.contract.models import SERVICE_NAME

#: A row that was refused n times waits n² seconds, but no longer than this.
LONGEST_WAIT = timedelta(seconds=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """The columns of a `pending` row that the relay needs."""

    id: int
    topic: str
    message_key: str
    event_type: str
    service_name: str
    payload: str
    retry_count: int
    max_retry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """The rows that one relay may produce until its lease ends."""

    rows: Sequence[OutboxRow]
    until: datetime
    #: Due rows that were set aside because an older row of their key is not published yet.
    blocked: int
    #: Due rows left to the next set because this one has enough bytes.
    left: int

    @property
    def taken(self) -> int:
        return len(self.rows) + self.blocked


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The Kafka message for a row."""

    row_id: int
    topic: str
    #: A message without a key has no order and goes to any partition.
    key: bytes | None
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """The row is not an event and never will be. The reason quotes nothing from the row."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Every in-sync replica has the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Kafka saw this message and refused it, so the refusal counts."""

    words: str
    #: Kafka refused the whole batch, so another message in it may be the cause.
    of_batch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """Not the message's fault: Kafka is unreachable, refuses our login or does not have the topic yet."""

    words: str
    no_topic: bool = False


Delivery = Accepted | Refused | Unavailable


class Fate(StrEnum):
    """How a row's turn in a set ended."""

    PUBLISHED = "published"
    #: Kafka refused it. It comes back with one retry used up.
    REFUSED = "refused"
    DEAD = "dead"
    #: Kafka was unavailable. It comes back with no retry used up.
    DELAYED = "delayed"
    #: It was not tried, because the row before it comes back or time was up.
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is written to a row after its turn."""

    row_id: int
    fate: Fate
    retry_count: int
    #: When it is due again; None if it is published or dead.
    due_at: datetime | None = None
    #: Kafka's words; None keeps the column's value.
    error: str | None = None

    @property
    def status(self) -> str:
        """The row's new state."""
        return self.fate.value if self.fate in (Fate.PUBLISHED, Fate.DEAD) else "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """How long rows wait when Kafka cannot take them."""

    kafka_away: timedelta
    #: Longer, because every try of a missing topic delays the whole set.
    topic_missing: timedelta


def message_of(row: OutboxRow) -> Message | Unreadable:
    """Puts the row's payload into the envelope of docs/events.md, under the row's key."""
    document = object_in(row.payload.encode())
    if isinstance(document, str):
        return Unreadable(reason=document.replace("the value", "payload"))
    if isinstance(broken := checked_envelope(document), Broken):
        return Unreadable(reason=str(broken))
    envelope = {
        "outbox_id": row.id,
        "event_id": document.get("event_id") or str(row.id),
        "event_type": document.get("event_type") or row.event_type,
        "event_version": document.get("event_version") or "",
        "service_name": row.service_name or SERVICE_NAME,
        "aggregate_id": document.get("aggregate_id") or "",
        "payload": document["payload"],
    }
    value = json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
    return Message(row_id=row.id, topic=row.topic, key=row.message_key.encode() or None, value=value)


def after_delivery(row: OutboxRow, delivery: Delivery, pauses: Pauses, now: datetime) -> Mark:
    """Only this function says what Kafka's answer means for a row (docs/design.md, Relay)."""
    match delivery:
        case Accepted():
            return Mark(row_id=row.id, fate=Fate.PUBLISHED, retry_count=row.retry_count)
        case Refused(words=words) if row.retry_count + 1 >= row.max_retry:
            return Mark(row_id=row.id, fate=Fate.DEAD, retry_count=row.retry_count + 1, error=words)
        case Refused(words=words):
            used = row.retry_count + 1
            due_at = now + min(timedelta(seconds=used**2), LONGEST_WAIT)
            return Mark(row_id=row.id, fate=Fate.REFUSED, retry_count=used, due_at=due_at, error=words)
        case Unavailable(words=words):
            due_at = now + (pauses.topic_missing if delivery.no_topic else pauses.kafka_away)
            return Mark(row_id=row.id, fate=Fate.DELAYED, retry_count=row.retry_count, due_at=due_at, error=words)
        case _:
            assert_never(delivery)


def unreadable(row: OutboxRow, reason: str) -> Mark:
    """Marks the row dead, because another try would not make it readable."""
    return Mark(row_id=row.id, fate=Fate.DEAD, retry_count=row.retry_count, error=reason)


def untried(row: OutboxRow, due_at: datetime) -> Mark:
    return Mark(row_id=row.id, fate=Fate.UNTRIED, retry_count=row.retry_count, due_at=due_at)
