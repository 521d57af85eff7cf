"""Prune deletes what is past its days, in small sets with pauses, until nothing is left or its time is nearly up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from delivery.domain.retention import EndedRow

#: A set begins only if this much time is left, because a busy MySQL may take that long for one.
_LONGEST_SET = timedelta(seconds=5)
#: The pause after a set is this many times as long as the set took, so prune uses at most a tenth of MySQL's time.
_LEFT_ALONE = 9


class EndedRows(Protocol):
    """Ended rows of one kind: final records, rejects or outbox rows in a final state."""

    @property
    def name(self) -> str:
        """The kind's name in logs and metrics."""

    def windows(self, *, size: int) -> Iterator[Sequence[EndedRow]]:
        """Yields windows of rows, roughly in the order of their creation. Each is read on demand."""

    def delete(self, ids: Collection[int], *, ended_before: datetime) -> int:
        """Deletes those that may go and are not locked. Returns how many there were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long rows of one kind are kept after they ended."""

    rows: EndedRows
    #: 0 keeps them forever.
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePolicy:
    set_size: int
    #: The pause after a set, which is longer if the set took long.
    pause: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """The result by kind of row. Kinds that are kept forever are left out."""

    deleted: Mapping[str, int]
    #: How long ago the oldest remaining row ended.
    oldest_kept_seconds: Mapping[str, float]
    #: Kinds with more expired rows than there was time for.
    unfinished: Sequence[str] = ()
    #: The error that ended the run early. The handler raises it after it has reported the counts.
    failure: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruner:
    """Deletes expired rows. It keeps no state: a run that was cut short simply leaves the rest to the next one."""

    retentions: Sequence[Retention]
    policy: PrunePolicy
    now: Callable[[], datetime]
    wait: Callable[[timedelta], None]

    def run(self, *, until: datetime) -> PruneReport:
        """Never raises: the report counts what was deleted before a failure, and carries the failure."""
        walks, failure = [self._walk(one) for one in self.retentions if one.days], None
        try:
            self._take_turns(walks, until)
        except Exception as error:  # noqa: BLE001 - the handler raises it after reporting the counts
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
        """Deletes one set of each kind in turn, so that many rows of one kind do not starve the others."""
        while going := [walk for walk in walks if not walk.finished]:
            for walk in going:
                if self.now() + _LONGEST_SET > until:
                    _look_ahead(going)
                    return
                began = self.now()
                deleted = walk.step()
                took = self.now() - began
                self.wait(max(_LEFT_ALONE * took, self.policy.pause if deleted else timedelta()))


def _look_ahead(walks: Sequence[_Walk]) -> None:
    """Finds the oldest rows for which no time was left."""
    for walk in walks:
        walk.look()


@dataclass(slots=True, kw_only=True)
class _Walk:
    """A run's progress with one kind of row."""

    rows: EndedRows
    windows: Iterator[Sequence[EndedRow]]
    ended_before: datetime
    deleted: int = 0
    finished: bool = False
    _oldest_kept: datetime | None = None

    def step(self) -> int:
        """Deletes the expired rows of the next window, and returns how many there were."""
        window = self._next()
        old = [row for row in window if row.ended_at < self.ended_before]
        self._keep([row for row in window if row.ended_at >= self.ended_before])
        if not old:
            return 0
        deleted = self.rows.delete([row.id for row in old], ended_before=self.ended_before)
        if deleted < len(old):  # some of them are locked, and we do not know which
            self._keep(old)
        self.deleted += deleted
        return deleted

    def look(self) -> None:
        self._keep(self._next())

    def oldest_kept_seconds(self, now: datetime) -> float:
        """How long ago the oldest remaining row ended; 0 if there is none."""
        return (now - self._oldest_kept).total_seconds() if self._oldest_kept else 0.0

    def _next(self) -> Sequence[EndedRow]:
        """Stops at rows created after the moment: they cannot have ended before it, and windows go by creation time."""
        window = next(self.windows, ())
        self.finished = not any(row.made_at < self.ended_before for row in window)
        return window

    def _keep(self, rows: Sequence[EndedRow]) -> None:
        ends = [row.ended_at for row in rows]
        self._oldest_kept = min([*ends, *([self._oldest_kept] if self._oldest_kept else [])], default=None)
