"""What an outcome makes of its record, and when a failed record is tried again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.domain.outcome import (
    Delivered,
    ErrorCode,
    NoRecipient,
    NotStarted,
    Outcome,
    PermanentFailure,
    TemporaryFailure,
)
from delivery.domain.record import OPEN_STATUSES, Status
from delivery.domain.transition import Transition, after_attempt
from tests.unit.samples import NOW, RETRY, attempt

EXACT = replace(RETRY, random_share=lambda: 0.0)
TEMPORARY = TemporaryFailure(code=ErrorCode.SERVER_ERROR, reason="broken")
PERMANENT = PermanentFailure(code=ErrorCode.AUTH_FAILED, reason="refused")
MISSING = NoRecipient(reason="no channel")
DELIVERED = Delivered(provider_message_id="m-1")


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize("number", [1, 4, 5, 6])
@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (DELIVERED, Transition(status=Status.SENT, sent_at=NOW, provider_message_id="m-1")),
        (PERMANENT, Transition(status=Status.DEAD, error_code="provider_auth_failed", error="refused")),
        (MISSING, Transition(status=Status.SKIPPED, error_code="recipient_missing", error="no channel")),
    ],
)
def test_these_outcomes_are_final_whatever_attempts_are_left(
    number: int, outcome: Outcome, expected: Transition
) -> None:
    """Delivered, refused for good, or without a recipient: next_retry_at is NULL."""
    assert after_attempt(attempt(number=number), outcome, EXACT, NOW) == expected


@pytest.mark.parametrize(("number", "wait"), [(1, 5), (2, 10), (3, 20), (4, 30)])
def test_a_temporary_failure_is_tried_again_while_attempts_are_left(number: int, wait: int) -> None:
    """After 5, 10, 20 and then at most 30 minutes."""
    assert after_attempt(attempt(number=number), TEMPORARY, EXACT, NOW) == Transition(
        status=Status.FAILED, next_retry_at=NOW + minutes(wait), error_code="provider_5xx", error="broken"
    )


@pytest.mark.parametrize(("number", "most"), [(5, 5), (6, 5), (1, 1), (3, 2)])
def test_a_temporary_failure_of_the_last_attempt_is_the_end(number: int, most: int) -> None:
    """Also beyond the last, which happens when the setting was lowered."""
    transition = after_attempt(attempt(number=number, max_attempts=most), TEMPORARY, EXACT, NOW)
    assert transition == Transition(status=Status.DEAD, error_code="provider_5xx", error="broken")


@given(
    st.sampled_from([DELIVERED, PERMANENT, MISSING, TEMPORARY]),
    st.integers(0, 200),
    st.integers(1, 100),
    st.timedeltas(min_value=timedelta(0)) | st.none(),
)
def test_every_outcome_leaves_sending_and_only_failed_comes_due(
    outcome: Outcome, number: int, most: int, asked: timedelta | None
) -> None:
    """Total: no record stays `sending` after its attempt reported, and final ones are never due."""
    if isinstance(outcome, TemporaryFailure):
        outcome = TemporaryFailure(code=outcome.code, reason=outcome.reason, retry_after=asked)
    transition = after_attempt(attempt(number=number, max_attempts=most), outcome, RETRY, NOW)
    assert transition.status is not Status.SENDING
    assert (transition.next_retry_at is not None) == (transition.status in OPEN_STATUSES)
    assert transition.next_retry_at is None or NOW + minutes(5) <= transition.next_retry_at <= NOW + minutes(33)


@pytest.mark.parametrize("number", [-1, 0, 1])
def test_the_first_delay_is_the_base(number: int) -> None:
    """Numbers that cannot occur count as the first."""
    assert EXACT.delay(number) == minutes(5)


@pytest.mark.parametrize("number", [4, 5, 60, 10_000])
def test_delays_stop_at_the_cap(number: int) -> None:
    """However many attempts the setting allows, and without overflow."""
    assert EXACT.delay(number) == minutes(30)


def test_jitter_adds_up_to_its_share() -> None:
    """Drawn for each delay, on top of the cap too."""
    policy = replace(RETRY, jitter=0.1, random_share=lambda: 1.0)
    assert policy.delay(1) == minutes(5.5)
    assert policy.delay(9) == minutes(33)
    assert replace(RETRY, jitter=0.0, random_share=lambda: 1.0).delay(1) == minutes(5)
    assert len({RETRY.delay(1) for _ in range(20)}) > 1


@pytest.mark.parametrize(
    ("asked", "wait"), [(timedelta(0), 5), (minutes(1), 5), (minutes(12), 12), (minutes(30), 30), (minutes(600), 30)]
)
def test_what_feishu_asks_for_may_lengthen_a_delay_up_to_the_cap(asked: timedelta, wait: int) -> None:
    """It never shortens one."""
    assert EXACT.delay(1, asked) == minutes(wait)


def test_an_answer_that_asks_for_more_time_gets_it() -> None:
    """Its record comes due when Feishu said, not when the delay alone would have it."""
    asked = replace(TEMPORARY, retry_after=minutes(12))
    assert after_attempt(attempt(number=1), asked, EXACT, NOW).next_retry_at == NOW + minutes(12)


@pytest.mark.parametrize(
    ("number", "status", "count"), [(1, Status.PENDING, 0), (2, Status.FAILED, 1), (5, Status.FAILED, 4)]
)
def test_a_call_that_was_not_made_gives_its_number_back(number: int, status: Status, count: int) -> None:
    """The record is as it was before the attempt was opened, says why, and comes due in half a minute."""
    assert after_attempt(attempt(number=number), NotStarted(reason="no time"), EXACT, NOW) == Transition(
        status=status,
        attempt_count=count,
        next_retry_at=NOW + timedelta(seconds=30),
        error_code="not_started",
        error="no time",
    )
