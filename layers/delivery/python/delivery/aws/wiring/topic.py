"""Builds the maker of the topic, once per function instance, on its first call."""

from __future__ import annotations

from functools import cache

from delivery.aws.kafka_admin import KafkaAdmin, iam_login
from delivery.aws.settings import TopicSettings
from delivery.aws.wiring.foundation import client
from delivery.topic import Topic, TopicMaker


@cache
def topic_maker() -> TopicMaker:
    settings = TopicSettings.read()
    topic = Topic(
        name=settings.kafka_topic,
        partitions=settings.topic_partitions,
        replication=settings.topic_replication or None,
        retention_hours=settings.topic_retention_hours,
    )
    return TopicMaker(topic=topic, brokers=lambda: brokers_of(settings.kafka_cluster_arn))


def brokers_of(cluster_arn: str) -> KafkaAdmin:
    """MSK knows the brokers' addresses when they are asked for, and they change when brokers do."""
    known = client("kafka").get_bootstrap_brokers(ClusterArn=cluster_arn)
    return KafkaAdmin(known["BootstrapBrokerStringSaslIam"], iam_login(region=cluster_arn.split(":")[3]))


def is_rolling_back(stack: str | None) -> bool:
    """Then the settings of before are asked for; if they were refused, the stack could move neither way."""
    if stack is None:
        return False
    (described,) = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return "ROLLBACK" in described["StackStatus"]
