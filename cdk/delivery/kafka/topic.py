"""Makes the topic of a new cluster as the stage's settings ask, before ingest reads it."""

from aws_cdk import CustomResource, Duration, Stack
from constructs import Construct, IConstruct

from cdk.data.msk import Cluster
from cdk.data.msk_arns import MskArns
from cdk.delivery.function import StageFunction
from cdk.delivery.kafka.login import FIND_BROKERS, grant
from cdk.delivery.runtime import Runtime
from cdk.settings.environment import environment
from cdk.settings.sections.functions import FunctionSize
from cdk.settings.sections.kafka import NewKafka
from delivery.aws.settings.topic import TopicSettings
from delivery.aws.settings.types import MINUTE

#: Making a topic takes seconds; the rest is time for a new cluster to become reachable.
_SIZE = FunctionSize(timeout_seconds=5 * MINUTE, memory_mb=512, reserved_concurrency=None)

#: The rights to make one topic, add partitions to it and set its retention.
_ACTIONS = (
    "kafka-cluster:DescribeTopic",
    "kafka-cluster:CreateTopic",
    "kafka-cluster:AlterTopic",
    "kafka-cluster:DescribeTopicDynamicConfiguration",
    "kafka-cluster:AlterTopicDynamicConfiguration",
)


class NewTopic(StageFunction):
    """Runs when the topic's settings change, and whenever a person invokes it."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: Runtime,
        settings: NewKafka,
        cluster: Cluster,
    ) -> None:
        asked = environment(
            TopicSettings,
            {
                "kafka_cluster_arn": cluster.arns.cluster,
                "kafka_topic": settings.topic,
                "topic_partitions": settings.new.partitions,
                "topic_replication": cluster.replication or 0,
                "topic_retention_hours": settings.new.retention_hours,
            },
        )
        super().__init__(
            scope,
            name,
            word="topic",
            description="Makes the Kafka topic and adds partitions to it, at deployment or by hand",
            runtime=runtime,
            size=_SIZE,
            environment=asked,
            layers=[runtime.layers.kafka],
            needs_database=False,
        )
        self._grant(cluster.arns)
        self._made = CustomResource(
            self,
            "Made",
            resource_type="Custom::KafkaTopic",
            service_token=self.function.function_arn,
            # Leaves time for Lambda's second try if an instance dies without an answer. The default is an hour.
            service_timeout=Duration.seconds(2 * _SIZE.timeout_seconds),
            properties=asked,
        )

    def before(self, *others: IConstruct) -> None:
        """Makes the others wait for the topic. If it cannot be made, the deployment fails."""
        for other in others:
            other.node.add_dependency(self._made)

    def _grant(self, arns: MskArns) -> None:
        stack = Stack.of(self).stack_id
        for actions, resource in (
            ([FIND_BROKERS], "*"),
            (["kafka-cluster:Connect"], arns.cluster),
            (list(_ACTIONS), arns.topic),
            (["cloudformation:DescribeStacks"], stack),
        ):
            grant(self.role, actions, resource)
