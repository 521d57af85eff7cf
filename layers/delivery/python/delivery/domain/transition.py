"""Decides what the outcome of an attempt makes of its record. Mypy proves it total (docs/design.md, States)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from delivery.domain.outcome import Delivered, NoRecipient, NotStarted, Outcome, PermanentFailure, TemporaryFailure
from delivery.domain.record import Attempt, Status

_SOON = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When a failed attempt is tried again. The delay doubles up to a cap, and jitter spreads simultaneous failures."""

    base: timedelta
    cap: timedelta
    #: The largest share of the delay that is added at random.
    jitter: float
    #: Returns a random number from 0 up to 1 for each delay.
    random_share: Callable[[], float] = random.random

    def delay(self, attempt: int, retry_after: timedelta | None = None) -> timedelta:
        """How long to wait after this attempt (from 1). Feishu may ask for a longer wait, up to the cap."""
        doubled = self.base * (1 << min(max(attempt, 1) - 1, 20))
        asked = retry_after or timedelta(0)
        return min(max(doubled, asked), self.cap) * (1 + self.jitter * self.random_share())


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """The row's new state. It is written only if the row is still `sending` under the attempt's number."""

    status: Status
    #: The row's new count; None means the attempt's number.
    attempt_count: int | None = None
    next_retry_at: datetime | None = None
    error_code: str | None = None
    error: str | None = None
    sent_at: datetime | None = None
    provider_message_id: str | None = None

    @classmethod
    def sent(cls, outcome: Delivered, *, at: datetime) -> Transition:
        return cls(status=Status.SENT, sent_at=at, provider_message_id=outcome.provider_message_id)

    @classmethod
    def failed(cls, outcome: TemporaryFailure, *, retry_at: datetime) -> Transition:
        return cls(status=Status.FAILED, next_retry_at=retry_at, error_code=outcome.code, error=outcome.reason)

    @classmethod
    def dead(cls, outcome: TemporaryFailure | PermanentFailure) -> Transition:
        return cls(status=Status.DEAD, error_code=outcome.code, error=outcome.reason)

    @classmethod
    def skipped(cls, outcome: NoRecipient) -> Transition:
        return cls(status=Status.SKIPPED, error_code=outcome.code, error=outcome.reason)

    @classmethod
    def given_back(cls, attempt: Attempt, outcome: NotStarted, *, retry_at: datetime) -> Transition:
        """Undoes the opening: no call was made, so the attempt's number is free again."""
        return cls(
            status=Status.FAILED if attempt.number > 1 else Status.PENDING,
            attempt_count=attempt.number - 1,
            next_retry_at=retry_at,
            error_code=outcome.code,
            error=outcome.reason,
        )


def after_attempt(attempt: Attempt, outcome: Outcome, policy: RetryPolicy, now: datetime) -> Transition:
    """The record's transition for this outcome."""
    match outcome:
        case Delivered():
            return Transition.sent(outcome, at=now)
        case NoRecipient():
            return Transition.skipped(outcome)
        case PermanentFailure():
            return Transition.dead(outcome)
        case TemporaryFailure() if attempt.number < attempt.max_attempts:
            return Transition.failed(outcome, retry_at=now + policy.delay(attempt.number, outcome.retry_after))
        case TemporaryFailure():
            return Transition.dead(outcome)
        case NotStarted():
            return Transition.given_back(attempt, outcome, retry_at=now + _SOON)
        case _:
            assert_never(outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A finished attempt for storage: its outcome and the record's transition."""

    attempt: Attempt
    outcome: Outcome
    transition: Transition
    finished_at: datetime
    #: The way of the chosen channel; None if the user has no usable one.
    way: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The result of closing a set. Records in neither field belong to another attempt by now."""

    #: Records that got their new state.
    won: frozenset[int]
    #: Records that another transaction has locked. They are still ours and must still be closed.
    locked: frozenset[int] = frozenset()
