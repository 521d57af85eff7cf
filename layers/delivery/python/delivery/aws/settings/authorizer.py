"""What the authorizer reads."""

from pydantic import Field

from delivery.aws.settings.api import UserClaim
from delivery.aws.variables import FunctionSettings


class AuthorizerSettings(FunctionSettings):
    """Which HS256 tokens are accepted."""

    #: The secret in Secrets Manager. Its text is the key, or JSON with the key as `key`.
    token_secret_arn: str = Field(min_length=1)
    #: The required `iss` and `aud`. An empty issuer accepts any; an empty audience only tokens without one.
    token_issuer: str = ""
    token_audience: str = ""
    user_claim: UserClaim
