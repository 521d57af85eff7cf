"""Issues tokens for users and operators of the local stack."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from local.issuer.keys import ALGORITHM, SigningKey

LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTerms:
    """The API's requirements for a token."""

    audience: str
    user_claim: str
    operate_scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    #: The issuer's name in tokens.
    url: str
    key: SigningKey
    terms: TokenTerms

    def token(self, user_id: int, *, now: datetime, is_operator: bool = False) -> str:
        claims = {
            "iss": self.url,
            "aud": self.terms.audience,
            "sub": str(user_id),
            self.terms.user_claim: str(user_id),
            "iat": now,
            "exp": now + LIFETIME,
            "jti": str(uuid.uuid4()),
            "scope": self.terms.operate_scope if is_operator else "",
        }
        return jwt.encode(claims, self.key.private, algorithm=ALGORITHM, headers={"kid": self.key.id})
