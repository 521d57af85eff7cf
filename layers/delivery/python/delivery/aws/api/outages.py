"""Names the service that is down when a request fails, since the same request may succeed soon."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import DBAPIError

from delivery.channels import KeysAway
from delivery.deadline import OutOfTime
from delivery.storage.credentials import KeyOutOfReach
from delivery.storage.mysql.database import is_passing


def away(error: BaseException) -> str | None:
    """The name of the unavailable service, or None if the error is a bug of ours."""
    match error:
        case KeysAway() | KeyOutOfReach():
            return "KMS"
        case DBAPIError() if is_passing(error):
            return "MySQL"
        case BotoCoreError() | ClientError():
            return "AWS"
        case OutOfTime():
            return "MySQL or AWS"
        case _:
            return None
