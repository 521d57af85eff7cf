"""Good examples of everything the tests begin with; each test changes only what it is about."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from delivery.domain import contract
from delivery.domain.channel import Channel
from delivery.domain.intake import KafkaRecord
from delivery.domain.record import Attempt
from delivery.domain.transition import RetryPolicy
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from delivery.feishu.way import Wording

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
WEBHOOK_KEY = "k3yOfOneWebhookThatNobodyMaySee"
WEBHOOK = f"https://www.feishu.cn/flow/api/trigger-webhook/{WEBHOOK_KEY}"
TOKEN = "t0ken-that-nobody-may-see"
RETRY = RetryPolicy(base=timedelta(minutes=5), cap=timedelta(minutes=30), jitter=0.1)
EXACT_RETRY = replace(RETRY, jitter=0)
WORDING = Wording(
    event="smartflow.schedule_adjustment_ready",
    title="SmartFlow 日程调整建议",
    action_text="查看并确认调整",
    action_base_url="https://app.example",
)
judge = partial(contract.judge, url_prefixes=("/assistant/",))


def payload(**changes: Any) -> dict[str, Any]:
    """A good payload; a change to `...` leaves the field out."""
    good = {
        "notification_id": 0,
        "user_id": 7,
        "trigger_id": "tr-1",
        "trigger_type": "schedule_conflict",
        "target_type": "schedule",
        "preview_id": "pv-1",
        "target_id": 12,
        "dedupe_key": "7:schedule_conflict:1",
        "target_url": "/assistant/preview/pv-1",
        "summary_text": "周三的会议可以改到周四。",
        "fallback_text": "有一份新的日程建议。",
        "trace_id": "trace-1",
        "requested_at": "2026-01-31T16:00:00+08:00",
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def envelope(**changes: Any) -> dict[str, Any]:
    good = {
        "outbox_id": 3,
        "event_id": "ev-1",
        "event_type": "notification.feishu.requested",
        "event_version": "1",
        "service_name": "notification",
        "aggregate_id": "pv-1",
        "payload": payload(),
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def event(**changes: Any) -> bytes:
    """A Kafka value: the envelope with these changes."""
    return json.dumps(envelope(**changes), ensure_ascii=False).encode()


def kafka_record(value: bytes | None, *, offset: int = 0) -> KafkaRecord:
    return KafkaRecord(topic="smartflow.notification.outbox", partition=0, offset=offset, key=b"7", value=value)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def attempt(**changes: Any) -> Attempt:
    good: dict[str, Any] = {
        "record_id": 1,
        "number": 1,
        "max_attempts": 5,
        "user_id": 7,
        "channel": "feishu",
        "dedupe_key": "7:schedule_conflict:1",
        "preview_id": "pv-1",
        "trigger_id": "tr-1",
        "trigger_type": "schedule_conflict",
        "target_type": "schedule",
        "target_id": 12,
        "target_url": "/assistant/preview/pv-1",
        "summary_text": "周三的会议可以改到周四。",
        "fallback_text": "有一份新的日程建议。",
        "trace_id": "trace-1",
        "requested_at": NOW,
        "started_at": NOW,
    }
    return Attempt(**(good | changes))


def channel(**changes: Any) -> Channel:
    good: dict[str, Any] = {
        "user_id": 7,
        "channel": FLOW_WEBHOOK,
        "enabled": True,
        "webhook_url": WEBHOOK,
        "bearer_token": TOKEN,
    }
    return Channel(**(good | changes))
