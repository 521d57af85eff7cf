"""Send's own logic: whom it calls, how many at once, and that what was called is written down."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from delivery.domain.channel import UnreadableChannel
from delivery.domain.outcome import Delivered, ErrorCode, NoRecipient, Outcome, PermanentFailure, TemporaryFailure
from delivery.domain.record import Attempt, Pointer
from delivery.domain.transition import Closing
from tests.unit.samples import NOW, channel
from tests.unit.stages.sending_fakes import Attempts, Channels, Way, pointers, sender, soon

SENT = Delivered(provider_message_id="m")
FAILED = TemporaryFailure(code=ErrorCode.SERVER_ERROR, reason="broken")
REFUSED = PermanentFailure(code=ErrorCode.AUTH_FAILED, reason="refused")


def test_every_outcome_is_closed_and_counted_by_the_state_it_led_to() -> None:
    """A temporary failure is `failed` while attempts are left and `dead` after."""
    answers: dict[int, Outcome] = {1: SENT, 2: FAILED, 3: REFUSED, 4: FAILED}
    attempts = Attempts()
    with sender(attempts, Way(how=lambda one: answers[one.record_id])) as one:
        report = one.run([Pointer(1, 0), Pointer(2, 0), Pointer(3, 0), Pointer(4, 2)], until=soon())
    assert report.by_status == {"sent": 1, "failed": 1, "dead": 2}
    assert {closing.attempt.record_id: closing.outcome for closing in attempts.closed} == answers
    assert (report.late, report.unopened) == (0, frozenset())


def test_users_who_cannot_be_reached_are_not_called() -> None:
    """Skipped for want of a channel that is enabled and has a URL; dead for one that does not decrypt."""
    unreadable = UnreadableChannel(user_id=4, channel="feishu_webhook", reason="does not open")
    channels = Channels({1: [], 2: [channel(enabled=False)], 3: [channel(webhook_url="")], 4: [unreadable]})
    attempts, way = Attempts(), Way()
    with sender(attempts, way, channels=channels) as one:
        report = one.run(pointers(1, 2, 3, 4, 5), until=soon())
    assert way.called == [5]
    assert report.by_status == {"skipped": 3, "dead": 1, "sent": 1}
    for record_id in (1, 2, 3):
        outcome = attempts.outcome_of(record_id)
        assert isinstance(outcome, NoRecipient)
        assert outcome.code == "recipient_missing"
    assert attempts.outcome_of(4) == PermanentFailure(code=ErrorCode.CREDENTIAL_UNREADABLE, reason="does not open")


def test_each_record_goes_by_the_way_of_its_users_channel() -> None:
    """The first usable one in the order of the ways, whatever the order of the channels."""
    bot = replace(channel(), channel="feishu_bot")
    of_user = {1: [channel(user_id=1)], 2: [replace(bot, user_id=2)]}
    of_user[3] = [channel(user_id=3), replace(bot, user_id=3)]
    of_user[4] = [channel(user_id=4), replace(bot, user_id=4, enabled=False)]
    attempts, flow, bots = Attempts(), Way(), Way()
    with sender(attempts, flow, others={"feishu_bot": bots}, channels=Channels(of_user)) as one:
        report = one.run(pointers(1, 2, 3, 4), until=soon())
    assert report.by_status == {"sent": 4}
    assert (sorted(flow.called), sorted(bots.called)) == ([1, 4], [2, 3])


def test_a_pointer_that_came_twice_or_that_another_sender_has_is_called_once_or_not_at_all() -> None:
    """Only an opened attempt may be sent; the rest is nobody's business any more."""
    attempts, way = Attempts(taken={2}), Way()
    with sender(attempts, way) as one:
        report = one.run(pointers(1, 2, 1), until=soon())
    assert (way.called, report.by_status, report.unopened) == ([1], {"sent": 1}, frozenset())
    assert attempts.opened == [pointers(1, 2)]


def test_attempts_are_opened_and_channels_read_in_sets_and_called_concurrently() -> None:
    """As many at once as the policy says, and never more."""
    everyone_in = threading.Barrier(4)

    def together(_attempt: Attempt) -> Outcome:
        everyone_in.wait(timeout=10)
        return SENT

    attempts, way, channels = Attempts(), Way(how=together), Channels()
    with sender(attempts, way, channels=channels, concurrency=4) as one:
        report = one.run(pointers(*range(1, 13)), until=soon())
    assert report.by_status == {"sent": 12}
    assert [len(opened) for opened in attempts.opened] == [4, 4, 4]
    assert channels.asked == [{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}]
    assert way.most_at_once == 4


def test_what_is_finished_is_closed_while_others_are_still_with_feishu() -> None:
    """A crash repeats at most what was in flight."""
    attempts = Attempts()

    def second_waits_for_the_first(one: Attempt) -> Outcome:
        return FAILED if one.record_id == 2 and not attempts.any_closed.wait(timeout=10) else SENT

    with sender(attempts, Way(how=second_waits_for_the_first)) as one:
        assert one.run(pointers(1, 2), until=soon()).by_status == {"sent": 2}


def test_without_time_nothing_is_opened() -> None:
    """The queue delivers its message again, to a sender with more time."""
    attempts, way = Attempts(), Way()
    with sender(attempts, way) as one:
        report = one.run(pointers(1, 2), until=soon(6))
    assert (attempts.opened, way.called, report.by_status) == ([], [], {})
    assert report.unopened == set(pointers(1, 2))


def test_what_could_not_finish_in_time_is_not_opened() -> None:
    """The first set fits, the second would not."""
    time = NOW

    def slowly(_attempt: Attempt) -> Outcome:
        nonlocal time
        time += timedelta(seconds=4)
        return SENT

    def now() -> datetime:
        return time

    attempts = Attempts()
    with sender(attempts, Way(how=slowly), concurrency=2, now=now) as one:
        report = one.run(pointers(1, 2, 3, 4), until=NOW + timedelta(seconds=11))
    assert (report.by_status, report.unopened) == ({"sent": 2}, frozenset(pointers(3, 4)))
    assert attempts.opened == [pointers(1, 2)]


def test_an_outcome_that_comes_too_late_is_counted_as_late() -> None:
    """Somebody else owns the record now; `on_closed` is called for it too."""
    told: list[tuple[int, bool]] = []

    def tell(closing: Closing, won: bool) -> None:  # noqa: FBT001 - called back with two values
        told.append((closing.attempt.record_id, won))

    with sender(Attempts(outlived={2}), Way(), on_closed=tell) as one:
        report = one.run(pointers(1, 2), until=soon())
    assert (report.by_status, report.late) == ({"sent": 1}, 1)
    assert sorted(told) == [(1, True), (2, False)]


def test_nothing_to_do_is_done_at_once() -> None:
    """An event whose messages were all unreadable."""
    with sender(Attempts(), Way()) as one:
        assert one.run([], until=soon()).by_status == {}


def test_a_call_that_hangs_is_given_up() -> None:
    """Its record is tried again later; the others do not wait for it."""
    attempts, released = Attempts(), threading.Event()

    def hang(one: Attempt) -> Outcome:
        if one.record_id == 1:
            released.wait(timeout=20)
        return SENT

    with sender(attempts, Way(how=hang), call_timeout=timedelta(milliseconds=50)) as one:
        try:
            report = one.run(pointers(1, 2), until=soon())
        finally:
            released.set()
    assert report.by_status == {"sent": 1, "failed": 1}
    given_up = attempts.outcome_of(1)
    assert isinstance(given_up, TemporaryFailure)
    assert given_up.code == "provider_timeout"


def test_a_way_that_raises_does_not_stop_the_others_from_being_closed() -> None:
    """A bug of ours is raised once everything that can be closed is closed."""
    attempts = Attempts()

    def break_at_two(one: Attempt) -> Outcome:
        if one.record_id == 2:
            raise RuntimeError("a bug of ours")
        return SENT

    with sender(attempts, Way(how=break_at_two), concurrency=2) as one, pytest.raises(RuntimeError, match="ours"):
        one.run(pointers(1, 2, 3, 4, 5), until=soon())
    assert {closing.attempt.record_id for closing in attempts.closed} == {1, 3, 4, 5}


def test_a_database_lost_between_two_sets_does_not_lose_what_is_with_feishu() -> None:
    """The first set is closed, then the error is raised: its messages must not be sent a second time."""
    attempts, way = Attempts(open_errors_from=1), Way()
    with sender(attempts, way, concurrency=2) as one, pytest.raises(ConnectionError, match="open"):
        one.run(pointers(1, 2, 3, 4), until=soon())
    assert {closing.attempt.record_id for closing in attempts.closed} == {1, 2}
    assert sorted(way.called) == [1, 2]


def test_closing_is_tried_again_while_there_is_time() -> None:
    """The messages are out: not saying so would send them a second time."""
    attempts = Attempts(close_errors=2)
    with sender(attempts, Way()) as one:
        assert one.run(pointers(1, 2), until=soon()).by_status == {"sent": 2}
    assert {closing.attempt.record_id for closing in attempts.closed} == {1, 2}


def test_closing_that_never_succeeds_is_raised_before_time_is_up_and_does_not_hammer() -> None:
    """It tries a few times a second, not as often as the processor can."""
    attempts, until = Attempts(close_errors=1_000_000), soon(3)
    with sender(attempts, Way(), call_timeout=timedelta(milliseconds=100)) as one:
        with pytest.raises(ConnectionError, match="close"):
            one.run(pointers(1), until=until)
        assert one.now() < until
    assert 2 <= attempts.close_calls <= 15
