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

#: A refused row waits the square of its refusals in seconds, but no longer than this.
LONGEST_WAIT = timedelta(seconds=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """What the relay has to know of a `pending` row."""

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
    """The rows that one relay may produce, until its lease of them ends."""

    rows: Sequence[OutboxRow]
    until: datetime
    #: Due too, but set aside: an older row of their key is not published yet.
    blocked: int = 0
    #: Due too, but left to the next set: this one is large enough in bytes.
    left: int = 0

    @property
    def taken(self) -> int:
        return len(self.rows) + self.blocked


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is produced for a row."""

    row_id: int
    topic: str
    #: None has no order, and goes to any partition.
    key: bytes | None
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A row that is no event, whoever reads it. The reason tells nothing of what the row says."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Every replica that has to has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Kafka does not take this message. It has seen it, so it may be told how often."""

    words: str
    #: Kafka refuses the batch, so that it may be about another message of it.
    of_batch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """Trouble of ours: Kafka is not there, does not let us in, or does not have the topic yet."""

    words: str
    no_topic: bool = False


Delivery = Accepted | Refused | Unavailable


class Fate(StrEnum):
    """What became of a row in one set."""

    PUBLISHED = "published"
    #: Kafka refused it: it comes back, with one retry used up.
    REFUSED = "refused"
    DEAD = "dead"
    #: It comes back after trouble of ours, which uses up nothing.
    DELAYED = "delayed"
    #: It was not tried, because the row before it comes back or the time was up.
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is written to a row after its turn."""

    row_id: int
    fate: Fate
    retry_count: int
    #: When it is due again; None once it is published or dead.
    due_at: datetime | None = None
    #: Kafka's words; None leaves what stands there.
    error: str | None = None

    @property
    def status(self) -> str:
        """The state that it leaves the row in."""
        return self.fate.value if self.fate in (Fate.PUBLISHED, Fate.DEAD) else "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """How long rows wait after trouble of ours."""

    kafka_away: timedelta
    #: Longer: each look at a topic that is not there keeps the whole set waiting.
    topic_missing: timedelta


def message_of(row: OutboxRow) -> Message | Unreadable:
    """The envelope of docs/events.md around the row's payload, under the row's key."""
    document = object_in(row.payload.encode())
    if isinstance(document, str):
        return Unreadable(reason=document.replace("the value", "payload", 1))
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
    """The one place that says what Kafka's answer means for a row (docs/design.md, Relay)."""
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
    """Trying again would not make it readable."""
    return Mark(row_id=row.id, fate=Fate.DEAD, retry_count=row.retry_count, error=reason)


def untried(row: OutboxRow, due_at: datetime) -> Mark:
    return Mark(row_id=row.id, fate=Fate.UNTRIED, retry_count=row.retry_count, due_at=due_at)
