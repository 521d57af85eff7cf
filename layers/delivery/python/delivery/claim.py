"""Claim leases the rows that are due and publishes their pointers, as many as the send queue has room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from delivery.domain.record import Claimed, Pointer, QueueDown


class DueRecords(Protocol):
    """The rows whose time has come."""

    def lease_due(self, *, limit: int, now: datetime, lease: timedelta, ended_leases: bool) -> Claimed:
        """Without `ended_leases`, rows that are `sending` stay as they are."""

    def oldest_due_at(self, *, now: datetime) -> datetime | None: ...


class PointerQueue(Protocol):
    """The send queue."""

    def publish(self, pointers: Sequence[Pointer]) -> None: ...

    def depth(self) -> int:
        """An upper bound of the pointers that are waiting or being sent."""


class ReportsWaiting(Protocol):
    """The report queue, as far as claim is concerned."""

    def is_empty(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPolicy:
    lease: timedelta
    batch_size: int
    #: No more is leased while this many pointers are queued: rows wait in MySQL, where they are cheap and in order.
    max_queued: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimReport:
    claimed: int = 0
    dead: int = 0
    lost: int = 0
    #: How long the oldest due row had waited when the tick began.
    oldest_due_seconds: float = 0.0
    #: Whether the queue had no room for all that was due.
    held_back: bool = False
    #: Why the queue did not take pointers, in its own words; the rows it was to send come due again.
    queue_refused: str = ""
    #: What ended the run early, to be raised once the rest is told.
    failure: Exception | None = None

    def add(self, claimed: Claimed) -> ClaimReport:
        return replace(
            self,
            claimed=self.claimed + len(claimed.pointers),
            dead=self.dead + claimed.buried,
            lost=self.lost + claimed.lost,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimer:
    """Leases what is due and hands its pointers to the senders, until nothing is due or its time is nearly up."""

    records: DueRecords
    queue: PointerQueue
    reports: ReportsWaiting
    policy: ClaimPolicy
    now: Callable[[], datetime]

    def run(self, *, until: datetime) -> ClaimReport:
        """Never raises: what was done before a failure is counted, and the failure stands in the report."""
        report = ClaimReport()
        try:
            report = replace(report, oldest_due_seconds=self._oldest_due_seconds())
            room = self.policy.max_queued - self.queue.depth()
            while self.now() < until:
                if room <= 0:
                    return replace(report, held_back=True)
                limit = min(self.policy.batch_size, room)
                claimed = self._lease(limit)
                report = report.add(claimed)
                # After commit: a lost pointer comes due again when its lease ends.
                if claimed.pointers:
                    self.queue.publish(claimed.pointers)
                room -= len(claimed.pointers)
                if claimed.taken < limit:
                    break
        except QueueDown as error:
            return replace(report, queue_refused=str(error))
        except Exception as error:  # noqa: BLE001 - the handler raises it when it has told the counts
            return replace(report, failure=error)
        return report

    def _lease(self, limit: int) -> Claimed:
        """While outcomes wait in the report queue, an ended lease does not mean that its message was not sent."""
        return self.records.lease_due(
            limit=limit, now=self.now(), lease=self.policy.lease, ended_leases=self.reports.is_empty()
        )

    def _oldest_due_seconds(self) -> float:
        now = self.now()
        oldest = self.records.oldest_due_at(now=now)
        return (now - oldest).total_seconds() if oldest else 0.0
