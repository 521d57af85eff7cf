"""What must hold between the settings of Kafka: a stage in; out, each contradiction as a line that names its key."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cdk.settings.kafka_sections import Kafka, NewKafka
    from cdk.settings.stage import StageSettings

#: MSK's subnets: each in a zone of its own
_LEAST_ZONES, _MOST_ZONES = 2, 3
#: the oldest runtime whose system has the glibc 2.28 that the Kafka client's wheels ask for
_OLD_PYTHON, _LEAST_PYTHON = "3.11", "3.12"


def kafka(stage: "StageSettings") -> Iterator[str]:
    """One of three: a new cluster, an existing MSK cluster, or self-managed brokers."""
    settings = stage.kafka
    if settings.new:
        yield from _new(stage, settings.new)
    elif settings.cluster_arn:
        yield from _left_out(settings, "kafka.cluster_arn", "cluster_arn")
    else:
        yield from _self_managed(stage)
    yield from _pollers(stage)


def _new(stage: "StageSettings", new: "NewKafka") -> Iterator[str]:
    yield from _left_out(stage.kafka, "kafka.new", "new")
    if stage.is_local:
        yield "kafka.new: is for AWS; the local stage has a Kafka of its own"
    if stage.python == _OLD_PYTHON:
        yield f"python: should be {_LEAST_PYTHON} or newer with kafka.new, whose client does not run on {_OLD_PYTHON}"
    yield from _placed(stage, new)
    yield from (_provisioned(stage, new) if new.kind == "provisioned" else _serverless(new))


def _placed(stage: "StageSettings", new: "NewKafka") -> Iterator[str]:
    network, subnets = stage.network, len(stage.network.subnet_ids)
    if not (network.new or network.vpc_id):
        yield "kafka.new: needs a VPC: network.new, or an existing one by network.vpc_id"
    if network.vpc_id and subnets < _LEAST_ZONES:
        yield "network.subnet_ids: should name at least two, in different zones, with kafka.new"
    if network.vpc_id and subnets > _MOST_ZONES and new.kind == "provisioned":
        yield f"network.subnet_ids: should name two or three, in different zones, with kafka.new, names {subnets}"


def _provisioned(stage: "StageSettings", new: "NewKafka") -> Iterator[str]:
    brokers = new.sized()
    number = brokers.per_zone * (len(stage.network.subnet_ids) or stage.network.zones)
    if new.replication and new.replication > number:
        yield f"kafka.new.replication: should be at most the number of brokers ({number}), is {new.replication}"
    if brokers.storage_max_gb and brokers.storage_max_gb <= brokers.storage_gb:
        yield (
            f"kafka.new.brokers.storage_max_gb: should be more than kafka.new.brokers.storage_gb "
            f"({brokers.storage_gb}), is {brokers.storage_max_gb}"
        )


def _serverless(new: "NewKafka") -> Iterator[str]:
    if new.brokers:
        yield "kafka.new.brokers: is for kind provisioned; leave it out with kind serverless"
    if new.replication:
        yield "kafka.new.replication: is for kind provisioned; MSK Serverless has three copies of everything"


def _self_managed(stage: "StageSettings") -> Iterator[str]:
    settings = stage.kafka
    if not settings.bootstrap_servers:
        yield (
            "kafka.bootstrap_servers: is missing; it should be a list, each host:port, or kafka.cluster_arn name an "
            "MSK cluster, or kafka.new ask for a new one"
        )
    if not (stage.is_local or settings.auth_secret_arn or stage.network.vpc_id or stage.network.new):
        yield "kafka.auth_secret_arn: is missing; brokers outside of a VPC (network) need a secret to log in with"
    if settings.auth_mechanism == "TLS" and not settings.auth_secret_arn:
        yield "kafka.auth_secret_arn: is missing; with auth_mechanism TLS it has the certificate and its private key"
    if settings.secrets_key_arn and not (settings.auth_secret_arn or settings.ca_secret_arn):
        yield "kafka.secrets_key_arn: is the key of kafka.auth_secret_arn or kafka.ca_secret_arn; leave it out without"


def _left_out(settings: "Kafka", chosen: str, key: str) -> Iterator[str]:
    """What belongs to another way to have Kafka."""
    for other in ("cluster_arn", "bootstrap_servers", "auth_secret_arn", "ca_secret_arn", "secrets_key_arn"):
        if other != key and getattr(settings, other):
            yield f"kafka.{other}: is for another Kafka than {chosen}; leave it out"


def _pollers(stage: "StageSettings") -> Iterator[str]:
    pollers = stage.kafka.pollers
    if pollers and pollers.minimum > pollers.maximum:
        yield f"kafka.pollers.minimum: should be at most kafka.pollers.maximum ({pollers.maximum})"
    if pollers and stage.is_local:
        yield "kafka.pollers: is for AWS; leave it out in the local stage"
