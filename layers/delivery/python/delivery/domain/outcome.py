"""How an attempt ended. An outcome is a value; only broken infrastructure raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    """Why an attempt did not deliver (column `last_error_code`)."""

    RATE_LIMITED = "provider_rate_limited"
    SERVER_ERROR = "provider_5xx"
    TIMEOUT = "provider_timeout"
    NETWORK = "network_error"
    AUTH_FAILED = "provider_auth_failed"
    CHANNEL_REFUSED = "provider_refused_channel"
    REFUSED = "provider_refused"
    PAYLOAD_INVALID = "payload_invalid"
    INVALID_URL = "invalid_url"
    CREDENTIAL_UNREADABLE = "credential_unreadable"
    RECIPIENT_MISSING = "recipient_missing"
    LEASE_EXPIRED = "sending_lease_expired"
    NOT_STARTED = "not_started"
    HELD = "held_after_restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Request and response of one attempt, without credentials; empty if no call was made."""

    request: Mapping[str, Any] = field(default_factory=dict)
    response: Mapping[str, Any] = field(default_factory=dict)
    http_status: int | None = None
    #: Feishu's own error number; 0 means success.
    provider_code: int | None = None
    latency_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """Feishu accepted the message."""

    provider_message_id: str
    exchange: Exchange = Exchange()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryFailure:
    """Worth trying again. After a time-out the message may have arrived all the same."""

    code: ErrorCode
    reason: str
    #: How long Feishu asked us to wait, if it did.
    retry_after: timedelta | None = None
    exchange: Exchange = Exchange()


@dataclass(frozen=True, slots=True, kw_only=True)
class PermanentFailure:
    """The same call would fail the same way again."""

    code: ErrorCode
    reason: str
    exchange: Exchange = Exchange()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRecipient:
    """The user has no enabled channel, so no call was made."""

    reason: str
    code: ErrorCode = ErrorCode.RECIPIENT_MISSING
    exchange: Exchange = Exchange()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotStarted:
    """No time was left for the call. The attempt does not count, and its number is used again."""

    reason: str
    code: ErrorCode = ErrorCode.NOT_STARTED
    exchange: Exchange = Exchange()


Outcome = Delivered | TemporaryFailure | PermanentFailure | NoRecipient | NotStarted
