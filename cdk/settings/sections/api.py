"""The HTTP API: whose tokens open it, how much it takes, and where it is found."""

from typing import Annotated, Literal

from pydantic import Field, Tag

from cdk.settings.sections.functions import FunctionSize
from cdk.settings.sections.section import SecretArn, StageSection, chosen_by
from delivery.aws.settings.api import OperateScope, UserClaim

#: The local stack's issuer uses http, which the rules refuse elsewhere.
_ISSUER = r"^(https://[^\s?#]+|http://127\.0\.0\.1:[0-9]{1,5})$"
_POOL = r"^[a-z0-9-]+_[A-Za-z0-9]+$"
_ORIGIN = r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$"
_CERTIFICATE = r"^arn:aws[a-z-]*:acm:[^:]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$"
_DOMAIN = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$"

_Audience = Annotated[str, Field(pattern=r"^\S{1,200}$", title="an audience, which is mostly the id of a client")]

_Claim = Annotated[str, Field(pattern=r"^\S{1,200}$", title="up to 200 characters without a blank")]


class Issuer(StageSection):
    issuer: str = Field(pattern=_ISSUER, title="the https URL of an OIDC issuer, as its tokens name it")
    """tokens of any OIDC issuer"""
    audience: tuple[_Audience, ...] = Field(min_length=1, strict=False)
    """a token must be for one of these"""


class ExistingUserPool(StageSection):
    user_pool_id: str = Field(pattern=_POOL, title="the id of a Cognito user pool of the stage's region")
    """instead: tokens of an existing Cognito user pool"""
    client_ids: tuple[_Audience, ...] = Field(min_length=1, strict=False)
    """the pool's clients whose tokens are accepted"""


class NewUserPool(StageSection):
    new_user_pool: Literal[True] = Field(title="true, or left out")
    """instead: a new Cognito user pool, with a client for people and one for programs"""


class OwnTokens(StageSection):
    hs256_secret_arn: SecretArn
    """instead: the backend's own HS256 tokens, by the key in this secret (its text, or `key` of its JSON)"""
    token_issuer: _Claim | None = None
    """such a token's required `iss`; without this setting any is accepted"""
    token_audience: _Claim | None = None
    """its required `aud`; without this setting a token that names one is refused"""


Tokens = Annotated[
    Annotated[Issuer, Tag("with issuer")]
    | Annotated[ExistingUserPool, Tag("with user_pool_id")]
    | Annotated[NewUserPool, Tag("with new_user_pool")]
    | Annotated[OwnTokens, Tag("with hs256_secret_arn")],
    chosen_by("issuer", "user_pool_id", "new_user_pool", "hs256_secret_arn"),
    Field(title="an object with issuer, user_pool_id, new_user_pool or hs256_secret_arn"),
]


class Domain(StageSection):
    name: str = Field(pattern=_DOMAIN, title="a domain name in lower case")
    """the API's own; point it at the output `ApiDomainTarget`"""
    certificate_arn: str = Field(pattern=_CERTIFICATE, title="the ARN of a certificate in ACM")
    """of the stage's region"""


class Api(FunctionSize):
    timeout_seconds: int = Field(8, ge=8, le=29)
    """API Gateway waits as long; two seconds of it are left for the answer"""
    memory_mb: int = Field(1_024, ge=128, le=10_240)
    snap_start: bool = True
    """start from a snapshot, which costs by its size and hours: not on Python 3.11, nor in every region"""
    tokens: Tokens
    user_claim: UserClaim
    """the claim of a token that holds the user's id"""
    operate_scope: OperateScope
    """the scope that makes an operator"""
    requests_per_second: int = Field(100, ge=1, le=10_000)
    """more are refused with 429"""
    burst: int = Field(200, ge=1, le=5_000)
    """how many may come at once"""
    allowed_origins: tuple[Annotated[str, Field(pattern=_ORIGIN, title="an origin")], ...] = Field((), strict=False)
    """front ends on these origins may call it from a browser (CORS)"""
    domain: Domain | None = None
