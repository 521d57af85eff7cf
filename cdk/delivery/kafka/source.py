"""Makes the Kafka topic the event source of a function, and grants the function's role what polling needs.

There is no on-failure destination, on purpose. Without one Lambda repeats a failed batch without end, which is what a
database failover needs. With one, it silently gives up after ten tries, and good records end up elsewhere.
A record that can never become a notification does not fail the batch: ingest stores it as a reject.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from cdk.data.msk_arns import MskArns
from cdk.data.network import Network, grant_interfaces
from cdk.delivery.function import StageFunction
from cdk.delivery.kafka.login import FIND_BROKERS, Login, grant
from cdk.settings.sections.kafka import ExistingMsk, Kafka, NewKafka, OwnBrokers

_METRICS = lambda_.MetricType
_KINDS = lambda_.SourceAccessConfigurationType
_MECHANISMS = {
    "SCRAM-SHA-512": _KINDS.SASL_SCRAM_512_AUTH,
    "SCRAM-SHA-256": _KINDS.SASL_SCRAM_256_AUTH,
    "PLAIN": _KINDS.BASIC_AUTH,
    "TLS": _KINDS.CLIENT_CERTIFICATE_TLS_AUTH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    #: The cluster, as the settings name it.
    where: str
    name: str
    group: str
    batch_size: int
    window: Duration
    #: Pollers reserved for this topic. Without them Lambda uses as many shared ones as it sees fit.
    pollers: lambda_.ProvisionedPollerConfig | None

    @classmethod
    def of(cls, settings: Kafka) -> "Topic":
        pollers = settings.pollers
        return cls(
            where=settings.where,
            name=settings.topic,
            group=settings.group,
            batch_size=settings.batch_size,
            window=Duration.seconds(settings.window_seconds),
            pollers=lambda_.ProvisionedPollerConfig(minimum_pollers=pollers.minimum, maximum_pollers=pollers.maximum)
            if pollers
            else None,
        )

    def feed(self, function: lambda_.Function, **brokers: Any) -> str:  # noqa: ANN401  # the CDK's arguments
        """Reads from the oldest record, because events published before the first deployment count, too.

        Returns the mapping's id, which is a dimension of its metrics.
        """
        mapping = function.add_event_source_mapping(
            f"Kafka{self._identity()}",
            kafka_topic=self.name,
            kafka_consumer_group_id=self.group,
            batch_size=self.batch_size,
            max_batching_window=self.window,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            provisioned_poller_config=self.pollers,
            metrics_config=lambda_.MetricsConfig(metrics=[_METRICS.EVENT_COUNT, _METRICS.ERROR_COUNT]),
            **brokers,
        )
        return mapping.event_source_mapping_id

    def _identity(self) -> str:
        """Part of the logical id, so that another topic or group makes another source.

        CloudFormation reports that it changed the topic in place, but does not change it (cloudformation-coverage-
        roadmap #2140). The group of a source cannot be changed ("Customizable consumer group ID in Lambda").
        """
        return hashlib.sha256(f"{self.where}\n{self.name}\n{self.group}".encode()).hexdigest()[:8]


class KafkaSource(Protocol):
    def feed(self, consumer: StageFunction) -> str:
        """Makes the topic the function's source and grants its role what polling needs. Returns the mapping's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfManagedKafka:
    """Brokers by address. AWS requires a secret or a network, and only the local stage has neither."""

    settings: OwnBrokers
    network: Network | None

    def feed(self, consumer: StageFunction) -> str:
        login = Login.of(self.settings)
        if login:
            login.grant(consumer.role)
        return Topic.of(self.settings).feed(
            consumer.function,
            kafka_bootstrap_servers=list(self.settings.bootstrap_servers),
            source_access_configurations=[*_accesses(login), *self._way_in()] or None,
        )

    def _way_in(self) -> list[lambda_.SourceAccessConfiguration]:
        if not self.network:
            return []
        subnets = [_access(_KINDS.VPC_SUBNET, f"subnet:{it.subnet_id}") for it in self.network.subnets]
        group = self.network.security_groups[0]  # Lambda takes only one for the poller
        return [*subnets, _access(_KINDS.VPC_SECURITY_GROUP, f"security_group:{group.security_group_id}")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedKafka:
    """An MSK cluster, which identifies the function by its role (IAM access control) or by a secret."""

    topic: Topic
    arns: MskArns
    #: The MSK VPC connection to a cluster of another account.
    connection: str | None = None
    login: Login | None = None

    def feed(self, consumer: StageFunction) -> str:
        grant_interfaces(consumer.role)  # the poller enters the cluster's own VPC
        self._grant_find(consumer.role)
        if self.login:
            self.login.grant(consumer.role)
            self._grant_list(consumer.role, self.login)
        else:
            self._grant_read(consumer.role)
        return self.topic.feed(
            consumer.function,
            event_source_arn=self.connection or self.arns.cluster,
            source_access_configurations=_accesses(self.login) or None,
        )

    def _grant_find(self, role: iam.Role) -> None:
        """Grants what Lambda's page "Configuring Lambda permissions for Amazon MSK event source mappings" lists.

        Either `DescribeCluster` or `DescribeClusterV2` is enough, but MSK Serverless needs the second.
        """
        grant(role, ["kafka:DescribeClusterV2"], self.arns.cluster)
        grant(role, [FIND_BROKERS], "*")
        if self.connection:
            grant(role, ["kafka:DescribeVpcConnection"], self.connection)

    def _grant_list(self, role: iam.Role, login: Login) -> None:
        """The same page requires it for SASL/SCRAM. For mutual TLS the secret is enough."""
        if login.mechanism != "TLS":
            grant(role, ["kafka:ListScramSecrets"], self.arns.cluster)

    def _grant_read(self, role: iam.Role) -> None:
        for actions, resource in (
            (["kafka-cluster:Connect", "kafka-cluster:DescribeClusterDynamicConfiguration"], self.arns.cluster),
            (["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"], self.arns.topic),
            (["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"], self.arns.group),
        ):
            grant(role, actions, resource)


def kafka_source(settings: Kafka, *, made: MskArns | None, network: Network | None) -> KafkaSource:
    """`made` holds the ARNs of a cluster that the data stack made."""
    match settings:
        case OwnBrokers():
            return SelfManagedKafka(settings=settings, network=network)
        case ExistingMsk():
            arns = MskArns.of(settings.cluster_arn, topic=settings.topic, group=settings.group)
            login = Login.of(settings)
            return ManagedKafka(
                topic=Topic.of(settings), arns=arns, connection=settings.vpc_connection_arn, login=login
            )
        case NewKafka() if made:
            return ManagedKafka(topic=Topic.of(settings), arns=made)
    raise ValueError("a new Kafka is fed from the cluster that the data stack made")


def _accesses(login: Login | None) -> list[lambda_.SourceAccessConfiguration]:
    if login is None:
        return []
    by_secret = [_access(_MECHANISMS[login.mechanism], login.secret)] if login.secret else []
    trust = [_access(_KINDS.SERVER_ROOT_CA_CERTIFICATE, login.authority)] if login.authority else []
    return [*by_secret, *trust]


def _access(kind: lambda_.SourceAccessConfigurationType, uri: str) -> lambda_.SourceAccessConfiguration:
    return lambda_.SourceAccessConfiguration(type=kind, uri=uri)
