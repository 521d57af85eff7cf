"""Makes events as producers write them, good and bad, each with what has to become of it."""

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from delivery.domain.contract import RejectCode
from hongyan_producer.contract.models import EVENT_TYPE, SERVICE_NAME
from local.demo.publishing.event_kinds import DEAD_ROW, OF_RECORDS, PASSED_OVER, Event, Expectation, Kind

_SUMMARIES = (
    "今天 15:00 的评审与“写周报”冲突，建议把周报改到 17:30。",
    "明早的站会提前到 9:30，我把“准备演示”移到了今晚 20:00。",
    "",  # the fallback is used
    "详情见 https://example.com/report",  # a link: the fallback is used
    "下周三下午有三个重要任务挤在一起，" + "建议逐个错开半小时，" * 30,  # cut at 180 characters
)
_MALFORMED: tuple[tuple[Mapping[str, Any], Mapping[str, Any], RejectCode], ...] = (
    ({}, {"user_id": "7"}, RejectCode.PAYLOAD_INVALID),
    ({}, {"dedupe_key": " "}, RejectCode.PAYLOAD_INVALID),
    ({}, {"preview_id": "p" * 65}, RejectCode.PAYLOAD_INVALID),
    ({}, {"target_url": "https://elsewhere.example/"}, RejectCode.PAYLOAD_INVALID),
    ({}, {"target_url": "/assistant/%2e%2e/admin"}, RejectCode.PAYLOAD_INVALID),
    ({}, {"requested_at": "0001-01-01T00:00:00Z"}, RejectCode.PAYLOAD_INVALID),
    ({"event_version": "2"}, {}, RejectCode.EVENT_VERSION_UNSUPPORTED),
    ({"service_name": "calendar"}, {}, RejectCode.ADDRESSED_ELSEWHERE),
    ({"event_type": "notification.feishu.recalled"}, {}, RejectCode.EVENT_TYPE_UNKNOWN),
    ({"event_type": ""}, {}, RejectCode.EVENT_TYPE_MISSING),
    ({"payload": ["not", "an", "object"]}, {}, RejectCode.ENVELOPE_INVALID),
)
"""Changes to the envelope, changes to the payload, and the reject that they cause."""

_POISON: tuple[bytes | None, ...] = (
    None,
    b"",
    b"null",
    b"{",
    b"\x00\xff\xfe not UTF-8",
    b"[" * 1_000,
    b'{"payload":' * 1_000 + b"1" + b"}" * 1_000,
    b"x" * 900_000,
)
_FOREIGN: tuple[Mapping[str, object], ...] = (
    {"service_name": "calendar", "event_type": "calendar.entry.moved"},
    {"service_name": "calendar", "event_type": "calendar.synced", "event_version": 3, "payload": ["of", "its", "own"]},
    {"service_name": "", "event_type": "task.created"},
)


@dataclass(slots=True, kw_only=True)
class EventMaker:
    """Puts `run` into every key, so that the notifications of two runs can be told apart."""

    run: str
    requested_at: datetime
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def record(self, kind: Kind, user_id: int, *, partition: int | None = None) -> Event:
        """An event that asks for a notification."""
        payload = self._payload(kind, user_id)
        return Event(
            kind=kind,
            expected=OF_RECORDS[kind],
            key=str(user_id).encode(),
            value=_envelope(payload),
            headers=(("trace-id", str(payload["trace_id"]).encode()),),
            dedupe_key=payload["dedupe_key"],
            partition=partition,
        )

    def unreadable(self, user_id: int) -> Event:
        """An outbox row that the producers' package would never write."""
        return Event(kind=Kind.UNREADABLE, expected=DEAD_ROW, key=str(user_id).encode(), value=None)

    def malformed(self, user_id: int) -> Iterator[Event]:
        """One event for each rule of the contract that it can break."""
        for envelope_changes, payload_changes, code in _MALFORMED:
            payload = {**self._payload(Kind.MALFORMED, user_id), **payload_changes}
            yield Event(
                kind=Kind.MALFORMED,
                expected=Expectation(reject=code),
                key=str(user_id).encode(),
                value=_envelope(payload, envelope_changes),
            )

    def poison(self) -> Iterator[Event]:
        """Values that are not events at all, with keys and headers that are not text."""
        for number, value in enumerate(_POISON):
            yield Event(
                kind=Kind.POISON,
                expected=Expectation(reject=RejectCode.ENVELOPE_INVALID),
                key=None if number % 2 else b"\xff\x00",
                value=value,
                headers=(("broken", b"\x80\xff"), ("broken", b"")),
            )

    def foreign(self, user_id: int) -> Iterator[Event]:
        """Events for other services on the same topic."""
        for changes in _FOREIGN:
            payload = self._payload(Kind.FOREIGN, user_id)
            yield Event(
                kind=Kind.FOREIGN,
                expected=PASSED_OVER,
                key=str(user_id).encode(),
                value=_envelope(payload, changes),
                dedupe_key=payload["dedupe_key"],
            )

    def _payload(self, kind: Kind, user_id: int) -> dict[str, Any]:
        number = next(self._numbers)
        preview_id = f"{self.run}-{number}"
        return {
            "user_id": user_id,
            "trigger_id": f"trigger-{number}",
            "trigger_type": "important_urgent_task",
            "target_type": "task",
            "target_id": number,
            "preview_id": preview_id,
            "dedupe_key": f"{self.run}:{user_id}:{kind.name.lower()}:{number}",
            "target_url": f"/assistant/{preview_id}",
            "summary_text": _SUMMARIES[number % len(_SUMMARIES)],
            "fallback_text": "" if number % 2 else "我为你调整了日程，请确认。",
            "trace_id": f"trace-{preview_id}",
            "requested_at": self.requested_at.isoformat(),
        }


def _envelope(payload: Mapping[str, Any], changes: Mapping[str, object] | None = None) -> bytes:
    envelope = {
        "event_id": f"event-{payload['preview_id']}",
        "event_type": EVENT_TYPE,
        "event_version": "1",
        "service_name": SERVICE_NAME,
        "aggregate_id": payload["preview_id"],
        "payload": payload,
        **(changes or {}),
    }
    return json.dumps(envelope, ensure_ascii=False).encode()
