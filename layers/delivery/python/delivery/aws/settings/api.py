"""What the API reads."""

from typing import Annotated

from pydantic import Field

from delivery.aws.settings.ingest import IngestSettings
from delivery.aws.settings.send import MessageTexts
from delivery.aws.settings.types import ActionBaseUrl, WebhookOrigins

UserClaim = Annotated[str, Field(default="sub", pattern=r"^[A-Za-z0-9_:./-]{1,100}$", title="the name of a claim")]
OperateScope = Annotated[
    str, Field(default="notifications:operate", pattern=r"^[\x21\x23-\x5B\x5D-\x7E]{1,100}$", title="a scope")
]


class ApiSettings(IngestSettings, MessageTexts):
    """Has ingest's settings, because a replay runs ingest, and those of send's that a test message needs."""

    #: Part of each message's idempotency key.
    stage: str = Field(min_length=1)
    #: The KMS key that wraps the data keys.
    data_key_arn: str = Field(min_length=1)
    webhook_origins: WebhookOrigins
    action_base_url: ActionBaseUrl
    user_claim: UserClaim
    operate_scope: OperateScope
