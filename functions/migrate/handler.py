"""Migrates the database when a deployment asks for it, or when a person invokes it with {}.

After a restore a person may also say {"hold_open_before": "2026-11-25T03:07:00Z"} or {"release_held": true}.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from delivery.aws.telemetry import logger, observe_failure
from delivery.aws.wiring.foundation import deadline
from delivery.aws.wiring.migrate import asked_moment, holder, migrator
from delivery.deployment import custom_resource

if TYPE_CHECKING:  # its import costs a cold start
    from aws_lambda_powertools.utilities.typing import LambdaContext

Answer = dict[str, str | int | None]


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Answer | None:
    """Tells a person the revisions and counts, or the error. A deployment gets its answer at its response URL."""
    until = deadline(context, spare_seconds=custom_resource.ANSWER_SECONDS)
    if custom_resource.is_request(event):
        custom_resource.answer(event, lambda: _migrate({}, until), on_failure=observe_failure)
        return None
    return _release(until) if event.get("release_held") is True else _migrate(event, until)


def _migrate(event: dict[str, Any], until: datetime) -> Answer:
    """Holds records before it answers, because the functions that serve are deployed after the answer."""
    migrated = migrator().run(until=until)
    answer: Answer = {"from": migrated.before, "to": migrated.after}
    if moment := asked_moment(event):
        answer["held"] = holder().hold(before=moment, until=until)
    logger.info("migrated", extra=answer)
    return answer


def _release(until: datetime) -> Answer:
    answer: Answer = {"released": holder().release(until=until)}
    logger.info("held records are due again", extra=answer)
    return answer
