"""How late a message was sent, counted from when its producer asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from delivery.aws import telemetry
from delivery.aws.send_telemetry import SendTelemetry
from delivery.domain.outcome import Delivered, ErrorCode, Exchange, Outcome, TemporaryFailure
from delivery.domain.transition import Closing, after_attempt
from tests.unit.samples import NOW, RETRY, attempt

SENT = Delivered(provider_message_id="m", exchange=Exchange(latency_ms=87))
FAILED = TemporaryFailure(code=ErrorCode.SERVER_ERROR, reason="HTTP 503", exchange=Exchange(latency_ms=87))


@pytest.fixture(autouse=True)
def no_metrics() -> Iterator[None]:
    telemetry.metrics.clear_metrics()
    yield
    telemetry.metrics.clear_metrics()


def lateness(requested_at: datetime | None, outcome: Outcome = SENT, *, won: bool = True) -> list[float] | None:
    one = attempt(requested_at=requested_at)
    transition = after_attempt(one, outcome, RETRY, NOW)
    closing = Closing(attempt=one, outcome=outcome, transition=transition, finished_at=NOW)
    SendTelemetry().closed(closing, won=won)
    seconds: list[float] | None = telemetry.metrics.metric_set.get("Lateness", {}).get("Value")
    return seconds


@pytest.mark.parametrize(("before", "seconds"), [(timedelta(minutes=6), 360.0), (timedelta(hours=-8), -28_800.0)])
def test_a_sent_message_tells_how_late_it_was(before: timedelta, seconds: float) -> None:
    """Eight hours before it was asked for: such a producer wrote its own time zone's clock as UTC."""
    assert lateness(NOW - before) == [seconds]


def test_what_was_not_sent_was_not_late() -> None:
    """Nor what somebody else sent, nor a record of the Go service, which does not tell when it was asked for."""
    assert lateness(NOW, FAILED) is None
    assert lateness(NOW, won=False) is None
    assert lateness(None) is None
