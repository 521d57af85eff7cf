"""What makes the topic reads."""

from pydantic import Field

from delivery.aws.settings.types import ClusterArn, TopicName, TopicPartitions, TopicRetentionHours
from delivery.aws.variables import FunctionSettings


class TopicSettings(FunctionSettings):
    """How the topic should be, and on which cluster."""

    kafka_cluster_arn: ClusterArn
    kafka_topic: TopicName
    topic_partitions: TopicPartitions
    #: 0 leaves it to the brokers.
    topic_replication: int = Field(0, ge=0)
    topic_retention_hours: TopicRetentionHours
