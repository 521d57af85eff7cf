"""Claim leases the rows that are due and publishes their pointers, as many as the send queue has room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from delivery.domain.record import Claimed, Pointer


class DueRecords(Protocol):
    """The rows whose time has come."""

    def lease_due(self, *, limit: int, now: datetime, lease: timedelta) -> Claimed: ...

    def oldest_due_at(self, *, now: datetime) -> datetime | None: ...


class PointerQueue(Protocol):
    """The send queue."""

    def publish(self, pointers: Sequence[Pointer]) -> None: ...

    def depth(self) -> int:
        """An upper bound of the pointers that are waiting or being sent."""


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
    policy: ClaimPolicy
    now: Callable[[], datetime]

    def run(self, *, until: datetime) -> ClaimReport:
        report = ClaimReport(oldest_due_seconds=self._oldest_due_seconds())
        room = self.policy.max_queued - self.queue.depth()
        while self.now() < until:
            if room <= 0:
                return replace(report, held_back=True)
            limit = min(self.policy.batch_size, room)
            claimed = self.records.lease_due(limit=limit, now=self.now(), lease=self.policy.lease)
            if claimed.pointers:
                self.queue.publish(claimed.pointers)  # after commit: a lost pointer comes due again when its lease ends
            report = report.add(claimed)
            room -= len(claimed.pointers)
            if claimed.taken < limit:
                break
        return report

    def _oldest_due_seconds(self) -> float:
        now = self.now()
        oldest = self.records.oldest_due_at(now=now)
        return (now - oldest).total_seconds() if oldest else 0.0
