"""What operators see: one log line a batch and one an attempt, and metrics in CloudWatch's embedded format."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from delivery.domain.message import message_text
from delivery.domain.outcome import Delivered, Outcome

if TYPE_CHECKING:
    from delivery.claim import ClaimReport
    from delivery.domain.transition import Closing
    from delivery.ingest import IngestReport

logger = Logger()
metrics = Metrics()
# Their warnings and errors hold URLs, statements and values. What goes wrong there is raised as well, and told by us.
_SILENT = ("boto3", "botocore", "pymysql", "requests", "s3transfer", "sqlalchemy", "urllib3")
_STATE_METRICS = {"sent": "Sent", "failed": "Failed", "dead": "Dead", "skipped": "Skipped"}


for _library in _SILENT:
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)


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


class SendTelemetry:
    """Tells of each record as it happens, so that the counts are right also when the run raises in the end."""

    def closed(self, closing: Closing, *, won: bool) -> None:
        """One line an attempt: what was tried, what came of it, and nothing secret."""
        words = "attempt closed" if won else "attempt closed too late: somebody else owns the record now"
        logger.info(words, extra=_attempt(closing))
        latency = closing.outcome.exchange.latency_ms
        if latency is not None:
            metrics.add_metric(name="FeishuLatency", unit=MetricUnit.Milliseconds, value=latency)
        if code := _refusal(closing.outcome):
            _count_apart("FeishuRefusals", 1, code=code)
        if not won:
            return
        _count(_STATE_METRICS.get(closing.transition.status, "NotStarted"), 1)
        if isinstance(closing.outcome, Delivered) and message_text(closing.attempt).fallback_used:
            _count("FallbackUsed", 1)

    def reported(self, closings: Sequence[Closing], why: str) -> None:
        """MySQL did not take these in time; they wait in the report queue."""
        logger.warning("attempts go to the report queue", extra={"why": why, "attempts": _numbers(closings)})
        _count("Reported", len(closings))

    def unreported(self, closings: Sequence[Closing], why: str) -> None:
        for closing in closings:
            lines = {"why": why, **_attempt(closing)}
            logger.error("this message may come twice: its outcome is written nowhere", extra=lines)
        _count("Unreported", len(closings))

    def held(self, record_ids: Collection[int], why: str) -> None:
        logger.error("not sent for now, by trouble of ours", extra={"why": why, "notification_ids": sorted(record_ids)})
        _count("Held", len(record_ids))


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
    """Feishu's code, or else its HTTP status. Accepted messages have none: each value of it is a metric to pay for."""
    exchange = outcome.exchange
    if isinstance(outcome, Delivered) or exchange.http_status is None:
        return None
    return str(exchange.provider_code or f"http-{exchange.http_status}")


def _numbers(closings: Sequence[Closing]) -> list[tuple[int, int]]:
    return [(closing.attempt.record_id, closing.attempt.number) for closing in closings]


def observe_send(*, unopened: int, unreadable: Mapping[str, str]) -> None:
    """What of a batch is to come again, and why."""
    if unopened:
        logger.info("no time was left for these pointers", extra={"unopened": unopened})
    for message, why in unreadable.items():
        logger.error("a queue message cannot be read", extra={"message_id": message, "why": why})


def _count(name: str, number: int) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)


def _count_apart(name: str, number: int, **dimension: str) -> None:
    """Counts under a dimension of its own."""
    with single_metric(name=name, unit=MetricUnit.Count, value=number) as metric:
        for key, value in dimension.items():
            metric.add_dimension(name=key, value=value)
