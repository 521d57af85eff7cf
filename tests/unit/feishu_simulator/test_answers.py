"""Feishu's answers and its faults, over real connections."""

import json
import time
from typing import Any

import pytest
import urllib3

from local.feishu import FeishuSimulator
from tests.unit.feishu_simulator.messages import HEADERS, body, post


def test_a_good_call_is_answered_in_feishus_shape(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """HTTP 200, code 0, over a connection that is kept."""
    answer = post(http, feishu)
    assert (answer.status, answer.json()) == (200, {"code": 0, "msg": "success", "data": {}})
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Connection"] == "keep-alive"


@pytest.mark.parametrize(
    ("fault", "status", "content"),
    [
        ({"kind": "rate_limited"}, 200, {"code": 11232}),
        ({"kind": "code", "code": 19001}, 200, {"code": 19001}),
        ({"kind": "code", "code": 424242, "msg": "never seen"}, 200, {"code": 424242, "msg": "never seen"}),
        ({"kind": "http_429"}, 429, {"code": 99991400}),
        ({"kind": "http_5xx"}, 503, None),
        ({"kind": "http_5xx", "status": 502, "delay": 0.01}, 502, None),
        ({"kind": "code", "code": 9499, "msg": "too many request", "status": 400}, 400, {"code": 9499}),
        ({"kind": "code", "code": 2200}, 200, {"msg": "internal error"}),
        ({"kind": "http_status", "status": 408}, 408, None),
        ({"kind": "no_json"}, 200, None),
        ({"kind": "redirect"}, 302, None),
    ],
)
def test_a_refusing_fault_is_answered_as_told_and_nobody_sees_the_message(
    feishu: FeishuSimulator, http: urllib3.PoolManager, fault: dict[str, Any], status: int, content: Any
) -> None:
    """The log says the same as the answer, and which fault it was."""
    feishu.set_fault(**fault)
    answer = post(http, feishu)
    assert answer.status == status
    assert content is None or {name: answer.json()[name] for name in content} == content
    [call] = feishu.calls()
    assert (call.status, call.fault, call.accepted) == (status, fault["kind"], False)


@pytest.mark.parametrize("header", ["Retry-After", "x-ogw-ratelimit-reset"])
def test_a_rate_limit_says_how_long_to_wait_in_the_header_it_is_told(
    feishu: FeishuSimulator, http: urllib3.PoolManager, header: str
) -> None:
    """Both of the headers that Feishu's gateways use."""
    feishu.set_fault("http_429", retry_after=17, retry_header=header)
    assert post(http, feishu).headers[header] == "17"


@pytest.mark.parametrize(("kind", "accepted"), [("cut", False), ("accepted_then_cut", True)])
def test_a_cut_connection_tells_the_caller_nothing(
    feishu: FeishuSimulator,
    http: urllib3.PoolManager,
    kind: str,
    accepted: bool,  # noqa: FBT001 - a parameter
) -> None:
    """The caller sees the same in both cases; only the log knows whether the user saw the message."""
    feishu.set_fault(kind)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        post(http, feishu)
    [call] = feishu.calls()
    assert (call.status, call.code, call.accepted) == (None, None, accepted)


def test_a_slow_call_is_accepted_at_once_and_answered_late(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """A caller that gives up first does not keep the user from seeing the message."""
    feishu.set_fault("slow", delay=30, user_id=8)
    feishu.set_fault("slow", delay=0.2)
    began = time.monotonic()
    assert post(http, feishu).json()["code"] == 0
    assert time.monotonic() - began >= 0.2
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        post(http, feishu, user_id=8, timeout=0.2)
    assert [call.accepted for call in feishu.calls()] == [True, True]


def test_an_endless_body_ends_when_the_caller_hangs_up(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """The client can read as much as it likes, and the next call is served."""
    feishu.set_fault("endless_body", user_id=8)
    answer = http.request("POST", feishu.webhook_url("k"), body=body(user_id=8), headers=HEADERS, preload_content=False)
    read = sum(len(answer.read(64 * 1024)) for _ in range(40))
    answer.close()
    assert read > 1_000_000
    assert post(http, feishu).json()["code"] == 0


@pytest.mark.parametrize("kind", ["dripping_body", "dripping_headers"])
def test_a_dripping_answer_is_whole_in_the_end(feishu: FeishuSimulator, http: urllib3.PoolManager, kind: str) -> None:
    """Its bytes come slowly, but never so slowly that a read times out; the user has seen the message."""
    feishu.set_fault(kind, interval=0.002)
    began = time.monotonic()
    assert post(http, feishu).json()["code"] == 0
    assert time.monotonic() - began >= 0.04
    assert feishu.calls()[0].accepted


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_an_answer_can_claim_an_encoding_that_it_does_not_have(
    feishu: FeishuSimulator, http: urllib3.PoolManager, encoding: str
) -> None:
    """The body is plain JSON, which a client that decodes it cannot read; the user has seen the message."""
    feishu.set_fault("false_encoding", encoding=encoding)
    answer = http.request(
        "POST", feishu.webhook_url("k"), body=body(), headers=HEADERS, preload_content=False, decode_content=False
    )
    assert answer.headers["Content-Encoding"] == encoding
    assert json.loads(answer.read(decode_content=False))["code"] == 0
    assert feishu.calls()[0].accepted


def test_a_connection_that_was_idle_is_reset_by_the_next_call(feishu: FeishuSimulator) -> None:
    """Calls that follow at once are served, and so is a call on a new connection."""
    feishu.set_fault("reset_when_idle", idle=0.2)
    with urllib3.PoolManager(retries=False, timeout=10, maxsize=1) as http:
        for _ in range(2):
            assert post(http, feishu).status == 200
        time.sleep(0.3)
        with pytest.raises(urllib3.exceptions.ProtocolError, match="Connection reset by peer"):
            post(http, feishu)
        assert post(http, feishu).status == 200
    assert [(call.status, call.accepted) for call in feishu.calls()] == [
        (200, True),
        (200, True),
        (None, False),
        (200, True),
    ]


def test_who_follows_a_redirect_is_found_in_the_log(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """By default it leads to a webhook that nobody else calls."""
    feishu.set_fault("redirect", key="key-1")
    http.request("POST", feishu.webhook_url("key-1"), body=body(), headers=HEADERS, redirect=True, retries=1)
    assert len(feishu.calls(key="redirected")) == 1


def test_failing_once_means_once_for_each_notification(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """The second call for each notification is accepted, in whatever order the calls come."""
    feishu.set_fault("http_5xx", first=1)
    for notification_id in (1, 2, 1, 2):
        post(http, feishu, notification_id=notification_id)
    assert [(call.notification_id, call.attempt, call.accepted) for call in feishu.calls()] == [
        (1, 1, False),
        (2, 1, False),
        (1, 2, True),
        (2, 2, True),
    ]


def test_a_call_that_the_rules_refuse_meets_no_fault_and_is_no_attempt(
    feishu: FeishuSimulator, http: urllib3.PoolManager
) -> None:
    """A fault never hides a mistake of the caller."""
    feishu.set_fault("slow", delay=30)
    assert post(http, feishu, version="2").json()["code"] == 9499
    [call] = feishu.calls()
    assert (call.attempt, call.fault, call.accepted, call.code) == (0, None, False, 9499)
