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
        """Without `ended_leases`, rows in `sending` are left alone."""

    def oldest_due_at(self, *, now: datetime) -> datetime | None: ...


class PointerQueue(Protocol):
    """The send queue."""

    def publish(self, pointers: Sequence[Pointer]) -> None: ...

    def depth(self) -> int:
        """An upper bound of the pointers that wait or are being sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPolicy:
    lease: timedelta
    batch_size: int
    #: Nothing more is leased while this many pointers are queued: rows wait in MySQL, where they are cheap and ordered.
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
    #: Whether ended leases were left alone, because outcomes wait in the report queue or the queue cannot be asked.
    reports_wait: bool = False
    #: Why a queue refused, in its own words. Rows whose pointers were not published come due again.
    queue_refused: str = ""
    #: The error that ended the run early. The handler raises it after it has reported the counts.
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
    """Leases due rows and publishes their pointers for the senders, until nothing is due or time is nearly up."""

    records: DueRecords
    queue: PointerQueue
    #: Whether outcomes wait in the report queue. Raises QueueDown if that cannot be told.
    reports_wait: Callable[[], bool]
    policy: ClaimPolicy
    now: Callable[[], datetime]

    def run(self, *, until: datetime) -> ClaimReport:
        """Never raises: the report counts what was done before a failure, and carries the failure."""
        report = ClaimReport()
        try:
            report = replace(report, oldest_due_seconds=self._oldest_due_seconds())
            room = self.policy.max_queued - self.queue.depth()
            while self.now() < until:
                if room <= 0:
                    return replace(report, held_back=True)
                report = self._ask_for_reports(report)
                limit = min(self.policy.batch_size, room)
                claimed = self._lease(limit, ended_leases=not report.reports_wait)
                report = report.add(claimed)
                # Publish after the commit: a row whose pointer is lost comes due again when its lease ends.
                if claimed.pointers:
                    self.queue.publish(claimed.pointers)
                room -= len(claimed.pointers)
                if claimed.taken < limit:
                    break
        except QueueDown as error:
            return replace(report, queue_refused=f"the send queue: {error}")
        except Exception as error:  # noqa: BLE001 - the handler raises it after reporting the counts
            return replace(report, failure=error)
        return report

    def _ask_for_reports(self, report: ClaimReport) -> ClaimReport:
        """While outcomes wait in the report queue, a message may have been sent although its lease has ended.

        If the queue does not answer, assume that it holds some and do not ask again, because that would use up the run.
        """
        if report.queue_refused:
            return report
        try:
            return replace(report, reports_wait=self.reports_wait())
        except QueueDown as error:
            return replace(report, reports_wait=True, queue_refused=f"the report queue: {error}")

    def _lease(self, limit: int, *, ended_leases: bool) -> Claimed:
        return self.records.lease_due(limit=limit, now=self.now(), lease=self.policy.lease, ended_leases=ended_leases)

    def _oldest_due_seconds(self) -> float:
        now = self.now()
        oldest = self.records.oldest_due_at(now=now)
        return (now - oldest).total_seconds() if oldest else 0.0
