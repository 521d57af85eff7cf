"""The one way to make a Lambda: a word and its settings in, a function with its own role, log group and layers out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.build.layers import Layers, sources
from cdk.data.database import Database
from cdk.data.network import Network
from cdk.settings.context import ROOT

_ACCEPTED = {
    "AwsSolutions::AwsSolutions-L1": "The runtime is a stage setting, raised when the tests have run on the newer one",
    "AwsSolutions::AwsSolutions-IAM5[Resource::*]": "X-Ray's two actions, EC2's for network interfaces and "
    "MSK's for the brokers' addresses know no narrower resource; nothing else is granted on *, which a test checks",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What all functions of a stage share."""

    python: lambda_.Runtime
    architecture: lambda_.Architecture
    layers: Layers
    database: Database
    network: Network | None
    log_retention: logs.RetentionDays
    log_key: kms.IKey
    metrics_namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """What the stage says about one function."""

    timeout: Duration
    memory_mb: int
    environment: Mapping[str, str]


class StageFunction(Construct):
    """The Lambda of `functions/<word>`; what it may touch is granted to `role` by whoever composes it."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        word: str,
        description: str,
        runtime: Runtime,
        settings: FunctionSettings,
        resources: Mapping[str, str],
        layers: Sequence[lambda_.ILayerVersion] = (),
        needs_database: bool = True,
    ) -> None:
        """Makes the function; `resources` are the variables that name what the stack made, added to its settings.

        `layers` are those beside the ones of all functions.
        """
        super().__init__(scope, name)
        self.word = word
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        access = runtime.database.access(word) if needs_database else None
        self.function = self._function(
            runtime,
            settings,
            description=description,
            environment={**(access.environment if access else {}), **settings.environment, **resources},
            layers=layers,
        )
        if access:
            self.role.add_to_policy(access.grant)
        accept(self, _ACCEPTED)

    def _function(
        self,
        runtime: Runtime,
        settings: FunctionSettings,
        *,
        description: str,
        environment: Mapping[str, str],
        layers: Sequence[lambda_.ILayerVersion],
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
            timeout=settings.timeout,
            memory_size=settings.memory_mb,
            environment={**environment, "POWERTOOLS_METRICS_NAMESPACE": runtime.metrics_namespace},
            role=self.role,
            log_group=self._log_group(runtime),
            tracing=lambda_.Tracing.ACTIVE,
            **(runtime.network.placement(self.word, self.role) if runtime.network else {}),
        )

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


def accept(construct: Construct, findings: Mapping[str, str]) -> None:
    """Findings of the template checks that are meant, each with its reason."""
    for finding, reason in findings.items():
        Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
