"""What operators do to many records at once: they redrive what ended, and replay what was rejected.

Both work in sets until their time is nearly up and say where to go on. Doing a part twice changes nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from delivery.domain.intake import KafkaRecord, Reject
from delivery.domain.operating import (
    Action,
    Done,
    Page,
    Place,
    RecordFilter,
    Redriven,
    RedriveTerms,
    RejectFilter,
    Replayed,
    StoredReject,
)

_REDRIVE_SET = 1_000
#: A set is read into memory at once, and a Kafka record may have several megabytes.
_REPLAY_SET = 20
#: No set begins with less time left than this, which is far more than any set has taken.
_FOR_A_SET = timedelta(seconds=2)


class RedriveStore(Protocol):
    def count_set(self, wanted: RecordFilter, *, after: Place | None, size: int) -> Done: ...

    def redrive_set(
        self, wanted: RecordFilter, terms: RedriveTerms, action: Action, *, after: Place | None, size: int
    ) -> Done: ...

    def count_ended(self, ids: Sequence[int]) -> int: ...

    def redrive(self, ids: Sequence[int], terms: RedriveTerms, action: Action) -> int: ...


class RejectStore(Protocol):
    def page(self, wanted: RejectFilter, *, after: Place | None, size: int, oldest_first: bool) -> Page: ...

    def whole(self, ids: Sequence[int]) -> Sequence[StoredReject]: ...

    def mark_replayed(self, ids: Sequence[int], action: Action, *, now: datetime) -> int: ...


class IngestReport(Protocol):
    @property
    def rejects(self) -> Sequence[Reject]: ...


class Ingester(Protocol):
    """What a replay needs of ingest."""

    def run(self, batch: Sequence[KafkaRecord]) -> IngestReport: ...

    def would_reject(self, batch: Sequence[KafkaRecord]) -> Sequence[Reject]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriver:
    """Makes `dead` and `skipped` records due again with a fresh budget of attempts."""

    store: RedriveStore
    #: The number of attempts in the new budget.
    attempts: int
    now: Callable[[], datetime]

    def run(
        self,
        wanted: RecordFilter,
        *,
        actor: str,
        per_second: int,
        until: datetime,
        begin: Redriven | None = None,
        dry_run: bool = False,
    ) -> Redriven:
        """Redrives the selected records, oldest first, and continues where `begin` ended.

        They come due at `per_second`, so that they do not delay new records.
        """
        done = begin or Redriven(due_at=self.now())
        action = Action(actor=actor, action="redrive", filter=_given(wanted))
        while True:
            terms = self._terms(per_second, first_due_at=max(done.due_at, self.now()))
            part = (
                self.store.count_set(wanted, after=done.next, size=_REDRIVE_SET)
                if dry_run
                else self.store.redrive_set(wanted, terms, action, after=done.next, size=_REDRIVE_SET)
            )
            done = Redriven(
                changed=done.changed + part.changed,
                due_at=terms.first_due_at + part.changed * terms.apart,
                next=part.next,
            )
            if not done.next or self.now() + _FOR_A_SET > until:
                return done

    def some(self, ids: Sequence[int], *, actor: str, dry_run: bool = False) -> int:
        """Makes these records due at once, and returns how many of them had ended."""
        if dry_run:
            return self.store.count_ended(ids)
        action = Action(actor=actor, action="redrive", filter={"ids": list(ids)})
        return self.store.redrive(ids, self._terms(per_second=0, first_due_at=self.now()), action)

    def _terms(self, per_second: int, *, first_due_at: datetime) -> RedriveTerms:
        apart = timedelta(seconds=1) / per_second if per_second else timedelta(0)
        return RedriveTerms(now=self.now(), attempts=self.attempts, first_due_at=first_due_at, apart=apart)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayer:
    """Runs rejects through ingest again, exactly as they came from Kafka."""

    store: RejectStore
    ingester: Ingester
    now: Callable[[], datetime]

    def run(
        self,
        wanted: RejectFilter,
        *,
        actor: str,
        until: datetime,
        begin: Replayed | None = None,
        dry_run: bool = False,
    ) -> Replayed:
        """Replays the selected rejects, oldest first, and continues where `begin` ended."""
        done = begin or Replayed()
        action = Action(actor=actor, action="replay", filter=_given(wanted))
        while True:
            page = self.store.page(wanted, after=done.next, size=_REPLAY_SET, oldest_first=True)
            ids = [row["id"] for row in page.rows]
            part = self._replay(ids, action, dry_run=dry_run, is_first=done.next is None)
            done = done.and_then(part, next_place=page.next)
            if not done.next or self.now() + _FOR_A_SET > until:
                return done

    def some(self, ids: Sequence[int], *, actor: str, dry_run: bool = False) -> Replayed:
        action = Action(actor=actor, action="replay", filter={"ids": list(ids)})
        each = sorted(set(ids))
        parts = [each[first : first + _REPLAY_SET] for first in range(0, len(each), _REPLAY_SET)]
        done = Replayed()
        for part in parts:
            replayed = self._replay(part, action, dry_run=dry_run, is_first=part is parts[0])
            done = done.and_then(replayed, next_place=None)
        return done

    def _replay(self, ids: Sequence[int], action: Action, *, dry_run: bool, is_first: bool) -> Replayed:
        """If we die before marking them, they are replayed again and ingest finds them recorded."""
        rejects = [reject for reject in self.store.whole(ids) if reject.known["replayed_at"] is None]
        complete = [reject for reject in rejects if reject.is_whole]
        refused = self._refused(complete, dry_run=dry_run)
        still = {reject.id: refused[id(reject.source)] for reject in complete if id(reject.source) in refused}
        still |= {reject.id: "only a part of it was kept" for reject in rejects if not reject.is_whole}
        accepted = [reject.id for reject in complete if reject.id not in still]
        if not dry_run and (accepted or is_first):
            self.store.mark_replayed(accepted, action, now=self.now())
        return Replayed(accepted=len(accepted), still_rejected=still)

    def _refused(self, rejects: Sequence[StoredReject], *, dry_run: bool) -> Mapping[int, str]:
        """Why ingest rejects these: `id()` of the Kafka record → reason."""
        batch = [reject.source for reject in rejects]
        refused = self.ingester.would_reject(batch) if dry_run else self.ingester.run(batch).rejects
        return {id(reject.source): f"{reject.code}: {reject.reason}" for reject in refused}


def _given(wanted: RecordFilter | RejectFilter) -> Mapping[str, Any]:
    """The given parts of a filter, as the audit shows them."""
    return {name: _shown(value) for name, value in asdict(wanted).items() if value is not None and value != frozenset()}


def _shown(value: object) -> object:
    match value:
        case frozenset():
            return sorted(value)
        case datetime():
            return value.isoformat()
        case _:
            return value
