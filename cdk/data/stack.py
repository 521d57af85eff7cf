"""The data stack: a stage's settings in; out, the VPC, MySQL and Kafka it asks for. Only composition stands here."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from aws_cdk import CfnOutput, Fn, Stack
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk.data import mysql_logs
from cdk.data.database import Database
from cdk.data.msk import Cluster, Msk
from cdk.data.mysql import MySql
from cdk.data.network import Network
from cdk.data.vpc import MOST_ZONES, NewVpc
from cdk.delivery.log_key import log_key
from cdk.settings import kafka_sections, parts
from cdk.settings.stage import StageSettings


class DataStack(Stack):
    """Apart from the delivery stack, so that what delivers can be made anew and what keeps data stays."""

    def __init__(self, scope: Construct, name: str, *, stage: StageSettings, **stack: Any) -> None:  # noqa: ANN401
        super().__init__(
            scope,
            name,
            description=f"Hongyan ({stage.name}): network, database and Kafka",
            termination_protection=stage.is_prod,
            **stack,
        )
        self._stage = stage
        new = self._vpc(stage) if stage.network.new else None
        network = new or parts.network(self, stage.network)
        database = self._mysql(stage, network) if stage.database.new and network else None
        kafka = self._kafka(stage, stage.kafka.new, network) if stage.kafka.new and network else None
        self.made = parts.Made(network=new, database=database, kafka=kafka)

    @property
    def availability_zones(self) -> Sequence[str]:  # type: ignore[override]  # the CDK writes it as a list
        """By position: names would be looked up in the account, and a synthesis needs none."""
        return [Fn.select(index, Fn.get_azs()) for index in range(MOST_ZONES)]

    @cached_property
    def _log_key(self) -> kms.Key:
        """One for the stack, if it has a log at all."""
        named = [mysql_logs.name_prefix(self._stage.name)] if self._stage.database.new else []
        return log_key(self, self._stage.name, named=named)

    def _vpc(self, stage: StageSettings) -> Network:
        vpc = NewVpc(
            self,
            "Network",
            settings=stage.network,
            log_key=self._log_key,
            log_retention=parts.log_retention(stage),
        )
        if not stage.database.new:
            vpc.let_out_to_mysql(stage.database.port)
        CfnOutput(self, "FeishuEgressAddress", value=vpc.address)
        return vpc.network

    def _mysql(self, stage: StageSettings, network: Network) -> Database:
        mysql = MySql(
            self,
            "MySql",
            stage=stage.name,
            settings=stage.database,
            network=network,
            log_key=self._log_key,
            log_retention=parts.log_retention(stage),
            keep=stage.keeps_data,
        )
        CfnOutput(self, "DatabaseEndpoint", value=mysql.database.host)
        CfnOutput(self, "DatabaseSecretArn", value=mysql.database.secret_arn)
        return mysql.database

    def _kafka(self, stage: StageSettings, new: kafka_sections.NewKafka, network: Network) -> Cluster:
        return Msk(
            self,
            "Kafka",
            stage=stage.name,
            topic=stage.kafka.topic,
            group=stage.kafka.group,
            settings=new,
            network=network,
            log_key=self._log_key,
            log_retention=parts.log_retention(stage),
            keep=stage.keeps_data,
        ).cluster
