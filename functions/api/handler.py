"""Answers users about their channels, and operators about everything, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from delivery.aws.telemetry import logger
from delivery.aws.wiring.api import door, until
from delivery.deadline import ending_at

if TYPE_CHECKING:  # its import costs a cold start
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Answers one request in API Gateway's payload format 2.0."""
    with ending_at(until(context)):
        return door().answer(event, context)
