"""Checks tokens as API Gateway's JWT authorizer does.

Source: API Gateway developer guide, "Control access to HTTP APIs with JWT authorizers".
"""

import json
import urllib.request
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jwt

from local.template.http_api import JwtAuthorizer

#: API Gateway accepts only RSA.
_ALGORITHMS = ["RS256", "RS384", "RS512"]
_TIMEOUT_SECONDS = 5


class TokenCheck:
    """Checks tokens for one authorizer, and keeps the issuer's public keys."""

    def __init__(self, authorizer: JwtAuthorizer) -> None:
        self._authorizer = authorizer

    def claims(self, header: str) -> Mapping[str, Any] | None:
        """The claims of a valid token. The header holds the token alone or after `Bearer`."""
        scheme, _, rest = header.partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else header
        try:
            claims = self._verified(token)
        except (jwt.PyJWTError, OSError, ValueError, KeyError):  # the issuer may be unreachable or answer anything
            return None
        return claims if self._is_for_us(claims) else None

    def _verified(self, token: str) -> Mapping[str, Any]:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            self._keys.get_signing_key_from_jwt(token),
            algorithms=_ALGORITHMS,
            issuer=self._authorizer.issuer,
            options={"require": ["exp", "iss"], "verify_aud": False},
        )
        return claims

    def _is_for_us(self, claims: Mapping[str, Any]) -> bool:
        """Whether the token is for us by its `aud`, or by `client_id` if it has none."""
        given = claims.get("aud") or claims.get("client_id") or []
        named = given if isinstance(given, list) else [given]
        return not set(self._authorizer.audience).isdisjoint(map(str, named))

    @cached_property
    def _keys(self) -> jwt.PyJWKClient:
        found = f"{self._authorizer.issuer}/.well-known/openid-configuration"
        with urllib.request.urlopen(found, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - the template's issuer
            where = str(json.load(answer)["jwks_uri"])
        return jwt.PyJWKClient(where, timeout=_TIMEOUT_SECONDS)


def scopes_of(claims: Mapping[str, Any]) -> set[str]:
    given = claims.get("scope") or claims.get("scp") or ""
    return set(map(str, given)) if isinstance(given, list) else set(str(given).split())


def as_texts(claims: Mapping[str, Any]) -> dict[str, str]:
    """The claims as a function gets them: API Gateway passes on only texts, and a list as `[a b]`."""
    return {name: _text(value) for name, value in claims.items()}


def _text(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"[{' '.join(map(_text, value))}]"
        case _:
            return str(value)
