"""The one way to make a Lambda: a word and sizes in, a function with its own role, log group and layers out."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.context import ROOT
from cdk.database import Database
from cdk.layers import Layers, sources
from cdk.network import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What all functions of a stage share."""

    python: lambda_.Runtime
    architecture: lambda_.Architecture
    layers: Layers
    database: Database
    network: Network | None
    log_retention: logs.RetentionDays


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    timeout: Duration
    memory_mb: int


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
        size: Size,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, name)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        network = runtime.network.placement(self.role) if runtime.network else {}
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            code=sources(ROOT / "functions" / word),
            handler="handler.handler",
            runtime=runtime.python,
            architecture=runtime.architecture,
            layers=runtime.layers.all(),
            timeout=size.timeout,
            memory_size=size.memory_mb,
            environment={**_observability(word), **runtime.database.environment(), **environment},
            role=self.role,
            log_group=self._log_group(runtime.log_retention),
            tracing=lambda_.Tracing.ACTIVE,
            **network,
        )
        runtime.database.grant_connect(self.role)

    def _log_group(self, retention: logs.RetentionDays) -> logs.LogGroup:
        group = logs.LogGroup(self, "Logs", retention=retention, removal_policy=RemovalPolicy.DESTROY)
        group.grant_write(self.role)
        return group


def _observability(word: str) -> dict[str, str]:
    return {
        "POWERTOOLS_SERVICE_NAME": word,
        "POWERTOOLS_METRICS_NAMESPACE": "Hongyan",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }
