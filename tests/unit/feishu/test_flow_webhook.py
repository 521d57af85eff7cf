"""The Flow webhook over real sockets: what Feishu receives, and what each of its answers comes to."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from delivery.domain.outcome import Delivered, Exchange, Outcome, PermanentFailure, TemporaryFailure
from local.feishu import FeishuSimulator
from tests.unit.feishu.calling import channel_at, courier
from tests.unit.feishu.raw_server import OK, raw_server
from tests.unit.samples import TOKEN, WEBHOOK_KEY, attempt

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def deliver(origin: str, *, patience: float = 5.0, changes: dict[str, Any] | None = None, **channel: Any) -> Outcome:
    with courier(origin, patience=patience) as flow:
        return flow.deliver(attempt(**(changes or {})), channel_at(origin, **channel))


def test_feishu_receives_exactly_the_message_and_accepts_it(feishu: FeishuSimulator) -> None:
    """POST of JSON with the bearer token; nothing more, nothing less."""
    feishu.set_webhook(WEBHOOK_KEY, bearer_token=TOKEN)
    outcome = deliver(feishu.url)
    [call] = feishu.calls()
    assert (call.method, call.path, call.bearer_matched, call.accepted) == ("POST", PATH, True, True)
    assert json.loads(call.request_body) == MESSAGE
    assert isinstance(outcome, Delivered)
    assert outcome.provider_message_id == "feishu_webhook_1_1"


def test_the_exchange_is_kept_for_the_record(feishu: FeishuSimulator) -> None:
    """What was said both ways, with the webhook masked, and how long it took."""
    exchange = deliver(feishu.url).exchange
    assert exchange.request == {"webhook": f"{feishu.url}/flow/api/trigger-webhook/k3yO...ySee", **MESSAGE}
    assert exchange.http_status == 200
    assert exchange.response["status_code"] == 200
    assert json.loads(exchange.response["body"])["code"] == 0
    assert exchange.latency_ms is not None


def test_the_headers_are_those_of_json_and_of_the_token() -> None:
    """A channel without a token sends none."""
    with raw_server(OK) as server:
        deliver(server.origin)
        deliver(server.origin, bearer_token="")
    with_token, without = [request.partition(b"\r\n\r\n")[0].lower() for request in server.requests]
    assert b"\r\ncontent-type: application/json; charset=utf-8" in with_token
    assert f"\r\nauthorization: bearer {TOKEN}".encode() in with_token
    assert b"authorization" not in without


def test_a_trace_id_is_sent_only_when_present(feishu: FeishuSimulator) -> None:
    """An empty one would be a broken field."""
    deliver(feishu.url, changes={"trace_id": ""})
    [call] = feishu.calls()
    assert json.loads(call.request_body) == {name: value for name, value in MESSAGE.items() if name != "trace_id"}


def test_the_fallback_is_sent_for_a_summary_with_a_link(feishu: FeishuSimulator) -> None:
    """The rules of the text apply to what goes over the wire."""
    deliver(feishu.url, changes={"summary_text": "看 https://evil.example"})
    [call] = feishu.calls()
    assert json.loads(call.request_body)["message"]["summary"] == "有一份新的日程建议。\n/assistant/preview/pv-1"


TEMPORARY, PERMANENT = TemporaryFailure, PermanentFailure


@pytest.mark.parametrize(
    ("kind", "narrowed", "expected", "code"),
    [
        ("http_429", {}, TEMPORARY, "provider_rate_limited"),
        ("rate_limited", {}, TEMPORARY, "provider_rate_limited"),
        ("http_5xx", {"status": 502}, TEMPORARY, "provider_5xx"),
        ("cut", {}, TEMPORARY, "network_error"),
        ("accepted_then_cut", {}, TEMPORARY, "network_error"),
        ("no_json", {}, TEMPORARY, "network_error"),
        ("endless_body", {}, TEMPORARY, "network_error"),
        ("redirect", {}, PERMANENT, "payload_invalid"),
        ("code", {"code": 19024}, PERMANENT, "payload_invalid"),
        ("code", {"code": 19021}, PERMANENT, "provider_auth_failed"),
    ],
)
def test_a_failing_feishu_has_an_outcome(
    feishu: FeishuSimulator, kind: str, narrowed: Any, expected: type[Outcome], code: str
) -> None:
    """One call each: nothing is retried or followed here."""
    feishu.set_fault(kind, **narrowed)
    outcome = deliver(feishu.url)
    assert isinstance(outcome, TemporaryFailure | PermanentFailure)
    assert (type(outcome), outcome.code.value) == (expected, code)
    assert len(feishu.calls()) == 1


@pytest.mark.parametrize("header", ["Retry-After", "x-ogw-ratelimit-reset"])
def test_the_wait_that_feishu_asks_for_is_passed_on(feishu: FeishuSimulator, header: str) -> None:
    """In whichever header it comes."""
    feishu.set_fault("http_429", retry_after=77, retry_header=header)
    outcome = deliver(feishu.url)
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.retry_after == timedelta(seconds=77)


def test_a_wrong_token_and_a_disabled_webhook_are_permanent(feishu: FeishuSimulator) -> None:
    """Feishu refuses them with HTTP 200."""
    feishu.set_webhook(WEBHOOK_KEY, bearer_token="another")
    refused = deliver(feishu.url)
    feishu.set_webhook(WEBHOOK_KEY, enabled=False)
    disabled = deliver(feishu.url)
    assert isinstance(refused, PermanentFailure)
    assert isinstance(disabled, PermanentFailure)
    assert (refused.code, disabled.code) == ("provider_auth_failed", "payload_invalid")


def test_a_url_that_is_not_feishus_is_not_called(feishu: FeishuSimulator) -> None:
    """The default rule takes Feishu only; nothing was said, so nothing is kept."""
    with courier("https://www.feishu.cn") as flow:
        outcome = flow.deliver(attempt(), channel_at(feishu.url))
    assert isinstance(outcome, PermanentFailure)
    assert (outcome.code, outcome.exchange) == ("invalid_url", Exchange())
    assert feishu.calls() == []


@pytest.mark.parametrize("token", ["令牌令牌令牌令牌", "token\nX-Evil: 1", "token\r\n\r\nGET / HTTP/1.1", "token\x00"])
def test_a_token_that_no_header_can_carry_is_permanent(feishu: FeishuSimulator, token: str) -> None:
    """Nothing is injected, and trying again would not help."""
    outcome = deliver(feishu.url, bearer_token=token)
    assert [call for call in feishu.calls() if call.method != "POST"] == []
    assert isinstance(outcome, PermanentFailure | Delivered)
    assert token not in repr(outcome)
