"""Prune deletes what is past its days, in small sets with pauses, until nothing is left or its time is nearly up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from delivery.domain.retention import EndedRow

#: A set is begun only if so much time is left: the slowest one of a busy MySQL takes that long.
_LONGEST_SET = timedelta(seconds=5)


class EndedRows(Protocol):
    """The rows of one kind that have ended: final records, rejects, outbox rows in a final state."""

    @property
    def name(self) -> str:
        """As logs and metrics call them."""

    def windows(self, *, size: int) -> Iterator[Sequence[EndedRow]]:
        """In about the order in which they were made; each window is read when it is asked for."""

    def delete(self, ids: Collection[int], *, ended_before: datetime) -> int:
        """Those of these that may go and that nobody has locked; how many there were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long rows of one kind are kept after they ended."""

    rows: EndedRows
    #: 0 keeps them for ever.
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePolicy:
    set_size: int
    #: After each set. It lasts as long as the set did, at least: a MySQL that is slow is left alone for longer.
    pause: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """By kind of row, those that are kept for ever left out."""

    deleted: Mapping[str, int]
    #: How long ago the oldest row that is still there ended.
    oldest_kept_seconds: Mapping[str, float]
    #: Those of which more is past its days than there was time for.
    unfinished: Sequence[str] = ()
    #: What ended the run early, to be raised once the rest is told.
    failure: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruner:
    """Deletes what is past its days. It has nothing to remember: a run that was ended has left less for the next."""

    retentions: Sequence[Retention]
    policy: PrunePolicy
    now: Callable[[], datetime]
    wait: Callable[[timedelta], None]

    def run(self, *, until: datetime) -> PruneReport:
        """Never raises: what was deleted before a failure is counted, and the failure stands in the report."""
        walks, failure = [self._walk(one) for one in self.retentions if one.days], None
        try:
            self._take_turns(walks, until)
        except Exception as error:  # noqa: BLE001 - the handler raises it when it has told the counts
            failure = error
        now = self.now()
        return PruneReport(
            deleted={walk.rows.name: walk.deleted for walk in walks},
            oldest_kept_seconds={walk.rows.name: walk.oldest_kept_seconds(now) for walk in walks},
            unfinished=tuple(walk.rows.name for walk in walks if not walk.finished),
            failure=failure,
        )

    def _walk(self, retention: Retention) -> _Walk:
        return _Walk(
            rows=retention.rows,
            windows=retention.rows.windows(size=self.policy.set_size),
            ended_before=self.now() - timedelta(days=retention.days),
        )

    def _take_turns(self, walks: Sequence[_Walk], until: datetime) -> None:
        """A set of each in turn, so that many rows of one kind do not keep the others from going."""
        while going := [walk for walk in walks if not walk.finished]:
            for walk in going:
                if self.now() + _LONGEST_SET > until:
                    _look_ahead(going)
                    return
                began = self.now()
                deleted = walk.step()
                took = self.now() - began
                self.wait(max(took, self.policy.pause) if deleted else took)


def _look_ahead(walks: Sequence[_Walk]) -> None:
    """What the oldest row is that there was no time for."""
    for walk in walks:
        if not walk.finished:
            walk.look()


@dataclass(slots=True, kw_only=True)
class _Walk:
    """How far a run has come with one kind of row."""

    rows: EndedRows
    windows: Iterator[Sequence[EndedRow]]
    ended_before: datetime
    deleted: int = 0
    finished: bool = False
    _oldest_kept: datetime | None = None

    def step(self) -> int:
        """Deletes what may go of the next window, and answers how many rows that were."""
        window = self._next()
        old = [row for row in window if row.ended_at < self.ended_before]
        self._keep([row for row in window if row.ended_at >= self.ended_before])
        if not old:
            return 0
        deleted = self.rows.delete([row.id for row in old], ended_before=self.ended_before)
        if deleted < len(old):  # somebody has locked some of them, and nobody says which
            self._keep(old)
        self.deleted += deleted
        return deleted

    def look(self) -> None:
        self._keep(self._next())

    def oldest_kept_seconds(self, now: datetime) -> float:
        """0 if there is none."""
        return (now - self._oldest_kept).total_seconds() if self._oldest_kept else 0.0

    def _next(self) -> Sequence[EndedRow]:
        """A row that was made after the moment cannot have ended before it, and the windows are in order."""
        window = next(self.windows, ())
        self.finished = not any(row.made_at < self.ended_before for row in window)
        return window

    def _keep(self, rows: Sequence[EndedRow]) -> None:
        ends = [row.ended_at for row in rows]
        self._oldest_kept = min([*ends, *([self._oldest_kept] if self._oldest_kept else [])], default=None)
