"""What operators see of send: one log line an attempt, and metrics of what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from aws_lambda_powertools.metrics import MetricUnit

from delivery.aws.telemetry import count, count_apart, logger, metrics
from delivery.domain.message import message_text
from delivery.domain.outcome import Delivered, Outcome
from delivery.domain.transition import Closing

_STATE_METRICS = {"sent": "Sent", "failed": "Failed", "dead": "Dead", "skipped": "Skipped"}


class SendTelemetry:
    """Reports each record as it happens, so that the counts are right even if the run fails later."""

    def closed(self, closing: Closing, *, won: bool) -> None:
        """Logs one line per attempt: what was tried and how it ended, and nothing secret."""
        words = "attempt closed" if won else "attempt closed too late: somebody else owns the record now"
        logger.info(words, extra=_attempt(closing))
        latency = closing.outcome.exchange.latency_ms
        if latency is not None:
            metrics.add_metric(name="FeishuLatency", unit=MetricUnit.Milliseconds, value=latency)
        if code := _refusal(closing.outcome):
            count_apart("FeishuRefusals", 1, code=code)
        if not won:
            return
        count(_STATE_METRICS.get(closing.transition.status, "NotStarted"), 1)
        if isinstance(closing.outcome, Delivered):
            _sent(closing)

    def reported(self, closings: Sequence[Closing], why: str) -> None:
        """MySQL did not take these in time, so they wait in the report queue."""
        logger.warning("attempts go to the report queue", extra={"why": why, "attempts": _numbers(closings)})
        count("Reported", len(closings))

    def unreported(self, closings: Sequence[Closing], why: str) -> None:
        for closing in closings:
            lines = {"why": why, **_attempt(closing)}
            logger.error("this message may come twice: its outcome is written nowhere", extra=lines)
        count("Unreported", len(closings))

    def held(self, record_ids: Collection[int], why: str) -> None:
        logger.error(
            "not sent for now: credentials cannot be decrypted",
            extra={"why": why, "notification_ids": sorted(record_ids)},
        )
        count("Held", len(record_ids))


def _sent(closing: Closing) -> None:
    if message_text(closing.attempt).fallback_used:
        count("FallbackUsed", 1)
    if requested_at := closing.attempt.requested_at:  # a value below zero shows a producer's clock that is ahead
        late = (closing.finished_at - requested_at).total_seconds()
        metrics.add_metric(name="Lateness", unit=MetricUnit.Seconds, value=late)


def _attempt(closing: Closing) -> dict[str, object]:
    attempt, outcome, exchange = closing.attempt, closing.outcome, closing.outcome.exchange
    return {
        "notification_id": attempt.record_id,
        "preview_id": attempt.preview_id,
        "attempt": attempt.number,
        "outcome": closing.transition.status.value,
        "code": None if isinstance(outcome, Delivered) else outcome.code.value,
        "reason": None if isinstance(outcome, Delivered) else outcome.reason,
        "trace_id": attempt.trace_id,
        "latency_ms": exchange.latency_ms,
        "http_status": exchange.http_status,
        "feishu_code": exchange.provider_code,
    }


def _refusal(outcome: Outcome) -> str | None:
    """Feishu's code, or else the HTTP status. Accepted messages have none: each value is a metric to pay for."""
    exchange = outcome.exchange
    if isinstance(outcome, Delivered) or exchange.http_status is None:
        return None
    return str(exchange.provider_code or f"http-{exchange.http_status}")


def _numbers(closings: Sequence[Closing]) -> list[tuple[int, int]]:
    return [(closing.attempt.record_id, closing.attempt.number) for closing in closings]


def observe_send(*, unopened: int, unreadable: Mapping[str, str]) -> None:
    """Logs which parts of a batch SQS will deliver again, and why."""
    if unopened:
        logger.info("no time was left for these pointers", extra={"unopened": unopened})
    for message, why in unreadable.items():
        logger.error("a queue message cannot be read", extra={"message_id": message, "why": why})
