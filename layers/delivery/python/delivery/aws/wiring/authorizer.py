"""Builds the check of HS256 tokens on the first call of a function instance, and keeps it."""

from datetime import UTC, datetime
from functools import cache

from delivery.aws.api.own_tokens import OwnTokens
from delivery.aws.clients import client
from delivery.aws.settings.authorizer import AuthorizerSettings
from delivery.aws.token_keys import TokenKeys


@cache
def own_tokens() -> OwnTokens:
    settings = AuthorizerSettings.read()
    keys = TokenKeys(
        secrets_manager=client("secretsmanager"), secret_arn=settings.token_secret_arn, now=lambda: datetime.now(UTC)
    )
    return OwnTokens(
        keys=keys.read_within,
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        claims=(settings.user_claim, "sub", "client_id", "scope", "scp"),
    )
