"""The delivery stack: a stage's settings in, the whole path of a notification out. Only composition stands here."""

from typing import Any

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk import parts
from cdk.claim import Claim
from cdk.config import StageSettings
from cdk.ingest import Ingest
from cdk.send import Send, SendQueue


class DeliveryStack(Stack):
    def __init__(self, scope: Construct, name: str, *, stage: StageSettings, **stack: Any) -> None:  # noqa: ANN401
        super().__init__(scope, name, description=f"Hongyan ({stage.name}): notifications to Feishu", **stack)
        runtime = parts.runtime(self, stage)
        data_key = kms.Key(
            self,
            "DataKey",
            description=f"Hongyan ({stage.name}): wraps the keys that encrypt channel credentials",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        waiting = SendQueue(
            self,
            "SendQueue",
            visibility=Duration.seconds(stage.visibility_seconds),
            retention=Duration.seconds(stage.queue.retention_seconds),
            max_receive_count=stage.queue.max_receive_count,
        )

        ingest = Ingest(
            self,
            "Ingest",
            runtime=runtime,
            size=parts.size(stage.ingest),
            source=parts.kafka(stage.kafka, network=runtime.network),
            queue=waiting.queue,
            handoff_deadline_seconds=stage.handoff_deadline_seconds,
            max_attempts=stage.retry.max_attempts,
            allowed_url_prefixes=stage.allowed_url_prefixes,
        )
        claim = Claim(
            self,
            "Claim",
            runtime=runtime,
            size=parts.size(stage.claim),
            queue=waiting.queue,
            every=Duration.minutes(stage.claim.every_minutes),
            lease_seconds=stage.lease_seconds,
            batch_size=stage.claim.batch_size,
            max_queued_pointers=stage.claim.max_queued_pointers,
        )
        send = Send(
            self,
            "Send",
            runtime=runtime,
            size=parts.size(stage.send),
            queue=waiting.queue,
            max_concurrency=stage.send.max_concurrency,
            data_key=data_key,
            lease_seconds=stage.lease_seconds,
            feishu=parts.feishu(stage),
            retry=parts.retry(stage.retry),
        )

        waiting.queue.grant(ingest.role, "sqs:SendMessage")
        waiting.queue.grant(claim.role, "sqs:SendMessage", "sqs:GetQueueAttributes")
        waiting.queue.grant_consume_messages(send.role)
        data_key.grant_decrypt(send.role)

        self._tell(
            SendQueueUrl=waiting.queue.queue_url,
            DeadLetterQueueUrl=waiting.dead_letters.queue_url,
            DataKeyArn=data_key.key_arn,
            IngestFunctionName=ingest.function.function_name,
            ClaimFunctionName=claim.function.function_name,
            SendFunctionName=send.function.function_name,
        )

    def _tell(self, **outputs: str) -> None:
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
