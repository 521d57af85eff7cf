"""The ingest stage: it stores what Kafka brings in MySQL and puts pointers to it into the send queue."""

from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.delivery.function import StageFunction
from cdk.delivery.kafka.source import KafkaSource
from cdk.delivery.runtime import Runtime
from cdk.settings.environment import environment
from cdk.settings.stage import StageSettings
from delivery.aws.settings.ingest import IngestSettings


class Ingest(StageFunction):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: Runtime,
        stage: StageSettings,
        source: KafkaSource,
        queue: sqs.IQueue,
    ) -> None:
        super().__init__(
            scope,
            name,
            word="ingest",
            description="Records each requested notification once and hands its pointer to the send queue",
            runtime=runtime,
            size=stage.ingest,
            environment={**environment(IngestSettings, stage, stage.retry), "SEND_QUEUE_URL": queue.queue_url},
        )
        #: The id of the event source mapping.
        self.mapping_id = source.feed(self)
