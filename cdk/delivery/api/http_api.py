"""The HTTP API in front of its function: users come with a token, backends with their AWS identity."""

import json

from aws_cdk import CfnOutput, Duration, RemovalPolicy
from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.delivery.api.tokens import authorizer_of
from cdk.delivery.function import StageFunction
from cdk.delivery.runtime import Runtime
from cdk.findings import accept
from cdk.settings.environment import environment
from cdk.settings.sections import api as settings
from cdk.settings.stage import StageSettings
from delivery.aws.api.channels import ROOT
from delivery.aws.settings.api import ApiSettings

_CHANNEL = f"{ROOT}/channels/{{way}}"
_CHANNEL_OF = f"{ROOT}/users/{{user_id}}/channels/{{way}}"
_OPERATE = f"{ROOT}/operate/{{proxy+}}"
_GET, _PUT, _DELETE, _POST = (
    http.HttpMethod.GET,
    http.HttpMethod.PUT,
    http.HttpMethod.DELETE,
    http.HttpMethod.POST,
)
_KEY_USES = ["kms:Decrypt", "kms:GenerateDataKey"]
#: The fields of an access log's line, none of which has a token, a body or a query.
_ACCESS = {
    "request_id": "$context.requestId",
    "at": "$context.requestTime",
    "method": "$context.httpMethod",
    "route": "$context.routeKey",
    "status": "$context.status",
    "latency_ms": "$context.responseLatency",
    "source": "$context.identity.sourceIp",
    "error": "$context.authorizer.error",
}


_ACCEPTED = {
    "AwsSolutions::AwsSolutions-APIG4": "Only /openapi.json is open, which describes the API",
}


class ApiFunction(StageFunction):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: Runtime,
        stage: StageSettings,
        api: settings.Api,
        queue: sqs.IQueue,
        data_key_arn: str,
    ) -> None:
        # A local stage has no snapshots, and its Python may be older than SnapStart supports.
        snap_start = api.snap_start and not stage.is_local
        super().__init__(
            scope,
            name,
            word="api",
            description="Answers users about their channels, and operators about everything",
            runtime=runtime,
            size=api,
            environment={
                **environment(ApiSettings, stage, stage.retry, stage.message, api),
                "DATA_KEY_ARN": data_key_arn,
                "SEND_QUEUE_URL": queue.queue_url,
                "STAGE": stage.name,
            },
            snap_start=snap_start,
        )
        keys = {"kms:Decrypt": [data_key_arn, *stage.old_data_key_arns], "kms:GenerateDataKey": [data_key_arn]}
        for action, resources in keys.items():
            self.role.add_to_policy(iam.PolicyStatement(actions=[action], resources=resources))
        queue.grant(self.role, "sqs:SendMessage")
        self.served = self._live() if snap_start else self.function

    def _live(self) -> lambda_.Alias:
        """Publishes a version, because SnapStart makes snapshots only of those."""
        return lambda_.Alias(self, "Live", alias_name="live", version=self.function.current_version)


class HttpApi(Construct):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: Runtime,
        function: ApiFunction,
        api: settings.Api,
        keeps_data: bool,
    ) -> None:
        super().__init__(scope, name)
        self.function = function
        self.http = http.HttpApi(
            self,
            "Http",
            description="Hongyan: channels of users, and what operators need",
            create_default_stage=False,
            cors_preflight=_cors(api),
        )
        integration = integrations.HttpLambdaIntegration(
            "Function", function.served, timeout=Duration.seconds(api.timeout_seconds)
        )
        users = authorizer_of(self, runtime=runtime, api=api, keeps_data=keeps_data)
        backends = authorizers.HttpIamAuthorizer()
        self._add(integration, users, (_CHANNEL, [_GET, _PUT, _DELETE]), (f"{_CHANNEL}/test", [_POST]))
        self._add(integration, users, (_OPERATE, [_GET, _POST]))
        self._add(integration, backends, (_CHANNEL_OF, [_GET, _PUT, _DELETE]), (f"{_CHANNEL_OF}/test", [_POST]))
        self._add(integration, http.HttpNoneAuthorizer(), ("/openapi.json", [_GET]))
        self._serve(runtime, api)
        accept(self, _ACCEPTED)

    def _add(
        self,
        integration: integrations.HttpLambdaIntegration,
        authorizer: http.IHttpRouteAuthorizer,
        *routes: tuple[str, list[http.HttpMethod]],
    ) -> None:
        for path, methods in routes:
            self.http.add_routes(path=path, methods=methods, integration=integration, authorizer=authorizer)

    def _serve(self, runtime: Runtime, api: settings.Api) -> None:
        domain = self._domain(api.domain) if api.domain else None
        log = logs.LogGroup(
            self,
            "Access",
            retention=runtime.log_retention,
            encryption_key=runtime.log_key,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.stage = http.HttpStage(
            self,
            "Stage",
            http_api=self.http,
            stage_name="$default",
            auto_deploy=True,
            throttle=http.ThrottleSettings(rate_limit=api.requests_per_second, burst_limit=api.burst),
            domain_mapping=http.DomainMappingOptions(domain_name=domain) if domain else None,
        )
        self._log_to(log)
        self.url = f"https://{api.domain.name}" if api.domain else self.http.api_endpoint

    def _log_to(self, log: logs.LogGroup) -> None:
        """Sets the property directly, because Python cannot implement the CDK's interface for it."""
        made = self.stage.node.default_child
        assert isinstance(made, http.CfnStage)  # noqa: S101 - an HttpStage is made of one
        made.access_log_settings = http.CfnStage.AccessLogSettingsProperty(
            destination_arn=log.log_group_arn, format=json.dumps(_ACCESS)
        )

    def _domain(self, domain: settings.Domain) -> http.DomainName:
        made = http.DomainName(
            self,
            "Domain",
            domain_name=domain.name,
            certificate=certificates.Certificate.from_certificate_arn(self, "Certificate", domain.certificate_arn),
        )
        CfnOutput(self, "Target", value=made.regional_domain_name).override_logical_id("ApiDomainTarget")
        return made


def _cors(api: settings.Api) -> http.CorsPreflightOptions | None:
    if not api.allowed_origins:
        return None
    return http.CorsPreflightOptions(
        allow_origins=list(api.allowed_origins),
        allow_methods=[
            http.CorsHttpMethod.GET,
            http.CorsHttpMethod.PUT,
            http.CorsHttpMethod.DELETE,
            http.CorsHttpMethod.POST,
        ],
        allow_headers=["authorization", "content-type"],
        max_age=Duration.hours(1),
    )
