"""The data stack makes the VPC, MySQL and Kafka that the stage's settings ask for. It only composes constructs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aws_cdk import CfnOutput, Fn, Stack
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk.data import mysql_logs
from cdk.data.database import Database
from cdk.data.existing_vpc import existing_network
from cdk.data.msk import Cluster, Msk
from cdk.data.mysql import MySql
from cdk.data.network import Network
from cdk.data.vpc import Vpc
from cdk.log_key import log_key, log_retention
from cdk.settings.sections.database import NewMySql
from cdk.settings.sections.kafka import ExistingMsk, Kafka, NewKafka
from cdk.settings.sections.network import MOST_ZONES, ExistingVpc, NewVpc
from cdk.settings.stage import StageSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What the data stack made. If a part is None, it exists already and the stage's settings say where."""

    network: Network | None = None
    database: Database | None = None
    kafka: Cluster | None = None


class DataStack(Stack):
    """This stack is separate, so that the delivery stack can be deleted and made again without losing data."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: StageSettings,
        first: bool,
        **stack: Any,  # noqa: ANN401
    ) -> None:
        """`first` leaves out protections that would keep CloudFormation from rolling a failed creation back."""
        super().__init__(
            scope,
            name,
            description=f"Hongyan ({stage.name}): network, database and Kafka",
            termination_protection=stage.is_prod and not first,
            **stack,
        )
        self._stage, self._first = stage, first
        new = self._vpc(stage, stage.network) if isinstance(stage.network, NewVpc) else None
        network = existing_network(self, stage.network) if isinstance(stage.network, ExistingVpc) else new
        database, kafka = None, None
        if isinstance(stage.database, NewMySql) and network:
            database = self._mysql(stage, stage.database, network)
        if isinstance(stage.kafka, NewKafka) and network:
            kafka = self._kafka(stage, stage.kafka, network)
        self.made = Made(network=new, database=database, kafka=kafka)
        self._offer(self.made)

    def _offer(self, made: Made) -> None:
        """Exports everything that the delivery stack may ever refer to, even if it does not use it today.

        So an export goes only with its resource. CloudFormation does not remove or change an export that is in use.
        """
        offered = [
            *(made.network.offered() if made.network else ()),
            *(made.database.offered if made.database else ()),
            *((made.kafka.arns.cluster,) if made.kafka else ()),
        ]
        for value in dict.fromkeys(offered):
            self.export_value(value)

    @property
    def availability_zones(self) -> Sequence[str]:  # type: ignore[override]  # the CDK declares a list
        """Zones by position unless the stage names them, because a synthesis looks nothing up in the account."""
        named = self._stage.network.availability_zones if isinstance(self._stage.network, NewVpc) else None
        return list(named or ()) or [Fn.select(index, Fn.get_azs()) for index in range(MOST_ZONES)]

    @cached_property
    def _log_key(self) -> kms.IKey:
        """One key for all logs of the stack, made together with the first log."""
        named = [mysql_logs.name_prefix(self._stage.full_name)] if isinstance(self._stage.database, NewMySql) else []
        return log_key(self, self._stage, named=named)

    def _vpc(self, stage: StageSettings, settings: NewVpc) -> Network:
        vpc = Vpc(
            self,
            "Network",
            settings=settings,
            polled=_is_polled_inside(stage.kafka),
            log_key=self._log_key,
            log_retention=log_retention(stage.log_retention_days),
            log_class=stage.log_class,
        )
        if not isinstance(stage.database, NewMySql):
            vpc.let_out_to_mysql(stage.database.port)
        CfnOutput(self, "FeishuEgressAddress", value=", ".join(vpc.addresses))
        return vpc.network

    def _mysql(self, stage: StageSettings, settings: NewMySql, network: Network) -> Database:
        mysql = MySql(
            self,
            "MySql",
            stage=stage.full_name,
            settings=settings,
            network=network,
            log_key=self._log_key,
            log_retention=log_retention(stage.log_retention_days),
            keep=stage.keeps_data,
            protect=not self._first,
        )
        CfnOutput(self, "DatabaseEndpoint", value=mysql.database.host)
        CfnOutput(self, "DatabaseSecretArn", value=mysql.database.secret_arn)
        return mysql.database

    def _kafka(self, stage: StageSettings, settings: NewKafka, network: Network) -> Cluster:
        return Msk(
            self,
            "Kafka",
            stage=stage.full_name,
            topic=settings.topic,
            group=settings.group,
            settings=settings.new,
            network=network,
            log_key=self._log_key,
            log_retention=log_retention(stage.log_retention_days),
            log_class=stage.log_class,
            keep=stage.keeps_data,
        ).cluster


def _is_polled_inside(kafka: Kafka) -> bool:
    """Whether Lambda's poller calls ingest from our VPC and not from an existing cluster's.

    In provisioned mode it has its own way to Lambda (Lambda's page "Configuring your Amazon MSK cluster and Amazon VPC
    network for Lambda").
    """
    return kafka.pollers is None and not isinstance(kafka, ExistingMsk)
