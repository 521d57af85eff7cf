"""Migrates the database when a deployment asks for it, or when a person invokes it with {}."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from delivery.aws.telemetry import logger, observe_failure
from delivery.aws.wiring.foundation import deadline
from delivery.aws.wiring.migrate import migrator
from delivery.deployment import custom_resource

if TYPE_CHECKING:  # its import costs a cold start
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str | None] | None:
    """A deployment reads its answer elsewhere; a person gets the revisions, or the error."""
    if custom_resource.is_request(event):
        custom_resource.answer(event, lambda: _migrate(context), on_failure=observe_failure)
        return None
    return _migrate(context)


def _migrate(context: LambdaContext) -> dict[str, str | None]:
    migrated = migrator().run(until=deadline(context, spare_seconds=custom_resource.ANSWER_SECONDS))
    revisions = {"from": migrated.before, "to": migrated.after}
    logger.info("migrated", extra=revisions)
    return revisions
