"""The event contract: a Kafka value is a notification, a reject, or another service's event (docs/design.md, Event)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from delivery.domain.event import Envelope, Payload, reasons
from delivery.domain.message import message_text
from delivery.domain.record import CHANNEL_FEISHU, NewRecord

EVENT_TYPE = "notification.feishu.requested"
SERVICE_NAME = "notification"
VERSIONS = ("", "1")


class RejectCode(StrEnum):
    """Why a Kafka record can never become a notification (column `code` of `notification_rejects`)."""

    ENVELOPE_INVALID = "envelope_invalid"
    EVENT_TYPE_MISSING = "event_type_missing"
    EVENT_TYPE_UNKNOWN = "event_type_unknown"
    EVENT_VERSION_UNSUPPORTED = "event_version_unsupported"
    PAYLOAD_INVALID = "payload_invalid"
    STORAGE_REJECTED = "storage_rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A good event: what to record, and the outbox row it came from (0 for none)."""

    record: NewRecord
    outbox_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """An event that breaks the contract. The reason names fields and rules, never their values."""

    code: RejectCode
    reason: str
    outbox_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOurs:
    """An event for another service on the same topic: it is counted and passed over."""


Verdict = Accepted | Rejected | NotOurs


def judge(value: bytes | None, *, url_prefixes: Sequence[str]) -> Verdict:
    """What this Kafka value is to us. Any bytes have a verdict; none raise."""
    envelope = _open(value)
    if isinstance(envelope, Rejected):
        return envelope
    if envelope.event_type == "":
        return _reject(envelope, RejectCode.EVENT_TYPE_MISSING, "event_type is empty")
    if not _addressed_to_us(envelope):
        return NotOurs()
    if envelope.event_type != EVENT_TYPE:
        return _reject(envelope, RejectCode.EVENT_TYPE_UNKNOWN, f"event_type should be {EVENT_TYPE}")
    if envelope.event_version not in VERSIONS:
        return _reject(envelope, RejectCode.EVENT_VERSION_UNSUPPORTED, "event_version should be empty or 1")
    return _judge_payload(envelope, url_prefixes)


def target_url_problem(url: str, prefixes: Sequence[str]) -> str | None:
    """Why a notification must not lead users there, or None: it opens a page of the site, never another site."""
    if not url.startswith(tuple(prefixes)) or url.startswith("//"):
        return f"target_url: should begin with {' or '.join(prefixes)}"
    if "://" in url:
        return "target_url: should be a path of the site, without ://"
    if "\\" in url or not url.isprintable():
        return "target_url: should hold no backslash and no control character"
    return None


def _open(value: bytes | None) -> Envelope | Rejected:
    if not value:
        return Rejected(code=RejectCode.ENVELOPE_INVALID, reason="the value is missing")
    try:
        document: Any = from_json(value, allow_inf_nan=False)
    except ValueError as error:
        return Rejected(code=RejectCode.ENVELOPE_INVALID, reason=f"the value is not JSON: {error}")
    if not isinstance(document, dict):
        return Rejected(code=RejectCode.ENVELOPE_INVALID, reason="the value is not a JSON object")
    try:
        return Envelope.model_validate(document)
    except ValidationError as error:
        return Rejected(code=RejectCode.ENVELOPE_INVALID, reason=reasons(error))


def _addressed_to_us(envelope: Envelope) -> bool:
    if envelope.service_name == "":
        return envelope.event_type == EVENT_TYPE
    return envelope.service_name == SERVICE_NAME


def _judge_payload(envelope: Envelope, url_prefixes: Sequence[str]) -> Verdict:
    try:
        payload = Payload.model_validate(envelope.payload)
    except ValidationError as error:
        return _reject(envelope, RejectCode.PAYLOAD_INVALID, reasons(error))
    if problem := target_url_problem(payload.target_url, url_prefixes):
        return _reject(envelope, RejectCode.PAYLOAD_INVALID, problem)
    return Accepted(record=_new_record(payload), outbox_id=max(envelope.outbox_id, 0))


def _new_record(payload: Payload) -> NewRecord:
    return NewRecord(
        channel=CHANNEL_FEISHU,
        user_id=payload.user_id,
        dedupe_key=payload.dedupe_key,
        preview_id=payload.preview_id,
        trigger_id=payload.trigger_id,
        trigger_type=payload.trigger_type,
        target_type=payload.target_type,
        target_id=payload.target_id,
        target_url=payload.target_url,
        summary_text=payload.summary_text,
        fallback_text=payload.fallback_text,
        fallback_used=message_text(payload).fallback_used,
        trace_id=payload.trace_id,
        notification_id=payload.notification_id,
    )


def _reject(envelope: Envelope, code: RejectCode, reason: str) -> Rejected:
    return Rejected(code=code, reason=reason, outbox_id=max(envelope.outbox_id, 0))
