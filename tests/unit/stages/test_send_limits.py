"""How many attempts send opens at most, and what it begins no more: what was given up, and after a failure."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf

import pytest

from delivery.deadline import Permit, seconds_left
from delivery.domain.channel import Channel
from delivery.domain.outcome import NotStarted, Outcome
from delivery.domain.record import Attempt, Pointer
from delivery.domain.transition import Closed, Closing
from tests.unit.stages.sending_fakes import (
    AtOnce,
    Attempts,
    Channels,
    Observer,
    Reports,
    Way,
    pointers,
    sender,
    soon,
    utc_now,
)
from tests.unit.stages.test_send import KEPT, SENT, hanging
from tests.waiting import until


def test_one_set_at_most_waits_for_threads_while_as_many_calls_as_allowed_are_with_feishu() -> None:
    """It keeps the threads busy. A third would only be lost with the process, or run out of time."""
    attempts, released = Attempts(), threading.Event()

    def hold(_attempt: Attempt) -> Outcome:
        released.wait(timeout=20)
        return SENT

    way = Way(how=hold, timeout=timedelta(seconds=15))
    with ThreadPoolExecutor(max_workers=1) as thread:
        run = thread.submit(sender(attempts, way, concurrency=2).run, pointers(*range(1, 11)), until=soon())
        try:
            until(lambda: len(attempts.opened) > 1)
            time.sleep(0.7)  # several looks at what may be opened
            assert (attempts.opened, way.most_at_once) == ([pointers(1, 2), pointers(3, 4)], 2)
        finally:
            released.set()
        assert run.result() == frozenset()
    assert (len(way.called), way.most_at_once) == (10, 2)


@pytest.mark.parametrize(("concurrency", "ended", "third_set"), [(3, 1, []), (4, 1, []), (4, 2, [pointers(9, 10)])])
def test_the_next_set_is_opened_when_there_is_room_for_half_of_one(
    concurrency: int, ended: int, third_set: list[list[Pointer]]
) -> None:
    """Small sets would cost as many round trips as large ones; for a whole set, threads would have to be idle."""
    attempts, released = Attempts(), threading.Event()

    def hold(one: Attempt) -> Outcome:
        if one.record_id > ended:
            released.wait(timeout=20)
        else:
            until(lambda: len(attempts.opened) == 2)
        return SENT

    way = Way(how=hold, timeout=timedelta(seconds=15))
    with ThreadPoolExecutor(max_workers=1) as thread:
        run = thread.submit(sender(attempts, way, concurrency=concurrency).run, pointers(*range(1, 12)), until=soon())
        try:
            until(lambda: len(attempts.closed) == ended, within=10)
            until(lambda: len(attempts.opened) == 2 + len(third_set), within=10)
            time.sleep(0.3)
            assert attempts.opened[2:] == third_set
        finally:
            released.set()
        assert run.result() == frozenset()


def test_a_call_that_was_given_up_while_it_waited_for_a_thread_does_not_begin_when_one_is_free() -> None:
    """Closing may take a while, and the thread that hung come back meanwhile: it connects to nobody any more."""
    begun, released = list[int](), threading.Event()

    class SlowToClose(Attempts):
        def close(self, closings: Sequence[Closing]) -> Closed:
            if any(closing.attempt.record_id == 2 for closing in closings):
                released.set()
                time.sleep(0.2)
            return super().close(closings)

    class Noting(Way):
        def deliver(self, one: Attempt, to: Channel, permit: Permit) -> Outcome:
            begun.append(one.record_id)
            return super().deliver(one, to, permit)

    attempts, way = SlowToClose(), Noting(how=hanging(released).how)
    one = sender(attempts, way, concurrency=1, call_timeout=timedelta(milliseconds=100))
    one.run(pointers(1, 2), until=soon(KEPT + 0.5))
    assert isinstance(attempts.outcome_of(2), NotStarted)
    assert begun == [1]


def test_after_an_open_that_failed_no_other_is_tried() -> None:
    """The rest has time in the next delivery; here it would only wait for a database that is not there."""

    class FailingOnce(Attempts):
        def open(self, pointers: Collection[Pointer], *, now: datetime, lease: timedelta) -> list[Attempt]:
            if len(self.opened) == 1:
                self.opened.append([])
                raise ConnectionError("no database to open in")
            return super().open(pointers, now=now, lease=lease)

    way = Way()
    with pytest.raises(ConnectionError, match="open"):
        sender(FailingOnce(), way, concurrency=2).run(pointers(*range(1, 9)), until=soon())
    assert sorted(way.called) == [1, 2]


@pytest.mark.parametrize(("seconds", "opened_meanwhile"), [(3.5, 1), (5.0, 2)])
def test_what_may_have_to_wait_for_a_thread_needs_time_for_two_calls(seconds: float, opened_meanwhile: int) -> None:
    """One for the call before it, one for its own. Otherwise it is opened when the call before has ended."""
    seen = list[int]()

    def look(one: Attempt) -> Outcome:
        if one.record_id == 1:
            time.sleep(0.6)
            seen.append(len(attempts.opened))
        return SENT

    attempts, way = Attempts(), Way(how=look, timeout=timedelta(seconds=2))
    one = sender(attempts, way, concurrency=1, call_timeout=timedelta(seconds=2))
    left = one.run(pointers(1, 2), until=soon(KEPT + seconds))
    assert (seen, sorted(way.called), left) == ([opened_meanwhile], [1, 2], frozenset())


def test_what_waits_for_a_thread_when_a_run_breaks_is_not_sent() -> None:
    """Nobody would write down what came of it. Nor does the run wait for the calls that are with Feishu."""
    released = threading.Event()

    class Broken(Observer):
        def closed(self, closing: Closing, *, won: bool) -> None:
            raise RuntimeError("a bug of ours")

    def hold(one: Attempt) -> Outcome:
        if one.record_id > 1:
            released.wait(timeout=20)
        return SENT

    attempts, way = Attempts(), Way(how=hold, timeout=timedelta(seconds=15))
    one = sender(attempts, way, concurrency=2, observer=Broken())
    with ThreadPoolExecutor(max_workers=1) as thread:
        run = thread.submit(one.run, pointers(1, 2, 3, 4), until=soon())
        try:
            assert isinstance(run.exception(timeout=8), RuntimeError)
        finally:
            released.set()
    time.sleep(0.3)
    assert attempts.opened == [pointers(1, 2), pointers(3, 4)]
    assert sorted(way.called) == [1, 2, 3]


def test_each_step_leaves_the_time_that_those_after_it_need() -> None:
    """Opening and calling end before there is only time to close; closing, before there is only time to report."""
    left: dict[str, float] = {}

    class Watching(Attempts):
        def open(self, pointers: Collection[Pointer], *, now: datetime, lease: timedelta) -> list[Attempt]:
            left["open"] = seconds_left()
            return super().open(pointers, now=now, lease=lease)

        def close(self, closings: Sequence[Closing]) -> Closed:
            left["close"] = seconds_left()
            return super().close(closings)

    class Asking(Way):
        def deliver(self, one: Attempt, to: Channel, permit: Permit) -> Outcome:
            left["call"] = permit.left()
            return super().deliver(one, to, permit)

    sender(Watching(), Asking()).run(pointers(1), until=soon(30))
    assert 20 < left["open"] <= 25
    assert 20 < left["call"] <= 25
    assert 22 < left["close"] <= 27
    assert seconds_left() == inf


@dataclass
class Looks:
    """A clock that counts how often it is looked at."""

    count: int = 0

    def now(self) -> datetime:
        self.count += 1
        return utc_now()


@pytest.mark.parametrize("seconds", [0.0, 0.7])
def test_a_run_looks_a_few_times_a_second_while_it_waits(seconds: float) -> None:
    """For a call, or for the last close: a function is paid for its processor's time."""

    def slowly(_attempt: Attempt) -> Outcome:
        time.sleep(seconds)
        return SENT

    looks, way = Looks(), Way(how=slowly, timeout=timedelta(seconds=5))
    replace(sender(Attempts(), way), now=looks.now).run(pointers(1), until=soon())
    assert looks.count < 60


def test_a_run_looks_a_few_times_a_second_while_mysql_takes_its_time_to_close() -> None:
    """Nothing is with Feishu any more, and still there is something to wait for."""

    class Slow(Attempts):
        def close(self, closings: Sequence[Closing]) -> Closed:
            time.sleep(0.7)
            return super().close(closings)

    looks = Looks()
    replace(sender(Slow(), Way()), now=looks.now).run(pointers(1), until=soon())
    assert looks.count < 60


def test_calls_that_ended_together_are_taken_together() -> None:
    """With a look after each, a function could not take more than two hundred a second."""
    attempts, looks = Attempts(), Looks()
    one = replace(sender(attempts, Way(), concurrency=50), now=looks.now, threads=AtOnce)
    one.run(pointers(*range(1, 51)), until=soon())
    assert (attempts.close_calls, len(attempts.closed)) == (1, 50)
    assert looks.count < 2 * 50


def test_sets_that_others_have_taken_are_waited_for_by_nobody() -> None:
    """There is neither a call nor a close: fifty of them take no longer than asking MySQL."""
    way, began = Way(), time.monotonic()
    sender(Attempts(taken=set(range(1, 51))), way, concurrency=1).run(pointers(*range(1, 52)), until=soon())
    assert way.called == [51]
    assert time.monotonic() - began < 5


def test_users_without_a_channel_are_waited_for_by_nobody() -> None:
    """There is no call to wait for: fifty sets of them are closed as fast as MySQL takes them."""
    attempts, began = Attempts(), time.monotonic()
    one = sender(attempts, Way(), channels=Channels({user: [] for user in range(1, 51)}), concurrency=1)
    one.run(pointers(*range(1, 51)), until=soon())
    assert len(attempts.closed) == 50
    assert time.monotonic() - began < 5


@dataclass
class Stopped:
    """A clock that goes on only while somebody sleeps."""

    time: datetime = field(default_factory=utc_now)

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def test_what_is_owed_is_handed_over_while_all_the_time_for_it_is_left() -> None:
    """A wait before the next try to close does not reach into the three seconds that are kept for the queue."""
    left = list[timedelta]()
    clock = Stopped()

    class Watching(Reports):
        def publish(self, closings: Sequence[Closing]) -> None:
            left.append(end - clock.time)
            super().publish(closings)

    end = clock.time + timedelta(seconds=KEPT + 6)
    one = sender(Attempts(close_errors=1_000_000), Way(), reports=Watching())
    replace(one, now=lambda: clock.time, sleep=clock.sleep).run(pointers(1), until=end)
    assert timedelta(seconds=3) <= left[0] <= timedelta(seconds=3.2)


def test_an_attempt_has_the_times_at_which_it_was_opened_and_ended() -> None:
    """The history shows how long a message took."""
    attempts, began = Attempts(), utc_now()
    sender(attempts, Way()).run(pointers(1), until=soon())
    [closing] = attempts.closed
    assert began <= closing.attempt.started_at <= closing.finished_at <= utc_now()


def test_a_close_that_went_well_is_not_followed_by_a_wait() -> None:
    """Only one that failed is: a wait after each set would halve what a function sends."""
    waits = list[float]()
    well = sender(Attempts(), Way(), concurrency=1)
    replace(well, sleep=waits.append).run(pointers(1, 2, 3), until=soon())
    assert waits == []
    badly = sender(Attempts(close_errors=2), Way(), concurrency=1)
    replace(badly, sleep=waits.append).run(pointers(1), until=soon())
    assert waits == [0.1, 0.1]
