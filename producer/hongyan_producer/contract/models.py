"""What an event consists of: the envelope, and the payload of `notification.feishu.requested`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

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
#: Where a stage reads events unless its setting `kafka.topic` says otherwise.
TOPIC = "smartflow.notification.outbox"


class Envelope(BaseModel):
    """The envelope of every event on the topic, ours or another service's."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    outbox_id: OptionalInt = Field(
        0, description="the row of `notification_outbox_messages` that holds this event; 0 if there is none"
    )
    event_id: OptionalText = Field("", description="the producer's own name for the event; not stored")
    event_type: OptionalText = Field("", description=f"`{EVENT_TYPE}`")
    event_version: OptionalText = Field("", description="`1`, which is also what an empty one means")
    service_name: OptionalText = Field(
        "", description=f"the service that should act on the event: `{SERVICE_NAME}` or empty"
    )
    aggregate_id: OptionalText = Field("", description="the `preview_id`; not stored")
    payload: dict[str, Any] = Field(description="the fields below")


class Payload(BaseModel):
    """`notification.feishu.requested`, version 1."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    notification_id: OptionalInt = Field(
        0,
        description="accepted for the Go service's producers and not used: `dedupe_key` decides which record it is",
    )
    user_id: UserId = Field(description="who is notified")
    trigger_id: OptionalText64 = Field("", description="what caused the notification; the user's flow receives it")
    trigger_type: OptionalText64 = Field(
        "", description="the kind of cause, such as `schedule_conflict`; the user's flow receives it"
    )
    target_type: OptionalText64 = Field(
        "", description="the kind of thing that it is about; the user's flow receives it"
    )
    preview_id: RequiredText64 = Field(
        description="the preview that the notification leads to; the user's flow receives it"
    )
    target_id: OptionalInt = Field(0, description="which thing it is about; the user's flow receives it")
    dedupe_key: RequiredText191 = Field(description="the same key is the same notification")
    target_url: TargetUrl = Field(
        description="a path of the site below an allowed prefix; no `://`; no backslash, control character or segment "
        "`.` or `..`, plain or percent-encoded; no `%2f` in the path"
    )
    summary_text: LongText = Field(
        "", description="what the user reads; one with a link in it is not shown; at most 65,535 bytes of UTF-8"
    )
    fallback_text: LongText = Field(
        "",
        description="what the user reads if the summary is empty or has a link; at most 65,535 bytes of UTF-8",
    )
    trace_id: OptionalText128 = Field(
        "", description="for following a notification through logs; the user's flow receives it"
    )
    requested_at: Rfc3339 = Field(
        description="when the producer asked for it; with a time zone, in the years from 1000 to 9999"
    )
