"""What every function is built on: its clock, its deadline, its database and its AWS clients."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from delivery.aws.secrets import database_address
from delivery.aws.tokens import signed_address
from delivery.storage.database import open_engine

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from sqlalchemy import Engine

    from delivery.aws.settings import ServingSettings

_SPARE_SECONDS = 1.5


def deadline(context: LambdaContext, *, spare_seconds: float = _SPARE_SECONDS) -> datetime:
    """Until when this invocation may work: a little less than what Lambda leaves it."""
    return utc_now() + timedelta(seconds=context.get_remaining_time_in_millis() / 1000 - spare_seconds)


def utc_now() -> datetime:
    return datetime.now(UTC)


def engine_of(settings: ServingSettings) -> Engine:
    if settings.database_user:
        session = boto3.Session()
        return open_engine(lambda: signed_address(settings, session))
    secrets_manager = client("secretsmanager")
    return open_engine(lambda: database_address(settings, secrets_manager))


def client(service: str) -> Any:  # noqa: ANN401 - boto clients are made at run time
    timeouts = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})
    return boto3.client(service, config=timeouts)  # type: ignore[call-overload]
