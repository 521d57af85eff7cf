"""Builds what every function needs: its clock, its deadline, its database and its AWS clients."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from delivery.aws.clients import client
from delivery.aws.database_login import address_by_secret, address_by_token, or_the_last
from delivery.aws.session import aws_session
from delivery.aws.settings.database import ServingSettings
from delivery.storage.mysql.database import open_engine

if TYPE_CHECKING:  # its import costs a cold start
    from aws_lambda_powertools.utilities.typing import LambdaContext

_SPARE_SECONDS = 1.5


def deadline(context: LambdaContext, *, spare_seconds: float = _SPARE_SECONDS) -> datetime:
    """Until when this invocation may work: a little less than what Lambda leaves it."""
    return utc_now() + timedelta(seconds=context.get_remaining_time_in_millis() / 1000 - spare_seconds)


def utc_now() -> datetime:
    return datetime.now(UTC)


def engine_of(settings: ServingSettings, *, connections: int = 1) -> Engine:
    if settings.database_user:
        return open_engine(lambda: address_by_token(settings, aws_session()), connections=connections)
    secrets_manager = client("secretsmanager")
    return open_engine(or_the_last(lambda: address_by_secret(settings, secrets_manager)), connections=connections)
