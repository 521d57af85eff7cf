"""What operators see: one log line a batch and one an attempt, and metrics in CloudWatch's embedded format."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from delivery.domain.message import message_text
from delivery.domain.outcome import Delivered, Outcome

if TYPE_CHECKING:  # each function imports its own stage only
    from delivery.claim import ClaimReport
    from delivery.domain.intake import Reject
    from delivery.domain.transition import Closing
    from delivery.ingest import IngestReport
    from delivery.prune import PruneReport
    from delivery.relay import RelayReport

logger = Logger()
metrics = Metrics()
_REJECT_LINES = 20
_REASON_CHARACTERS = 1_000
# CloudWatch drops a metric whose dimension holds anything else, or begins with a colon (PutMetricData, "Dimension").
_NOT_IN_A_DIMENSION = re.compile(r"^:|[^!-~]")
# These libraries log URLs, statements and values. Their failures are also raised, and we log them ourselves.
_SILENT = ("boto3", "botocore", "pymysql", "requests", "s3transfer", "sqlalchemy", "urllib3")
_STATE_METRICS = {"sent": "Sent", "failed": "Failed", "dead": "Dead", "skipped": "Skipped"}


for _library in _SILENT:
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)


def observe_ingest(report: IngestReport) -> None:
    logger.info("batch ingested", extra=_batch(report))
    for reject in report.rejects[:_REJECT_LINES]:
        logger.warning("Kafka record rejected", extra=_reject(reject))
    if len(report.rejects) > _REJECT_LINES:
        logger.warning("further rejects of this batch are in notification_rejects only")
    if report.queue_refused:
        # The rows are safe: the hand-off deadline brings them back.
        logger.error("a queue refuses", extra={"why": f"the send queue: {report.queue_refused}"})
        _count("QueueRefused", 1)
    _count("Requested", report.requested)
    _count("Duplicates", report.duplicates)
    for code, number in report.rejected.items():
        _count_apart("Rejected", number, code=code)
    _count("PassedOver", sum(report.skipped.values()))
    for event_type, number in report.skipped.items():
        _count_apart("PassedOver", number, event_type=_NOT_IN_A_DIMENSION.sub("?", event_type))


def _batch(report: IngestReport) -> dict[str, object]:
    return {
        "received": report.received,
        "requested": report.requested,
        "duplicates": report.duplicates,
        "skipped": report.skipped,
        "rejected": report.rejected,
        "published": report.published,
    }


def _reject(reject: Reject) -> dict[str, object]:
    """Logs where the record is and what is wrong with it, and nothing of its content."""
    source = reject.source
    return {
        "topic": source.topic,
        "partition": source.partition,
        "offset": source.offset,
        "code": reject.code.value,
        "reason": reject.reason[:_REASON_CHARACTERS],
    }


def observe_claim(report: ClaimReport) -> None:
    logger.info("due records claimed", extra=_told(report))
    if report.queue_refused:
        logger.error("a queue refuses", extra={"why": report.queue_refused})
        _count("QueueRefused", 1)
    _count("Claimed", report.claimed)
    _count("Dead", report.dead)
    metrics.add_metric(name="OldestDueAge", unit=MetricUnit.Seconds, value=report.oldest_due_seconds)


def _told(report: ClaimReport | PruneReport) -> dict[str, object]:
    return {name: value for name, value in asdict(report).items() if name != "failure"}


def observe_relay(report: RelayReport) -> None:
    """Emits every metric at each run, so that an alarm also sees that the relay runs. No line quotes a payload."""
    logger.info("outbox relayed", extra=_numbers_in(report))
    for trouble in report.troubles:
        logger.warning("outbox row not published", extra=asdict(trouble))
    if report.trouble:
        logger.error("outbox rows wait for Kafka", extra={"why": report.trouble})
    _count("Published", report.published)
    _count("Refused", report.refused)
    _count("Dead", report.dead)
    _count("PutBack", report.put_back)
    _count("KafkaTrouble", 1 if report.trouble else 0)
    metrics.add_metric(name="OldestPendingAge", unit=MetricUnit.Seconds, value=report.oldest_pending_seconds)


def _numbers_in(report: RelayReport) -> dict[str, object]:
    values = {field.name: getattr(report, field.name) for field in fields(report)}
    return {name: value for name, value in values.items() if isinstance(value, int | float)}


def observe_prune(report: PruneReport) -> None:
    logger.info("rows past their days deleted", extra=_told(report))
    for kind, number in report.deleted.items():
        _count_apart("Pruned", number, table=kind)
    for kind, seconds in report.oldest_kept_seconds.items():
        _measure_apart("OldestKeptAge", seconds, MetricUnit.Seconds, table=kind)
    _count("PruneUnfinished", len(report.unfinished))


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
            _count_apart("FeishuRefusals", 1, code=code)
        if not won:
            return
        _count(_STATE_METRICS.get(closing.transition.status, "NotStarted"), 1)
        if isinstance(closing.outcome, Delivered):
            _sent(closing)

    def reported(self, closings: Sequence[Closing], why: str) -> None:
        """MySQL did not take these in time, so they wait in the report queue."""
        logger.warning("attempts go to the report queue", extra={"why": why, "attempts": _numbers(closings)})
        _count("Reported", len(closings))

    def unreported(self, closings: Sequence[Closing], why: str) -> None:
        for closing in closings:
            lines = {"why": why, **_attempt(closing)}
            logger.error("this message may come twice: its outcome is written nowhere", extra=lines)
        _count("Unreported", len(closings))

    def held(self, record_ids: Collection[int], why: str) -> None:
        logger.error(
            "not sent for now: credentials cannot be decrypted",
            extra={"why": why, "notification_ids": sorted(record_ids)},
        )
        _count("Held", len(record_ids))


def _sent(closing: Closing) -> None:
    if message_text(closing.attempt).fallback_used:
        _count("FallbackUsed", 1)
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


def observe_failure(error: Exception) -> None:
    """Logs an error that a deployment's function reports to CloudFormation instead of raising it."""
    logger.error("failed", exc_info=error)


def _count(name: str, number: int) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)


def _count_apart(name: str, number: int, **dimension: str) -> None:
    _measure_apart(name, number, MetricUnit.Count, **dimension)


def _measure_apart(name: str, value: float, unit: MetricUnit, **dimension: str) -> None:
    """Emits the metric under a dimension of its own."""
    with single_metric(name=name, unit=unit, value=value) as metric:
        for key, its_value in dimension.items():
            metric.add_dimension(name=key, value=its_value)
