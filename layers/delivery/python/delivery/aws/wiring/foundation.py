"""Builds what every function needs: its clock, its deadline, its database and its AWS clients."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from sqlalchemy import Engine

from delivery.aws.database_login import address_by_secret, address_by_token
from delivery.aws.settings.database import ServingSettings
from delivery.storage.database import open_engine

if TYPE_CHECKING:  # its import costs a cold start
    from aws_lambda_powertools.utilities.typing import LambdaContext

_SPARE_SECONDS = 1.5


def deadline(context: LambdaContext, *, spare_seconds: float = _SPARE_SECONDS) -> datetime:
    """Until when this invocation may work: a little less than what Lambda leaves it."""
    return utc_now() + timedelta(seconds=context.get_remaining_time_in_millis() / 1000 - spare_seconds)


def utc_now() -> datetime:
    return datetime.now(UTC)


def engine_of(settings: ServingSettings) -> Engine:
    if settings.database_user:
        session = boto3.Session()
        return open_engine(lambda: address_by_token(settings, session))
    secrets_manager = client("secretsmanager")
    return open_engine(lambda: address_by_secret(settings, secrets_manager))


def client(service: str) -> Any:  # noqa: ANN401 - boto clients are made at run time
    timeouts = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})
    return boto3.client(service, config=timeouts)  # type: ignore[call-overload]
