"""What the settings of Kafka ask of each other and of the network."""

import math
import re
from collections.abc import Iterator

from cdk.settings.sections.functions import Prune, Relay
from cdk.settings.sections.kafka import ExistingMsk, Kafka, NewKafka, OwnBrokers, ProvisionedMsk
from cdk.settings.sections.network import LEAST_ZONES, MOST_OF_MSK, TWO_ZONES, ExistingVpc, Network, zones, zones_of_msk

#: The oldest runtime lacks glibc 2.28, which the Kafka client's wheels need.
_TOO_OLD_FOR_KAFKA = "3.11"
#: Names of MSK's brokers, provisioned and serverless (MSK Developer Guide, "Get the bootstrap brokers").
_MSK_BROKER = re.compile(r"\.kafka(-serverless)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?:")

_Lines = Iterator[str]


def kafka_rule(kafka: Kafka, network: Network | None, python: str) -> _Lines:
    if kafka.pollers and kafka.pollers.maximum < kafka.pollers.minimum:
        says = f"should be at least kafka.pollers.minimum ({kafka.pollers.minimum}), is {kafka.pollers.maximum}"
        yield f"kafka.pollers.maximum: {says}"
    if not isinstance(kafka, NewKafka):
        return
    if python == _TOO_OLD_FOR_KAFKA:
        yield f"kafka.new: needs python 3.12 or newer, whose system its client runs on; python is {python}"
    if zones(network) < LEAST_ZONES:
        yield f"kafka.new: needs {TWO_ZONES}"
    elif isinstance(kafka.new, ProvisionedMsk):
        yield from _provisioned(kafka.new, network)


def _provisioned(new: ProvisionedMsk, network: Network | None) -> _Lines:
    brokers, most = new.brokers, new.brokers.storage_max_gb
    if most is not None and most <= brokers.storage_gb:
        says = f"should be more than kafka.new.brokers.storage_gb ({brokers.storage_gb}), is {most}"
        yield f"kafka.new.brokers.storage_max_gb: {says}"
    if isinstance(network, ExistingVpc) and zones(network) > MOST_OF_MSK:
        yield f"kafka.new: needs two or three subnets, each in a zone of its own; there are {zones(network)}"
    elif new.replication and new.replication > (number := brokers.per_zone * zones_of_msk(network)):
        yield f"kafka.new.replication: should be at most the number of brokers ({number}), is {new.replication}"


def relay_rule(*, relay: Relay | None, kafka: Kafka, network: Network | None, python: str, is_local: bool) -> _Lines:
    if relay is None:
        return
    if python == _TOO_OLD_FOR_KAFKA and not is_local:
        yield f"relay: needs python 3.12 or newer, whose system Kafka's client runs on; python is {python}"
    if isinstance(kafka, ExistingMsk) and network is None:
        yield "relay: needs a VPC (network) from which it reaches the brokers of kafka.cluster_arn"
    if relay.reserved_concurrency is not None and relay.reserved_concurrency < relay.at_once:
        says = f"should be at least {relay.at_once}, since one begins every minute, is {relay.reserved_concurrency}"
        yield f"relay.reserved_concurrency: {says}"


def memory_rule(*, prune: Prune, kafka: Kafka) -> _Lines:
    """A topic can be read again from its beginning, and MySQL must still know then what was sent."""
    if isinstance(kafka, NewKafka) and prune.record_days:
        least = math.ceil(kafka.new.retention_hours / 24)
        if prune.record_days < least:
            says = f"should be 0 or at least {least}, as long as kafka.new.retention_hours keeps events in the topic"
            yield f"prune.record_days: {says}, is {prune.record_days}"


def brokers_rule(*, kafka: Kafka, network: Network | None, is_local: bool) -> _Lines:
    if not isinstance(kafka, OwnBrokers):
        return
    if kafka.secrets_key_arn and not (kafka.auth_secret_arn or kafka.ca_secret_arn):
        yield "kafka.secrets_key_arn: is the key of kafka.auth_secret_arn or kafka.ca_secret_arn; leave it out without"
    if kafka.auth_secret_arn:
        return
    if kafka.auth_mechanism == "TLS":
        yield "kafka.auth_secret_arn: is missing; TLS needs a certificate and its private key"
    elif network is None and not is_local:
        yield "kafka.auth_secret_arn: is missing; brokers outside of a VPC (network) need a secret to log in with"


def existing_msk_rule(kafka: Kafka) -> _Lines:
    """Sources: MSK's page "Limitations when using SCRAM secrets" and Lambda's on MSK as an event source."""
    if not isinstance(kafka, ExistingMsk):
        return
    secret, scram = kafka.auth_secret_arn, kafka.auth_mechanism == "SCRAM-SHA-512"
    if kafka.auth_mechanism not in ("SCRAM-SHA-512", "TLS"):
        yield f"kafka.auth_mechanism: should be SCRAM-SHA-512 or TLS with kafka.cluster_arn, is {kafka.auth_mechanism}"
    elif not secret and not scram:
        yield "kafka.auth_secret_arn: is missing; TLS needs a certificate and its private key"
    elif not secret and kafka.secrets_key_arn:
        yield "kafka.secrets_key_arn: is the key of kafka.auth_secret_arn; leave it out without"
    elif secret and ":secret:AmazonMSK_" in secret and not kafka.secrets_key_arn:
        yield "kafka.secrets_key_arn: is missing; MSK takes users only from secrets under a KMS key of your own"


def msk_by_its_arn_rule(kafka: Kafka) -> _Lines:
    """Lambda would poll them as self-managed brokers, from the functions' subnets and without IAM logins."""
    for broker in kafka.bootstrap_servers if isinstance(kafka, OwnBrokers) else ():
        if _MSK_BROKER.search(broker):
            yield f"kafka.bootstrap_servers: {broker} belongs to MSK; give kafka.cluster_arn instead"
            return
