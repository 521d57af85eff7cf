"""The send stage: pointers of the send queue in, Feishu calls and closed attempts out."""

from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.delivery.function import FunctionSettings, Runtime, StageFunction

#: messages, each of up to 20 pointers
_BATCH_SIZE = 10


class Send(StageFunction):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: Runtime,
        settings: FunctionSettings,
        queue: sqs.IQueue,
        data_key: kms.IKey,
        max_concurrency: int,
    ) -> None:
        super().__init__(
            scope,
            name,
            word="send",
            description="Opens an attempt for each pointer, calls Feishu and closes the attempt with its outcome",
            runtime=runtime,
            settings=settings,
            resources={"DATA_KEY_ARN": data_key.key_arn},
        )
        self.function.add_event_source(
            event_sources.SqsEventSource(
                queue, batch_size=_BATCH_SIZE, max_concurrency=max_concurrency, report_batch_item_failures=True
            )
        )
