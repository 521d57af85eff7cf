"""Checks the backend's own HS256 tokens for the HTTP API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from delivery.aws.telemetry import logger
from delivery.aws.wiring.authorizer import own_tokens

if TYPE_CHECKING:  # its import costs a cold start
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Returns API Gateway's simple response, format 2.0. Its context has the token's claims or a refusal."""
    return {"isAuthorized": True, "context": own_tokens().context_of(event.get("headers") or {})}
