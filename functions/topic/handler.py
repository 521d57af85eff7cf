"""Makes the Kafka topic when a deployment asks for it, or when a person invokes it with {}."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from delivery.aws.telemetry import logger, observe_failure
from delivery.aws.wiring.foundation import deadline
from delivery.aws.wiring.topic import is_rolling_back, topic_maker
from delivery.deployment import custom_resource

if TYPE_CHECKING:  # its import costs a cold start
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int] | None:
    """Tells a person the partitions, or the error. A deployment gets its answer at its response URL."""
    if custom_resource.is_request(event):
        custom_resource.answer(event, lambda: _make(event, context), on_failure=observe_failure)
        return None
    return _make(event, context)


def _make(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    until = deadline(context, spare_seconds=custom_resource.ANSWER_SECONDS)
    change = topic_maker().run(until=until, may_have_more=lambda: is_rolling_back(event.get("StackId")))
    partitions = {"from": change.before, "to": change.after}
    logger.info("topic made", extra=partitions)
    return partitions
