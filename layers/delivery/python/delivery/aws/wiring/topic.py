"""Builds what makes the topic, once per function instance, on its first call."""

from functools import cache

from delivery.aws.clients import client
from delivery.aws.kafka.admin import KafkaAdmin
from delivery.aws.kafka.connection import msk_addresses, region_of
from delivery.aws.kafka.login import iam_login
from delivery.aws.settings.topic import TopicSettings
from delivery.deployment.topic import TopicMaker, WantedTopic


@cache
def topic_maker() -> TopicMaker:
    settings = TopicSettings.read()
    topic = WantedTopic(
        name=settings.kafka_topic,
        partitions=settings.topic_partitions,
        replication=settings.topic_replication or None,
        retention_hours=settings.topic_retention_hours,
    )
    return TopicMaker(topic=topic, brokers=lambda: brokers_of(settings.kafka_cluster_arn))


def brokers_of(cluster_arn: str) -> KafkaAdmin:
    return KafkaAdmin(msk_addresses(cluster_arn, "IAM"), iam_login(region=region_of(cluster_arn)))


def is_rolling_back(stack: str | None) -> bool:
    """A rollback asks for the previous settings. If they were refused, the stack could move neither way."""
    if stack is None:
        return False
    (described,) = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return "ROLLBACK" in described["StackStatus"]
