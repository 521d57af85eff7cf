"""The sections about Kafka of a stage's settings: what each value may be, and what it is when cdk.json does not say."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cdk.settings.rules import ListOf, OneOf, Text, Whole
from cdk.settings.sections import PORT, Instance, Secret

_Broker = Text(rf"[A-Za-z0-9.-]+:{PORT}", "host:port")
_Cluster = Text(r"arn:aws[a-z-]*:kafka:[^:]+:[0-9]{12}:cluster/[^/]+/[^/]+", "the ARN of an MSK cluster")
_Key = Text(r"arn:aws[a-z-]*:kms:[^:]+:[0-9]{12}:key/[A-Za-z0-9-]+", "the ARN of a KMS key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brokers:
    """The brokers of a new provisioned MSK cluster, so many in each of the network's zones."""

    #: kafka.t3.small by default: cheap, and enough for trying out
    instance_class: Annotated[str, Instance] = "t3.small"
    per_zone: Annotated[int, Whole(1, 10)] = 1
    #: of each broker
    storage_gb: Annotated[int, Whole(1, 16_384)] = 20
    #: storage grows by itself up to this; it never shrinks
    storage_max_gb: Annotated[int | None, Whole(1, 16_384)] = None
    #: with KRaft: MSK takes no cluster from ZooKeeper to KRaft, so one with ZooKeeper would end at 3.9
    version: Annotated[str, Text(r"[0-9]+\.[0-9]+\.[0-9x]+(\.kraft)?", "a Kafka version of MSK's")] = "3.9.x.kraft"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKafka:
    """Amazon MSK, made by the data stack, and the topic on it."""

    #: serverless has nothing to size and a high price by the hour; provisioned is what `brokers` says
    kind: Annotated[Literal["provisioned", "serverless"], OneOf(["provisioned", "serverless"])] = "provisioned"
    brokers: Brokers | None = None
    #: of the topic: as many ingest functions run at once
    partitions: Annotated[int, Whole(1, 1_000)] = 6
    #: provisioned: copies of each partition; by default one in each zone
    replication: Annotated[int | None, Whole(1, 3)] = None
    retention_hours: Annotated[int, Whole(1, 8_760)] = 168

    def sized(self) -> Brokers:
        return self.brokers or Brokers()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pollers:
    """Event pollers that Lambda keeps for this topic alone; each has its price by the hour."""

    minimum: Annotated[int, Whole(1, 200)] = 1
    maximum: Annotated[int, Whole(1, 2_000)] = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Kafka:
    """A new MSK cluster, an existing one by its ARN, or self-managed brokers by their addresses."""

    new: NewKafka | None = None
    #: an existing MSK cluster; the function's role is its identity (IAM access control)
    cluster_arn: Annotated[str | None, _Cluster] = None
    #: self-managed brokers: where to begin
    bootstrap_servers: Annotated[tuple[str, ...], ListOf(_Broker)] = ()
    #: of self-managed brokers: username and password, or for TLS certificate and privateKey
    auth_secret_arn: Annotated[str | None, Secret] = None
    auth_mechanism: Annotated[str, OneOf(["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "TLS"])] = "SCRAM-SHA-512"
    #: of self-managed brokers: the secret with the certificate of a private authority that signed theirs
    ca_secret_arn: Annotated[str | None, Secret] = None
    #: the key of these two secrets, if it is not Secrets Manager's own
    secrets_key_arn: Annotated[str | None, _Key] = None
    pollers: Pollers | None = None
    topic: Annotated[str, Text(r"[A-Za-z0-9._-]{1,249}", "a topic name")] = "smartflow.notification.outbox"
    group: Annotated[str, Text(r"[A-Za-z0-9._:/-]{1,200}", "a consumer group name")] = "hongyan"
    #: an ingest batch is up to this many records, or what came in this many seconds
    batch_size: Annotated[int, Whole(1, 10_000)] = 500
    window_seconds: Annotated[int, Whole(0, 300)] = 1
