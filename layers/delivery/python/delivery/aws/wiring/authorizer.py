"""Builds the check of HS256 tokens on the first call of a function instance, and keeps it."""

import json
from functools import cache

from delivery.aws.api.own_tokens import LEAST_KEY_BYTES, OwnTokens
from delivery.aws.clients import client
from delivery.aws.settings.authorizer import AuthorizerSettings
from delivery.aws.variables import SettingsError


@cache
def own_tokens() -> OwnTokens:
    settings = AuthorizerSettings.read()
    return OwnTokens(
        key=_key,
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        claims=(settings.user_claim, "sub", "client_id", "scope", "scp"),
    )


@cache
def _key() -> bytes:
    arn = AuthorizerSettings.read().token_secret_arn
    text = str(client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
    try:
        found = json.loads(text)
    except ValueError:
        found = text
    key = str(found["key"] if isinstance(found, dict) else text).encode()
    if len(key) < LEAST_KEY_BYTES:
        raise SettingsError(f"TOKEN_SECRET_ARN: the secret's key should have at least {LEAST_KEY_BYTES} bytes")
    return key
