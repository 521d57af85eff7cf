"""Makes the events that Lambda would pass to the functions."""

import base64
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from benchmarks.notifications import USERS, intake
from benchmarks.storing.statements import MAX_ATTEMPTS
from delivery.aws.api.channels import ROOT
from delivery.domain.record import Pointer
from delivery.storage.recording import Recorder
from hongyan_producer.contract.models import EVENT_TYPE, SERVICE_NAME

_POINTERS_A_MESSAGE = 20


def kafka_event(number: int) -> dict[str, Any]:
    """So many notifications that were never seen before."""
    records = [
        {"topic": "t", "partition": 0, "offset": offset, "value": _value(1 + offset % USERS), "headers": []}
        for offset in range(number)
    ]
    return {"eventSource": "aws:kafka", "records": {"t-0": records}}


def queue_event(engine: Engine, number: int) -> dict[str, Any]:
    """Pointers to so many rows, which came due a minute ago."""
    past = datetime.now(UTC) - timedelta(minutes=1)
    pointers = (
        Recorder(engine=engine).store(intake(number), now=past, handoff_at=past, max_attempts=MAX_ATTEMPTS).pointers
    )
    return {
        "Records": [
            {"messageId": str(first), "body": _body(pointers[first : first + _POINTERS_A_MESSAGE])}
            for first in range(0, number, _POINTERS_A_MESSAGE)
        ]
    }


def channel_request() -> dict[str, Any]:
    """A front end asks for its user's channel, with a token that API Gateway has checked."""
    path = f"{ROOT}/channels/feishu"
    return {
        "version": "2.0",
        "routeKey": f"GET {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"authorization": "Bearer checked"},
        "requestContext": {
            "authorizer": {"jwt": {"claims": {"sub": "7"}, "scopes": None}},
            "http": {"method": "GET", "path": path},
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }


def _body(pointers: Sequence[Pointer]) -> str:
    return json.dumps({"v": 1, "pointers": pointers})


def _value(user_id: int) -> str:
    payload = {
        "user_id": user_id,
        "preview_id": "preview",
        "dedupe_key": uuid.uuid4().hex,
        "target_url": "/assistant/preview",
        "summary_text": "周三下午的评审与客户会议冲突",
        "requested_at": "2026-01-31T08:00:00+08:00",
    }
    event = {"event_type": EVENT_TYPE, "service_name": SERVICE_NAME, "event_version": "1", "payload": payload}
    return base64.b64encode(json.dumps(event).encode()).decode()
