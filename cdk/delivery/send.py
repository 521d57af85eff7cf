"""The send stage: it takes pointers from the send queue, calls Feishu and closes the attempts."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.delivery.function import StageFunction
from cdk.delivery.runtime import Runtime
from cdk.settings.environment import environment
from cdk.settings.sections.functions import REPORTS_AT_ONCE
from cdk.settings.stage import StageSettings
from delivery.aws.settings.send import SendSettings

#: Messages, each with up to 20 pointers.
_BATCH_SIZE = 10


class Send(StageFunction):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: Runtime,
        stage: StageSettings,
        queue: sqs.IQueue,
        reports: sqs.IQueue,
        data_key_arn: str,
    ) -> None:
        super().__init__(
            scope,
            name,
            word="send",
            description="Opens an attempt for each pointer, calls Feishu and closes the attempt with its outcome",
            runtime=runtime,
            size=stage.send,
            environment={
                **environment(SendSettings, stage, stage.send, stage.retry, stage.message),
                "DATA_KEY_ARN": data_key_arn,
                "REPORT_QUEUE_URL": reports.queue_url,
                "STAGE": stage.name,
            },
        )
        keys = [data_key_arn, *stage.old_data_key_arns]
        self.role.add_to_policy(iam.PolicyStatement(actions=["kms:Decrypt"], resources=keys))
        self._take(queue, at_once=stage.send.max_concurrency)
        self._take(reports, at_once=REPORTS_AT_ONCE)

    def _take(self, queue: sqs.IQueue, *, at_once: int) -> None:
        self.function.add_event_source(
            event_sources.SqsEventSource(
                queue, batch_size=_BATCH_SIZE, max_concurrency=at_once, report_batch_item_failures=True
            )
        )
