"""The ingest stage: Kafka batches in, rows in MySQL and pointers in the send queue out."""

from collections.abc import Sequence

from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.function import Runtime, Size, StageFunction
from cdk.kafka import KafkaSource


class Ingest(StageFunction):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: Runtime,
        size: Size,
        source: KafkaSource,
        queue: sqs.IQueue,
        handoff_deadline_seconds: int,
        max_attempts: int,
        allowed_url_prefixes: Sequence[str],
    ) -> None:
        super().__init__(
            scope,
            name,
            word="ingest",
            description="Records each requested notification once and hands its pointer to the send queue",
            runtime=runtime,
            size=size,
            environment={
                "SEND_QUEUE_URL": queue.queue_url,
                "HANDOFF_DEADLINE_SECONDS": str(handoff_deadline_seconds),
                "MAX_ATTEMPTS": str(max_attempts),
                "ALLOWED_URL_PREFIXES": ",".join(allowed_url_prefixes),
            },
        )
        source.feed(self)
