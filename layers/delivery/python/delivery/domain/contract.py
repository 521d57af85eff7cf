"""The event contract: a Kafka value is a notification, a reject, or another service's event (docs/design.md, Event)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from delivery.domain.appearance import object_in
from delivery.domain.message import message_text
from delivery.domain.record import CHANNEL_FEISHU
from hongyan_producer.contract.checking import Broken, checked_envelope, checked_payload
from hongyan_producer.contract.fields import BIGINT
from hongyan_producer.contract.models import EVENT_TYPE, SERVICE_NAME, VERSIONS, Payload


class RejectCode(StrEnum):
    """Why a Kafka record can never become a notification (column `code` of `notification_rejects`)."""

    ENVELOPE_INVALID = "envelope_invalid"
    ADDRESSED_ELSEWHERE = "addressed_elsewhere"
    EVENT_TYPE_MISSING = "event_type_missing"
    EVENT_TYPE_UNKNOWN = "event_type_unknown"
    EVENT_VERSION_UNSUPPORTED = "event_version_unsupported"
    PAYLOAD_INVALID = "payload_invalid"
    STORAGE_REJECTED = "storage_rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecord:
    """A notification that the contract accepted and that has no row yet."""

    channel: str
    user_id: int
    dedupe_key: str
    preview_id: str
    trigger_id: str
    trigger_type: str
    target_type: str
    target_id: int
    target_url: str
    summary_text: str
    fallback_text: str
    fallback_used: bool
    trace_id: str
    requested_at: datetime
    #: The record that the producer takes this for; 0 if it named none. The unique key (channel, dedupe_key) decides.
    notification_id: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return self.channel, self.dedupe_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A valid event: what to record, and the outbox row that it came from (0 if none)."""

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
    """An event for another service on the same topic. Ingest skips it and counts it by its type."""

    event_type: str


Verdict = Accepted | Rejected | NotOurs


def judge(value: bytes | None, *, url_prefixes: Sequence[str]) -> Verdict:
    """Judges a Kafka value. Any bytes get a verdict; none raise."""
    document = object_in(value)
    if isinstance(document, str):
        return Rejected(code=RejectCode.ENVELOPE_INVALID, reason=document)
    event_type, service_name = _text(document.get("event_type")), _text(document.get("service_name"))
    if event_type and event_type != EVENT_TYPE and service_name != SERVICE_NAME:
        return NotOurs(event_type=event_type)
    outbox_id = _outbox_id(document)
    judged = _not_a_request(document, event_type, service_name) or _request(document, url_prefixes)
    if isinstance(judged, NewRecord):
        return Accepted(record=judged, outbox_id=outbox_id)
    return Rejected(code=judged.code, reason=judged.reason, outbox_id=outbox_id)


class _Fault(NamedTuple):
    code: RejectCode
    reason: str


def _text(value: object) -> str | None:
    """The text as the envelope's rules read it; None if it is not a string."""
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else None


def _outbox_id(document: Mapping[str, Any]) -> int:
    """Reads the id apart from the other fields, so that the outbox row of a broken envelope can be marked too."""
    given = document.get("outbox_id")
    return given if isinstance(given, int) and not isinstance(given, bool) and 0 < given < BIGINT else 0


def _not_a_request(document: Mapping[str, Any], event_type: str | None, service_name: str | None) -> _Fault | None:
    """Why this envelope is not one of our requests, unless it simply belongs to another service."""
    if event_type == EVENT_TYPE and service_name not in (None, "", SERVICE_NAME):
        return _Fault(RejectCode.ADDRESSED_ELSEWHERE, f"service_name should be empty or {SERVICE_NAME} for this type")
    if event_type == "":
        return _Fault(RejectCode.EVENT_TYPE_MISSING, "event_type is empty")
    envelope = checked_envelope(document)
    if isinstance(envelope, Broken):
        return _Fault(RejectCode.ENVELOPE_INVALID, str(envelope))
    if event_type != EVENT_TYPE:
        return _Fault(RejectCode.EVENT_TYPE_UNKNOWN, f"event_type should be {EVENT_TYPE}")
    if envelope.event_version not in VERSIONS:
        return _Fault(RejectCode.EVENT_VERSION_UNSUPPORTED, "event_version should be empty or 1")
    return None


def _request(document: Mapping[str, Any], url_prefixes: Sequence[str]) -> NewRecord | _Fault:
    payload = checked_payload(document["payload"], url_prefixes=url_prefixes)
    if isinstance(payload, Broken):
        return _Fault(RejectCode.PAYLOAD_INVALID, str(payload))
    return _new_record(payload)


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
        requested_at=payload.requested_at,
        notification_id=payload.notification_id,
    )
