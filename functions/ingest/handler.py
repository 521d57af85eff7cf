"""Runs ingest on a batch of Kafka records. An error makes Lambda deliver the batch again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from delivery.aws.kafka_event import kafka_records
from delivery.aws.telemetry import logger, metrics, observe_ingest
from delivery.aws.wiring.ingest import ingester

if TYPE_CHECKING:  # its import costs a cold start
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    report = ingester().run(kafka_records(event))
    observe_ingest(report)
    return {"received": report.received, "requested": report.requested, "rejected": sum(report.rejected.values())}
