"""What operators see: one log line a batch and one an attempt, and metrics in CloudWatch's embedded format."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from delivery.domain.message import message_text
from delivery.domain.outcome import Delivered

if TYPE_CHECKING:  # each function imports its own stage only
    from delivery.claim import ClaimReport
    from delivery.domain.transition import Closing
    from delivery.ingest import IngestReport
    from delivery.send import SendReport

logger = Logger()
metrics = Metrics()
_STATE_METRICS = {"sent": "Sent", "failed": "Failed", "dead": "Dead", "skipped": "Skipped"}


def observe_ingest(report: IngestReport) -> None:
    logger.info("batch ingested", extra=asdict(report))
    if report.queue_down:
        logger.warning("the send queue did not take all pointers; the hand-off deadline brings their rows back")
    _count("Requested", report.requested)
    _count("Duplicates", report.duplicates)
    for code, number in report.rejected.items():
        with single_metric(name="Rejected", unit=MetricUnit.Count, value=number) as metric:
            metric.add_dimension(name="code", value=code)


def observe_claim(report: ClaimReport) -> None:
    logger.info("due records claimed", extra=asdict(report))
    _count("Claimed", report.claimed)
    _count("Dead", report.dead)
    metrics.add_metric(name="OldestDueAge", unit=MetricUnit.Seconds, value=report.oldest_due_seconds)


def observe_send(report: SendReport) -> None:
    logger.info("batch sent", extra={**report.by_status, "late": report.late, "unopened": len(report.unopened)})
    for state, name in _STATE_METRICS.items():
        _count(name, report.by_status.get(state, 0))


def observe_attempt(closing: Closing, won: bool) -> None:  # noqa: FBT001 - called back with two values
    """One line an attempt: what was tried, what came of it, and nothing secret."""
    attempt, outcome, exchange = closing.attempt, closing.outcome, closing.outcome.exchange
    logger.info(
        "attempt closed" if won else "attempt closed too late: somebody else owns the record now",
        extra={
            "notification_id": attempt.record_id,
            "preview_id": attempt.preview_id,
            "attempt": attempt.number,
            "outcome": closing.transition.status.value,
            "code": None if isinstance(outcome, Delivered) else outcome.code.value,
            "trace_id": attempt.trace_id,
            "latency_ms": exchange.latency_ms,
        },
    )
    if exchange.latency_ms is not None:
        metrics.add_metric(name="FeishuLatency", unit=MetricUnit.Milliseconds, value=exchange.latency_ms)
    if won and isinstance(outcome, Delivered) and message_text(attempt).fallback_used:
        _count("FallbackUsed", 1)


def observe_failure(error: Exception) -> None:
    """What a deployment's function does not raise, because it tells the deployment instead."""
    logger.error("failed", exc_info=error)


def _count(name: str, number: int) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)
