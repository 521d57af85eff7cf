"""What the authorizer reads."""

from pydantic import Field

from delivery.aws.settings.api import UserClaim
from delivery.aws.variables import FunctionSettings


class AuthorizerSettings(FunctionSettings):
    """Whose HS256 tokens are taken."""

    #: a secret of Secrets Manager: the key as its text, or as `key` of its JSON
    token_secret_arn: str = Field(min_length=1)
    #: what `iss` and `aud` have to be; empty is any issuer, and no audience
    token_issuer: str = ""
    token_audience: str = ""
    user_claim: UserClaim
