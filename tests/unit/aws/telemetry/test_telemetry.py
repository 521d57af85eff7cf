"""What operators see: a JSON line for each batch and attempt, metrics in embedded format, and no secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from delivery.aws import telemetry
from delivery.aws.send_telemetry import SendTelemetry, observe_send
from delivery.claim import ClaimReport
from delivery.domain.outcome import (
    Delivered,
    ErrorCode,
    Exchange,
    NoRecipient,
    NotStarted,
    Outcome,
    PermanentFailure,
    TemporaryFailure,
)
from delivery.domain.record import Status
from delivery.domain.relaying import Fate
from delivery.domain.transition import Closing, after_attempt
from delivery.relay import RelayReport, Trouble
from tests.unit.samples import NOW, RETRY, TOKEN, WEBHOOK_KEY, attempt

CALLED = Exchange(request={"webhook": "…"}, response={"status_code": 200}, http_status=200, latency_ms=87)
DELIVERED = Delivered(provider_message_id="m", exchange=CALLED)
REFUSED = PermanentFailure(code=ErrorCode.AUTH_FAILED, reason="r", exchange=CALLED)
LIMITED = TemporaryFailure(code=ErrorCode.RATE_LIMITED, reason="r", exchange=CALLED)


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


def close(outcome: Outcome, *, won: bool = True, **changes: Any) -> None:
    SendTelemetry().closed(closing(outcome, **changes), won=won)


def test_what_of_a_batch_comes_again_has_a_line_each(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Pointers there was no time for, and messages that nobody can read."""
    observe_send(unopened=2, unreadable={"m-1": "no JSON"})
    unopened, unreadable = lines()
    assert unopened["unopened"] == 2
    assert (unreadable["level"], unreadable["message_id"], unreadable["why"]) == ("ERROR", "m-1", "no JSON")


def test_a_batch_with_nothing_left_has_no_line(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Each attempt has had its own."""
    observe_send(unopened=0, unreadable={})
    assert lines() == []


def test_states_are_counted_as_records_are_closed() -> None:
    """So that the counts are right also when the run raises afterwards."""
    for outcome in (
        DELIVERED,
        DELIVERED,
        REFUSED,
        LIMITED,
        NoRecipient(reason="no channel"),
        NotStarted(reason="late"),
    ):
        close(outcome)
    close(DELIVERED, won=False)
    counts = {"Sent": [1.0, 1.0], "Dead": [1.0], "Failed": [1.0], "Skipped": [1.0], "NotStarted": [1.0]}
    assert {name: values for name, values in metrics().items() if name not in ("FeishuLatency", "Lateness")} == counts


def test_a_run_that_raises_has_counted_what_it_closed(capsys: pytest.CaptureFixture[str]) -> None:
    """Sent and Dead are alarmed on: a failing function must not hide them."""

    @telemetry.metrics.log_metrics
    def handler(event: object, context: object) -> None:
        close(REFUSED)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        handler({}, None)
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"Dead"' in line]
    assert [document["Dead"] for document in documents] == [[1.0]]


@pytest.mark.parametrize(
    ("status", "code", "counted"),
    [(200, 19021, "19021"), (400, 0, "http-400"), (502, None, "http-502"), (None, None, None)],
)
def test_refusals_are_counted_by_feishus_code(
    status: int | None, code: int | None, counted: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or by its status where the answer has no code; no answer is no refusal."""
    said = Exchange(http_status=status, provider_code=code, latency_ms=1)
    close(TemporaryFailure(code=ErrorCode.REFUSED, reason="r", exchange=said))
    assert refusals(capsys) == ([] if counted is None else [(counted, [1.0])])


def test_accepted_messages_are_no_refusals(capsys: pytest.CaptureFixture[str]) -> None:
    """One metric for each is what `Sent` is."""
    close(DELIVERED)
    assert refusals(capsys) == []


def refusals(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, list[float]]]:
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "FeishuRefusals" in line]
    assert all("code" in one["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0] for one in documents)
    return [(one["code"], one["FeishuRefusals"]) for one in documents]


def test_the_line_of_an_attempt_has_feishus_number_and_words(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """An operator should not have to open the database for them."""
    words = "Feishu answered HTTP 200, code 19021: sign match fail"
    said = Exchange(http_status=200, provider_code=19021, latency_ms=9)
    close(PermanentFailure(code=ErrorCode.AUTH_FAILED, reason=words, exchange=said))
    [line] = lines()
    assert (line["code"], line["feishu_code"], line["http_status"]) == ("provider_auth_failed", 19021, 200)
    assert line["reason"] == words


def test_reports_that_were_handed_on_are_counted(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """And named, with the reason."""
    SendTelemetry().reported([closing(DELIVERED, record_id=5, number=2)], "DatabaseDown: 1290: read-only")
    [line] = lines()
    assert (line["level"], line["attempts"], line["why"]) == ("WARNING", [[5, 2]], "DatabaseDown: 1290: read-only")
    assert metrics() == {"Reported": [1.0]}


def test_each_message_that_may_come_twice_is_an_error_of_its_own(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Its outcome is nowhere but in this line."""
    SendTelemetry().unreported([closing(DELIVERED, record_id=one) for one in (5, 6)], "all is away")
    told = lines()
    assert [(line["level"], line["notification_id"], line["outcome"]) for line in told] == [
        ("ERROR", 5, Status.SENT),
        ("ERROR", 6, Status.SENT),
    ]
    assert metrics() == {"Unreported": [2.0]}


def test_what_is_held_is_counted_and_told_with_its_cause(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """The service's own code and words lead to what is to be mended."""
    SendTelemetry().held([9, 8], "AccessDeniedException: no key")
    [line] = lines()
    assert (line["notification_ids"], line["why"]) == ([8, 9], "AccessDeniedException: no key")
    assert metrics() == {"Held": [2.0]}


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
    close(outcome, record_id=12, number=2)
    [line] = lines()
    assert (line["notification_id"], line["preview_id"], line["attempt"]) == (12, "pv-1", 2)
    assert (line["outcome"], line.get("code"), line["trace_id"]) == (state, code, "trace-1")
    latency = outcome.exchange.latency_ms
    assert line.get("latency_ms") == latency
    assert telemetry.metrics.metric_set.get("FeishuLatency", {}).get("Value") == ([87.0] if latency else None)


def test_a_late_attempt_says_so(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Its state was not written."""
    close(DELIVERED, won=False)
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
    close(outcome, won=won, summary_text=summary)
    assert ("FallbackUsed" in telemetry.metrics.metric_set) is counted


def test_no_line_shows_a_secret_or_a_users_text(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Not even where the exchange has them, as a broken answer might."""
    said = Exchange(request={"webhook": WEBHOOK_KEY, "message": "改期"}, response={"body": TOKEN}, latency_ms=1)
    refused = PermanentFailure(code=ErrorCode.AUTH_FAILED, reason="refused", exchange=said)
    close(refused, summary_text="私事")
    shown = json.dumps(lines(), ensure_ascii=False)
    assert [secret for secret in (WEBHOOK_KEY, TOKEN, "改期", "私事") if secret in shown] == []


def test_a_row_that_is_not_published_is_named_with_kafka_s_words(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Its topic and id, by which the row is found; nothing of what it says is at hand here."""
    trouble = Trouble(row_id=7, topic="t", fate=Fate.REFUSED, words="Kafka: MSG_SIZE_TOO_LARGE: too large")
    telemetry.observe_relay(
        RelayReport(published=2, refused=1, trouble="Kafka: away", troubles=(trouble,), oldest_pending_seconds=4.5)
    )
    counts, row, away = lines()
    assert (counts["published"], counts["refused"], counts["oldest_pending_seconds"]) == (2, 1, 4.5)
    assert (row["row_id"], row["topic"], row["fate"], row["words"]) == (7, "t", "refused", trouble.words)
    assert (away["level"], away["why"]) == ("ERROR", "Kafka: away")
    told = metrics()
    assert (told["Published"], told["Refused"], told["OldestPendingAge"]) == ([2.0], [1.0], [4.5])
