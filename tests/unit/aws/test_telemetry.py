"""What operators see: a JSON line for each batch and attempt, metrics in embedded format, and no secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from delivery.aws import telemetry
from delivery.claim import ClaimReport
from delivery.domain.outcome import (
    Delivered,
    ErrorCode,
    Exchange,
    NoRecipient,
    Outcome,
    PermanentFailure,
    TemporaryFailure,
)
from delivery.domain.record import Pointer
from delivery.domain.transition import Closing, after_attempt
from delivery.send import SendReport
from tests.unit.samples import NOW, RETRY, TOKEN, WEBHOOK_KEY, attempt

CALLED = Exchange(request={"webhook": "…"}, response={"status_code": 200}, http_status=200, latency_ms=87)


@pytest.fixture(autouse=True)
def namespace(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As the template sets it; metrics of one test are not left to another."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Hongyan")
    monkeypatch.setattr(telemetry.metrics.provider, "namespace", "Hongyan")
    telemetry.metrics.clear_metrics()
    yield
    telemetry.metrics.clear_metrics()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """The log lines so far, each one JSON object."""
    written = io.StringIO()
    [handler] = logging.getLogger(telemetry.logger.name).handlers
    assert isinstance(handler, logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", written)
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def metrics() -> dict[str, Any]:
    """Name to values, as they would be flushed at the end of the invocation."""
    document = telemetry.metrics.serialize_metric_set()
    [directive] = document["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Hongyan"
    named: dict[str, Any] = dict(document)
    return {metric["Name"]: named[metric["Name"]] for metric in directive["Metrics"]}


def closing(outcome: Outcome, **changes: Any) -> Closing:
    one = attempt(**changes)
    transition = after_attempt(one, outcome, RETRY, NOW)
    return Closing(attempt=one, outcome=outcome, transition=transition, finished_at=NOW)


def test_a_tick_of_claim_is_one_line_and_tells_the_age_of_the_oldest_due_record(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """Claimed, dead, held back."""
    telemetry.observe_claim(ClaimReport(claimed=7, dead=1, oldest_due_seconds=42.5, held_back=True))
    [line] = lines()
    assert (line["claimed"], line["dead"], line["held_back"], line["oldest_due_seconds"]) == (7, 1, True, 42.5)
    counted = metrics()
    assert (counted["Claimed"], counted["Dead"], counted["OldestDueAge"]) == ([7.0], [1.0], [42.5])


def test_a_batch_of_sends_is_one_line_and_counts_every_state(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """States that did not come up are zero, so that a graph has no holes."""
    telemetry.observe_send(SendReport(by_status={"sent": 3, "dead": 1}, late=2, unopened=frozenset({Pointer(1, 0)})))
    [line] = lines()
    assert (line["sent"], line["dead"], line["late"], line["unopened"]) == (3, 1, 2, 1)
    assert metrics() == {"Sent": [3.0], "Failed": [0.0], "Dead": [1.0], "Skipped": [0.0]}


@pytest.mark.parametrize(
    ("outcome", "state", "code"),
    [
        (Delivered(provider_message_id="m", exchange=CALLED), "sent", None),
        (TemporaryFailure(code=ErrorCode.RATE_LIMITED, reason="r", exchange=CALLED), "failed", "provider_rate_limited"),
        (PermanentFailure(code=ErrorCode.AUTH_FAILED, reason="r", exchange=CALLED), "dead", "provider_auth_failed"),
        (NoRecipient(reason="no channel"), "skipped", "recipient_missing"),
    ],
)
def test_an_attempt_is_one_line_that_says_what_came_of_it(
    lines: Callable[[], list[dict[str, Any]]], outcome: Outcome, state: str, code: str | None
) -> None:
    """notification_id, preview_id, attempt, outcome, code, trace_id; latency where Feishu was called."""
    telemetry.observe_attempt(closing(outcome, record_id=12, number=2), True)
    [line] = lines()
    assert (line["notification_id"], line["preview_id"], line["attempt"]) == (12, "pv-1", 2)
    assert (line["outcome"], line.get("code"), line["trace_id"]) == (state, code, "trace-1")
    latency = outcome.exchange.latency_ms
    assert line.get("latency_ms") == latency
    assert telemetry.metrics.metric_set.get("FeishuLatency", {}).get("Value") == ([87.0] if latency else None)


def test_a_late_attempt_says_so(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Its state was not written."""
    telemetry.observe_attempt(closing(Delivered(provider_message_id="m", exchange=CALLED)), False)
    [line] = lines()
    assert "too late" in line["message"]


@pytest.mark.parametrize(
    ("summary", "outcome", "won", "counted"),
    [
        ("", Delivered(provider_message_id="m", exchange=CALLED), True, True),
        ("", Delivered(provider_message_id="m", exchange=CALLED), False, False),
        ("", NoRecipient(reason="no channel"), True, False),
        ("改期", Delivered(provider_message_id="m", exchange=CALLED), True, False),
    ],
)
def test_a_fallback_is_counted_where_a_user_read_it(
    summary: str, outcome: Outcome, *, won: bool, counted: bool
) -> None:
    """Once for each delivered record."""
    telemetry.observe_attempt(closing(outcome, summary_text=summary), won)
    assert ("FallbackUsed" in telemetry.metrics.metric_set) is counted


def test_no_line_shows_a_secret_or_a_users_text(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Not even where the exchange has them, as a broken answer might."""
    said = Exchange(request={"webhook": WEBHOOK_KEY, "message": "改期"}, response={"body": TOKEN}, latency_ms=1)
    refused = PermanentFailure(code=ErrorCode.AUTH_FAILED, reason=f"said {TOKEN}", exchange=said)
    telemetry.observe_attempt(closing(refused, summary_text="私事"), True)
    shown = json.dumps(lines(), ensure_ascii=False)
    assert [secret for secret in (WEBHOOK_KEY, TOKEN, "改期", "私事") if secret in shown] == []
