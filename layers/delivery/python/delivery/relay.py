"""The relay brings the producers' outbox rows to Kafka, in sets, until its time is nearly up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from delivery.domain.relaying import Fate, Leased, Mark, OutboxRow, Pauses
from delivery.producing import Kafka, Production

_TOLD = 20


class KafkaTrouble(Exception):  # noqa: N818 - it says what is the matter
    """Rows come back because Kafka could not take them. The message has the client's words."""


class Outbox(Protocol):
    """The outbox rows that producers wrote."""

    def lease_due(self, *, limit: int, now: datetime, lease: timedelta) -> Leased: ...

    def mark(self, marks: Sequence[Mark], *, leased_until: datetime, now: datetime) -> int:
        """Marks the rows that are still this relay's, and returns how many there were."""

    def oldest_pending_at(self) -> datetime | None:
        """When the oldest unpublished row was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayPolicy:
    batch_size: int
    lease: timedelta
    pauses: Pauses
    #: How long Kafka may take for one message.
    delivery_timeout: timedelta
    #: How long marking a set may take after that.
    spare: timedelta = timedelta(seconds=3)
    #: How soon to look again when nothing is due.
    idle: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An unpublished row for the log: where it is and what Kafka said."""

    row_id: int
    topic: str
    fate: Fate
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayReport:
    published: int = 0
    #: Rows that Kafka refused; they come back.
    refused: int = 0
    dead: int = 0
    #: Rows that come back with no retry used up: Kafka was unavailable, or they were not tried.
    put_back: int = 0
    #: Rows set aside because an older row of their key is not published yet.
    blocked: int = 0
    #: Rows that somebody else published or marked meanwhile.
    lost: int = 0
    #: Rows without an answer in time. They come back when their lease ends, and may be published twice.
    unanswered: int = 0
    #: How long the oldest unpublished row had waited when the run began.
    oldest_pending_seconds: float = 0.0
    #: Kafka's words when it was last unavailable; empty if it never was.
    trouble: str = ""
    #: The first unpublished rows.
    troubles: tuple[Trouble, ...] = ()
    #: The error that the handler raises after it has reported the counts.
    failure: Exception | None = None

    def add(self, leased: Leased, marks: Sequence[Mark], *, won: int, unanswered: int) -> RelayReport:
        counts, troubles = Counter(mark.fate for mark in marks), _troubles(leased.rows, marks)
        delayed = [trouble.words for trouble in troubles if trouble.fate is Fate.DELAYED]
        silence = ["Kafka did not answer in time"] if unanswered else []
        return replace(
            self,
            published=self.published + counts[Fate.PUBLISHED],
            refused=self.refused + counts[Fate.REFUSED],
            dead=self.dead + counts[Fate.DEAD],
            put_back=self.put_back + counts[Fate.DELAYED] + counts[Fate.UNTRIED],
            blocked=self.blocked + leased.blocked,
            lost=self.lost + len(marks) - won,
            unanswered=self.unanswered + unanswered,
            trouble=[self.trouble, *silence, *delayed][-1],
            troubles=(*self.troubles, *troubles)[:_TOLD],
        )


def _troubles(rows: Sequence[OutboxRow], marks: Sequence[Mark]) -> list[Trouble]:
    topics = {row.id: row.topic for row in rows}
    return [
        Trouble(row_id=mark.row_id, topic=topics[mark.row_id], fate=mark.fate, words=mark.error)
        for mark in marks
        if mark.error is not None
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayer:
    """Leases due rows, produces them and marks the results. Looks again every second while nothing is due."""

    outbox: Outbox
    kafka: Kafka
    policy: RelayPolicy
    now: Callable[[], datetime]
    wait: Callable[[float], None]

    def run(self, *, until: datetime) -> RelayReport:
        """Never raises: the report counts what was done before a failure, and carries the failure."""
        report = RelayReport()
        try:
            report = replace(report, oldest_pending_seconds=self._oldest_pending_seconds())
            while self._time_for_a_set(until):
                leased = self._lease()
                report = self._relay(report, leased, until)
                if leased.taken < self.policy.batch_size and not leased.left:
                    self.wait(self.policy.idle.total_seconds())
        except Exception as error:  # noqa: BLE001 - the handler raises it after reporting the counts
            return replace(report, failure=error)
        return replace(report, failure=KafkaTrouble(report.trouble)) if report.trouble else report

    def _time_for_a_set(self, until: datetime) -> bool:
        return self.now() + self.policy.delivery_timeout + self.policy.spare < until

    def _lease(self) -> Leased:
        self.kafka.prepare()  # first: rows that are leased but cannot be sent would wait for their lease to end
        return self.outbox.lease_due(limit=self.policy.batch_size, now=self.now(), lease=self.policy.lease)

    def _relay(self, report: RelayReport, leased: Leased, until: datetime) -> RelayReport:
        if not leased.rows:
            return replace(report, blocked=report.blocked + leased.blocked)
        give_up_at = min(until, leased.until) - self.policy.spare
        production = Production(
            kafka=self.kafka,
            pauses=self.policy.pauses,
            now=self.now,
            send_until=give_up_at - self.policy.delivery_timeout,
            give_up_at=give_up_at,
        )
        production.run(leased.rows)
        marks = production.marks
        won = self.outbox.mark(marks, leased_until=leased.until, now=self.now())
        return report.add(leased, marks, won=won, unanswered=production.unanswered)

    def _oldest_pending_seconds(self) -> float:
        oldest = self.outbox.oldest_pending_at()
        return max(0.0, (self.now() - oldest).total_seconds()) if oldest else 0.0
