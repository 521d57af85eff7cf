"""The simulated Feishu over real connections: its answers, its faults, its log, and its own addresses."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import urllib3

from local.feishu import FaultError, FeishuSimulator
from tests.unit.flow_messages import body, message

HEADERS = {"Content-Type": "application/json; charset=utf-8"}


@pytest.fixture(scope="module")
def server() -> Iterator[FeishuSimulator]:
    with FeishuSimulator() as simulator:
        yield simulator


@pytest.fixture
def feishu(server: FeishuSimulator) -> FeishuSimulator:
    server.clear_faults()
    server.clear_calls()
    return server


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=10, maxsize=100) as pool:
        yield pool


def post(
    http: urllib3.PoolManager, feishu: FeishuSimulator, *, key: str = "key-1", patience: float = 10, **changes: Any
) -> urllib3.BaseHTTPResponse:
    url = feishu.webhook_url(key)
    return http.request("POST", url, body=body(**changes), headers=HEADERS, timeout=patience, redirect=False)


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
    """A caller that gives up first leaves a message behind that its user has seen."""
    feishu.set_fault("slow", delay=30, user_id=8)
    feishu.set_fault("slow", delay=0.2)
    began = time.monotonic()
    assert post(http, feishu).json()["code"] == 0
    assert time.monotonic() - began >= 0.2
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        post(http, feishu, user_id=8, patience=0.2)
    assert [call.accepted for call in feishu.calls()] == [True, True]


def test_an_endless_body_ends_when_the_caller_hangs_up(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """As much as anybody reads, and the next caller is served."""
    feishu.set_fault("endless_body", user_id=8)
    answer = http.request("POST", feishu.webhook_url("k"), body=body(user_id=8), headers=HEADERS, preload_content=False)
    read = sum(len(answer.read(64 * 1024)) for _ in range(40))
    answer.close()
    assert read > 1_000_000
    assert post(http, feishu).json()["code"] == 0


@pytest.mark.parametrize("kind", ["dripping_body", "dripping_headers"])
def test_a_dripping_answer_is_whole_in_the_end(feishu: FeishuSimulator, http: urllib3.PoolManager, kind: str) -> None:
    """Byte by byte, so that no time-out between two bytes is ever reached; the user has seen the message."""
    feishu.set_fault(kind, interval=0.001)
    began = time.monotonic()
    assert post(http, feishu).json()["code"] == 0
    assert time.monotonic() - began >= 0.04
    assert feishu.calls()[0].accepted


def test_who_follows_a_redirect_is_found_in_the_log(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """By default it leads to a webhook that nobody else calls."""
    feishu.set_fault("redirect", key="key-1")
    http.request("POST", feishu.webhook_url("key-1"), body=body(), headers=HEADERS, redirect=True, retries=1)
    assert len(feishu.calls(key="redirected")) == 1


def test_failing_once_means_once_for_each_notification(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """The second call for a notification is the one that is accepted, however the calls mix."""
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
    """A fault never hides a mistake of the caller's."""
    feishu.set_fault("slow", delay=30)
    assert post(http, feishu, version="2").json()["code"] == 9499
    [call] = feishu.calls()
    assert (call.attempt, call.fault, call.accepted, call.code) == (0, None, False, 9499)


def test_the_log_says_whether_a_token_matched_and_never_shows_it(
    feishu: FeishuSimulator, http: urllib3.PoolManager
) -> None:
    """Not the one that is expected, and not the one that was sent."""
    feishu.set_webhook("key-2", bearer_token="expected-token")
    for token in ("expected-token", "other-token"):
        headers = {**HEADERS, "Authorization": f"Bearer {token}"}
        http.request("POST", feishu.webhook_url("key-2"), body=body(), headers=headers)
    assert [(call.bearer_matched, call.accepted) for call in feishu.calls()] == [(True, True), (False, False)]
    shown = http.request("GET", f"{feishu.url}/_calls").data + http.request("GET", f"{feishu.url}/_webhooks").data
    assert b"token" not in shown.replace(b"bearer_token", b"")


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
    """Neither broken UTF-8 nor half a surrogate keeps the log from being shown."""
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
    assert shown == {"calls": 3, "accepted": 3, "notifications": 2, "accepted_more_than_once": {"3": 2}}
    assert shown == feishu.summary()


def test_clearing_the_log_makes_the_next_call_the_first(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """DELETE /_calls: nothing of before is left, counters included."""
    post(http, feishu)
    http.request("DELETE", f"{feishu.url}/_calls")
    post(http, feishu)
    assert [call.attempt for call in feishu.calls()] == [1]


def test_faults_can_be_set_listed_and_cleared_while_it_runs(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """POST adds one or a list, GET lists, DELETE clears."""
    url = f"{feishu.url}/_faults"
    http.request("POST", url, body=b'{"kind": "cut", "user_id": 8}')
    http.request("POST", url, body=b'[{"kind": "no_json"}, {"kind": "slow", "delay": 1}]')
    assert [fault["kind"] for fault in http.request("GET", url).json()] == ["cut", "no_json", "slow"]
    assert http.request("DELETE", url).json() == []
    assert post(http, feishu, user_id=8).json()["code"] == 0


@pytest.mark.parametrize(
    ("path", "content", "line"),
    [
        ("/_faults", b'{"kind": "slow", "delay": "x"}', "delay: should be seconds, from 0 to 3600\n"),
        ("/_faults", b'[{"kind": "cut"}, {"kind": "cut", "share": 2}]', "share: should be a number from 0 to 1\n"),
        ("/_faults", b'{"kind": "cut", "\\ud800": 1}', "?: no such field;"),
        ("/_faults", b"{", "the body should be JSON:"),
        ("/_webhooks", b"{}", "key: should be given;"),
        ("/_webhooks", b'{"key": "a/b"}', "key: should hold letters, digits, - and _ only\n"),
        ("/_webhooks", b'{"key": "a", "enabled": "no"}', "enabled: should be true or false\n"),
        ("/_webhooks", b'{"key": "a", "token": ""}', "token: no such field;"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_whole(
    feishu: FeishuSimulator, http: urllib3.PoolManager, path: str, content: bytes, line: str
) -> None:
    """HTTP 400 and a line that names the field; nothing of the request is set."""
    answer = http.request("POST", feishu.url + path, body=content)
    assert answer.status == 400
    assert answer.data.decode().startswith(line)
    assert feishu.trigger.faults.faults == ()


def test_a_webhook_is_set_up_while_it_runs(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """Its token and whether it is enabled, as its owner would in Feishu."""
    url = f"{feishu.url}/_webhooks"
    http.request("POST", url, body=b'{"key": "key-3", "enabled": false, "bearer_token": "t"}')
    assert post(http, feishu, key="key-3").json()["code"] == 800004509
    http.request("POST", url, body=b'{"key": "key-3", "bearer_token": "t"}')
    assert post(http, feishu, key="key-3").json()["code"] == 800005649
    assert {"key": "key-3", "enabled": True, "asks_for_bearer": True} in http.request("GET", url).json()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_nothing", 404),
        ("PUT", "/_faults", 405),
        ("GET", "/_calls?notification_id=x", 400),
        ("GET", "/_calls?user=1", 400),
    ],
)
def test_a_wrong_question_is_answered_with_one_line(
    feishu: FeishuSimulator, http: urllib3.PoolManager, method: str, path: str, status: int
) -> None:
    """What is wrong, and what there is instead."""
    answer = http.request(method, feishu.url + path)
    assert (answer.status, answer.data.count(b"\n")) == (status, 1)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/3\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
    ],
)
def test_what_is_no_http_gets_an_answer_and_the_connection_ends(
    feishu: FeishuSimulator, sent: bytes, status: int
) -> None:
    """The server stays up, whatever bytes come."""
    port = int(feishu.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, connection.makefile("rb") as answer:
        connection.sendall(sent)
        assert answer.readline().startswith(f"HTTP/1.1 {status} ".encode())


def test_a_hundred_calls_at_once_wait_together(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """With half a second of latency each, one after another would take 50 seconds."""
    feishu.set_fault("slow", delay=0.5)
    with ThreadPoolExecutor(100) as threads:
        began = time.monotonic()
        answers = list(threads.map(lambda number: post(http, feishu, notification_id=number), range(1, 101)))
        took = time.monotonic() - began
    assert {answer.status for answer in answers} == {200}
    assert took < 10


def test_a_fault_that_makes_no_sense_is_refused_in_process_too(feishu: FeishuSimulator) -> None:
    """The same line as over HTTP."""
    with pytest.raises(FaultError, match="delay: should be given in seconds"):
        feishu.set_fault("slow")


def test_the_port_is_free_again_after_the_block(http: urllib3.PoolManager) -> None:
    """Even when callers still hold connections, and a slow one waits for its answer."""
    with FeishuSimulator() as first:
        first.set_fault("slow", delay=60, user_id=8)
        post(http, first)
        with pytest.raises(urllib3.exceptions.ReadTimeoutError):
            post(http, first, user_id=8, patience=0.1)
    port = int(first.url.rpartition(":")[2])
    with FeishuSimulator(port=port) as second:
        assert post(http, second).status == 200


def test_a_port_that_is_taken_is_an_error(feishu: FeishuSimulator) -> None:
    """And leaves no thread behind."""
    with pytest.raises(OSError, match="address already in use"), FeishuSimulator(port=int(feishu.url[-5:])):
        pass
