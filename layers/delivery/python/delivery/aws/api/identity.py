"""Who asks: API Gateway has checked it, and says so in the request's context. Headers and bodies are never asked.

Source: API Gateway developer guide, "AWS Lambda proxy integrations for HTTP APIs", payload format 2.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.aws.api.answers import forbidden, refused_token, unauthorized, wrong_param
from hongyan_producer.contract.fields import BIGINT

#: The claim in which our own authorizer says that it refused the token.
REFUSED = "refused"
#: The value of that claim when the authorizer cannot read the key.
KEYS_AWAY = "keys away"

#: The length of `actor` in the audit table.
_LONGEST_ACTOR = 191
_USER_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


class TokenKeyAway(Exception):  # noqa: N818 - it says what is the matter
    """The key that tokens are checked with cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """How a token's claims are read."""

    #: The claim that holds the user's id.
    user_claim: str
    #: What a token's scope has to hold for an operator.
    operate_scope: str

    def user(self, event: Mapping[str, Any]) -> int:
        """The user of the token."""
        return _user_id(_claims(event).get(self.user_claim)) or _refuse()

    def named_user(self, event: Mapping[str, Any], named: str) -> int:
        """The user whom a backend names in the path."""
        self.backend(event)
        user_id = _user_id(named)
        if user_id is None:
            raise wrong_param()
        return user_id

    def backend(self, event: Mapping[str, Any]) -> None:
        """The AWS identity of the calling backend."""
        if not _authorizer(event).get("iam"):
            raise unauthorized()

    def operator(self, event: Mapping[str, Any]) -> str:
        """The operator's name for the audit."""
        claims = _claims(event)
        if self.operate_scope not in _scopes(claims):
            raise forbidden(f"this needs the scope {self.operate_scope}")
        named = claims.get("sub") or claims.get("client_id") or claims.get(self.user_claim) or "unknown"
        return str(named)[:_LONGEST_ACTOR]


def _refuse() -> int:
    raise unauthorized()


def _authorizer(event: Mapping[str, Any]) -> Mapping[str, Any]:
    found = (event.get("requestContext") or {}).get("authorizer")
    return found if isinstance(found, Mapping) else {}


def _claims(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The claims of a token that either API Gateway or our own authorizer has checked."""
    authorizer = _authorizer(event)
    claims = (authorizer.get("jwt") or {}).get("claims") or authorizer.get("lambda")
    if not isinstance(claims, Mapping):
        raise unauthorized()
    if claims.get(REFUSED) == KEYS_AWAY:
        raise TokenKeyAway
    if REFUSED in claims:
        raise refused_token(str(claims[REFUSED]))
    return claims


def _scopes(claims: Mapping[str, Any]) -> set[str]:
    """Scopes are separated by blanks (RFC 8693). API Gateway writes a list as `[a b]`."""
    given = claims.get("scope") or claims.get("scp") or ""
    return set((" ".join(map(str, given)) if isinstance(given, list) else str(given)).strip("[]").split())


def _user_id(value: object) -> int | None:
    text = str(value)
    return int(text) if _USER_ID.fullmatch(text) and int(text) < BIGINT else None
