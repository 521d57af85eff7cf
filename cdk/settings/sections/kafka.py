"""Kafka: a new MSK cluster, provisioned or serverless, an existing one, or brokers of one's own."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from cdk.settings.sections.section import EMPTY, InstanceClass, KeyArn, SecretArn, StageSection, chosen_by
from delivery.aws.settings.types import BrokerAddress, ClusterArn, TopicName, TopicPartitions, TopicRetentionHours
from hongyan_producer.contract.models import TOPIC

_CONNECTION = r"^arn:aws[a-z-]*:kafka:[^:]+:[0-9]{12}:vpc-connection/[0-9]{12}/[^/]+/[A-Za-z0-9-]+$"
_ConnectionArn = Annotated[str, Field(pattern=_CONNECTION, title="the ARN of an MSK VPC connection")]
_VERSION = r"^[0-9]+\.[0-9]+\.[0-9x]+(\.kraft)?$"
_KINDS = "one of provisioned, serverless"


class Brokers(StageSection):
    instance_class: InstanceClass = "t3.small"
    """provisioned: without MSK's `kafka.` before it, such as m7g.large"""
    per_zone: int = Field(1, ge=1, le=10)
    """brokers in each zone of the network"""
    storage_gb: int = Field(20, ge=1, le=16_384)
    """of each broker; MSK never takes storage back"""
    storage_max_gb: int | None = Field(None, ge=1, le=16_384)
    """storage grows by itself up to this; then leave `storage_gb` as it is"""
    storage_key_arn: KeyArn | None = None
    """encrypts storage; without it the stage makes a key. It cannot be changed later"""
    # A KRaft version, because MSK cannot migrate a cluster from ZooKeeper, whose last version is Kafka 3.9.
    version: str = Field("3.9.x.kraft", pattern=_VERSION, title="a Kafka version of MSK's")
    """raising it updates the brokers one after another; MSK takes none back"""


class _NewMsk(StageSection):
    partitions: TopicPartitions = 6
    """of the topic: as many ingest functions run at once. May be raised, never lowered"""
    retention_hours: TopicRetentionHours = 168
    """how long the topic keeps records: the time there is to mend what keeps ingest from reading them"""


class ProvisionedMsk(_NewMsk):
    kind: Literal["provisioned"] = Field("provisioned", title=_KINDS)
    """serverless has nothing to size and costs by the hour when idle, some eight times what two small brokers do"""
    brokers: Brokers = EMPTY
    replication: int | None = Field(None, ge=1, le=3)
    """provisioned: copies of each partition; without it one in each zone"""


class ServerlessMsk(_NewMsk):
    kind: Literal["serverless"] = Field(title=_KINDS)


class Pollers(StageSection):
    minimum: int = Field(1, ge=1, le=200)
    """`kafka.pollers: {}` keeps pollers for this topic alone, at a price by the hour: for lag that must not wait"""
    maximum: int = Field(200, ge=1, le=2_000)


class _Kafka(StageSection):
    pollers: Pollers | None = None
    topic: TopicName = TOPIC
    group: str = Field("", pattern=r"^[A-Za-z0-9._:/-]{0,200}$", title="a consumer group name")
    """`<name_prefix>-<stage>` if left out; [changes only with the topic](operations.md#another-topic-or-group)"""
    batch_size: int = Field(500, ge=1, le=10_000)
    """an ingest batch is up to this many records"""
    window_seconds: int = Field(1, ge=0, le=300)
    """or what came in this many seconds"""


def _kind(given: object) -> str:
    serverless = isinstance(given, Mapping) and given.get("kind") == "serverless"
    return "with kind serverless" if serverless else "with kind provisioned"


class NewKafka(_Kafka):
    where: ClassVar[str] = "new"
    new: Annotated[
        Annotated[ProvisionedMsk, Tag("with kind provisioned")] | Annotated[ServerlessMsk, Tag("with kind serverless")],
        Discriminator(_kind),
    ]


class _WithLogin(_Kafka):
    auth_secret_arn: SecretArn | None = None
    """JSON with username, password; for TLS certificate, privateKey, privateKeyPassword. Needed outside of a VPC"""
    auth_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "TLS"] = "SCRAM-SHA-512"
    """how that secret logs in; TLS is by a client certificate. MSK takes SCRAM-SHA-512 and TLS"""
    secrets_key_arn: KeyArn | None = None
    """the key of this secret and the next, if it is not Secrets Manager's own; MSK's users always have one"""


class ExistingMsk(_WithLogin):
    cluster_arn: ClusterArn
    """instead: an existing MSK cluster; without `auth_secret_arn` the function's role is its identity (IAM)"""
    vpc_connection_arn: _ConnectionArn | None = None
    """to a cluster of another account: the connection that yours made to it; `cluster_arn` stays the cluster's"""

    @property
    def where(self) -> str:
        return self.cluster_arn


class OwnBrokers(_WithLogin):
    bootstrap_servers: tuple[BrokerAddress, ...] = Field(min_length=1, strict=False)
    """instead: self-managed brokers, where to begin"""
    ca_secret_arn: SecretArn | None = None
    """of brokers whose certificates a private authority signed: JSON with its certificate"""

    @property
    def where(self) -> str:
        return ",".join(self.bootstrap_servers)


Kafka = Annotated[
    Annotated[NewKafka, Tag("with new")]
    | Annotated[ExistingMsk, Tag("with cluster_arn")]
    | Annotated[OwnBrokers, Tag("with bootstrap_servers")],
    chosen_by("new", "cluster_arn", "bootstrap_servers"),
    Field(title="an object with new, cluster_arn or bootstrap_servers"),
]
