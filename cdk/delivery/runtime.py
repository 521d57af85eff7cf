"""What all functions of a stage share: Python version, processor, layers, network, database and log settings."""

from dataclasses import dataclass

from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.build.layers import Layers
from cdk.build.wheels import Target
from cdk.data.database import Database
from cdk.data.network import Network
from cdk.log_key import log_key, log_retention
from cdk.settings.stage import StageSettings

_RUNTIMES = {
    "3.11": lambda_.Runtime.PYTHON_3_11,
    "3.12": lambda_.Runtime.PYTHON_3_12,
    "3.13": lambda_.Runtime.PYTHON_3_13,
    "3.14": lambda_.Runtime.PYTHON_3_14,
}
_ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    python: lambda_.Runtime
    architecture: lambda_.Architecture
    layers: Layers
    database: Database
    network: Network | None
    log_retention: logs.RetentionDays
    log_key: kms.IKey
    metrics_namespace: str

    @classmethod
    def of(cls, stage: StageSettings, scope: Construct, *, database: Database, network: Network | None) -> "Runtime":
        python, architecture = _RUNTIMES[stage.python], _ARCHITECTURES[stage.architecture]
        target = Target(python=stage.python, architecture=stage.architecture, here=stage.wheels == "this-machine")
        return cls(
            python=python,
            architecture=architecture,
            layers=Layers(scope, "Layers", runtime=python, architecture=architecture, target=target),
            database=database,
            network=network,
            log_retention=log_retention(stage.log_retention_days),
            log_key=log_key(scope, stage),
            # The metrics of several stages in one account must not add up.
            metrics_namespace=f"{stage.name_prefix.capitalize()}/{stage.name}",
        )
