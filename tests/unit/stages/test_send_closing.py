"""Closing beside sending: it holds nobody up, and nothing is left to it when a run ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from delivery.domain.outcome import Delivered, Outcome
from delivery.domain.record import Attempt
from delivery.domain.transition import Closed, Closing
from tests.unit.stages.sending_fakes import Attempts, Observer, Reports, Way, pointers, sender, soon, utc_now
from tests.unit.stages.test_send import KEPT
from tests.waiting import until


def test_sending_goes_on_while_mysql_takes_its_time_to_close() -> None:
    """Otherwise the calls at once would fall short whenever a set is closed."""
    way, seen = Way(), Observer()

    class Slow(Attempts):
        def close(self, closings: Sequence[Closing]) -> Closed:
            until(lambda: len(way.called) == 6, within=10)
            return super().close(closings)

    sender(Slow(), way, concurrency=2, observer=seen).run(pointers(*range(1, 7)), until=soon())
    assert seen.by_status == {"sent": 6}


def test_the_end_of_the_last_close_is_noticed_at_once() -> None:
    """A look every 200 ms would cost each short run as much."""
    began = time.monotonic()
    for record_id in range(10):
        sender(Attempts(), Way()).run(pointers(record_id), until=soon())
    assert time.monotonic() - began < 10 * 0.2


@dataclass
class Hurried:
    """A clock that runs ten times as fast."""

    began: datetime = field(default_factory=utc_now)

    def now(self) -> datetime:
        return self.began + 10 * (utc_now() - self.began)


def test_what_a_close_has_that_does_not_end_goes_to_the_report_queue() -> None:
    """A wait that nobody thought of must not cost a second message. The run ends when the close has."""
    released, ended, clock, seen = threading.Event(), threading.Event(), Hurried(), Observer()

    class Hanging(Attempts):
        def close(self, closings: Sequence[Closing]) -> Closed:
            assert released.wait(timeout=20)
            time.sleep(0.1)
            ended.set()
            return super().close(closings)

    class Releasing(Reports):
        def publish(self, closings: Sequence[Closing]) -> None:
            super().publish(closings)
            released.set()

    reports = Releasing()
    one = sender(Hanging(), Way(), reports=reports, observer=seen, call_timeout=timedelta(milliseconds=100))
    replace(one, now=clock.now).run(pointers(1), until=clock.began + timedelta(seconds=KEPT + 5))
    assert [closing.attempt.record_id for closing in reports.taken] == [1]
    assert ended.is_set()
    assert seen.lost == []


def test_a_slow_close_has_all_the_time_for_it() -> None:
    """What it takes at the last moment need not be reported."""

    class Slow(Attempts):
        def close(self, closings: Sequence[Closing]) -> Closed:
            time.sleep(2.45)
            return super().close(closings)

    reports, seen = Reports(), Observer()
    one = sender(Slow(), Way(), reports=reports, observer=seen, call_timeout=timedelta(milliseconds=100))
    one.run(pointers(1), until=soon(KEPT + 0.2))
    assert (reports.taken, seen.by_status) == ([], {"sent": 1})


def test_what_is_finished_is_closed_a_few_times_a_second() -> None:
    """Not as each call ends: a set costs MySQL little more than one."""
    attempts, began = Attempts(), time.monotonic()

    def one_after_the_other(attempt: Attempt) -> Outcome:
        time.sleep(0.01 * attempt.record_id)
        return Delivered(provider_message_id="m")

    sender(attempts, Way(how=one_after_the_other), concurrency=60).run(pointers(*range(1, 61)), until=soon())
    assert attempts.close_calls <= (time.monotonic() - began) / 0.2 + 2


def test_what_a_slow_close_kept_waiting_is_closed_though_the_time_is_nearly_up() -> None:
    """MySQL takes it, so it need not be reported."""
    began, reports, seen = time.monotonic(), Reports(), Observer()

    class SlowAtFirst(Attempts):
        def close(self, closings: Sequence[Closing]) -> Closed:
            if not self.closed:
                time.sleep(max(2.8 - (time.monotonic() - began), 0))
            return super().close(closings)

    def second_later(attempt: Attempt) -> Outcome:
        time.sleep(0.5 if attempt.record_id == 2 else 0)
        return Delivered(provider_message_id="m")

    way = Way(how=second_later, timeout=timedelta(milliseconds=100))
    one = sender(SlowAtFirst(), way, reports=reports, observer=seen, call_timeout=timedelta(milliseconds=100))
    one.run(pointers(1, 2), until=soon(KEPT + 0.9))
    assert (reports.taken, seen.by_status) == ([], {"sent": 2})
