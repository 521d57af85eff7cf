"""What ingest hands to storage for a batch of Kafka records, and what it gets back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from delivery.domain.contract import NewRecord, RejectCode
from delivery.domain.record import Pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaRecord:
    """A complete record as it came from Kafka."""

    topic: str
    partition: int
    offset: int
    #: Milliseconds since 1970, by the producer's or the broker's clock.
    timestamp: int | None = None
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An accepted event, with its Kafka record in case MySQL refuses the row."""

    record: NewRecord
    source: KafkaRecord
    outbox_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A Kafka record that can never become a notification, and why."""

    source: KafkaRecord
    code: RejectCode
    reason: str
    outbox_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """A judged batch: what to record and what to keep as rejects. Keys are unique within `requests`."""

    requests: Sequence[Request]
    rejects: Sequence[Reject]
    #: Events that repeat the key of an earlier one in this batch, in order. The next one is recorded if MySQL
    #: refuses the previous one.
    repeated: Sequence[Request] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What storage did with a batch that it committed."""

    #: Rows that are new.
    created: int
    #: Every `pending` or `failed` row that the batch asked for, new or not. The senders should look at these.
    pointers: Sequence[Pointer]
    #: Requests that the contract accepted but MySQL refused. They are kept as rejects.
    refused: Sequence[Reject] = ()
