"""A sender that dies: what it had in flight is sent again, by a new attempt, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import Engine

from delivery.domain.record import Attempt, Pointer
from delivery.domain.transition import Closed, Closing
from delivery.storage.attempts import Attempts
from local.feishu import FeishuSimulator
from tests.integration.children import killed_when_it_says
from tests.integration.clock import Clock
from tests.integration.notifications import add_row, history, row
from tests.integration.sending import LEASE, LEASE_OVER, OneWebhook, PointerList, claim_all, send


@pytest.fixture
def feishu() -> Iterator[FeishuSimulator]:
    with FeishuSimulator() as simulator:
        yield simulator


def outcomes(engine: Engine, record_id: int) -> list[str]:
    return [line.outcome for line in history(engine, record_id)]


def test_a_sender_killed_after_feishu_accepted_is_followed_by_a_second_attempt(
    engine: Engine, shared_url: str, clock: Clock, queue: PointerList, feishu: FeishuSimulator
) -> None:
    """The row stays `sending` until its lease ends; then it is claimed, sent as attempt 2, and history tells all."""
    record_id = add_row(engine, now=clock(), next_retry_at=clock())
    killed_when_it_says(
        "accepted",
        "tests.integration.send.dying_sender",
        shared_url,
        feishu.url,
        feishu.webhook_url("k"),
        str(record_id),
    )
    assert [call.accepted for call in feishu.calls(notification_id=record_id)] == [True]
    left = row(engine, record_id)
    assert (left.status, left.attempt_count) == ("sending", 1)
    assert claim_all(engine, clock, queue) == []

    clock.move(minutes=11)  # the sender that died began its lease by a clock of its own, a little later
    pointers = claim_all(engine, clock, queue)
    assert pointers == [Pointer(record_id, 1)]
    channels = OneWebhook(feishu.webhook_url("k"))
    sent = send(pointers, clock=clock, attempts=Attempts(engine=engine), channels=channels, origin=feishu.url)
    assert sent == {"sent": 1}
    assert row(engine, record_id).provider_message_id == f"feishu_webhook_{record_id}_2"
    assert outcomes(engine, record_id) == ["lost", "delivered"]
    assert len(feishu.calls(notification_id=record_id)) == 2


def test_a_sender_that_comes_back_from_the_dead_cannot_close(
    engine: Engine, clock: Clock, queue: PointerList, feishu: FeishuSimulator
) -> None:
    """It slept through its lease with the answer in hand; meanwhile another sender has opened, and is with Feishu."""
    record_id = add_row(engine, now=clock(), next_retry_at=clock())
    channels = OneWebhook(feishu.webhook_url("k"))
    newer: list[Attempt] = []

    class Sleepy(Attempts):
        def close(self, closings: Sequence[Closing]) -> Closed:
            clock.wait(LEASE_OVER)
            newer.extend(Attempts(engine=engine).open(claim_all(engine, clock, queue), now=clock(), lease=LEASE))
            return super().close(closings)

    pointers = claim_all(engine, clock, queue)
    assert send(pointers, clock=clock, attempts=Sleepy(engine=engine), channels=channels, origin=feishu.url) == {
        "late": 1
    }
    assert [attempt.number for attempt in newer] == [2]
    held = row(engine, record_id)
    assert (held.status, held.attempt_count, held.sent_at) == ("sending", 2, None)


def test_a_record_whose_sender_dies_every_time_is_dead_in_the_end(
    engine: Engine, clock: Clock, queue: PointerList
) -> None:
    """Poison that kills its sender is not sent for ever: after max_attempts it is dead, and every loss is written."""
    record_id = add_row(engine, now=clock(), next_retry_at=clock(), max_attempts=3)
    for attempt in (1, 2, 3):
        [pointer] = claim_all(engine, clock, queue)
        [opened] = Attempts(engine=engine).open([pointer], now=clock(), lease=LEASE)
        assert opened.number == attempt
        clock.wait(LEASE_OVER)
    assert claim_all(engine, clock, queue) == []
    dead = row(engine, record_id)
    assert (dead.status, dead.last_error_code, dead.next_retry_at) == ("dead", "sending_lease_expired", None)
    assert outcomes(engine, record_id) == ["lost", "lost", "lost"]


def test_a_record_that_fails_every_time_is_dead_after_its_last_attempt(
    engine: Engine, clock: Clock, queue: PointerList, feishu: FeishuSimulator
) -> None:
    """Backoff of 5, 10, 20 and 30 minutes between five attempts; the last error stays."""
    feishu.set_fault("http_5xx")
    channels = OneWebhook(feishu.webhook_url("k"))
    record_id = add_row(engine, now=clock(), next_retry_at=clock())
    became = []
    for minutes in (5, 10, 20, 30, 30):
        pointers = claim_all(engine, clock, queue)
        became.append(
            send(pointers, clock=clock, attempts=Attempts(engine=engine), channels=channels, origin=feishu.url)
        )
        clock.move(minutes=minutes, seconds=-1)
        assert claim_all(engine, clock, queue) == []
        clock.move(seconds=1)
    assert became == [{"failed": 1}] * 4 + [{"dead": 1}]
    assert claim_all(engine, clock, queue) == []
    dead = row(engine, record_id)
    assert (dead.attempt_count, dead.last_error_code) == (5, "provider_5xx")
    assert outcomes(engine, record_id) == ["temporary"] * 5
    assert len(feishu.calls(notification_id=record_id)) == 5


def test_a_pointer_delivered_twice_sends_once(engine: Engine, clock: Clock, feishu: FeishuSimulator) -> None:
    """In one event, and again after it is done."""
    pointer = Pointer(add_row(engine, now=clock(), next_retry_at=clock()), 0)
    channels, attempts = OneWebhook(feishu.webhook_url("k")), Attempts(engine=engine)
    runs = [
        send(pointers, clock=clock, attempts=attempts, channels=channels, origin=feishu.url)
        for pointers in ([pointer, pointer], [pointer], [Pointer(pointer.record_id, 1)])
    ]
    assert runs == [{"sent": 1}, {}, {}]
    assert len(feishu.calls()) == 1
