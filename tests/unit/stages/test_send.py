"""Send's own logic: whom it calls, how many at once, and that what was called is written down or reported."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from delivery.domain.channel import Held, UnreadableChannel
from delivery.domain.outcome import (
    Delivered,
    ErrorCode,
    NoRecipient,
    NotStarted,
    Outcome,
    PermanentFailure,
    TemporaryFailure,
)
from delivery.domain.record import Attempt, Pointer, QueueDown
from delivery.domain.transition import Closed, Closing
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from tests.unit.samples import channel
from tests.unit.stages.sending_fakes import Attempts, Channels, Observer, Reports, Way, pointers, sender, soon
from tests.waiting import until

SENT = Delivered(provider_message_id="m")
FAILED = TemporaryFailure(code=ErrorCode.SERVER_ERROR, reason="broken")
REFUSED = PermanentFailure(code=ErrorCode.AUTH_FAILED, reason="refused")
#: What a run keeps of its time to close and to report.
KEPT = 5.0


def test_every_outcome_is_closed_and_counted_by_the_state_it_led_to() -> None:
    """A temporary failure is `failed` while attempts are left and `dead` after."""
    answers: dict[int, Outcome] = {1: SENT, 2: FAILED, 3: REFUSED, 4: FAILED}
    attempts, seen = Attempts(), Observer()
    one = sender(attempts, Way(how=lambda one: answers[one.record_id]), observer=seen)
    left = one.run([Pointer(1, 0), Pointer(2, 0), Pointer(3, 0), Pointer(4, 2)], until=soon())
    assert seen.by_status == {"sent": 1, "failed": 1, "dead": 2}
    assert {closing.attempt.record_id: closing.outcome for closing in attempts.closed} == answers
    assert left == frozenset()


def test_users_who_cannot_be_reached_are_not_called() -> None:
    """Skipped without a channel that is enabled and has a URL; dead for one that does not decrypt."""
    unreadable = UnreadableChannel(user_id=4, channel="feishu_webhook", reason="does not open")
    channels = Channels({1: [], 2: [channel(enabled=False)], 3: [channel(webhook_url="")], 4: [unreadable]})
    attempts, way, seen = Attempts(), Way(), Observer()
    sender(attempts, way, channels=channels, observer=seen).run(pointers(1, 2, 3, 4, 5), until=soon())
    assert way.called == [5]
    assert seen.by_status == {"skipped": 3, "dead": 1, "sent": 1}
    for record_id in (1, 2, 3):
        outcome = attempts.outcome_of(record_id)
        assert isinstance(outcome, NoRecipient)
        assert outcome.code == "recipient_missing"
    assert attempts.outcome_of(4) == PermanentFailure(code=ErrorCode.CREDENTIAL_UNREADABLE, reason="does not open")


def test_a_user_whose_key_is_out_of_reach_is_not_sent_to_and_loses_no_attempt() -> None:
    """The others are; whoever watches hears the cause in the service's own words."""
    held = Held(user_id=1, channel="feishu_webhook", reason="KMS: ThrottlingException: slow down")
    attempts, way, seen = Attempts(), Way(), Observer()
    one = sender(attempts, way, channels=Channels({1: [held], 2: [held]}), observer=seen)
    left = one.run(pointers(1, 2, 3), until=soon())
    assert (way.called, attempts.opened) == ([3], [pointers(3)])
    assert seen.holds == [([1, 2], "KMS: ThrottlingException: slow down")]
    assert left == frozenset()  # they come due again by themselves


def test_a_user_with_another_channel_is_reached_by_that_while_one_is_out_of_reach() -> None:
    """Whoever can be sent to is sent to."""
    held = Held(user_id=1, channel="feishu_bot", reason="KMS: away")
    way = Way()
    one = sender(Attempts(), way, others={"feishu_bot": Way()}, channels=Channels({1: [held, channel(user_id=1)]}))
    one.run(pointers(1), until=soon())
    assert way.called == [1]


def test_each_record_goes_by_the_way_of_its_users_channel() -> None:
    """The first usable one in the order of the ways, whatever the order of the channels."""
    bot = replace(channel(), channel="feishu_bot")
    of_user = {1: [channel(user_id=1)], 2: [replace(bot, user_id=2)]}
    of_user[3] = [channel(user_id=3), replace(bot, user_id=3)]
    of_user[4] = [channel(user_id=4), replace(bot, user_id=4, enabled=False)]
    of_user[5] = []
    attempts, flow, bots = Attempts(), Way(), Way()
    sender(attempts, flow, others={"feishu_bot": bots}, channels=Channels(of_user)).run(
        pointers(1, 2, 3, 4, 5), until=soon()
    )
    assert (sorted(flow.called), sorted(bots.called)) == ([1, 4], [2, 3])
    assert {closing.attempt.record_id: closing.way for closing in attempts.closed} == {
        1: FLOW_WEBHOOK,
        2: "feishu_bot",
        3: "feishu_bot",
        4: FLOW_WEBHOOK,
        5: None,
    }


def test_a_pointer_that_came_twice_or_that_another_sender_has_is_called_once_or_not_at_all() -> None:
    """Only an opened attempt may be sent; the rest is nobody's business any more."""
    attempts, way = Attempts(taken={2}), Way()
    left = sender(attempts, way).run(pointers(1, 2, 1), until=soon())
    assert (way.called, left) == ([1], frozenset())
    assert attempts.opened == [pointers(1, 2)]


def test_attempts_are_opened_and_channels_read_in_sets_and_called_concurrently() -> None:
    """As many at once as the policy says, and never more."""
    everyone_in = threading.Barrier(4)

    def together(_attempt: Attempt) -> Outcome:
        everyone_in.wait(timeout=10)
        return SENT

    attempts, way, channels, seen = Attempts(), Way(how=together), Channels(), Observer()
    sender(attempts, way, channels=channels, concurrency=4, observer=seen).run(pointers(*range(1, 13)), until=soon())
    assert seen.by_status == {"sent": 12}
    assert attempts.opened[:2] == [pointers(1, 2, 3, 4), pointers(5, 6, 7, 8)]
    assert min(len(opened) for opened in attempts.opened) >= 2  # half a set, if not all calls were seen to end together
    assert channels.asked == [{pointer.record_id for pointer in opened} for opened in attempts.opened]
    assert way.most_at_once == 4


def test_what_is_finished_is_closed_while_others_are_still_with_feishu() -> None:
    """A crash repeats at most what was in flight."""
    attempts, seen = Attempts(), Observer()

    def second_waits_for_the_first(one: Attempt) -> Outcome:
        return FAILED if one.record_id == 2 and not attempts.any_closed.wait(timeout=10) else SENT

    sender(attempts, Way(how=second_waits_for_the_first), observer=seen).run(pointers(1, 2), until=soon())
    assert seen.by_status == {"sent": 2}


def test_without_time_nothing_is_opened() -> None:
    """Its message is delivered again, to somebody with more time."""
    attempts, way = Attempts(), Way()
    left = sender(attempts, way).run(pointers(1, 2), until=soon(KEPT + 4.9))
    assert (attempts.opened, way.called) == ([], [])
    assert left == set(pointers(1, 2))


def test_what_could_not_finish_in_time_is_not_opened() -> None:
    """The first set fits, the second would not."""

    def slowly(_attempt: Attempt) -> Outcome:
        time.sleep(0.25)
        return SENT

    attempts = Attempts()
    one = sender(attempts, Way(how=slowly), concurrency=2, call_timeout=timedelta(seconds=0.3))
    left = one.run(pointers(1, 2, 3, 4), until=soon(KEPT + 0.5))
    assert left == set(pointers(3, 4))
    assert attempts.opened == [pointers(1, 2)]


def test_an_outcome_that_comes_too_late_is_told_as_late() -> None:
    """Somebody else owns the record now."""
    seen = Observer()
    sender(Attempts(outlived={2}), Way(), observer=seen).run(pointers(1, 2), until=soon())
    assert sorted(seen.closings) == [(1, True), (2, False)]


def test_nothing_to_do_is_done_at_once() -> None:
    """An event whose messages were all unreadable."""
    assert sender(Attempts(), Way()).run([], until=soon()) == frozenset()


def hanging(released: threading.Event) -> Way:
    """Record 1 never comes back by itself."""

    def hang(one: Attempt) -> Outcome:
        if one.record_id == 1:
            released.wait(timeout=20)
        return SENT

    return Way(how=hang)


def test_a_call_that_hangs_is_given_up_as_one_that_may_have_arrived() -> None:
    """Its record is tried again later; the others do not wait for it."""
    attempts, released, seen = Attempts(), threading.Event(), Observer()
    one = sender(attempts, hanging(released), call_timeout=timedelta(milliseconds=50), observer=seen)
    try:
        one.run(pointers(1, 2), until=soon())
    finally:
        released.set()
    assert seen.by_status == {"sent": 1, "failed": 1}
    [given_up] = [closing for closing in attempts.closed if closing.attempt.record_id == 1]
    assert given_up.way == FLOW_WEBHOOK
    assert given_up.outcome == TemporaryFailure(code=ErrorCode.TIMEOUT, reason="no whole answer in time")


def test_a_call_that_was_given_up_before_it_was_written_uses_no_attempt_and_is_never_written() -> None:
    """Its thread finds on waking that it must not write any more."""
    attempts, released, seen = Attempts(), threading.Event(), Observer()
    way = hanging(released)
    way.writes = False
    one = sender(attempts, way, call_timeout=timedelta(milliseconds=50), observer=seen)
    try:
        one.run(pointers(1, 2), until=soon())
        assert attempts.outcome_of(1) == NotStarted(reason="its call had not begun when the time was over")
        [closing] = [closing for closing in attempts.closed if closing.attempt.record_id == 1]
        assert (closing.transition.status, closing.transition.attempt_count) == ("pending", 0)
        assert way.permits[1].revoke()
    finally:
        released.set()


def test_hung_calls_do_not_take_the_next_runs_threads() -> None:
    """As many calls hang as there are threads; the run after them sends as if nothing had been."""
    released, seen = threading.Event(), Observer()
    one = sender(Attempts(), hanging(released), concurrency=1, call_timeout=timedelta(milliseconds=50), observer=seen)
    try:
        one.run(pointers(1), until=soon())
        one.run(pointers(2), until=soon())
    finally:
        released.set()
    assert seen.by_status == {"failed": 1, "sent": 1}


def test_a_way_that_raises_does_not_stop_the_others_from_being_closed() -> None:
    """A bug of ours is raised once everything that can be closed is closed, and counted."""
    attempts, seen = Attempts(), Observer()

    def break_at_two(one: Attempt) -> Outcome:
        if one.record_id == 2:
            raise RuntimeError("a bug of ours")
        return SENT

    with pytest.raises(RuntimeError, match="ours"):
        sender(attempts, Way(how=break_at_two), concurrency=2, observer=seen).run(pointers(1, 2, 3, 4, 5), until=soon())
    assert {closing.attempt.record_id for closing in attempts.closed} == {1, 3, 4, 5}
    assert seen.by_status == {"sent": 4}


def test_a_database_lost_between_two_sets_does_not_lose_what_is_with_feishu() -> None:
    """The first set is closed, then the error is raised: its messages must not be sent a second time."""
    attempts, way = Attempts(open_errors_from=1), Way()
    with pytest.raises(ConnectionError, match="open"):
        sender(attempts, way, concurrency=2).run(pointers(1, 2, 3, 4), until=soon())
    assert {closing.attempt.record_id for closing in attempts.closed} == {1, 2}
    assert sorted(way.called) == [1, 2]


def test_closing_is_tried_again_while_there_is_time() -> None:
    """The messages are out: not saying so would send them a second time."""
    attempts, reports, seen = Attempts(close_errors=2), Reports(), Observer()
    sender(attempts, Way(), reports=reports, observer=seen).run(pointers(1, 2), until=soon())
    assert seen.by_status == {"sent": 2}
    assert reports.taken == []


def test_nothing_is_opened_after_a_close_has_failed() -> None:
    """What MySQL cannot take now would only add to what is owed."""

    class FailingAtOnce(Attempts):
        def close(self, closings: Sequence[Closing]) -> Closed:
            until(lambda: len(self.opened) > 2)
            return super().close(closings)

    attempts = FailingAtOnce(close_errors=1_000_000)
    one = sender(attempts, Way(), concurrency=2, call_timeout=timedelta(milliseconds=100))
    left = one.run(pointers(*range(1, 101)), until=soon(KEPT + 1))
    assert attempts.close_calls > 1
    assert len(attempts.opened) <= attempts.opened_before_an_error + 1  # it may have begun as the close failed
    assert len(left) == 100 - sum(len(opened) for opened in attempts.opened)


def test_what_mysql_never_takes_goes_to_the_report_queue_before_time_is_up() -> None:
    """A few tries a second, not as many as the processor can make; then the outcome is safe elsewhere."""
    attempts, reports, seen, until = Attempts(close_errors=1_000_000), Reports(), Observer(), soon(KEPT + 1)
    one = sender(attempts, Way(), reports=reports, observer=seen, call_timeout=timedelta(milliseconds=100))
    left = one.run(pointers(1), until=until)
    assert one.now() < until
    assert [(closing.attempt.record_id, closing.transition.status) for closing in reports.taken] == [(1, "sent")]
    assert (seen.in_reports, seen.lost, left) == ([(1, "ConnectionError: no database to close in")], [], frozenset())
    assert 2 <= attempts.close_calls <= 40


def test_without_the_report_queue_too_the_log_names_what_may_come_twice() -> None:
    """And the run raises, so that the invocation counts as failed."""
    attempts, seen = Attempts(close_errors=1_000_000), Observer()
    one = sender(attempts, Way(), reports=Reports(down=True), observer=seen, call_timeout=timedelta(milliseconds=100))
    with pytest.raises(ConnectionError, match="close"):
        one.run(pointers(1), until=soon(KEPT + 0.5))
    assert seen.lost == [(1, "ConnectionError: no database to close in; the report queue: AccessDenied: no")]


def test_a_locked_row_that_the_report_queue_does_not_take_fails_the_run_too() -> None:
    """Its message may come twice, whatever the reason was."""
    attempts, seen = Attempts(locked={1: 1_000_000}), Observer()
    one = sender(attempts, Way(), reports=Reports(down=True), observer=seen, call_timeout=timedelta(milliseconds=100))
    with pytest.raises(QueueDown):
        one.run(pointers(1), until=soon(KEPT + 0.5))
    assert [record_id for record_id, _ in seen.lost] == [1]


def test_an_error_before_that_of_closing_is_the_one_that_is_raised() -> None:
    """The first says what went wrong; a database that then takes nothing has its own line in the log."""

    def break_at_two(one: Attempt) -> Outcome:
        if one.record_id == 2:
            raise RuntimeError("a bug of ours")
        return SENT

    attempts, seen = Attempts(close_errors=1_000_000), Observer()
    one = sender(attempts, Way(how=break_at_two), reports=Reports(down=True), observer=seen)
    with pytest.raises(RuntimeError, match="ours"):
        one.run(pointers(1, 2), until=soon(KEPT + 5.5))
    assert [record_id for record_id, _ in seen.lost] == [1]


def test_rows_that_are_not_locked_close_by_themselves_and_a_locked_one_is_waited_for() -> None:
    """One row that another transaction holds for a moment delays nobody else's state."""
    attempts, seen = Attempts(locked={1: 2}), Observer()
    sender(attempts, Way(), observer=seen).run(pointers(1, 2, 3), until=soon())
    assert [record_id for record_id, _ in seen.closings][-1] == 1
    assert seen.by_status == {"sent": 3}


def test_a_row_that_stays_locked_goes_to_the_report_queue_and_sending_goes_on() -> None:
    """It must not hold up the others for as long as some other transaction likes."""
    attempts, reports, seen = Attempts(locked={1: 1_000_000}), Reports(), Observer()
    sender(attempts, Way(), reports=reports, observer=seen, concurrency=2).run(pointers(1, 2, 3, 4), until=soon())
    assert [closing.attempt.record_id for closing in reports.taken] == [1]
    assert seen.by_status == {"sent": 3}
