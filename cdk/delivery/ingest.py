"""The ingest stage: Kafka batches in, rows in MySQL and pointers in the send queue out."""

from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.delivery.function import FunctionSettings, Runtime, StageFunction
from cdk.delivery.sources import KafkaSource


class Ingest(StageFunction):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: Runtime,
        settings: FunctionSettings,
        source: KafkaSource,
        queue: sqs.IQueue,
    ) -> None:
        super().__init__(
            scope,
            name,
            word="ingest",
            description="Records each requested notification once and hands its pointer to the send queue",
            runtime=runtime,
            settings=settings,
            resources={"SEND_QUEUE_URL": queue.queue_url},
        )
        source.feed(self)
