"""The one way to make a Lambda: a word and its settings in, a function with its own role, log group and layers out."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.context import ROOT
from cdk.database import Database
from cdk.layers import Layers, sources
from cdk.network import Network

_ACCEPTED = {
    "AwsSolutions::AwsSolutions-L1": "The runtime is a stage setting, raised when the tests have run on the newer one",
    "AwsSolutions::AwsSolutions-IAM5[Resource::*]": "X-Ray's two actions, and EC2's for network interfaces, know "
    "no narrower resource; nothing else is granted on *, which a test checks",
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
    ) -> None:
        """Makes the function; `resources` are the variables that name what the stack made, added to its settings."""
        super().__init__(scope, name)
        self.word = word
        access = runtime.database.access(word)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            code=sources(ROOT / "functions" / word),
            handler="handler.handler",
            runtime=runtime.python,
            architecture=runtime.architecture,
            layers=runtime.layers.all(),
            timeout=settings.timeout,
            memory_size=settings.memory_mb,
            environment={
                **access.environment,
                **settings.environment,
                **resources,
                "POWERTOOLS_METRICS_NAMESPACE": runtime.metrics_namespace,
            },
            role=self.role,
            log_group=self._log_group(runtime),
            tracing=lambda_.Tracing.ACTIVE,
            **(runtime.network.placement(word, self.role) if runtime.network else {}),
        )
        self.role.add_to_policy(access.grant)
        accept(self, _ACCEPTED)

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
