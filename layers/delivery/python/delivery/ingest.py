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

OTHER_TYPES = "other"
_TYPES, _TYPE_CHARACTERS = 10, 64


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
    #: How many events of other services were passed over, by type; the types beyond ten together.
    skipped: Mapping[str, int] = field(default_factory=dict)
    rejects: Sequence[Reject] = ()
    published: int = 0
    #: Why the queue did not take the pointers, in its own words; empty if it took them.
    queue_refused: str = ""

    @property
    def rejected(self) -> Mapping[str, int]:
        """How many rejects there are of each code."""
        return Counter(reject.code.value for reject in self.rejects)


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
        intake, passed_over = self._judged(batch)
        now = self.now()
        stored = self.recorder.store(
            intake, now=now, handoff_at=now + self.handoff_deadline, max_attempts=self.max_attempts
        )
        refusal = self._publish(stored.pointers)
        good = len(intake.requests) + len(intake.repeated) - len(stored.refused)
        return IngestReport(
            received=len(batch),
            requested=stored.created,
            duplicates=good - stored.created,
            skipped=_by_type(passed_over),
            rejects=[*intake.rejects, *stored.refused],
            published=0 if refusal else len(stored.pointers),
            queue_refused=refusal,
        )

    def would_reject(self, batch: Sequence[KafkaRecord]) -> Sequence[Reject]:
        """What `run` would reject, storing nothing; what MySQL alone refuses is not among it."""
        return self._judged(batch)[0].rejects

    def _judged(self, batch: Iterable[KafkaRecord]) -> tuple[Intake, list[NotOurs]]:
        requests: dict[tuple[str, str], Request] = {}
        repeated: list[Request] = []
        rejects: list[Reject] = []
        passed_over: list[NotOurs] = []
        for source in batch:
            match judge(source.value, url_prefixes=self.url_prefixes):
                case Accepted(record=record, outbox_id=outbox_id):
                    request = Request(record=record, source=source, outbox_id=outbox_id)
                    if requests.setdefault(record.key, request) is not request:
                        repeated.append(request)
                case Rejected(code=code, reason=reason, outbox_id=outbox_id):
                    rejects.append(Reject(source=source, code=code, reason=reason, outbox_id=outbox_id))
                case NotOurs() as event:
                    passed_over.append(event)
        return Intake(requests=list(requests.values()), rejects=rejects, repeated=repeated), passed_over

    def _publish(self, pointers: Sequence[Pointer]) -> str:
        """Why the queue did not take them, or nothing."""
        try:
            self.queue.publish(pointers)
        except QueueDown as error:
            return str(error) or "no reason given"  # the rows are safe: the hand-off deadline brings them back
        return ""


def _by_type(passed_over: Iterable[NotOurs]) -> Mapping[str, int]:
    """Bounded in number and length: the types are whatever other services write."""
    counted = Counter(event.event_type[:_TYPE_CHARACTERS] for event in passed_over)
    named = dict(counted.most_common(_TYPES))
    others = counted.total() - sum(named.values())
    return {**named, OTHER_TYPES: others + named.get(OTHER_TYPES, 0)} if others else named
