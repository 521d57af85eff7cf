"""Runs send on a batch of queue messages and answers which of them must be delivered again (partial batch response)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from delivery.aws.queue import PointerBatch
from delivery.aws.telemetry import logger, metrics, observe_send
from delivery.aws.wiring.foundation import deadline
from delivery.aws.wiring.send import sender

if TYPE_CHECKING:  # its import costs a cold start
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    batch = PointerBatch.read(event)
    report = sender().run(batch.pointers, until=deadline(context))
    observe_send(report)
    return batch.response(report.unopened)
