"""Ingest records every good event of a Kafka batch once, keeps the bad ones as rejects, and publishes the pointers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from delivery.domain.contract import Accepted, NotOurs, Rejected, judge
from delivery.domain.intake import Intake, KafkaRecord, Reject, Request, Stored
from delivery.domain.record import Pointer, QueueDown


class Recorder(Protocol):
    """Where batches are stored, each in one transaction."""

    def store(self, intake: Intake, *, now: datetime, handoff_at: datetime, max_attempts: int) -> Stored: ...


class PointerQueue(Protocol):
    """The send queue."""

    def publish(self, pointers: Sequence[Pointer]) -> None:
        """Raises QueueDown if it does not take all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What became of a batch; the parts add up to `received`."""

    received: int = 0
    requested: int = 0
    duplicates: int = 0
    skipped: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    published: int = 0
    queue_down: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingester:
    """Records each good event once and hands its pointer on."""

    recorder: Recorder
    queue: PointerQueue
    handoff_deadline: timedelta
    max_attempts: int
    url_prefixes: Sequence[str]
    now: Callable[[], datetime]

    def run(self, batch: Sequence[KafkaRecord]) -> IngestReport:
        """Stores the batch in one transaction, then publishes.

        Raises only if there is no database. Lambda then delivers the batch again, which does no harm.
        """
        intake = self._judged(batch)
        now = self.now()
        stored = self.recorder.store(
            intake, now=now, handoff_at=now + self.handoff_deadline, max_attempts=self.max_attempts
        )
        published = self._published(stored.pointers)
        rejected = Counter(reject.code.value for reject in [*intake.rejects, *stored.refused])
        good = len(intake.requests) - len(stored.refused)
        repeated = len(intake.repeated)
        return IngestReport(
            received=len(batch),
            requested=stored.created,
            duplicates=good - stored.created + repeated,
            skipped=len(batch) - len(intake.requests) - repeated - len(intake.rejects),
            rejected=dict(rejected),
            published=len(stored.pointers) if published else 0,
            queue_down=not published,
        )

    def _judged(self, batch: Iterable[KafkaRecord]) -> Intake:
        requests: dict[tuple[str, str], Request] = {}
        rejects: list[Reject] = []
        repeated: list[int] = []
        for source in batch:
            match judge(source.value, url_prefixes=self.url_prefixes):
                case Accepted(record=record, outbox_id=outbox_id) if record.key in requests:
                    repeated.append(outbox_id)
                case Accepted(record=record, outbox_id=outbox_id):
                    requests[record.key] = Request(record=record, source=source, outbox_id=outbox_id)
                case Rejected(code=code, reason=reason, outbox_id=outbox_id):
                    rejects.append(Reject(source=source, code=code, reason=reason, outbox_id=outbox_id))
                case NotOurs():
                    pass
        return Intake(requests=list(requests.values()), rejects=rejects, repeated=repeated)

    def _published(self, pointers: Sequence[Pointer]) -> bool:
        try:
            self.queue.publish(pointers)
        except QueueDown:
            return False  # the rows are safe: the hand-off deadline brings them back
        return True
