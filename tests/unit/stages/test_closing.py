"""Closing's own logic: what is owed and until when, what goes to the report queue, and what is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest

from delivery.closing import Closer, ReportCloser
from delivery.deadline import OutOfTime
from delivery.domain.outcome import Delivered
from delivery.domain.transition import Closed, Closing, after_attempt
from tests.unit.samples import NOW, RETRY, attempt
from tests.unit.stages.sending_fakes import AtOnce, Observer, Reports

T = TypeVar("T")


def closing(record_id: int) -> Closing:
    one, outcome = attempt(record_id=record_id), Delivered(provider_message_id="m")
    transition = after_attempt(one, outcome, RETRY, NOW)
    return Closing(attempt=one, outcome=outcome, transition=transition, finished_at=NOW)


def won(*record_ids: int, locked: Sequence[int] = ()) -> Closed:
    return Closed(won=frozenset(record_ids), locked=frozenset(locked))


@dataclass
class Store:
    """Answers as it is told, one after the other; the last answer stays."""

    answers: list[Closed | Exception]
    asked: list[list[int]] = field(default_factory=list)

    def close(self, closings: Sequence[Closing]) -> Closed:
        self.asked.append([closing.attempt.record_id for closing in closings])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Around:
    """A closer with all that it works with."""

    store: Store
    reports: Reports = field(default_factory=Reports)
    seen: Observer = field(default_factory=Observer)
    time: datetime = NOW
    thread: Executor = field(default_factory=AtOnce)

    def closer(self, *record_ids: int) -> Closer:
        finished = [closing(record_id) for record_id in record_ids]
        return Closer(
            store=self.store,
            reports=self.reports,
            observer=self.seen,
            now=lambda: self.time,
            thread=self.thread,
            finished=finished,
        )


def close(one: Closer) -> None:
    """Begins to close and takes in what came of it."""
    one.begin(until=NOW, on_end=lambda _: None)
    one.settle()


def test_what_was_not_tried_yet_is_not_owed() -> None:
    """Sending goes on while outcomes wait for their turn to be closed."""
    assert not Around(Store([won(1)])).closer(1).owes


def test_what_mysql_did_not_take_is_owed_until_it_does() -> None:
    """Each try has all of it."""
    around = Around(Store([ConnectionError("gone"), won(1, 2)]))
    one = around.closer(1, 2)
    close(one)
    assert (one.owes, around.seen.closings) == (True, [])
    close(one)
    assert (one.owes, one.trouble, one.finished) == (False, None, [])
    assert (around.store.asked, around.seen.closings) == ([[1, 2], [1, 2]], [(1, True), (2, True)])


def test_nothing_is_owed_once_the_report_queue_has_it() -> None:
    """Though MySQL may still be away."""
    around = Around(Store([ConnectionError("gone")]))
    one = around.closer(1)
    close(one)
    one.hand_over()
    assert one.lost is None
    assert (one.owes, one.finished) == (False, [])
    assert around.seen.in_reports == [(1, "ConnectionError: gone")]


def test_nothing_to_close_asks_nobody() -> None:
    """Neither MySQL nor the report queue."""
    around = Around(Store([won()]), reports=Reports(down=True))
    one = around.closer()
    close(one)
    one.hand_over()
    assert one.lost is None
    assert (around.store.asked, around.seen.lost, around.seen.in_reports) == ([], [], [])


def test_that_no_time_is_left_says_less_than_what_took_it() -> None:
    """The first cause is kept, unless another error than that comes."""
    gone, none_left, refused = ConnectionError("gone"), OutOfTime("not begun"), PermissionError("read-only")
    around = Around(Store([gone, none_left, refused, none_left]))
    one = around.closer(1)
    met = []
    for _ in range(4):
        close(one)
        met.append(one.trouble)
    assert met == [gone, gone, refused, refused]
    alone = Around(Store([none_left])).closer(1)
    close(alone)
    assert alone.trouble is none_left


def test_a_row_that_was_locked_after_mysql_came_back_is_handed_over_as_locked() -> None:
    """An error that is over is not the reason."""
    around = Around(Store([ConnectionError("gone"), won(locked=[1])]))
    one = around.closer(1)
    close(one)
    close(one)
    one.hand_over()
    assert one.lost is None
    assert around.seen.in_reports == [(1, "another transaction holds their rows")]


@pytest.mark.parametrize(("seconds", "handed_over"), [(1.9, False), (2.0, False), (2.1, True)])
def test_a_locked_record_has_two_seconds(seconds: float, *, handed_over: bool) -> None:
    """Counted from when it was met; then it is the report queue's, and sending goes on."""
    around = Around(Store([won(1, locked=[2]), won(locked=[2])]))
    one = around.closer(1, 2)
    close(one)
    assert (one.owes, one.locked_since, around.seen.closings) == (True, NOW, [(1, True)])
    around.time = NOW + timedelta(seconds=seconds)
    close(one)
    assert (one.owes, bool(around.reports.taken)) == (not handed_over, handed_over)
    assert around.seen.in_reports == ([(2, "another transaction holds their rows")] if handed_over else [])
    assert around.store.asked == [[1, 2], [2]]


def test_the_next_locked_record_has_two_seconds_of_its_own() -> None:
    """After the one before it was closed or handed over."""
    around = Around(Store([won(locked=[1]), won(1), won(locked=[2])]))
    one = around.closer(1)
    close(one)
    close(one)
    assert one.locked_since is None
    around.time = NOW + timedelta(seconds=60)
    one.finished.append(closing(2))
    close(one)
    assert one.locked_since == around.time
    assert around.reports.taken == []
    one.hand_over()
    assert one.lost is None
    assert (one.locked_since, around.seen.in_reports) == (None, [(2, "another transaction holds their rows")])


def test_what_nobody_took_is_told_with_both_causes() -> None:
    """These messages may come twice."""
    around = Around(Store([ConnectionError("gone")]), reports=Reports(down=True))
    one = around.closer(1)
    close(one)
    one.hand_over()
    assert one.lost is one.trouble
    assert around.seen.lost == [(1, "ConnectionError: gone; the report queue: AccessDenied: no")]


def test_reports_are_closed_but_for_the_locked_ones() -> None:
    """Those come again; one that is late is told as late."""
    store, seen = Store([won(1, locked=[3])]), Observer()
    assert ReportCloser(store=store, observer=seen).run([closing(1), closing(2), closing(3)]) == {3}
    assert seen.closings == [(1, True), (2, False)]


class Later(Executor):
    """Does what was submitted when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def submit(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future = Future[T]()
        self.waiting.append(lambda: future.set_result(work(*args, **kwargs)))
        return future


def test_one_set_is_closed_after_the_other() -> None:
    """What finishes while a close is running belongs to the next one."""
    thread, ended = Later(), list[object]()
    around = Around(Store([won(1), won(2, 3)]), thread=thread)
    one = around.closer(1)
    one.begin(until=NOW, on_end=ended.append)
    one.finished += [closing(2), closing(3)]
    one.begin(until=NOW, on_end=ended.append)
    one.settle()
    assert (len(thread.waiting), around.seen.closings, one.unclosed) == (1, [], True)
    thread.waiting.pop()()
    assert len(ended) == 1
    one.settle()
    assert (around.store.asked, around.seen.closings, one.unclosed) == ([[1]], [(1, True)], True)
    one.begin(until=NOW, on_end=ended.append)
    thread.waiting.pop()()
    one.settle()
    assert (around.store.asked, len(ended), one.unclosed) == ([[1], [2, 3]], 2, False)


@pytest.mark.parametrize(("seconds", "owes"), [(0.9, False), (1.0, False), (1.1, True)])
def test_a_close_that_takes_longer_than_a_second_is_owed(seconds: float, *, owes: bool) -> None:
    """MySQL may be silent: nothing is added to what it has to take."""
    around = Around(Store([won(1)]), thread=Later())
    one = around.closer(1)
    one.begin(until=NOW, on_end=lambda _: None)
    around.time = NOW + timedelta(seconds=seconds)
    assert one.owes == owes


def test_what_failed_to_close_comes_before_what_finished_meanwhile() -> None:
    """The next try has all of it."""
    thread = Later()
    around = Around(Store([ConnectionError("gone"), won(1, 2)]), thread=thread)
    one = around.closer(1)
    one.begin(until=NOW, on_end=lambda _: None)
    one.finished.append(closing(2))
    thread.waiting.pop()()
    one.settle()
    assert (one.owes, [each.attempt.record_id for each in one.finished]) == (True, [1, 2])


def test_only_what_is_locked_is_handed_over_as_locked() -> None:
    """What finished meanwhile has not been tried yet."""
    thread = Later()
    around = Around(Store([won(locked=[1])]), thread=thread)
    one = around.closer(1)
    one.locked_since = NOW - timedelta(seconds=3)
    one.begin(until=NOW, on_end=lambda _: None)
    one.finished.append(closing(2))
    thread.waiting.pop()()
    one.settle()
    assert around.seen.in_reports == [(1, "another transaction holds their rows")]
    assert (one.owes, [each.attempt.record_id for each in one.finished]) == (False, [2])


def test_what_a_close_has_that_does_not_end_is_handed_over_too() -> None:
    """Before what finished after it."""
    around = Around(Store([won(1)]), thread=Later())
    one = around.closer(1)
    one.begin(until=NOW, on_end=lambda _: None)
    one.finished.append(closing(2))
    one.hand_over()
    assert one.lost is None
    assert around.seen.in_reports == [(1, "closing them did not end in time"), (2, "closing them did not end in time")]
    assert not one.unclosed
