"""Runs claim at each tick of the schedule and answers with counts. Two ticks at once are harmless."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from delivery.aws.telemetry import logger, metrics, observe_claim
from delivery.aws.wiring.claim import claimer
from delivery.aws.wiring.foundation import deadline

if TYPE_CHECKING:  # its import costs a cold start
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    report = claimer().run(until=deadline(context))
    observe_claim(report)
    return {"claimed": report.claimed, "dead": report.dead}
