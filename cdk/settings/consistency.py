"""What must hold between settings: a stage in, nothing out, or the first contradiction as a line that names its key."""

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cdk.settings.kafka_consistency import kafka
from cdk.settings.reading import SettingsError

if TYPE_CHECKING:
    from cdk.settings.stage import StageSettings

#: Lambda's advice: a batch must not be visible again before Lambda itself gave up on it
VISIBILITY_FACTOR = 6
#: a sender opens nothing that it could not also close: with less than this beside a call it would never open anything
SENDER_SPARE_SECONDS = 4
#: RDS wants room in as many, whether it uses them or not
_ZONES = 2
#: RDS Proxy listens on no other for MySQL
_PROXY_PORT = 3306
#: MySQL's users have 32 characters: the database's name, a dash below and a stage's word
_LONGEST_NAME = 25
_RDS_S_OWN = re.compile(r".+\.rds\.([a-z0-9-]+\.)?amazonaws\.com(\.cn)?")


def check(stage: "StageSettings") -> None:
    for wrong in (
        *_times(stage),
        *kafka(stage),
        *_network(stage),
        *_database(stage),
        *_iam(stage),
        *_alarms(stage),
        *_deployed(stage),
    ):
        raise SettingsError(wrong)


def _times(stage: "StageSettings") -> Iterator[str]:
    """A sender ends before its lease does, and the queue keeps a pointer for as long as it can matter."""
    timeout, lease, retry = stage.send.timeout_seconds, stage.lease_seconds, stage.retry
    visible_after, retention = stage.visibility_seconds, stage.queue.retention_seconds
    if lease <= timeout:
        yield f"lease_seconds: should be more than send.timeout_seconds ({timeout}), is {lease}"
    if lease >= retention:
        yield f"lease_seconds: should be less than queue.retention_seconds ({retention}), is {lease}"
    if visible_after < (least := VISIBILITY_FACTOR * timeout):
        yield f"queue.visibility_seconds: should be at least 6 x send.timeout_seconds ({least}), is {visible_after}"
    if timeout < (least := math.ceil(stage.send.feishu_timeout_seconds + SENDER_SPARE_SECONDS)):
        yield (
            f"send.timeout_seconds: should be at least {least}, send.feishu_timeout_seconds and "
            f"{SENDER_SPARE_SECONDS} seconds for its own work, is {timeout}"
        )
    if retry.base_seconds > retry.cap_seconds:
        yield f"retry.base_seconds: should be at most retry.cap_seconds ({retry.cap_seconds:g})"


def _network(stage: "StageSettings") -> Iterator[str]:
    network = stage.network
    if network.vpc_id and not network.subnet_ids:
        yield "network.subnet_ids: is missing; with network.vpc_id it should name the private subnets"
    if network.vpc_id and not network.security_group_ids:
        yield "network.security_group_ids: is missing; with network.vpc_id it should name at least one"
    if (network.subnet_ids or network.security_group_ids) and not network.vpc_id:
        yield "network.vpc_id: is missing; subnets and security groups need the VPC that they are in"
    if network.new and network.vpc_id:
        yield "network.new: is instead of an existing VPC; leave it out with network.vpc_id"
    if network.new and network.zones > _ZONES and network.cidr.endswith("/24"):
        yield "network.cidr: should be /23 or larger with network.zones 3, whose subnets do not fit into a /24"
    if network.endpoints and not network.new:
        yield "network.endpoints: is for network.new; an existing VPC has its own, or none"
    if network.new and stage.is_local:
        yield "network.new: is for AWS; leave it out in the local stage"


def _database(stage: "StageSettings") -> Iterator[str]:
    """One of two forms: an existing MySQL by its address and secret, or a new one, which has to be in a VPC."""
    database = stage.database
    if database.new:
        yield from _new_database(stage)
        return
    if not database.endpoint:
        yield "database.endpoint: is missing; it should say where MySQL listens, or database.new ask for a new one"
    if not database.secret_arn:
        yield "database.secret_arn: is missing; with database.endpoint it should be the secret's ARN"


def _new_database(stage: "StageSettings") -> Iterator[str]:
    database, network = stage.database, stage.network
    if database.endpoint:
        yield "database.endpoint: is for an existing MySQL; leave it out with database.new"
    if database.secret_arn:
        yield "database.secret_arn: is for an existing MySQL; leave it out with database.new"
    if stage.is_local:
        yield "database.new: is for AWS; the local stage has a MySQL of its own"
    if not (network.new or network.vpc_id):
        yield "database.new: needs a VPC: network.new, or an existing one by network.vpc_id"
    if network.vpc_id and len(network.subnet_ids) < _ZONES:
        yield "network.subnet_ids: should name at least two, in different zones, with database.new"
    if database.new and database.new.deletion_protection and not stage.keeps_data:
        yield "database.new.deletion_protection: should be false with removal_policy destroy, which RDS would refuse"
    if database.new and database.new.proxy and database.port != _PROXY_PORT:
        yield f"database.port: should be {_PROXY_PORT} with database.new.proxy, is {database.port}"
    if not database.name[0].isalpha():
        yield f"database.name: should begin with a letter with database.new, is {database.name}"


def _iam(stage: "StageSettings") -> Iterator[str]:
    """Functions are users of their own in a new MySQL, and in an existing one that RDS knows by its id."""
    database = stage.database
    if not (database.new or database.iam_resource_id):
        return
    if len(database.name) > _LONGEST_NAME:
        yield f"database.name: should be at most {_LONGEST_NAME} characters: the functions' users are named after it"
    if database.iam_resource_id and database.new:
        yield "database.iam_resource_id: is for an existing RDS; leave it out with database.new, which has its own"
    elif database.iam_resource_id and stage.is_local:
        yield "database.iam_resource_id: is for AWS; the local stage has a MySQL of its own"
    elif database.iam_resource_id and not _RDS_S_OWN.fullmatch(database.endpoint or ""):
        yield (
            "database.endpoint: should be RDS's own name, ending in .amazonaws.com, with database.iam_resource_id: "
            f"tokens are signed for it; is {database.endpoint}"
        )


def _alarms(stage: "StageSettings") -> Iterator[str]:
    topic, email = stage.alarms.topic_arn, stage.alarms.email
    if topic and email:
        yield "alarms.email: is for a new topic; leave it out with alarms.topic_arn"
    if topic and stage.region and topic.split(":")[3] != stage.region:
        yield f"alarms.topic_arn: should be a topic in {stage.region}, the stage's region, is {topic}"


def _deployed(stage: "StageSettings") -> Iterator[str]:
    """What only one machine may do: no TLS, plain http, dependencies that fit no other machine."""
    if stage.is_local:
        return
    if not stage.database.ca_file:
        yield "database.ca_file: should be the path of a certificate bundle; empty (no TLS) is for the local stage only"
    if stage.wheels != "lambda":
        yield f"wheels: should be lambda, is {stage.wheels}, which is for the local stage only"
    if not stage.action_base_url.startswith("https://"):
        yield f"action_base_url: should begin with https://, is {stage.action_base_url}"
    for origin in stage.webhook_origins:
        if not origin.startswith("https://"):
            yield f"webhook_origins: should each begin with https://, one is {origin}"
