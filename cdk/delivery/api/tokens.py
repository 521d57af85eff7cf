"""Who checks users' tokens: API Gateway itself, or for HS256 a function of ours."""

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy
from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk.delivery.function import StageFunction
from cdk.delivery.runtime import Runtime
from cdk.findings import accept
from cdk.settings.environment import environment
from cdk.settings.sections.api import Api, ExistingUserPool, Issuer, NewUserPool, OwnTokens
from cdk.settings.sections.functions import FunctionSize
from delivery.aws.settings.authorizer import AuthorizerSettings

_SIZE = FunctionSize(timeout_seconds=5, memory_mb=512, reserved_concurrency=None)
_NAME = "Users"
_READ_SECRET = "secretsmanager:GetSecretValue"  # noqa: S105 - an IAM action


_ACCEPTED = {
    "AwsSolutions::AwsSolutions-COG2": "A second factor is offered; whether it is demanded is the team's own decision",
    "AwsSolutions::AwsSolutions-COG8": "The plus plan costs by the user; a team that wants it brings a pool of its own",
}


class Authorizer(StageFunction):
    """Checks the backend's own tokens."""

    def __init__(self, scope: Construct, name: str, *, runtime: Runtime, api: Api, tokens: OwnTokens) -> None:
        asked = {
            "token_secret_arn": tokens.hs256_secret_arn,
            "token_issuer": tokens.token_issuer or "",
            "token_audience": tokens.token_audience or "",
            "user_claim": api.user_claim,
        }
        super().__init__(
            scope,
            name,
            word="authorizer",
            description="Checks the HS256 tokens of users for the HTTP API",
            runtime=runtime,
            size=_SIZE,
            environment=environment(AuthorizerSettings, asked),
            needs_database=False,
        )
        self.role.add_to_policy(iam.PolicyStatement(actions=[_READ_SECRET], resources=[tokens.hs256_secret_arn]))


class UserPool(Construct):
    """People sign in on its own pages or by a device code, and operators' programs by their client's secret."""

    def __init__(self, scope: Construct, name: str, *, scope_name: str, keeps: bool) -> None:
        super().__init__(scope, name)
        server, _, scope_word = scope_name.rpartition(":")
        self.pool = cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(email=True),
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            password_policy=cognito.PasswordPolicy(
                min_length=12, require_lowercase=True, require_uppercase=True, require_digits=True, require_symbols=True
            ),
            removal_policy=RemovalPolicy.RETAIN if keeps else RemovalPolicy.DESTROY,
        )
        operate = cognito.ResourceServerScope(scope_name=scope_word, scope_description="To operate notifications")
        self._server = self.pool.add_resource_server("Notifications", identifier=server or "hongyan", scopes=[operate])
        self.people = self.pool.add_client(
            "People",
            auth_flows=cognito.AuthFlow(user_srp=True),
            access_token_validity=Duration.hours(1),
            prevent_user_existence_errors=True,
        )
        scopes = [cognito.OAuthScope.resource_server(self._server, operate)]
        self.programs = self.pool.add_client(
            "Operators",
            generate_secret=True,
            o_auth=cognito.OAuthSettings(flows=cognito.OAuthFlows(client_credentials=True), scopes=scopes),
            access_token_validity=Duration.hours(1),
        )
        self._tell()
        accept(self, _ACCEPTED)

    def _tell(self) -> None:
        CfnOutput(self, "PoolId", value=self.pool.user_pool_id).override_logical_id("UserPoolId")
        CfnOutput(self, "PeopleId", value=self.people.user_pool_client_id).override_logical_id("UserPoolClientId")
        CfnOutput(self, "ProgramsId", value=self.programs.user_pool_client_id).override_logical_id("OperatorClientId")


def authorizer_of(scope: Construct, *, runtime: Runtime, api: Api, keeps_data: bool) -> http.IHttpRouteAuthorizer:
    """The authorizer that checks the tokens of this API's users."""
    match api.tokens:
        case Issuer() as given:
            return authorizers.HttpJwtAuthorizer(_NAME, given.issuer, jwt_audience=list(given.audience))
        case ExistingUserPool() as given:
            issuer = f"https://cognito-idp.{Aws.REGION}.{Aws.URL_SUFFIX}/{given.user_pool_id}"
            return authorizers.HttpJwtAuthorizer(_NAME, issuer, jwt_audience=list(given.client_ids))
        case NewUserPool():
            made = UserPool(scope, "UserPool", scope_name=api.operate_scope, keeps=keeps_data)
            return authorizers.HttpUserPoolAuthorizer(_NAME, made.pool, user_pool_clients=[made.people, made.programs])
        case OwnTokens() as given:
            function = Authorizer(scope, "Authorizer", runtime=runtime, api=api, tokens=given).function
            return authorizers.HttpLambdaAuthorizer(
                _NAME,
                function,
                response_types=[authorizers.HttpLambdaResponseType.SIMPLE],
                identity_source=[],
                results_cache_ttl=Duration.seconds(0),
            )
