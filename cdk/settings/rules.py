"""What settings ask of each other: each rule is given the settings that it names, and complains in lines."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature

from cdk.settings.database import PROXY_PORT, Database, NewMySql
from cdk.settings.functions import Alarms, Queue, Retry, Send
from cdk.settings.kafka import Kafka, NewKafka, OwnBrokers, ProvisionedMsk
from cdk.settings.network import LEAST_ZONES, MOST_ZONES, Network, NewVpc, zones

#: AWS's advice: a batch must not become visible again before Lambda itself has given up on it
VISIBILITY_FACTOR = 6
#: a sender keeps 2 seconds to close, 3 to report and 1.5 to answer: with less beside a call it would open nothing
_SENDER_SPARE_SECONDS = 7
#: the oldest runtime lacks the glibc 2.28 that the Kafka client's wheels need
_TOO_OLD_FOR_KAFKA = "3.11"
_TWO_ZONES = "a VPC over two zones: network.new, or network.vpc_id with at least two subnets"

_Lines = Iterator[str]


def contradictions(valid: Mapping[str, object]) -> _Lines:
    """Between settings that are right by themselves; a rule about one that is not has to wait."""
    for rule in RULES:
        names = signature(rule).parameters
        if names.keys() <= valid.keys():
            yield from rule(**{name: valid[name] for name in names})


def _local(*, is_local: bool, network: Network | None, database: Database, kafka: Kafka) -> _Lines:
    for key, section in {"network": network, "database": database, "kafka": kafka}.items():
        for made in ("new", "iam_resource_id", "pollers"):
            if is_local and getattr(section, made, None):
                yield f"{key}.{made}: is for AWS; leave it out in the local stage"


def _not_local(*, is_local: bool, wheels: str, database: Database) -> _Lines:
    if not is_local and wheels != "lambda":
        yield f"wheels: should be lambda, is {wheels}, which is for the local stage only"
    if not is_local and not database.ca_file:
        yield "database.ca_file: should be the path of a certificate bundle; empty (no TLS) is for the local stage only"


def _by_https(*, is_local: bool, action_base_url: str, webhook_origins: tuple[str, ...]) -> _Lines:
    given = (("action_base_url", action_base_url), *(("webhook_origins", origin) for origin in webhook_origins))
    for key, url in given:
        if not is_local and not url.startswith("https://"):
            yield f"{key}: should begin with https://, is {url}"


def _timeouts(send: Send, lease_seconds: int, queue: Queue) -> _Lines:
    timeout, least = send.timeout_seconds, math.ceil(send.feishu_timeout_seconds + _SENDER_SPARE_SECONDS)
    hidden, least_hidden = queue.visibility_seconds, VISIBILITY_FACTOR * timeout
    if timeout < least:
        reason = f"send.feishu_timeout_seconds and {_SENDER_SPARE_SECONDS} seconds for its own work"
        yield f"send.timeout_seconds: should be at least {least}, {reason}, is {timeout}"
    if lease_seconds <= timeout:
        yield f"lease_seconds: should be more than send.timeout_seconds ({timeout}), is {lease_seconds}"
    if hidden is not None and hidden < least_hidden:
        says = f"should be at least {VISIBILITY_FACTOR} x send.timeout_seconds ({least_hidden}), is {hidden}"
        yield f"queue.visibility_seconds: {says}"


def _pointers(lease_seconds: int, queue: Queue) -> _Lines:
    if queue.retention_seconds <= lease_seconds:
        says = f"should be more than lease_seconds ({lease_seconds}), is {queue.retention_seconds}"
        yield f"queue.retention_seconds: {says}"


def _retry(retry: Retry) -> _Lines:
    if retry.cap_seconds < retry.base_seconds:
        says = f"should be at least retry.base_seconds ({retry.base_seconds:g}), is {retry.cap_seconds:g}"
        yield f"retry.cap_seconds: {says}"


def _network(network: Network | None) -> _Lines:
    if isinstance(network, NewVpc) and network.zones == MOST_ZONES and network.cidr.endswith("/24"):
        yield f"network.cidr: should be /23 or larger with network.zones {MOST_ZONES}, whose subnets do not fit"


def _database(database: Database, network: Network | None, removal_policy: str) -> _Lines:
    if not isinstance(database, NewMySql):
        return
    if zones(network) < LEAST_ZONES:
        yield f"database.new: needs {_TWO_ZONES}"
    if database.new.proxy and database.port != PROXY_PORT:
        yield f"database.port: should be {PROXY_PORT} with database.new.proxy, is {database.port}"
    if removal_policy == "destroy" and database.new.deletion_protection:
        yield "removal_policy: should be retain, or database.new.deletion_protection false: RDS would refuse"


def _kafka(kafka: Kafka, network: Network | None, python: str) -> _Lines:
    if kafka.pollers and kafka.pollers.maximum < kafka.pollers.minimum:
        says = f"should be at least kafka.pollers.minimum ({kafka.pollers.minimum}), is {kafka.pollers.maximum}"
        yield f"kafka.pollers.maximum: {says}"
    if not isinstance(kafka, NewKafka):
        return
    if python == _TOO_OLD_FOR_KAFKA:
        yield f"kafka.new: needs python 3.12 or newer, whose system its client runs on; python is {python}"
    if zones(network) < LEAST_ZONES:
        yield f"kafka.new: needs {_TWO_ZONES}"
    elif isinstance(kafka.new, ProvisionedMsk):
        yield from _provisioned(kafka.new, zones(network))


def _provisioned(new: ProvisionedMsk, number_of_zones: int) -> _Lines:
    brokers, most = new.brokers, new.brokers.storage_max_gb
    if most is not None and most <= brokers.storage_gb:
        says = f"should be more than kafka.new.brokers.storage_gb ({brokers.storage_gb}), is {most}"
        yield f"kafka.new.brokers.storage_max_gb: {says}"
    if number_of_zones > MOST_ZONES:
        yield f"kafka.new: needs two or three subnets, each in a zone of its own; there are {number_of_zones}"
    elif new.replication and new.replication > (number := brokers.per_zone * number_of_zones):
        yield f"kafka.new.replication: should be at most the number of brokers ({number}), is {new.replication}"


def _brokers(*, kafka: Kafka, network: Network | None, is_local: bool) -> _Lines:
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


def _region(region: str | None, database: Database, kafka: Kafka, alarms: Alarms | None) -> _Lines:
    for section, given in {"database": database, "kafka": kafka, "alarms": alarms}.items():
        for key, value in dict(given or {}).items():
            if region and isinstance(value, str) and value.startswith("arn:") and value.split(":")[3] != region:
                yield f"{section}.{key}: should be in {region}, the stage's region, is {value}"


def _data_keys(region: str | None, data_key_arn: str | None, old_data_key_arns: tuple[str, ...]) -> _Lines:
    given = (("data_key_arn", data_key_arn), *(("old_data_key_arns", arn) for arn in old_data_key_arns))
    for key, arn in given:
        if arn and region and arn.split(":")[3] != region:
            yield f"{key}: should be in {region}, the stage's region, is {arn}"
    if data_key_arn in old_data_key_arns:
        yield f"old_data_key_arns: leave out {data_key_arn}, which is data_key_arn"


RULES: Sequence[Callable[..., _Lines]] = (
    _local,
    _not_local,
    _by_https,
    _timeouts,
    _pointers,
    _retry,
    _network,
    _database,
    _kafka,
    _brokers,
    _region,
    _data_keys,
)
