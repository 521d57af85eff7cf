"""Kafka: a new MSK cluster, provisioned or serverless, an existing one, or brokers of one's own."""

from typing import Annotated, Literal

from pydantic import Field

from cdk.settings.choice import Choice, ChoiceOfKind
from cdk.settings.section import InstanceClass, SecretArn, StageSection, rule
from delivery.aws.sections import PORT_PATTERN, ClusterArn, TopicName, TopicPartitions, TopicRetentionHours

_Broker = Annotated[str, Field(pattern=rf"^[A-Za-z0-9.-]+:{PORT_PATTERN}$", title="host:port")]
_Gigabytes = Annotated[int, Field(ge=1, le=16_384)]
_KEY = r"^arn:aws[a-z-]*:kms:[^:]+:[0-9]{12}:key/[A-Za-z0-9-]+$"
_KINDS = "one of provisioned, serverless"


class Brokers(StageSection):
    instance_class: InstanceClass = "t3.small"
    """provisioned: without MSK's `kafka.` before it, such as m7g.large"""
    per_zone: int = Field(1, ge=1, le=10)
    """brokers in each zone of the network (`network.zones`, or each of `network.subnet_ids`)"""
    storage_gb: _Gigabytes = 20
    """of each broker; MSK never takes storage back"""
    storage_max_gb: _Gigabytes | None = None
    """storage grows by itself up to this; then leave `storage_gb` as it is"""
    # A KRaft version: MSK cannot migrate a cluster from ZooKeeper, which ends with Kafka 3.9.
    version: str = Field(
        "3.9.x.kraft", pattern=r"^[0-9]+\.[0-9]+\.[0-9x]+(\.kraft)?$", title="a Kafka version of MSK's"
    )
    """raising it updates the brokers one after another; MSK takes none back"""

    @rule("storage_max_gb")
    @staticmethod
    def _more_than_at_first(most: int | None, storage_gb: int) -> str | None:
        says = f"should be more than kafka.new.brokers.storage_gb ({storage_gb}), is {most}"
        return says if most is not None and most <= storage_gb else None


class _NewMsk(StageSection):
    partitions: TopicPartitions = 6
    """of the topic: as many ingest functions run at once. May be raised, never lowered"""
    retention_hours: TopicRetentionHours = 168
    """how long the topic keeps records: the time there is to mend what keeps ingest from reading them"""


class ProvisionedMsk(_NewMsk):
    kind: Literal["provisioned"] = Field("provisioned", title=_KINDS)
    """`kafka.new: {}` makes an Amazon MSK cluster, with IAM logins and TLS, and the topic on it. Serverless has nothing
    to size and costs by the hour even when nothing happens, some eight times what two small brokers do"""
    brokers: Brokers = Brokers.model_validate({})
    replication: Annotated[int, Field(ge=1, le=3)] | None = None
    """provisioned: copies of each partition; without it one in each zone"""


class ServerlessMsk(_NewMsk):
    kind: Literal["serverless"] = Field(title=_KINDS)


class Pollers(StageSection):
    minimum: int = Field(1, ge=1, le=200)
    """`kafka.pollers: {}` keeps event pollers for this topic alone, at a price by the hour: for lag that must not wait
    until Lambda gives it more"""
    maximum: int = Field(200, ge=1, le=2_000)

    @rule("maximum")
    @staticmethod
    def _not_below_minimum(maximum: int, minimum: int) -> str | None:
        says = f"should be at least kafka.pollers.minimum ({minimum}), is {maximum}"
        return says if maximum < minimum else None


class _Kafka(StageSection):
    pollers: Pollers | None = None
    topic: TopicName = "smartflow.notification.outbox"
    group: str = Field("hongyan", pattern=r"^[A-Za-z0-9._:/-]{1,200}$", title="a consumer group name")
    batch_size: int = Field(500, ge=1, le=10_000)
    """an ingest batch is up to this many records"""
    window_seconds: int = Field(1, ge=0, le=300)
    """or what came in this many seconds"""


class NewKafka(_Kafka):
    new: Annotated[ProvisionedMsk | ServerlessMsk, ChoiceOfKind(provisioned=ProvisionedMsk, serverless=ServerlessMsk)]


class ExistingMsk(_Kafka):
    cluster_arn: ClusterArn
    """instead: an existing MSK cluster; the function's role is its identity (IAM access control)"""


class OwnBrokers(_Kafka):
    bootstrap_servers: tuple[_Broker, ...] = Field(min_length=1, strict=False)
    """instead: self-managed brokers, where to begin"""
    auth_secret_arn: SecretArn | None = None
    """of self-managed brokers, required outside of a VPC: JSON with username and password, or for TLS certificate,
    privateKey and, if it has one, privateKeyPassword"""
    auth_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "TLS"] = "SCRAM-SHA-512"
    """how that secret logs in; TLS is by a client certificate"""
    ca_secret_arn: SecretArn | None = None
    """of self-managed brokers whose certificates a private authority signed: JSON with its certificate"""
    secrets_key_arn: Annotated[str, Field(pattern=_KEY, title="the ARN of a KMS key")] | None = None
    """the key of these two secrets, if it is not Secrets Manager's own"""

    @rule("auth_mechanism")
    @staticmethod
    def _has_a_certificate(mechanism: str, auth_secret_arn: str | None) -> str | None:
        says = "should be without TLS, or kafka.auth_secret_arn have the certificate and its private key"
        return says if mechanism == "TLS" and auth_secret_arn is None else None

    @rule("secrets_key_arn")
    @staticmethod
    def _of_a_secret(key: str | None, auth_secret_arn: str | None, ca_secret_arn: str | None) -> str | None:
        says = "is the key of kafka.auth_secret_arn or kafka.ca_secret_arn; leave it out without"
        return says if key and not (auth_secret_arn or ca_secret_arn) else None


Kafka = Annotated[
    NewKafka | ExistingMsk | OwnBrokers, Choice(new=NewKafka, cluster_arn=ExistingMsk, bootstrap_servers=OwnBrokers)
]
