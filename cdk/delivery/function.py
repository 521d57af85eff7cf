"""The one way to make a Lambda: each has a role and a log group of its own, and the layers of all."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.build.layers import sources
from cdk.delivery.runtime import Runtime
from cdk.findings import accept
from cdk.settings.context import ROOT
from cdk.settings.sections.functions import FunctionSize

_ACCEPTED = {
    "AwsSolutions::AwsSolutions-L1": "The runtime is a stage setting, raised when the tests have run on the newer one",
    "AwsSolutions::AwsSolutions-IAM5[Resource::*]": "X-Ray's two actions, EC2's for network interfaces and "
    "MSK's for the brokers' addresses know no narrower resource; nothing else is granted on *, which a test checks",
}

# Otherwise Pydantic looks for plugins in every installed package, which lengthens a cold start (its page "Plugins").
_PYDANTIC = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}


class StageFunction(Construct):
    """The Lambda of `functions/<word>`. Callers grant rights to its `role`."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        word: str,
        description: str,
        runtime: Runtime,
        size: FunctionSize,
        environment: Mapping[str, str],
        layers: Sequence[lambda_.ILayerVersion] = (),
        needs_database: bool = True,
        snap_start: bool = False,
    ) -> None:
        """`layers` come in addition to those that all functions have."""
        super().__init__(scope, name)
        self.word, self.needs_database = word, needs_database
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        access = runtime.database.access(word) if needs_database else None
        self.function = self._function(
            runtime,
            size,
            description=description,
            environment={**(access.environment if access else {}), **environment},
            layers=layers,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
        )
        for grant in access.grants if access else ():
            self.role.add_to_policy(grant)
        accept(self, _ACCEPTED)

    def _function(
        self,
        runtime: Runtime,
        size: FunctionSize,
        *,
        description: str,
        environment: Mapping[str, str],
        layers: Sequence[lambda_.ILayerVersion],
        snap_start: lambda_.SnapStartConf | None,
    ) -> lambda_.Function:
        return lambda_.Function(
            self,
            "Function",
            description=description,
            code=sources(ROOT / "functions" / self.word),
            handler="handler.handler",
            runtime=runtime.python,
            architecture=runtime.architecture,
            layers=[*runtime.layers.all(), *layers],
            timeout=Duration.seconds(size.timeout_seconds),
            memory_size=size.memory_mb,
            reserved_concurrent_executions=size.reserved_concurrency,
            environment={**environment, **self._powertools(runtime), **_PYDANTIC},
            role=self.role,
            snap_start=snap_start,
            log_group=self._log_group(runtime),
            tracing=lambda_.Tracing.ACTIVE,
            **(runtime.network.placement(self.word, self.role) if runtime.network else {}),
        )

    def _powertools(self, runtime: Runtime) -> Mapping[str, str]:
        return {
            "POWERTOOLS_SERVICE_NAME": self.word,
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "POWERTOOLS_METRICS_NAMESPACE": runtime.metrics_namespace,
        }

    def _log_group(self, runtime: Runtime) -> logs.LogGroup:
        group = logs.LogGroup(
            self,
            "Logs",
            retention=runtime.log_retention,
            encryption_key=runtime.log_key,
            removal_policy=RemovalPolicy.DESTROY,
        )
        group.grant_write(self.role)
        return group
