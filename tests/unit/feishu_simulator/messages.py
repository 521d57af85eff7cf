"""Makes messages as a flow receives them, with the changes that a test is about, and posts them."""

import json
from typing import Any

import urllib3

from local.feishu import FeishuSimulator

HEADERS = {"Content-Type": "application/json; charset=utf-8"}


def message(**changes: Any) -> dict[str, Any]:
    """A good message with `changes`; a field that is changed to None is left out."""
    document: dict[str, Any] = {
        "event": "smartflow.schedule_adjustment_ready",
        "version": "1",
        "notification_id": 11,
        "user_id": 7,
        "preview_id": "preview-1",
        "trigger_id": "",
        "trigger_type": "important_urgent_task",
        "target_type": "task",
        "target_id": 0,
        "message": {
            "title": "SmartFlow 日程调整建议",
            "summary": "下午的会议改到三点\nhttps://smartflow.example/assistant/1",
            "action_text": "查看并确认调整",
            "action_url": "https://smartflow.example/assistant/1",
        },
        "sent_at": "2026-01-31T08:00:00+08:00",
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def body(**changes: Any) -> bytes:
    return json.dumps(message(**changes), ensure_ascii=False).encode()


def post(
    http: urllib3.PoolManager, feishu: FeishuSimulator, *, key: str = "key-1", timeout: float = 10, **changes: Any
) -> urllib3.BaseHTTPResponse:
    url = feishu.webhook_url(key)
    return http.request("POST", url, body=body(**changes), headers=HEADERS, timeout=timeout, redirect=False)
