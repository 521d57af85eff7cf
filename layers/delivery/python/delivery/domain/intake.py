"""What a batch of Kafka records becomes before it is stored, and what storage made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from delivery.domain.contract import RejectCode
    from delivery.domain.record import NewRecord, Pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaRecord:
    """One record as it came from Kafka, whole."""

    topic: str
    partition: int
    offset: int
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An accepted event together with where it came from, in case MySQL refuses its row after all."""

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
    #: The outbox ids (0 for none) of requests that collapsed into an earlier one of the same batch.
    repeated: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What storage made of a batch, after commit."""

    #: Rows that are new.
    created: int
    #: What the senders should look at: every `pending` or `failed` row that the batch asked for, new or not.
    pointers: Sequence[Pointer]
    #: Rows that MySQL alone refused, now kept as rejects.
    refused: Sequence[Reject] = ()
