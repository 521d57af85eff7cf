"""The send stage: pointers of the send queue in, Feishu calls and closed attempts out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.function import Runtime, Size, StageFunction

_KEPT_WHEN_DEAD = Duration.days(14)
_MESSAGES_PER_BATCH = 10


class SendQueue(Construct):
    """Pointers on their way to a sender. A lost message is harmless, so a dead letter is a defect to look at."""

    def __init__(
        self, scope: Construct, name: str, *, visibility: Duration, retention: Duration, max_receive_count: int
    ) -> None:
        super().__init__(scope, name)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            retention_period=_KEPT_WHEN_DEAD,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            visibility_timeout=visibility,
            retention_period=retention,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=max_receive_count),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeishuCalls:
    """How Feishu is called, and what the message says besides the notification's own text."""

    concurrency: int
    timeout_seconds: float
    webhook_origins: Sequence[str]
    action_base_url: str
    event: str
    title: str
    action_text: str

    def environment(self) -> Mapping[str, str]:
        return {
            "SEND_CONCURRENCY": str(self.concurrency),
            "FEISHU_TIMEOUT_SECONDS": f"{self.timeout_seconds:g}",
            "WEBHOOK_ORIGINS": ",".join(self.webhook_origins),
            "ACTION_BASE_URL": self.action_base_url,
            "MESSAGE_EVENT": self.event,
            "MESSAGE_TITLE": self.title,
            "MESSAGE_ACTION_TEXT": self.action_text,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    base_seconds: float
    cap_seconds: float
    jitter: float

    def environment(self) -> Mapping[str, str]:
        return {
            "RETRY_BASE_SECONDS": f"{self.base_seconds:g}",
            "RETRY_CAP_SECONDS": f"{self.cap_seconds:g}",
            "RETRY_JITTER": f"{self.jitter:g}",
        }


class Send(StageFunction):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: Runtime,
        size: Size,
        queue: sqs.IQueue,
        max_concurrency: int,
        data_key: kms.IKey,
        lease_seconds: int,
        feishu: FeishuCalls,
        retry: RetryPolicy,
    ) -> None:
        super().__init__(
            scope,
            name,
            word="send",
            description="Opens an attempt for each pointer, calls Feishu and closes the attempt with its outcome",
            runtime=runtime,
            size=size,
            environment={
                "LEASE_SECONDS": str(lease_seconds),
                "DATA_KEY_ARN": data_key.key_arn,
                **retry.environment(),
                **feishu.environment(),
            },
        )
        self.function.add_event_source(
            event_sources.SqsEventSource(
                queue,
                batch_size=_MESSAGES_PER_BATCH,
                max_concurrency=max_concurrency,
                report_batch_item_failures=True,
            )
        )
