"""What is particular to the Flow webhook: the message that Feishu receives, and what of it is stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from delivery.domain.outcome import Delivered, Outcome, PermanentFailure
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from local.feishu import FeishuSimulator
from tests.unit.feishu.calling import flow_channel, opened, permit
from tests.unit.feishu.raw_server import OK, raw_server
from tests.unit.samples import TOKEN, WEBHOOK_KEY, attempt

PATH = f"/flow/api/trigger-webhook/{WEBHOOK_KEY}"
MESSAGE = {
    "event": "smartflow.schedule_adjustment_ready",
    "version": "1",
    "notification_id": 1,
    "user_id": 7,
    "preview_id": "pv-1",
    "trigger_id": "tr-1",
    "trigger_type": "schedule_conflict",
    "target_type": "schedule",
    "target_id": 12,
    "message": {
        "title": "SmartFlow 日程调整建议",
        "summary": "周三的会议可以改到周四。\n/assistant/preview/pv-1",
        "action_text": "查看并确认调整",
        "action_url": "https://app.example/assistant/preview/pv-1",
    },
    "sent_at": "2026-01-31T08:00:00+00:00",
    "trace_id": "trace-1",
}


@pytest.fixture
def feishu() -> Iterator[FeishuSimulator]:
    with FeishuSimulator() as simulator:
        yield simulator


def send(origin: str, *, changes: Mapping[str, Any] | None = None, **channel: Any) -> Outcome:
    with opened(FLOW_WEBHOOK, origin) as flow:
        return flow.deliver(attempt(**(changes or {})), flow_channel(origin, **channel), permit())


def test_feishu_receives_exactly_the_message_and_accepts_it(feishu: FeishuSimulator) -> None:
    """POST of JSON with the bearer token; nothing more, nothing less."""
    feishu.set_webhook(WEBHOOK_KEY, bearer_token=TOKEN)
    outcome = send(feishu.url)
    [call] = feishu.calls()
    assert (call.method, call.path, call.bearer_matched, call.accepted) == ("POST", PATH, True, True)
    assert json.loads(call.request_body) == MESSAGE
    assert isinstance(outcome, Delivered)
    assert outcome.provider_message_id == "feishu_webhook_1_1"


def test_the_exchange_is_kept_for_the_record(feishu: FeishuSimulator) -> None:
    """What was said both ways, with the webhook masked, and how long it took."""
    exchange = send(feishu.url).exchange
    assert exchange.request == {"webhook": f"{feishu.url}/flow/api/trigger-webhook/k3yO...ySee", **MESSAGE}
    assert exchange.http_status == 200
    assert exchange.response["status_code"] == 200
    assert json.loads(exchange.response["body"])["code"] == 0
    assert exchange.latency_ms is not None


def test_the_headers_are_those_of_json_and_of_the_token() -> None:
    """A channel without a token sends none."""
    with raw_server(OK) as server:
        send(server.origin)
        send(server.origin, bearer_token="")
    with_token, without = [request.partition(b"\r\n\r\n")[0].lower() for request in server.requests]
    assert b"\r\ncontent-type: application/json; charset=utf-8" in with_token
    assert f"\r\nauthorization: bearer {TOKEN}".encode() in with_token
    assert b"authorization" not in without


def client_token(stage: str = "dev", **changes: Any) -> str:
    with raw_server(OK) as server, opened(FLOW_WEBHOOK, server.origin, stage=stage) as flow:
        flow.deliver(attempt(**changes), flow_channel(server.origin), permit())
    [request] = server.requests
    [line] = [line for line in request.decode().splitlines() if line.lower().startswith("client-token: ")]
    return line.partition(": ")[2]


def test_all_attempts_of_a_notification_have_one_client_token() -> None:
    """Also under another row's number, which a database that was restored may give it."""
    assert client_token() == client_token(number=2, record_id=99, summary_text="另一句话")


def test_another_notification_or_stage_has_another_client_token() -> None:
    """Two stages may send to one channel, and both are heard."""
    tokens = {client_token(), client_token("prod"), client_token(dedupe_key="other"), client_token(channel="other")}
    assert len(tokens) == 4


def test_a_client_token_is_a_digest_of_stage_channel_and_dedupe_key() -> None:
    """Its first 32 digits; another release must not change it between two attempts."""
    digest = hashlib.sha256(b"dev\nfeishu\n7:schedule_conflict:1").hexdigest()
    assert client_token() == digest[:32]


def test_a_trace_id_is_sent_only_when_present(feishu: FeishuSimulator) -> None:
    """An empty one would be a broken field."""
    send(feishu.url, changes={"trace_id": ""})
    [call] = feishu.calls()
    assert json.loads(call.request_body) == {name: value for name, value in MESSAGE.items() if name != "trace_id"}


def test_the_fallback_is_sent_for_a_summary_with_a_link(feishu: FeishuSimulator) -> None:
    """The rules of the text apply to what goes over the wire."""
    send(feishu.url, changes={"summary_text": "看 https://evil.example"})
    [call] = feishu.calls()
    assert json.loads(call.request_body)["message"]["summary"] == "有一份新的日程建议。\n/assistant/preview/pv-1"


def test_a_wrong_token_and_a_disabled_webhook_are_permanent(feishu: FeishuSimulator) -> None:
    """Feishu refuses them with HTTP 200."""
    feishu.set_webhook(WEBHOOK_KEY, bearer_token="another")
    refused = send(feishu.url)
    feishu.set_webhook(WEBHOOK_KEY, enabled=False)
    disabled = send(feishu.url)
    assert isinstance(refused, PermanentFailure)
    assert isinstance(disabled, PermanentFailure)
    assert (refused.code, disabled.code) == ("provider_auth_failed", "provider_refused_channel")


@pytest.mark.parametrize("token", ["令牌令牌令牌令牌", "token\nX-Evil: 1", "token\r\n\r\nGET / HTTP/1.1"])
def test_a_token_that_no_header_can_carry_is_permanent(feishu: FeishuSimulator, token: str) -> None:
    """Nothing is sent, and trying again would not help."""
    outcome = send(feishu.url, bearer_token=token)
    assert isinstance(outcome, PermanentFailure)
    assert outcome.code == "invalid_url"
    assert feishu.calls() == []
    assert token not in repr(outcome)
