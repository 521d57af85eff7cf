"""What operators see: a line for each batch, and metrics in CloudWatch's embedded format. Send has its own module."""

from __future__ import annotations

import logging
import re
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

if TYPE_CHECKING:  # each function imports its own stage only
    from delivery.claim import ClaimReport
    from delivery.domain.intake import Reject
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
        count("QueueRefused", 1)
    count("Requested", report.requested)
    count("Duplicates", report.duplicates)
    for code, number in report.rejected.items():
        count_apart("Rejected", number, code=code)
    count("PassedOver", sum(report.skipped.values()))
    for event_type, number in report.skipped.items():
        count_apart("PassedOver", number, event_type=_NOT_IN_A_DIMENSION.sub("?", event_type))


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
        count("QueueRefused", 1)
    count("Claimed", report.claimed)
    count("Dead", report.dead)
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
    count("Published", report.published)
    count("Refused", report.refused)
    count("Dead", report.dead)
    count("PutBack", report.put_back)
    count("KafkaTrouble", 1 if report.trouble else 0)
    metrics.add_metric(name="OldestPendingAge", unit=MetricUnit.Seconds, value=report.oldest_pending_seconds)


def _numbers_in(report: RelayReport) -> dict[str, object]:
    values = {field.name: getattr(report, field.name) for field in fields(report)}
    return {name: value for name, value in values.items() if isinstance(value, int | float)}


def observe_prune(report: PruneReport) -> None:
    logger.info("rows past their days deleted", extra=_told(report))
    for kind, number in report.deleted.items():
        count_apart("Pruned", number, table=kind)
    for kind, seconds in report.oldest_kept_seconds.items():
        measure_apart("OldestKeptAge", seconds, MetricUnit.Seconds, table=kind)
    count("PruneUnfinished", len(report.unfinished))


def observe_failure(error: Exception) -> None:
    """Logs an error that a deployment's function reports to CloudFormation instead of raising it."""
    logger.error("failed", exc_info=error)


def count(name: str, number: int) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)


def count_apart(name: str, number: int, **dimension: str) -> None:
    measure_apart(name, number, MetricUnit.Count, **dimension)


def measure_apart(name: str, value: float, unit: MetricUnit, **dimension: str) -> None:
    """Emits the metric under a dimension of its own."""
    with single_metric(name=name, unit=unit, value=value) as metric:
        for key, its_value in dimension.items():
            metric.add_dimension(name=key, value=its_value)
