"""What settings ask of each other: each rule is given the settings that it names, and complains in lines."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature

from pydantic import BaseModel

from cdk.settings.database import Database, ExistingMySql, ExistingRds, NewMySql, rds_region
from cdk.settings.functions import REPORTS_AT_ONCE, Alarms, Ingest, Queue, Retry, Send
from cdk.settings.kafka import ExistingMsk, Kafka, NewKafka, OwnBrokers, ProvisionedMsk
from cdk.settings.network import (
    LEAST_ZONES,
    MOST_OF_MSK,
    ExistingVpc,
    Network,
    NewVpc,
    room_for_zones,
    zones,
    zones_of_msk,
)
from cdk.settings.regions import lacking

OUR_NAME = "hongyan"
#: AWS's advice: a batch must not become visible again before Lambda itself has given up on it
VISIBILITY_FACTOR = 6
#: a sender keeps 2 seconds to close, 3 to report and 1.5 to answer: with less beside a call it would open nothing
_SENDER_SPARE_SECONDS = 7
#: RDS asks for a most of "at least 10% more than the current allocated storage" and advises 26 %, which spares events
#: ("Managing capacity automatically with Amazon RDS storage autoscaling")
_GROWS_BY_A = 10
#: the oldest runtime lacks the glibc 2.28 that the Kafka client's wheels need
_TOO_OLD_FOR_KAFKA = "3.11"
#: of MSK's brokers, provisioned and serverless (MSK Developer Guide, "Get the bootstrap brokers")
_MSK_BROKER = re.compile(r"\.kafka(-serverless)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?:")
_TWO_ZONES = "a VPC over two zones: network.new, or network.vpc_id with at least two subnets"

_Lines = Iterator[str]


def contradictions(valid: Mapping[str, object]) -> _Lines:
    """Between settings that are right by themselves; a rule about one that is not has to wait."""
    for rule in RULES:
        names = signature(rule).parameters
        if names.keys() <= valid.keys():
            yield from rule(**{name: valid[name] for name in names})


def _local(*, is_local: bool, name_prefix: str, network: Network | None, database: Database, kafka: Kafka) -> _Lines:
    if is_local and name_prefix != OUR_NAME:
        yield "name_prefix: is for AWS; leave it out in the local stage"
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
    if not isinstance(network, NewVpc):
        return
    number, room, names = zones(network), room_for_zones(network.cidr), network.availability_zones or ()
    if number > room:
        yield f"network.cidr: should be larger than {network.cidr}, which has room for {room} zones; there are {number}"
    if len(set(names)) < len(names):
        yield f"network.availability_zones: should be different zones, is {', '.join(names)}"
    if names and "zones" in network.model_fields_set and network.zones != number:
        yield f"network.zones: should be {number}, as many as network.availability_zones names, or left out"


def _own_places(network: Network | None) -> _Lines:
    if isinstance(network, ExistingVpc) and network.data_subnet_ids and len(network.data_subnet_ids) < LEAST_ZONES:
        yield f"network.data_subnet_ids: should be at least {LEAST_ZONES} subnets, each in a zone of its own"


def _storage(database: Database) -> _Lines:
    if not isinstance(database, NewMySql):
        return
    new = database.new
    least = new.storage_gb + math.ceil(new.storage_gb / _GROWS_BY_A)
    if new.storage_max_gb is not None and new.storage_max_gb < least:
        says = f"should be at least {least}, a tenth more than database.new.storage_gb, is {new.storage_max_gb}"
        yield f"database.new.storage_max_gb: {says}"
    if new.snapshot_arn and new.storage_key_arn:
        yield "database.new.storage_key_arn: does not go with database.new.snapshot_arn, whose own key is used"


def _boundary(permissions_boundary_arn: str | None, database: Database) -> _Lines:
    """The role of that function is in a template of AWS's own, which takes no boundary."""
    if permissions_boundary_arn and isinstance(database, NewMySql) and database.new.rotation_days:
        says = "should be 0 with permissions_boundary_arn: AWS's rotation function makes a role without it"
        yield f"database.new.rotation_days: {says}"


def _reserved(send: Send, ingest: Ingest, kafka: Kafka) -> _Lines:
    least = send.max_concurrency + REPORTS_AT_ONCE
    if send.reserved_concurrency is not None and send.reserved_concurrency < least:
        reason = f"send.max_concurrency and {REPORTS_AT_ONCE} for reports"
        yield f"send.reserved_concurrency: should be at least {least}, {reason}, is {send.reserved_concurrency}"
    if isinstance(kafka, NewKafka) and ingest.reserved_concurrency is not None:
        partitions = kafka.new.partitions
        if ingest.reserved_concurrency < partitions:
            says = f"should be at least kafka.new.partitions ({partitions}), is {ingest.reserved_concurrency}"
            yield f"ingest.reserved_concurrency: {says}"


def _database(database: Database, network: Network | None, removal_policy: str) -> _Lines:
    if not isinstance(database, NewMySql):
        return
    if zones(network) < LEAST_ZONES:
        yield f"database.new: needs {_TWO_ZONES}"
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


def _existing_msk(kafka: Kafka) -> _Lines:
    """As AWS's pages say: MSK's "Limitations when using SCRAM secrets", Lambda's on MSK as an event source."""
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


def _zones_of_region(region: str | None, network: Network | None) -> _Lines:
    names = network.availability_zones or () if isinstance(network, NewVpc) else ()
    if region and (elsewhere := [it for it in names if it[:-1] != region]):
        yield f"network.availability_zones: should be zones of {region}, the stage's region, is {', '.join(elsewhere)}"


def _lacking(region: str | None, database: Database) -> _Lines:
    yield from lacking(database, region)


def _outside(*, database: Database, network: Network | None, is_local: bool) -> _Lines:
    if not is_local and network is None and isinstance(database, ExistingMySql) and rds_region(database.endpoint):
        yield "network: is missing; an RDS is reached from within its VPC (network.vpc_id)"


def _msk_by_its_arn(kafka: Kafka) -> _Lines:
    """Lambda would poll them as brokers of one's own, from the functions' subnets and without IAM logins."""
    for broker in kafka.bootstrap_servers if isinstance(kafka, OwnBrokers) else ():
        if _MSK_BROKER.search(broker):
            yield f"kafka.bootstrap_servers: {broker} belongs to MSK; give kafka.cluster_arn instead"
            return


def _region(
    *,
    region: str | None,
    database: Database,
    kafka: Kafka,
    alarms: Alarms | None,
    log_key_arn: str | None,
    data_key_arn: str | None,
) -> _Lines:
    keys = {"log_key_arn": log_key_arn, "data_key_arn": data_key_arn}
    regions = dict(_regions(database=database, kafka=kafka, alarms=alarms, **keys))
    if region:
        for (key, value), named in regions.items():
            if named != region:
                yield f"{key}: should be in {region}, the stage's region, is {value}"
    elif len({*regions.values()}) > 1:
        told = ", ".join(f"{key} in {named}" for (key, _), named in regions.items())
        yield f"region: a stage is in one region, but these are in several: {told}"


def _regions(**sections: object) -> Iterator[tuple[tuple[str, str], str]]:
    """Each setting that names something in a region, with its value and that region."""
    for key, arn in _arns(sections):
        yield (key, arn), arn.split(":")[3]
    database = sections["database"]
    if isinstance(database, ExistingRds) and (named := rds_region(database.endpoint)):
        yield ("database.endpoint", database.endpoint), named


def _arns(given: Mapping[str, object], at: str = "") -> Iterator[tuple[str, str]]:
    for key, value in given.items():
        if isinstance(value, BaseModel):
            yield from _arns(dict(value), f"{at}{key}.")
        elif isinstance(value, str) and value.startswith("arn:"):
            yield f"{at}{key}", value


def _data_keys(region: str | None, data_key_arn: str | None, old_data_key_arns: tuple[str, ...]) -> _Lines:
    for arn in old_data_key_arns:
        if region and arn.split(":")[3] != region:
            yield f"old_data_key_arns: should be in {region}, the stage's region, is {arn}"
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
    _own_places,
    _database,
    _storage,
    _boundary,
    _reserved,
    _kafka,
    _brokers,
    _existing_msk,
    _outside,
    _msk_by_its_arn,
    _region,
    _data_keys,
    _zones_of_region,
    _lacking,
)
