"""Who checks users' tokens: API Gateway itself, or for HS256 a function of ours."""

from aws_cdk import Aws
from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from constructs import Construct

from cdk.delivery.runtime import Runtime
from cdk.settings.api import ExistingUserPool, Issuer, NewUserPool, OwnTokens, Tokens


def authorizer_of(scope: Construct, *, runtime: Runtime, tokens: Tokens) -> http.IHttpRouteAuthorizer:
    match tokens:
        case Issuer():
            return authorizers.HttpJwtAuthorizer("Users", tokens.issuer, jwt_audience=list(tokens.audience))
        case ExistingUserPool():
            issuer = f"https://cognito-idp.{Aws.REGION}.{Aws.URL_SUFFIX}/{tokens.user_pool_id}"
            return authorizers.HttpJwtAuthorizer("Users", issuer, jwt_audience=list(tokens.client_ids))
        case NewUserPool():
            raise NotImplementedError
        case OwnTokens():
            raise NotImplementedError
