"""Checks the backend's own HS256 tokens, in the place of API Gateway, which checks asymmetric signatures alone.

An HTTP API answers 403 to whatever its authorizer turns down, and nothing else can be said of it there. So a token that
is not valid is let through as what it is, and the API answers as the Go service's gateway did.
Source: API Gateway developer guide, "Control access to HTTP APIs with AWS Lambda authorizers".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt

from delivery.aws.api.identity import KEYS_AWAY, REFUSED

#: RFC 7518, 3.2: a key is at least as long as the hash.
LEAST_KEY_BYTES = 32
_MISSING, _INVALID, _WRONG_CLAIMS = "40009", "40011", "40012"
_SCOPES = ("scope", "scp")
#: The signature is valid, but the token is not meant for us.
_OF_CLAIMS = (jwt.InvalidAudienceError, jwt.InvalidIssuerError, jwt.MissingRequiredClaimError)

#: PyJWT raises these for a time that is a list or infinite, and for JSON that is nested too deeply.
_OF_ODD_CLAIMS = (ValueError, TypeError, ArithmeticError, RecursionError)


#: Keys may be this old to accept a token, but only this old to refuse one: the key may just have been replaced.
_USUAL_AGE, _AGE_TO_REFUSE = timedelta(minutes=1), timedelta(seconds=5)


class KeysOutOfReach(Exception):  # noqa: N818 - it says what is the matter
    """No key could be read yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTokens:
    #: Returns the valid keys, read no longer ago than the given time.
    keys: Callable[[timedelta], Sequence[bytes]]
    issuer: str
    audience: str
    #: The claims that the API reads.
    claims: tuple[str, ...]

    def context_of(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """The claims of a valid token, or the code with which its request is refused."""
        token = _token(headers)
        if not token:
            return {REFUSED: _MISSING}
        try:
            claims = self._checked(token)
        except KeysOutOfReach:
            return {REFUSED: KEYS_AWAY}
        except _OF_CLAIMS:
            return {REFUSED: _WRONG_CLAIMS}
        except (jwt.PyJWTError, *_OF_ODD_CLAIMS):
            return {REFUSED: _INVALID}
        return {name: _text(name, claims[name]) for name in self.claims if name in claims}

    def _checked(self, token: str) -> Mapping[str, Any]:
        for age in (_USUAL_AGE, _AGE_TO_REFUSE):
            for key in self.keys(age):
                with suppress(jwt.InvalidSignatureError):
                    return self._signed_by(key, token)
        raise jwt.InvalidSignatureError

    def _signed_by(self, key: bytes, token: str) -> Mapping[str, Any]:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["HS256"],
            issuer=self.issuer or None,
            audience=self.audience or None,
            options={"require": ["exp"], "verify_sub": False, "verify_iat": False},  # either may be any number
        )
        return claims


def _token(headers: Mapping[str, str]) -> str:
    """Takes `Bearer <token>` or the bare token, as the Go service did."""
    given = headers.get("authorization", "").strip()
    scheme, _, token = given.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else given


def _text(name: str, value: object) -> str:
    """API Gateway passes on text only, so a list of scopes becomes one text."""
    return " ".join(map(str, value)) if name in _SCOPES and isinstance(value, list) else str(value)
