"""How much time is left, and the right to write a request."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from math import inf
from threading import Barrier

import pytest

from delivery.deadline import NotWritten, OutOfTime, Permit, ending_at, ending_in, need, seconds_left, wait_of


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_without_a_deadline_a_wait_lasts_as_long_as_it_may() -> None:
    """As in a test or in a command."""
    assert seconds_left() == inf
    assert wait_of(7) == 7
    need(10**9)


def test_a_wait_is_shortened_to_what_is_left() -> None:
    """And is never nothing, which would be endless for a socket."""
    with ending_in(2):
        assert 1.5 < wait_of(7) <= 2
        assert wait_of(1) == 1
    with ending_at(soon(-5)):
        assert seconds_left() < -4
        assert wait_of(7) == 0.001


def test_the_earlier_of_two_deadlines_counts() -> None:
    """Whichever is inside; afterwards the one outside counts again."""
    with ending_in(5):
        with ending_in(100):
            assert seconds_left() <= 5
        with ending_in(1):
            assert seconds_left() <= 1
        assert seconds_left() > 4
    assert seconds_left() == inf


def test_what_cannot_end_is_not_begun() -> None:
    """A statement that will be cut off is work for nothing, and may be done all the same."""
    with ending_in(1), pytest.raises(OutOfTime):
        need(2)
    with ending_in(5):
        need(2)


def test_a_function_that_was_frozen_finds_its_time_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A monotonic clock may stand still meanwhile; the wall clock does not."""
    with ending_in(60):
        frozen_for = time.time() + 3_600
        monkeypatch.setattr(time, "time", lambda: frozen_for)
        assert seconds_left() < 0
        with pytest.raises(OutOfTime):
            need(0)


def test_a_permit_is_taken_once_its_request_is_written() -> None:
    """In several pieces too, and then nobody can take it back."""
    permit = Permit.ending_at(soon(5))
    permit.take()
    permit.take()
    assert permit.taken
    assert not permit.revoke()
    permit.take()


def test_a_permit_that_was_revoked_cannot_be_taken() -> None:
    """Nobody ever saw its request."""
    permit = Permit.ending_at(soon(5))
    assert permit.revoke()
    assert permit.revoke()
    with pytest.raises(NotWritten):
        permit.take()
    assert not permit.taken


def test_a_permit_whose_time_is_over_cannot_be_taken() -> None:
    """A request that was begun in time may be finished."""
    with pytest.raises(NotWritten):
        Permit.ending_at(soon(-0.1)).take()
    begun = Permit.ending_at(soon(0.05))
    begun.take()
    time.sleep(0.06)
    begun.take()


@pytest.mark.parametrize(("left", "begun"), [(5, True), (0.5, False)])
def test_a_permit_is_narrowed_to_the_call_it_is_for(left: float, *, begun: bool) -> None:
    """Whether all of the call's time is there is said at once."""
    permit = Permit.ending_at(soon(left))
    assert permit.begin(1) is begun
    assert permit.left() <= min(1, left)


def test_either_the_writer_or_the_one_who_gives_up_wins() -> None:
    """Never both: a message would go out whose attempt is not counted."""
    for _ in range(200):
        permit, together = Permit.ending_at(soon(5)), Barrier(2)

        def write(permit: Permit = permit, together: Barrier = together) -> bool:
            together.wait()
            try:
                permit.take()
            except NotWritten:
                return False
            return True

        def give_up(permit: Permit = permit, together: Barrier = together) -> bool:
            together.wait()
            return permit.revoke()

        with ThreadPoolExecutor(max_workers=2) as threads:
            written, revoked = threads.submit(write), threads.submit(give_up)
        assert written.result() is not revoked.result()
