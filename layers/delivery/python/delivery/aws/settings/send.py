"""What send reads."""

from pydantic import Field

from delivery.aws.settings.database import ServingSettings
from delivery.aws.settings.types import DAY, MINUTE, ActionBaseUrl, Lease, Line, QueueUrl, WebhookOrigins
from delivery.aws.variables import Section


class SendTuning(Section):
    concurrency: int = Field(
        32, ge=1, le=500, serialization_alias="SEND_CONCURRENCY", description="Feishu calls of one function at once"
    )
    feishu_timeout_seconds: float = Field(5, ge=0.1, le=60, description="the limit of one Feishu call")


class Backoff(Section):
    base_seconds: float = Field(
        5 * MINUTE, ge=0.1, le=DAY, serialization_alias="RETRY_BASE_SECONDS", description="doubled after each failure"
    )
    cap_seconds: float = Field(
        30 * MINUTE, ge=0.1, le=DAY, serialization_alias="RETRY_CAP_SECONDS", description="the longest wait"
    )
    jitter: float = Field(
        0.1, ge=0, le=1, serialization_alias="RETRY_JITTER", description="the largest share that is added at random"
    )


class MessageTexts(Section):
    event: Line = Field(
        "smartflow.schedule_adjustment_ready",
        serialization_alias="MESSAGE_EVENT",
        description="the event's name for Feishu's flow",
    )
    title: Line = Field("SmartFlow 日程调整建议", serialization_alias="MESSAGE_TITLE", description="the heading")
    action_text: Line = Field(
        "查看并确认调整", serialization_alias="MESSAGE_ACTION_TEXT", description="the button's words"
    )


class SendSettings(ServingSettings, SendTuning, Backoff, MessageTexts):
    #: Part of each message's idempotency key.
    stage: str = Field(min_length=1)
    report_queue_url: QueueUrl
    lease_seconds: Lease
    #: The KMS key that wraps the data keys.
    data_key_arn: str = Field(min_length=1)
    webhook_origins: WebhookOrigins
    action_base_url: ActionBaseUrl
