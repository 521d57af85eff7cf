"""The paths by which the simulator is controlled."""

import pytest
import urllib3

from local.feishu import FeishuSimulator
from tests.unit.feishu_simulator.messages import post


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
    assert feishu.receiver.faults.faults == ()


def test_a_webhook_is_set_up_while_it_runs(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """It asks for a token, and may be disabled, as its owner may choose in Feishu."""
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
    """It says what is wrong and what there is instead."""
    answer = http.request(method, feishu.url + path)
    assert (answer.status, answer.data.count(b"\n")) == (status, 1)
