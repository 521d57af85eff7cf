"""Deletes what is past its days at each tick of the schedule, and answers with counts. Two at once are harmless."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from delivery.aws.telemetry import logger, metrics, observe_prune
from delivery.aws.wiring.foundation import deadline
from delivery.aws.wiring.prune import pruner
from delivery.deadline import ending_at

if TYPE_CHECKING:  # its import costs a cold start
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    until = deadline(context)
    with ending_at(until):
        report = pruner().run(until=until)
    observe_prune(report)
    if report.failure:
        raise report.failure
    return dict(report.deleted)
