"""What an event consists of: the envelope, and the payload of `notification.feishu.requested`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from hongyan_producer.contract.fields import (
    LongText,
    OptionalInt,
    OptionalText,
    OptionalText64,
    OptionalText128,
    RequiredText64,
    RequiredText191,
    Rfc3339,
    TargetUrl,
    UserId,
)

EVENT_TYPE = "notification.feishu.requested"
SERVICE_NAME = "notification"
EVENT_VERSION = "1"
VERSIONS = ("", EVENT_VERSION)
#: The default of the stage's setting `kafka.topic`.
TOPIC = "smartflow.notification.outbox"


class Envelope(BaseModel):
    """The envelope of every event on the topic, ours or another service's."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    outbox_id: OptionalInt = 0
    event_id: OptionalText = ""
    event_type: OptionalText = ""
    event_version: OptionalText = ""
    service_name: OptionalText = ""
    aggregate_id: OptionalText = ""
    payload: dict[str, Any]


class Payload(BaseModel):
    """`notification.feishu.requested`, version 1."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    notification_id: OptionalInt = 0
    user_id: UserId
    trigger_id: OptionalText64 = ""
    trigger_type: OptionalText64 = ""
    target_type: OptionalText64 = ""
    preview_id: RequiredText64
    target_id: OptionalInt = 0
    dedupe_key: RequiredText191
    target_url: TargetUrl
    summary_text: LongText = ""
    fallback_text: LongText = ""
    trace_id: OptionalText128 = ""
    requested_at: Rfc3339
