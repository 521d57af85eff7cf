"""Prune's own logic: what it deletes, how it takes turns and pauses, when it stops, and what it reports."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from delivery.domain.retention import EndedRow
from delivery.prune import PrunePolicy, Pruner, PruneReport, Retention
from tests.unit.samples import NOW

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
OLD, YOUNG = NOW - 11 * DAY, NOW - DAY
FAR = NOW + DAY


@dataclass
class Clock:
    time: datetime = NOW

    def __call__(self) -> datetime:
        return self.time


@dataclass
class Rows:
    """Rows of one kind, given by when each was made and ended; a deletion takes as long as it is told to."""

    clock: Clock
    rows: list[tuple[datetime, datetime]]
    name: str = "records"
    takes: timedelta = timedelta()
    locked: frozenset[int] = frozenset()
    breaks: bool = False
    sets: list[list[int]] = field(default_factory=list)
    looked: int = 0

    def windows(self, *, size: int) -> Iterator[Sequence[EndedRow]]:
        rows = [EndedRow(number, *times) for number, times in enumerate(self.rows)]
        for start in range(0, len(rows), size):
            self.looked += 1
            yield rows[start : start + size]

    def delete(self, ids: Collection[int], *, ended_before: datetime) -> int:
        assert ids, "an empty set would be a transaction for nothing"
        assert ended_before == NOW - 10 * DAY
        if self.breaks:
            raise ConnectionError("no database")
        self.clock.time += self.takes
        self.sets.append(list(ids))
        return len(set(ids) - self.locked)


@dataclass
class Waits:
    clock: Clock
    waited: list[timedelta] = field(default_factory=list)

    def __call__(self, pause: timedelta) -> None:
        self.waited.append(pause)
        self.clock.time += pause


def run(*kinds: Rows, until: datetime = FAR, days: int = 10, size: int = 2, waits: Waits | None = None) -> PruneReport:
    clock = kinds[0].clock
    return Pruner(
        retentions=[Retention(rows=kind, days=days) for kind in kinds],
        policy=PrunePolicy(set_size=size, pause=SECOND),
        now=clock,
        wait=waits or (lambda _: None),
    ).run(until=until)


def made_and_ended(*moments: datetime) -> list[tuple[datetime, datetime]]:
    return [(moment, moment) for moment in moments]


def test_it_deletes_set_after_set_what_ended_before_its_days() -> None:
    """And of a window the old rows alone."""
    rows = Rows(Clock(), [(OLD, OLD), (OLD, YOUNG), (OLD, YOUNG), (OLD, OLD), (OLD, OLD), (YOUNG, YOUNG)])
    report = run(rows)
    assert rows.sets == [[0], [3], [4]]
    assert report == PruneReport(deleted={"records": 3}, oldest_kept_seconds={"records": DAY.total_seconds()})


@pytest.mark.parametrize("after_the_limit", [timedelta(), timedelta(milliseconds=1)])
def test_a_row_at_the_end_of_its_days_is_kept(after_the_limit: timedelta) -> None:
    """Past its days is later than that."""
    limit = NOW - 10 * DAY
    rows = Rows(Clock(), made_and_ended(limit - timedelta(milliseconds=1), limit + after_the_limit))
    assert run(rows).deleted == {"records": 1}
    assert rows.sets == [[0]]


def test_it_looks_no_further_than_the_first_window_of_young_rows() -> None:
    """The windows are in the order in which rows were made, and none ended before it was made."""
    rows = Rows(Clock(), made_and_ended(OLD, OLD, OLD, YOUNG, YOUNG, YOUNG, YOUNG, YOUNG, YOUNG))
    report = run(rows)
    assert (rows.sets, rows.looked) == ([[0, 1], [2]], 3)
    assert report.unfinished == ()


def test_with_nothing_to_keep_there_is_no_age() -> None:
    """The metric is there all the same: silence is for a prune that does not run."""
    assert run(Rows(Clock(), [])) == PruneReport(deleted={"records": 0}, oldest_kept_seconds={"records": 0.0})
    assert run(Rows(Clock(), made_and_ended(OLD, OLD))).oldest_kept_seconds == {"records": 0.0}


def test_what_is_kept_for_ever_is_not_looked_at() -> None:
    """Nor is anything said of it."""
    rows = Rows(Clock(), made_and_ended(OLD))
    assert run(rows, days=0) == PruneReport(deleted={}, oldest_kept_seconds={})
    assert rows.looked == 0


def test_the_kinds_take_turns() -> None:
    """A table that grew for years does not keep the others waiting; and each is finished by itself."""
    clock = Clock()
    many = Rows(clock, made_and_ended(*[OLD] * 100), takes=SECOND)
    few = Rows(clock, made_and_ended(OLD, OLD, OLD), name="rejects", takes=SECOND)
    report = run(many, few, until=NOW + 10 * SECOND)
    assert report.deleted == {"records": 8, "rejects": 3}
    assert report.unfinished == ("records",)


def test_it_begins_no_set_that_may_not_end_and_says_what_is_left() -> None:
    """Nor does it begin another kind. The oldest row that is left is beyond its days."""
    clock = Clock()
    rows = Rows(clock, made_and_ended(*[OLD - DAY] * 4, OLD, OLD, OLD), takes=SECOND)
    late = Rows(clock, made_and_ended(OLD), name="rejects")
    report = run(rows, late, until=NOW + 6 * SECOND)
    assert report.deleted == {"records": 4, "rejects": 1}
    assert report.unfinished == ("records",)
    assert report.oldest_kept_seconds["records"] == (11 * DAY + 2 * SECOND).total_seconds()
    assert run(Rows(Clock(), made_and_ended(OLD)), until=NOW + 4 * SECOND).deleted == {"records": 0}
    assert run(Rows(Clock(), made_and_ended(OLD)), until=NOW + 5 * SECOND).deleted == {"records": 1}


def test_what_turns_out_to_be_done_when_the_time_is_up_is_not_unfinished() -> None:
    """Only young rows are left."""
    rows = Rows(Clock(), made_and_ended(OLD, OLD, YOUNG), takes=SECOND)
    assert run(rows, until=NOW + 5 * SECOND).unfinished == ()


@pytest.mark.parametrize(("takes", "pause"), [(timedelta(0), SECOND), (SECOND / 2, SECOND), (3 * SECOND, 3 * SECOND)])
def test_it_pauses_after_a_set_and_for_no_less_than_the_set_took(takes: timedelta, pause: timedelta) -> None:
    """A MySQL that is slow has others to serve."""
    clock = Clock()
    waits = Waits(clock)
    run(Rows(clock, made_and_ended(OLD, OLD, OLD, OLD), takes=takes), waits=waits)
    assert waits.waited == [pause, pause, timedelta()]


def test_rows_that_somebody_has_locked_stay_and_count_as_kept() -> None:
    """The next run finds them; nobody says which of the set they were."""
    rows = Rows(Clock(), made_and_ended(OLD - DAY, OLD, YOUNG), locked=frozenset({1}))
    report = run(rows)
    assert report.deleted == {"records": 1}
    assert report.oldest_kept_seconds == {"records": (12 * DAY).total_seconds()}
    assert report.unfinished == ()


def test_a_failure_stands_in_the_report_beside_what_was_deleted() -> None:
    """The handler raises it once the counts are told."""
    clock = Clock()
    report = run(Rows(clock, made_and_ended(OLD)), Rows(clock, made_and_ended(OLD), name="rejects", breaks=True))
    assert report.deleted == {"records": 1, "rejects": 0}
    assert isinstance(report.failure, ConnectionError)
