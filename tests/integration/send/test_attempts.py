"""Opening and closing attempts: one owner at a time, in sets, and a late report changes nothing of a newer attempt."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pymysql
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from delivery.domain.outcome import (
    Delivered,
    ErrorCode,
    Exchange,
    NoRecipient,
    Outcome,
    PermanentFailure,
    TemporaryFailure,
)
from delivery.domain.record import Attempt, Pointer
from delivery.domain.transition import Closed, Closing, after_attempt
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from delivery.storage.attempts import Attempts
from delivery.storage.claims import DueRecords
from tests.integration.clock import Clock
from tests.integration.counting import counted
from tests.integration.notifications import add_row, add_rows, batch, history, row, rows
from tests.integration.sending import LEASE, LEASE_OVER, PointerList, ingester
from tests.integration.threads import at_once
from tests.unit.samples import EXACT_RETRY

EXCHANGE = Exchange(
    request={"text": "周三 🦢 \"'\\ \0"}, response={"status_code": 200, "body": "好\n"}, http_status=200, latency_ms=12
)
DELIVERED = Delivered(provider_message_id="feishu-1", exchange=EXCHANGE)
BROKEN = TemporaryFailure(code=ErrorCode.SERVER_ERROR, reason="HTTP 503")


def closing(attempt: Attempt, outcome: Outcome, clock: Clock) -> Closing:
    transition = after_attempt(attempt, outcome, EXACT_RETRY, clock())
    return Closing(attempt=attempt, outcome=outcome, transition=transition, finished_at=clock())


def opened(engine: Engine, clock: Clock, *pointers: Pointer) -> list[Attempt]:
    return Attempts(engine=engine).open(pointers, now=clock(), lease=LEASE)


def outcomes(engine: Engine, record_id: int) -> list[tuple[Any, ...]]:
    return [(line.attempt, line.outcome) for line in history(engine, record_id)]


def test_a_pointer_delivered_eight_times_at_once_opens_once(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQS delivers at least once; whoever comes second finds attempt_count changed, even if their marks are equal."""
    monkeypatch.setattr("delivery.storage.attempts.random.random", lambda: 0.5)
    pointers = [Pointer(record_id, 0) for record_id in add_rows(engine, 50, now=clock(), next_retry_at=clock())]
    stores = [Attempts(engine=another_engine()) for _ in range(8)]
    attempts = at_once([partial(store.open, pointers, now=clock(), lease=LEASE) for store in stores])
    assert sorted(attempt.record_id for opened in attempts for attempt in opened) == [at.record_id for at in pointers]
    assert {(record.status, record.attempt_count) for record in rows(engine)} == {("sending", 1)}
    assert Attempts(engine=engine).open(pointers, now=clock(), lease=LEASE) == []


@pytest.mark.parametrize(
    ("columns", "pointed_at"),
    [
        ({"status": "failed", "attempt_count": 2}, 1),
        ({"status": "pending", "attempt_count": 0}, 1),
        ({"status": "sent", "attempt_count": 1}, 1),
        ({"status": "dead", "attempt_count": 1}, 1),
        ({"status": "skipped", "attempt_count": 1}, 1),
        ({"status": "sending", "attempt_count": 5}, 5),
        ({"status": "failed", "attempt_count": 3, "max_attempts": 3}, 3),
    ],
)
def test_what_a_pointer_must_not_open_stays_as_it_is(
    engine: Engine, clock: Clock, columns: dict[str, object], pointed_at: int
) -> None:
    """A stale pointer, a final record, one whose attempts are used up."""
    record_id = add_row(engine, now=clock(), **columns)
    before = row(engine, record_id)
    clock.move(minutes=1)
    assert opened(engine, clock, Pointer(record_id, pointed_at), Pointer(999, 0)) == []
    assert row(engine, record_id) == before


def test_opening_takes_the_record_under_a_lease(engine: Engine, clock: Clock) -> None:
    """The attempt carries all that a sender needs; the last error is gone, so that dying leaves its own trace."""
    wait = {"status": "failed", "attempt_count": 1, "last_error_code": "c", "last_error": "e", "summary_text": None}
    record_id = add_row(engine, now=clock(), next_retry_at=clock(), fallback_text="备用", **wait)
    clock.move(seconds=1.5)
    [attempt] = opened(engine, clock, Pointer(record_id, 1))
    assert (attempt.number, attempt.max_attempts, attempt.started_at) == (2, 5, clock())
    assert (attempt.user_id, attempt.summary_text, attempt.fallback_text, attempt.trace_id) == (7, "", "备用", "trace")
    taken = row(engine, record_id)
    assert (taken.status, taken.attempt_count, taken.last_error_code, taken.last_error) == ("sending", 2, None, None)
    lease = taken.next_retry_at.replace(tzinfo=UTC) - clock()
    assert LEASE <= lease < LEASE + timedelta(seconds=1)
    assert taken.updated_at.replace(tzinfo=UTC) == clock()


def test_an_attempt_knows_when_its_notification_was_asked_for(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """In UTC, though the producer wrote another zone."""
    ingester(engine, clock, queue).run(batch("a"))
    [attempt] = opened(engine, clock, *queue.pointers)
    assert attempt.requested_at == datetime(2026, 1, 31, tzinfo=UTC)


def test_a_row_of_the_go_service_opens_with_what_it_has(engine: Engine, clock: Clock) -> None:
    """It may hold NULL where ours have empty texts, and does not tell when it was asked for."""
    unknown = dict.fromkeys(("summary_text", "fallback_text", "trace_id", "requested_at"))
    [attempt] = opened(engine, clock, Pointer(add_row(engine, now=clock(), **unknown), 0))
    assert (attempt.summary_text, attempt.fallback_text, attempt.trace_id) == ("", "", "")
    assert attempt.requested_at is None


def test_an_opening_that_mysql_refuses_is_not_tried_again(engine: Engine, clock: Clock) -> None:
    """Only a locked row is worth a second look: an outage would be waited for twice."""
    refused = pymysql.err.OperationalError(3024, "maximum statement execution time exceeded")
    tries = fail_statements(engine, refused)
    with pytest.raises(OperationalError):
        opened(engine, clock, Pointer(1, 0))
    assert len(tries) == 1


def fail_statements(engine: Engine, error: pymysql.err.Error) -> list[str]:
    """Every statement fails with this from now on; returns the list that they are added to."""
    failed: list[str] = []

    def fail(_cursor: object, statement: str, _parameters: object, _context: object) -> None:
        failed.append(statement)
        raise error

    event.listen(engine, "do_execute", fail)
    return failed


def test_to_open_or_to_close_nothing_asks_mysql_nothing(engine: Engine, clock: Clock) -> None:
    """A sender opens nothing if the keys of all its channels are out of reach."""
    with counted(engine) as counts:
        assert opened(engine, clock) == []
        assert Attempts(engine=engine).close([]) == Closed(won=frozenset())
    assert counts["statements"] == 0


def test_closing_a_delivered_attempt_writes_all_of_it(engine: Engine, clock: Clock) -> None:
    """State, ids, what was said on the wire, and a line of history; times in UTC to the millisecond."""
    began = clock()
    [attempt] = opened(engine, clock, Pointer(add_row(engine, now=clock()), 0))
    clock.move(milliseconds=1234.567)
    over_flow = replace(closing(attempt, DELIVERED, clock), way=FLOW_WEBHOOK)
    assert Attempts(engine=engine).close([over_flow]).won == {attempt.record_id}
    ended = clock().replace(microsecond=234_000, tzinfo=None)
    sent = row(engine, attempt.record_id)
    assert (sent.status, sent.next_retry_at, sent.sent_at, sent.updated_at) == ("sent", None, ended, ended)
    assert (sent.provider_message_id, sent.last_error_code, sent.last_error) == ("feishu-1", None, None)
    assert json.loads(sent.provider_request_json) == EXCHANGE.request
    assert json.loads(sent.provider_response_json) == EXCHANGE.response
    [line] = history(engine, attempt.record_id)
    assert (line.started_at, line.finished_at) == (began.replace(tzinfo=None), ended)
    assert (line.outcome, line.http_status, line.latency_ms, line.error) == ("delivered", 200, 12, None)
    assert line.way == FLOW_WEBHOOK
    assert json.loads(line.response) == EXCHANGE.response
    assert "好" in line.response


@pytest.mark.parametrize(
    ("outcome", "status", "word"),
    [
        (BROKEN, "failed", "temporary"),
        (PermanentFailure(code=ErrorCode.AUTH_FAILED, reason="x" * 70_000), "dead", "permanent"),
        (NoRecipient(reason="no channel"), "skipped", "skipped"),
    ],
)
def test_closing_an_undelivered_attempt_says_why(
    engine: Engine, clock: Clock, outcome: TemporaryFailure | PermanentFailure | NoRecipient, status: str, word: str
) -> None:
    """In the row as in its history, cut to what can be read."""
    [attempt] = opened(engine, clock, Pointer(add_row(engine, now=clock()), 0))
    assert Attempts(engine=engine).close([closing(attempt, outcome, clock)]).won == {attempt.record_id}
    closed = row(engine, attempt.record_id)
    assert (closed.status, closed.last_error_code) == (status, outcome.code)
    assert (closed.last_error, closed.sent_at) == (outcome.reason[:2_000], None)
    retry_at = (clock() + timedelta(minutes=5)).replace(tzinfo=None) if status == "failed" else None
    assert closed.next_retry_at == retry_at
    [line] = history(engine, attempt.record_id)
    assert (line.outcome, line.error_code, line.error) == (word, outcome.code, outcome.reason[:2_000])
    assert (closed.provider_request_json, closed.provider_response_json, line.response) == (None, None, None)


def test_a_late_sender_cannot_close(engine: Engine, clock: Clock) -> None:
    """The newer attempt's outcome stands; the late one completes its own line of history and no more."""
    record_id = add_row(engine, now=clock(), next_retry_at=clock())
    [late] = opened(engine, clock, Pointer(record_id, 0))
    clock.wait(LEASE_OVER)
    [pointer] = DueRecords(engine=engine).lease_due(limit=9, now=clock(), lease=LEASE).pointers
    [newer] = opened(engine, clock, pointer)
    assert outcomes(engine, record_id) == [(1, "lost")]
    before = row(engine, record_id)
    assert Attempts(engine=engine).close([closing(late, DELIVERED, clock)]).won == set()
    assert row(engine, record_id) == before
    assert outcomes(engine, record_id) == [(1, "delivered")]
    assert Attempts(engine=engine).close([closing(newer, BROKEN, clock)]).won == {record_id}
    assert Attempts(engine=engine).close([closing(late, DELIVERED, clock)]).won == set()
    assert row(engine, record_id).status == "failed"
    assert outcomes(engine, record_id) == [(1, "delivered"), (2, "temporary")]


def test_a_lease_that_ended_unclaimed_can_still_be_closed(engine: Engine, clock: Clock) -> None:
    """Nobody else has opened an attempt: the outcome is worth having. After claim it still is, as the number holds."""
    [attempt] = opened(engine, clock, Pointer(add_row(engine, now=clock()), 0))
    clock.move(minutes=11)
    DueRecords(engine=engine).lease_due(limit=9, now=clock(), lease=LEASE)
    assert Attempts(engine=engine).close([closing(attempt, DELIVERED, clock)]).won == {attempt.record_id}
    assert opened(engine, clock, Pointer(attempt.record_id, 1)) == []
    assert outcomes(engine, attempt.record_id) == [(1, "delivered")]


def test_closing_twice_changes_nothing_and_has_the_same_answer(engine: Engine, clock: Clock) -> None:
    """The answer to the first close may get lost on its way back."""
    [attempt] = opened(engine, clock, Pointer(add_row(engine, now=clock()), 0))
    store = Attempts(engine=engine)
    assert store.close([closing(attempt, DELIVERED, clock)]).won == {attempt.record_id}
    before = row(engine, attempt.record_id)
    clock.move(minutes=1)
    assert store.close([closing(attempt, DELIVERED, clock)]).won == {attempt.record_id}
    assert row(engine, attempt.record_id) == before
