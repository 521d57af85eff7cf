"""Sends what its queue messages point at, and closes what earlier runs could only report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from delivery.aws.send_batch import SendBatch
from delivery.aws.send_telemetry import observe_send
from delivery.aws.telemetry import logger, metrics
from delivery.aws.wiring.foundation import deadline
from delivery.aws.wiring.send import report_closer, sender
from delivery.deadline import ending_at

if TYPE_CHECKING:  # its import costs a cold start
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Returns the messages that the queue must deliver again (partial batch response)."""
    batch, until = SendBatch.read(event), deadline(context)
    with ending_at(until):
        unclosed = report_closer().run(batch.reports) if batch.reports else frozenset()
        unopened = sender().run(batch.pointers, until=until) if batch.pointers else frozenset()
    observe_send(unopened=len(unopened), unreadable=batch.unreadable)
    return batch.response(unopened=unopened, unclosed=unclosed)
