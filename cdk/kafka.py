"""The Kafka topic as an event source: which brokers and how to be let in, in; a fed function, out.

There is no on-failure destination, on purpose. Without one Lambda repeats a failed batch without end, which is what a
database failover needs; with one, "without end" silently becomes ten tries, and good records end up beside the topic.
A record that can never become a notification does not fail the batch: ingest stores it as a reject.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from aws_cdk import Duration, Fn
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from cdk.function import StageFunction
from cdk.network import Network, grant_interfaces

_MECHANISMS = {
    "SCRAM-SHA-512": lambda_.SourceAccessConfigurationType.SASL_SCRAM_512_AUTH,
    "SCRAM-SHA-256": lambda_.SourceAccessConfigurationType.SASL_SCRAM_256_AUTH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    name: str
    group: str
    batch_size: int
    window: Duration

    def feed(self, function: lambda_.Function, **brokers: Any) -> None:  # noqa: ANN401  # the CDK's own arguments
        """From the oldest record on: what was published before the first deployment is wanted too."""
        function.add_event_source_mapping(
            "Kafka",
            kafka_topic=self.name,
            kafka_consumer_group_id=self.group,
            batch_size=self.batch_size,
            max_batching_window=self.window,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            **brokers,
        )


class KafkaSource(Protocol):
    def feed(self, consumer: StageFunction) -> None:
        """Gives the topic's batches to the function, and its role what polling needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfManagedKafka:
    """Brokers by address. Only the local stage has neither a secret nor a network; AWS itself asks for one of them."""

    topic: Topic
    bootstrap_servers: tuple[str, ...]
    auth_secret_arn: str | None
    auth_mechanism: str
    network: Network | None

    def feed(self, consumer: StageFunction) -> None:
        if self.auth_secret_arn:
            read = iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[self.auth_secret_arn])
            consumer.role.add_to_policy(read)
        self.topic.feed(
            consumer.function,
            kafka_bootstrap_servers=list(self.bootstrap_servers),
            source_access_configurations=[*self._login(), *self._way_in()] or None,
        )

    def _login(self) -> list[lambda_.SourceAccessConfiguration]:
        if not self.auth_secret_arn:
            return []
        return [_access(_MECHANISMS[self.auth_mechanism], self.auth_secret_arn)]

    def _way_in(self) -> list[lambda_.SourceAccessConfiguration]:
        if not self.network:
            return []
        kinds = lambda_.SourceAccessConfigurationType
        subnets = [_access(kinds.VPC_SUBNET, f"subnet:{it.subnet_id}") for it in self.network.subnets]
        group = self.network.security_groups[0]  # Lambda takes one for the poller
        return [*subnets, _access(kinds.VPC_SECURITY_GROUP, f"security_group:{group.security_group_id}")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedKafka:
    """An MSK cluster that knows the function by its role (IAM access control)."""

    topic: Topic
    cluster_arn: str

    def feed(self, consumer: StageFunction) -> None:
        grant_interfaces(consumer.role)  # the poller enters the cluster's own VPC
        self._grant_read(consumer.role)
        self.topic.feed(consumer.function, event_source_arn=self.cluster_arn)

    def _grant_read(self, role: iam.Role) -> None:
        for actions, resource in (
            (["kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"], self.cluster_arn),
            (["kafka-cluster:Connect", "kafka-cluster:DescribeClusterDynamicConfiguration"], self.cluster_arn),
            (["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"], self._within("topic", self.topic.name)),
            (["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"], self._within("group", self.topic.group)),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))

    def _within(self, kind: str, name: str) -> str:
        parts = Fn.split(":cluster/", self.cluster_arn)
        return Fn.join("", [Fn.select(0, parts), f":{kind}/", Fn.select(1, parts), f"/{name}"])


def _access(kind: lambda_.SourceAccessConfigurationType, uri: str) -> lambda_.SourceAccessConfiguration:
    return lambda_.SourceAccessConfiguration(type=kind, uri=uri)
