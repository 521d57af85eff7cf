"""The topic of a new cluster: what the stage asks of it in; out, a topic that is there before ingest reads it."""

from collections.abc import Mapping

from aws_cdk import CustomResource, Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from cdk.data.msk import Cluster
from cdk.delivery.function import FunctionSettings, Runtime, StageFunction
from cdk.delivery.sources import FIND_BROKERS, MskArns

#: what one topic needs to be made, to grow and to keep records for as long as it should
_ACTIONS = (
    "kafka-cluster:DescribeTopic",
    "kafka-cluster:CreateTopic",
    "kafka-cluster:AlterTopic",
    "kafka-cluster:DescribeTopicDynamicConfiguration",
    "kafka-cluster:AlterTopicDynamicConfiguration",
)


class NewTopic(StageFunction):
    """Runs when what is asked for changes, and whenever a person invokes it."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: Runtime,
        settings: FunctionSettings,
        cluster: Cluster,
    ) -> None:
        asked = {"KAFKA_CLUSTER_ARN": cluster.arns.cluster, "TOPIC_REPLICATION": str(cluster.replication or 0)}
        super().__init__(
            scope,
            name,
            word="topic",
            description="Makes the Kafka topic and adds partitions to it, at deployment or by hand",
            runtime=runtime,
            settings=settings,
            resources=asked,
            layers=[runtime.layers.kafka()],
            needs_database=False,
        )
        self._grant(cluster.arns)
        self._made = CustomResource(
            self,
            "Made",
            resource_type="Custom::KafkaTopic",
            service_token=self.function.function_arn,
            # Room for Lambda's second try, should an instance die without an answer; by default it would be an hour.
            service_timeout=Duration.seconds(2 * settings.timeout.to_seconds()),
            properties=_asked({**settings.environment, **asked}),
        )

    def before(self, *others: IConstruct) -> None:
        """Nothing is read before there is a topic, and a topic that cannot be had fails the deployment."""
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
            self.role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))


def _asked(environment: Mapping[str, str]) -> Mapping[str, str]:
    """What decides how the topic looks."""
    return {name: value for name, value in environment.items() if name.startswith(("KAFKA_", "TOPIC_"))}
