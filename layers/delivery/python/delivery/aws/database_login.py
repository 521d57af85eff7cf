"""Makes the database's address with a login: by a secret's user and password, or by a token that IAM signs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError
from botocore.session import Session

from delivery.aws.clients import AWS_ERRORS, own_words
from delivery.aws.telemetry import logger
from delivery.storage.mysql.database import Address

if TYPE_CHECKING:  # importing the migration's class would make every function build it
    from delivery.aws.settings.database import ServingSettings
    from delivery.aws.settings.migrate import MigrateSettings

#: RDS accepts no older token. An open connection needs none.
_TOKEN_SECONDS = 900


def address_by_secret(settings: ServingSettings | MigrateSettings, secrets_manager: Any) -> Address:  # noqa: ANN401 - a boto client
    """Reads the secret anew for each connection, so that rotation needs no restart."""
    secret = json.loads(secrets_manager.get_secret_value(SecretId=settings.database_secret_arn)["SecretString"])
    return Address(
        host=settings.database_host,
        port=settings.database_port,
        database=settings.database_name,
        user=secret["username"],
        password=secret["password"],
        ca_file=settings.database_ca_file,
    )


def or_the_last(address: Callable[[], Address]) -> Callable[[], Address]:
    """Returns the last address while AWS does not answer, because the old password probably still works."""
    known: list[Address] = []

    def asked() -> Address:
        try:
            known[:] = [address()]
        except AWS_ERRORS as error:
            if not known:
                raise
            logger.warning("the database's secret cannot be read", extra={"why": own_words(error)})
        return known[0]

    return asked


def address_by_token(settings: ServingSettings, session: Session) -> Address:
    """Signs a token without any call; it is the password of one connection."""
    return Address(
        host=settings.database_host,
        port=settings.database_port,
        database=settings.database_name,
        user=settings.database_user,
        password=_token(settings, session),
        ca_file=settings.database_ca_file,
    )


def _token(settings: ServingSettings, session: Session) -> str:
    """Does what botocore's `generate_db_auth_token` does; its client would load all of RDS's API at each cold start."""
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    query = urlencode({"Action": "connect", "DBUser": settings.database_user})
    request = AWSRequest("GET", f"https://{settings.database_host}:{settings.database_port}/?{query}")
    region = session.get_config_variable("region")
    signer = SigV4QueryAuth(credentials.get_frozen_credentials(), "rds-db", region, _TOKEN_SECONDS)
    signer.add_auth(request)
    return str(request.prepare().url).removeprefix("https://")
