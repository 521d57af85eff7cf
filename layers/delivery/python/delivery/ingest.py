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
    """Stores each batch in one transaction."""

    def store(self, intake: Intake, *, now: datetime, handoff_at: datetime, max_attempts: int) -> Stored: ...


class PointerQueue(Protocol):
    """The send queue."""

    def publish(self, pointers: Sequence[Pointer]) -> None:
        """Raises QueueDown unless the queue takes all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """How a batch was processed. The counts add up to `received`."""

    received: int = 0
    requested: int = 0
    duplicates: int = 0
    #: Type → skipped events of other services. Types beyond ten are counted together.
    skipped: Mapping[str, int] = field(default_factory=dict)
    rejects: Sequence[Reject] = ()
    published: int = 0
    #: The queue's own words if it refused pointers; empty if it took them.
    queue_refused: str = ""

    @property
    def rejected(self) -> Mapping[str, int]:
        """Reject code → count."""
        return Counter(reject.code.value for reject in self.rejects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingester:
    """Records each valid event once and publishes its pointer."""

    recorder: Recorder
    queue: PointerQueue
    handoff_deadline: timedelta
    max_attempts: int
    url_prefixes: Sequence[str]
    now: Callable[[], datetime]

    def run(self, batch: Sequence[KafkaRecord]) -> IngestReport:
        """Stores the batch in one transaction, then publishes its pointers.

        Raises only if the database does not work. Lambda then delivers the batch again, which is harmless.
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
        """What `run` would reject, except rows that only MySQL would refuse. Stores nothing."""
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
        """Returns why the queue refused them; empty if it took them."""
        try:
            self.queue.publish(pointers)
        except QueueDown as error:
            return str(error) or "no reason given"  # the rows are safe: claim finds them at their hand-off deadline
        return ""


def _by_type(passed_over: Iterable[NotOurs]) -> Mapping[str, int]:
    """Limits the number and length of types, because other services may write anything."""
    counted = Counter(event.event_type[:_TYPE_CHARACTERS] for event in passed_over)
    named = dict(counted.most_common(_TYPES))
    others = counted.total() - sum(named.values())
    return {**named, OTHER_TYPES: others + named.get(OTHER_TYPES, 0)} if others else named
