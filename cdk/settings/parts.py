"""Settings in, the values that the constructs take out: the one place where the two meet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Annotations, Duration, Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.build.layers import Layers
from cdk.build.wheels import Target
from cdk.data.database import Database
from cdk.data.msk import Cluster
from cdk.data.network import Network
from cdk.delivery.function import FunctionSettings, Runtime
from cdk.delivery.log_key import log_key
from cdk.delivery.queue import SendQueue
from cdk.delivery.sources import KafkaSource, ManagedKafka, MskArns, SelfManagedKafka, Topic
from cdk.settings import environment, kafka_sections, sections
from cdk.settings.reading import SettingsError
from cdk.settings.stage import StageSettings

_RUNTIMES = {
    "3.11": lambda_.Runtime.PYTHON_3_11,
    "3.12": lambda_.Runtime.PYTHON_3_12,
    "3.13": lambda_.Runtime.PYTHON_3_13,
    "3.14": lambda_.Runtime.PYTHON_3_14,
}
_ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}

_DAYS = logs.RetentionDays
_RETENTIONS = {
    1: _DAYS.ONE_DAY,
    3: _DAYS.THREE_DAYS,
    5: _DAYS.FIVE_DAYS,
    7: _DAYS.ONE_WEEK,
    14: _DAYS.TWO_WEEKS,
    30: _DAYS.ONE_MONTH,
    60: _DAYS.TWO_MONTHS,
    90: _DAYS.THREE_MONTHS,
    180: _DAYS.SIX_MONTHS,
    365: _DAYS.ONE_YEAR,
    731: _DAYS.TWO_YEARS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What the data stack has made of the stage's own; the rest exists, and the stage says where."""

    network: Network | None = None
    database: Database | None = None
    kafka: Cluster | None = None


def runtime(scope: Construct, stage: StageSettings, made: Made) -> Runtime:
    python, architecture = _RUNTIMES[stage.python], _ARCHITECTURES[stage.architecture]
    target = Target(python=stage.python, architecture=stage.architecture, here=stage.wheels == "this-machine")
    return Runtime(
        python=python,
        architecture=architecture,
        layers=Layers(scope, "Layers", runtime=python, architecture=architecture, target=target),
        database=made.database or database(stage.database),
        network=made.network or network(scope, stage.network),
        log_retention=log_retention(stage),
        log_key=log_key(scope, stage.name),
        metrics_namespace=f"Hongyan/{stage.name}",  # stages of one account must not add up
    )


def log_retention(stage: StageSettings) -> logs.RetentionDays:
    return _RETENTIONS[stage.log_retention_days]


def ingest(stage: StageSettings) -> FunctionSettings:
    return _settings(stage.ingest, environment.ingest(stage))


def claim(stage: StageSettings) -> FunctionSettings:
    return _settings(stage.claim, environment.claim(stage))


def send(stage: StageSettings) -> FunctionSettings:
    return _settings(stage.send, environment.send(stage))


def migrate(stage: StageSettings) -> FunctionSettings:
    return _settings(stage.migrate, environment.migrate())


def topic(stage: StageSettings, new: kafka_sections.NewKafka) -> FunctionSettings:
    return _settings(sections.Topic(), environment.topic(stage, new))


def _settings(
    section: sections.Ingest | sections.Claim | sections.Send | sections.Migrate | sections.Topic,
    variables: Mapping[str, str],
) -> FunctionSettings:
    timeout = Duration.seconds(section.timeout_seconds)
    return FunctionSettings(timeout=timeout, memory_mb=section.memory_mb, environment=variables)


def send_queue(scope: Construct, stage: StageSettings) -> SendQueue:
    return SendQueue(
        scope,
        "SendQueue",
        visibility=Duration.seconds(stage.visibility_seconds),
        retention=Duration.seconds(stage.queue.retention_seconds),
        max_receive_count=stage.queue.max_receive_count,
    )


def database(settings: sections.Database) -> Database:
    if not (settings.endpoint and settings.secret_arn):
        raise SettingsError(
            "database.endpoint: is missing, and its secret_arn with it"
        )  # cdk/settings/consistency.py asks first
    return Database(
        host=settings.endpoint,
        port=settings.port,
        name=settings.name,
        secret_arn=settings.secret_arn,
        ca_file=settings.ca_file,
        iam_resource_id=settings.iam_resource_id,
    )


def network(scope: Construct, settings: sections.Network) -> Network | None:
    if not settings.vpc_id:
        return None
    vpc = ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id=settings.vpc_id,
        availability_zones=[Fn.select(index, Fn.get_azs()) for index, _ in enumerate(settings.subnet_ids)],
        private_subnet_ids=list(settings.subnet_ids),
    )
    for subnet in vpc.private_subnets:  # nothing here looks at a route table
        Annotations.of(subnet).acknowledge_warning("@aws-cdk/aws-ec2:noSubnetRouteTableId")
    return Network(vpc=vpc, subnets=vpc.private_subnets, security_groups=_groups(scope, settings.security_group_ids))


def _groups(scope: Construct, ids: Sequence[str]) -> list[ec2.ISecurityGroup]:
    """As they are: their rules belong to whoever made them."""
    named = ec2.SecurityGroup.from_security_group_id
    return [named(scope, f"SecurityGroup{index}", group, mutable=False) for index, group in enumerate(ids)]


def kafka(settings: kafka_sections.Kafka, *, made: Cluster | None, network: Network | None) -> KafkaSource:
    topic = Topic(
        name=settings.topic,
        group=settings.group,
        batch_size=settings.batch_size,
        window=Duration.seconds(settings.window_seconds),
        pollers=_pollers(settings.pollers) if settings.pollers else None,
    )
    if made:
        return ManagedKafka(topic=topic, arns=made.arns)
    if settings.cluster_arn:
        arns = MskArns.of(settings.cluster_arn, topic=settings.topic, group=settings.group)
        return ManagedKafka(topic=topic, arns=arns)
    return SelfManagedKafka(
        topic=topic,
        bootstrap_servers=settings.bootstrap_servers,
        auth_secret_arn=settings.auth_secret_arn,
        auth_mechanism=settings.auth_mechanism,
        ca_secret_arn=settings.ca_secret_arn,
        secrets_key_arn=settings.secrets_key_arn,
        network=network,
    )


def _pollers(settings: kafka_sections.Pollers) -> lambda_.ProvisionedPollerConfig:
    return lambda_.ProvisionedPollerConfig(minimum_pollers=settings.minimum, maximum_pollers=settings.maximum)
