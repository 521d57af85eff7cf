"""The log of calls and its summary."""

import json

import pytest
import urllib3

from local.feishu import FeishuSimulator
from tests.unit.feishu_simulator.messages import HEADERS, body, message, post


def test_the_log_says_whether_a_token_matched_and_never_shows_it(
    feishu: FeishuSimulator, http: urllib3.PoolManager
) -> None:
    """Neither the expected one nor the one that was sent."""
    feishu.set_webhook("key-2", bearer_token="expected-token")
    for token in ("expected-token", "other-token"):
        headers = {**HEADERS, "Authorization": f"Bearer {token}"}
        http.request("POST", feishu.webhook_url("key-2"), body=body(), headers=headers)
    assert [(call.bearer_matched, call.accepted) for call in feishu.calls()] == [(True, True), (False, False)]
    shown = http.request("GET", f"{feishu.url}/_calls").data + http.request("GET", f"{feishu.url}/_webhooks").data
    assert b"expected-token" not in shown
    assert b"other-token" not in shown


def test_calls_are_listed_one_json_object_a_line(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """Filtered by notification, with what was received and answered."""
    for notification_id in (1, 2):
        post(http, feishu, notification_id=notification_id)
    listed = http.request("GET", f"{feishu.url}/_calls?notification_id=2").data.decode()
    [line] = listed.splitlines()
    shown = json.loads(line)
    assert shown["request"] == message(notification_id=2)
    assert shown["answer"] == {"code": 0, "msg": "success", "data": {}}
    assert (shown["key"], shown["user_id"], shown["status"], shown["code"]) == ("key-1", 7, 200, 0)
    assert shown["received_at"].endswith("+00:00")


def test_any_bytes_can_be_listed(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """The log can show broken UTF-8 and half a surrogate."""
    for content in (b"\xff\x00", b'{"event": "\\ud800"}', b"[]", b"{}"):
        http.request("POST", feishu.webhook_url("k"), body=content, headers=HEADERS)
    listed = http.request("GET", f"{feishu.url}/_calls").data.decode().splitlines()
    assert [json.loads(line)["request"] for line in listed] == ["�\x00", {"event": "?"}, "[]", {}]


def test_the_summary_counts_who_saw_a_message_twice(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """Also when the caller was never told that it had been accepted."""
    feishu.set_fault("accepted_then_cut", first=1, user_id=8)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        post(http, feishu, user_id=8, notification_id=3)
    post(http, feishu, user_id=8, notification_id=3)
    post(http, feishu, notification_id=4)
    shown = http.request("GET", f"{feishu.url}/_calls/summary").json()
    assert shown == feishu.summary()
    assert (shown["calls"], shown["accepted"], shown["notifications"]) == (3, 3, 2)
    assert shown["accepted_more_than_once"] == {"3": 2}


def test_the_summary_counts_client_tokens(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """Those of all calls, and those whose message was accepted more than once."""
    feishu.set_fault("http_5xx", first=1)
    for token, notification_id in (("a", 1), ("a", 1), ("a", 1), ("b", 2), ("b", 2), ("c", 3)):
        headers = {**HEADERS, "Client-Token": token}
        content = body(notification_id=notification_id)
        http.request("POST", feishu.webhook_url("k"), body=content, headers=headers)
    shown = feishu.summary()
    assert (shown["client_tokens"], shown["client_tokens_accepted_more_than_once"]) == (3, {"a": 2})
    assert feishu.calls(notification_id=3)[0].client_token == "c"


def test_clearing_the_log_makes_the_next_call_the_first(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """DELETE /_calls also resets the count of attempts."""
    post(http, feishu)
    http.request("DELETE", f"{feishu.url}/_calls")
    post(http, feishu)
    assert [call.attempt for call in feishu.calls()] == [1]
