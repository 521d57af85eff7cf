"""IAM database authentication: a function's own credentials in, an address whose password is a fresh token out."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError

from delivery.storage.database import Address

if TYPE_CHECKING:
    from boto3 import Session

    from delivery.aws.settings import ServingSettings

#: RDS takes no older token; a connection that stands needs none
_TOKEN_SECONDS = 900


def signed_address(settings: ServingSettings, session: Session) -> Address:
    """The address with a token for its password, signed here without a call, for one connection."""
    return Address(
        host=settings.database_host,
        port=settings.database_port,
        database=settings.database_name,
        user=settings.database_user,
        password=_token(settings, session),
        ca_file=settings.database_ca_file,
    )


def _token(settings: ServingSettings, session: Session) -> str:
    """As botocore's `generate_db_auth_token`, without its client: that reads all of RDS's API at each cold start."""
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    query = urlencode({"Action": "connect", "DBUser": settings.database_user})
    request = AWSRequest("GET", f"https://{settings.database_host}:{settings.database_port}/?{query}")
    signer = SigV4QueryAuth(credentials.get_frozen_credentials(), "rds-db", session.region_name, _TOKEN_SECONDS)
    signer.add_auth(request)
    return str(request.prepare().url).removeprefix("https://")
