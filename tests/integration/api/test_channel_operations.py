"""The four channel operations, answer for answer as the front ends of the Go service know them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from tests.integration.api.calling import BACKEND, CHANNEL, ROOT, Answer, Claims, call, jwt
from tests.integration.api.stage import Stage
from tests.integration.clock import Clock
from tests.integration.credentials.test_channels import add_go_row, stored, write

NOTHING = {
    "channel": "feishu_webhook",
    "enabled": False,
    "configured": False,
    "auth_type": "none",
    "has_bearer_token": False,
}
WRONG = (400, "40005", "wrong param type")
MISSING = (400, "40004", "missing param")
KEY = "abcd1234efgh5678"


@pytest.fixture(params=["user", "backend"])
def door(request: pytest.FixtureRequest) -> tuple[str, Claims]:
    """The path and the identity by which user 7's channel is reached: with a token, and by a backend."""
    return (CHANNEL, jwt(7)) if request.param == "user" else (f"{ROOT}/users/7/channels/feishu", BACKEND)


def put(body: object) -> Answer:
    return call("PUT", CHANNEL, body, by=jwt(7))


def show(user: int = 7) -> Any:
    return call("GET", CHANNEL, by=jwt(user)).data


def saved(stage: Stage, **changes: object) -> dict[str, object]:
    """A channel as GET shows it."""
    mask = f"{stage.feishu.url}/flow/api/trigger-webhook/abcd...5678"
    usual = {"enabled": True, "configured": True, "webhook_url_mask": mask, "auth_type": "none"}
    return {"channel": "feishu_webhook", **usual, "has_bearer_token": False, **changes}


def test_a_channel_is_saved_shown_and_deleted(stage: Stage, door: tuple[str, Claims]) -> None:
    """By both doors. Without a channel the last_test fields and the mask are left out; deleting twice is the same."""
    path, by = door
    assert call("GET", path, by=by).data == NOTHING
    body = {"webhook_url": stage.feishu.webhook_url(KEY), "enabled": True, "auth_type": "none"}
    assert call("PUT", path, body, by=by).data == saved(stage)
    assert call("GET", path, by=by).data == saved(stage)
    for _ in range(2):
        assert call("DELETE", path, by=by).data == {"deleted": True}
    assert call("GET", path, by=by).data == NOTHING


def test_a_token_is_kept_and_never_shown(stage: Stage) -> None:
    """`bearer` in any case, and trimmed, like the URL and the token."""
    url = f"  {stage.feishu.webhook_url(KEY)}\n"
    body = {"webhook_url": url, "auth_type": " Bearer ", "bearer_token": "\t some-secret-token "}
    assert put(body).data == saved(stage, auth_type="bearer", has_bearer_token=True)
    stage.feishu.set_webhook(KEY, bearer_token="some-secret-token")
    assert call("POST", f"{CHANNEL}/test", by=jwt(7)).data["status"] == "success"


@pytest.mark.parametrize("auth_type", [{}, {"auth_type": None}, {"auth_type": ""}, {"auth_type": "basic"}])
def test_any_other_auth_type_is_none(stage: Stage, auth_type: dict[str, object]) -> None:
    """And a token beside it is not kept."""
    body = {"webhook_url": stage.feishu.webhook_url(KEY), "bearer_token": "a-token", **auth_type}
    assert put(body).data == saved(stage)


def test_a_channel_is_enabled_unless_it_says_false(stage: Stage) -> None:
    """Absent and null are true."""
    url = stage.feishu.webhook_url(KEY)
    for enabled in ({}, {"enabled": None}, {"enabled": True}):
        assert put({"webhook_url": url, "enabled": False}).data == saved(stage, enabled=False)
        assert put({"webhook_url": url, **enabled}).data == saved(stage)


def test_unknown_fields_are_ignored(stage: Stage) -> None:
    """Above all a user_id."""
    body = {"webhook_url": stage.feishu.webhook_url(KEY), "user_id": 8, "channel": "x", "nested": {"a": [1, None]}}
    assert put(body).data == saved(stage)
    assert show(8) == NOTHING


BODIES: list[str | bytes | None] = [
    None,
    "",
    "no JSON",
    "null",
    "[]",
    "7",
    '"text"',
    "{",
    "{}",
    '{"webhook_url": ""}',
    '{"webhook_url": null}',
    '{"webhook_url": 7}',
    '{"webhook_url": ["https://www.feishu.cn"]}',
    '{"webhook_url": "URL", "enabled": "true"}',
    '{"webhook_url": "URL", "enabled": 1}',
    '{"webhook_url": "URL", "auth_type": 1}',
    '{"webhook_url": "URL", "auth_type": {"a": 1}}',
    '{"webhook_url": "URL", "bearer_token": 1}',
    '{"webhook_url": "URL", "bearer_token": false}',
    '{"webhook_url": "URL", "webhook_url": "URL"}',
    '{"webhook_url": "URL", "other": {"a": 1, "a": 1}}',
    '{"webhook_url": "URL", "other": NaN}',
    '{"webhook_url": "URL", "other": "\x00"}',
    '{"webhook_url": "URL", "other": "\n"}',
    '{"webhook_url": "URL"} {}',
    '{"webhook_url": "URL",}',
    "\ufeff{}",
    '{"webhook_url": "URL", "auth_type": "bearer", "bearer_token": "a\\nb"}',
    '{"webhook_url": "URL", "auth_type": "bearer", "bearer_token": "a\\u0000b"}',
    '{"webhook_url": "URL", "auth_type": "bearer", "bearer_token": "\\ud800"}',
    '{"webhook_url": "URL", "auth_type": "bearer", "bearer_token": "密"}',
    '{"webhook_url": "URL\\u0000"}',
    '{"webhook_url": "\\ud800"}',
    b"\xff\xfe",
    b'{"webhook_url": "\xc3\x28"}',
    "[" * 100_000,
    '{"webhook_url": "URL", "number": ' + "9" * 5_000 + "}",
    '{"webhook_url": "URL", "other": "' + "x" * 10_000_000 + '"}',
    '{"webhook_url": "' + "x" * 10_000_000 + '"}',
    b'{"webhook_url": "' + b"x" * 7_000_000 + b'"}',
    '{"webhook_url": "URL", "auth_type": "bearer", "bearer_token": "' + "x" * 5_000 + '"}',
]


def test_a_body_that_means_nothing_or_two_things_is_refused(stage: Stage) -> None:
    """Nothing is saved then, and the answer repeats nothing of it."""
    url = stage.feishu.webhook_url(KEY)
    given = [body.replace("URL", url) if isinstance(body, str) else body for body in BODIES]
    answers = [(repr(body)[:80], put(body)) for body in given]
    assert [(body, answer.body) for body, answer in answers if answer.refusal != WRONG] == []
    assert show() == NOTHING


def test_a_parameter_that_is_there_and_empty_is_missing(stage: Stage) -> None:
    """A URL of blanks, and `bearer` without a token."""
    url = {"webhook_url": stage.feishu.webhook_url(KEY)}
    assert put({"webhook_url": "  \t\n"}).refusal == MISSING
    assert put({**url, "auth_type": "bearer"}).refusal == MISSING
    assert put({**url, "auth_type": " BEARER ", "bearer_token": None}).refusal == MISSING
    assert put({**url, "auth_type": "bearer", "bearer_token": ""}).refusal == MISSING
    assert put({**url, "auth_type": "bearer", "bearer_token": " \n"}).refusal == MISSING
    assert show() == NOTHING


GOOD = f"https://www.feishu.cn/flow/api/trigger-webhook/{KEY}"


BAD = [
    "www.feishu.cn",
    GOOD.replace("https", "http"),
    GOOD.replace("https", "HTTPS"),
    GOOD.replace("https:", ""),
    GOOD.replace("https", "javascript"),
    GOOD.replace("www.feishu.cn", "evil.example"),
    GOOD.replace("www.feishu.cn", "www.feishu.cn.evil.example"),
    GOOD.replace("www.feishu.cn", "evil.example/www.feishu.cn"),
    GOOD.replace("www.feishu.cn", "www.feishu.cn@evil.example"),
    GOOD.replace("www.feishu.cn", "user:secret@www.feishu.cn"),
    GOOD.replace("www.feishu.cn", "@www.feishu.cn"),
    GOOD.replace("www.feishu.cn", "www.feishu.cn:443"),
    GOOD.replace("www.feishu.cn", "www.feishu.cn:"),
    GOOD.replace("www.feishu.cn", "www.feishu.cn:99999"),
    GOOD.replace("www.feishu.cn", "www.feishu.cn."),
    GOOD.replace("www.feishu.cn", ".www.feishu.cn"),
    GOOD.replace("www.feishu.cn", "www%2Efeishu.cn"),
    GOOD.replace("www.feishu.cn", "www.ｆeishu.cn"),
    GOOD.replace("www.feishu.cn", "www.feіshu.cn"),
    GOOD.replace("www.feishu.cn", "xn--feshu-2of.cn"),
    GOOD.replace("www.feishu.cn", "www。feishu。cn"),
    GOOD.replace("www.feishu.cn", "[::1]"),
    GOOD.replace("www.feishu.cn", "[::ffff:169.254.169.254]"),
    GOOD.replace("www.feishu.cn", "[::1"),
    GOOD.replace("www.feishu.cn", "169.254.169.254"),
    GOOD.replace("www.feishu.cn", "www.feishu.cn\\@evil.example"),
    GOOD.replace("https://", "https:\\\\"),
    GOOD.replace("/flow", "\\flow"),
    GOOD.replace("/flow", "/./flow"),
    GOOD.replace("/flow", "/x/../flow"),
    GOOD.replace("/flow", "//flow"),
    GOOD.replace("flow", "%66low"),
    GOOD.replace(KEY, f"../trigger-webhook/{KEY}"),
    GOOD.replace(KEY, "."),
    GOOD.replace(KEY, ".."),
    GOOD.replace(KEY, "%2e%2e"),
    GOOD.replace(KEY, ""),
    GOOD.replace(KEY, "k" * 201),
    GOOD.replace(KEY, "密"),
    f"{GOOD}/",
    f"{GOOD}/more",
    f"{GOOD}?a=b",
    f"{GOOD}?",
    f"{GOOD}#a",
    f"{GOOD}#",
    f"{GOOD};a",
    f"{GOOD}%00",
    f"{GOOD}\x00",
    f"{GOOD}\x7f",
    f"https://www.feishu.cn/flow/api/\ttrigger-webhook/{KEY}",
    f"https://www.feishu.cn/flow/api/\r\ntrigger-webhook/{KEY}",
    f"\x00{GOOD}",
]


def test_a_url_that_breaks_the_rules_is_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the origins of a deployed stage; what is a good URL there is saved."""
    monkeypatch.setenv("WEBHOOK_ORIGINS", "https://www.feishu.cn,https://feishu.cn")
    stage.forget()
    answers = {url: put({"webhook_url": url}).refusal for url in BAD}
    assert {url: answer for url, answer in answers.items() if answer != WRONG} == {}
    assert show() == NOTHING
    assert put({"webhook_url": GOOD}).data["configured"]
    assert put({"webhook_url": GOOD.replace("www.", "")}).data["configured"]


def test_a_body_is_read_as_json_whatever_its_content_type(stage: Stage) -> None:
    """API Gateway sends some types in base64."""
    body = f'{{"webhook_url": "{stage.feishu.webhook_url(KEY)}", "more": "周三"}}'
    types: tuple[dict[str, str], ...] = (
        {},
        {"content-type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    for headers in types:
        for given in (body, body.encode()):
            call("DELETE", CHANNEL, by=jwt(7))
            assert call("PUT", CHANNEL, given, by=jwt(7), headers=headers).data == saved(stage)


def test_a_test_sends_what_the_go_service_sent(stage: Stage, door: tuple[str, Claims]) -> None:
    """Over a socket; the answer has the channel as it is after the test, and no message."""
    path, by = door
    call("PUT", path, {"webhook_url": stage.feishu.webhook_url(KEY)}, by=by)
    data = call("POST", f"{path}/test", by=by).data
    [sent] = stage.feishu.calls()
    assert (sent.notification_id, sent.user_id, sent.accepted) == (0, 7, True)
    document = json.loads(sent.request_body)
    assert {name: document[name] for name in document if name not in ("message", "sent_at", "event", "version")} == {
        "notification_id": 0,
        "user_id": 7,
        "preview_id": "asp_test_webhook",
        "trigger_id": "ast_test_webhook",
        "trigger_type": "manual_test",
        "target_type": "notification_channel",
        "target_id": 0,
        "trace_id": "trace_feishu_webhook_test",
    }
    page = "/assistant/00000000-0000-0000-0000-000000000000"
    assert document["message"]["summary"].splitlines() == ["这是一条 SmartFlow 飞书 Webhook 测试消息。", page]
    assert document["message"]["action_url"] == f"https://app.example{page}"
    at = data["channel"]["last_test_at"]
    assert data == {
        "channel": saved(stage, last_test_status="success", last_test_at=at),
        "status": "success",
        "outcome": "success",
        "trace_id": "trace_feishu_webhook_test",
        "sent_at": data["sent_at"],
        "skipped": False,
        "provider": "feishu",
    }
    for moment in (at, data["sent_at"]):
        assert abs(datetime.fromisoformat(moment) - datetime.now(UTC)) < timedelta(minutes=1)
        assert moment.endswith("Z")


def test_two_tests_are_two_messages(stage: Stage) -> None:
    """Each has an idempotency key of its own."""
    put({"webhook_url": stage.feishu.webhook_url(KEY)})
    for _ in range(2):
        assert call("POST", f"{CHANNEL}/test", by=jwt(7)).data["status"] == "success"
    assert len({sent.client_token for sent in stage.feishu.calls()}) == 2


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "http_5xx"}, "temporary_fail"),
        ({"kind": "http_status", "status": 401}, "permanent_fail"),
    ],
)
def test_a_test_that_fails_is_answered_with_200(stage: Stage, fault: dict[str, Any], outcome: str) -> None:
    """The words stand in the answer and at the channel."""
    put({"webhook_url": stage.feishu.webhook_url(KEY)})
    stage.feishu.set_fault(**fault)
    data = call("POST", f"{CHANNEL}/test", by=jwt(7)).data
    assert (data["status"], data["outcome"], data["skipped"]) == ("failed", outcome, False)
    assert data["message"]
    shown = show()
    assert data["channel"] == shown
    assert (shown["last_test_status"], shown["last_test_error"]) == ("failed", data["message"])


def test_a_test_without_a_channel_is_skipped(stage: Stage) -> None:
    """It failed, nothing is sent, and no row is made for the result."""
    data = call("POST", f"{CHANNEL}/test", by=jwt(7)).data
    assert data == {
        "channel": NOTHING,
        "status": "failed",
        "outcome": "skipped",
        "message": "用户未配置飞书 Webhook 触发器",
        "trace_id": "trace_feishu_webhook_test",
        "sent_at": data["sent_at"],
        "skipped": True,
        "provider": "feishu",
    }
    assert stage.feishu.calls() == []
    assert show() == NOTHING


def test_a_test_of_a_disabled_channel_is_skipped_and_counts_as_failed(stage: Stage) -> None:
    """It is written to the row."""
    put({"webhook_url": stage.feishu.webhook_url(KEY), "enabled": False})
    data = call("POST", f"{CHANNEL}/test", by=jwt(7)).data
    assert (data["status"], data["outcome"], data["skipped"]) == ("failed", "skipped", True)
    assert data["message"] == "用户未启用飞书 Webhook 触发器"
    assert (show()["last_test_status"], show()["last_test_error"]) == ("failed", data["message"])
    assert stage.feishu.calls() == []


def test_saving_again_keeps_the_last_test(stage: Stage) -> None:
    """Deleting forgets it."""
    body = {"webhook_url": stage.feishu.webhook_url(KEY)}
    put(body)
    call("POST", f"{CHANNEL}/test", by=jwt(7))
    tested = show()
    assert put({**body, "enabled": False}).data == {**tested, "enabled": False}
    call("DELETE", CHANNEL, by=jwt(7))
    put(body)
    assert show() == saved(stage)


def test_a_slow_feishu_is_left_within_the_time_of_a_request(stage: Stage) -> None:
    """After four of six seconds: what came of it is written and answered."""
    put({"webhook_url": stage.feishu.webhook_url(KEY)})
    stage.feishu.set_fault("slow", delay=30)
    data = call("POST", f"{CHANNEL}/test", by=jwt(7)).data
    assert (data["status"], data["outcome"]) == ("failed", "temporary_fail")
    assert show()["last_test_status"] == "failed"
    assert len(stage.feishu.calls()) == 1


def test_a_row_of_the_go_service_is_shown_tested_and_sealed_by_saving(
    stage: Stage, engine: Engine, clock: Clock
) -> None:
    """Its URL and token stand there in plain text."""
    url = stage.feishu.webhook_url(KEY)
    add_go_row(engine, clock, 7, webhook_url=url, auth_type="bearer", bearer_token="plain-token")
    assert show() == saved(stage, auth_type="bearer", has_bearer_token=True)
    assert call("POST", f"{CHANNEL}/test", by=jwt(7)).data["status"] == "success"
    put({"webhook_url": url})
    assert stored(engine, 7).webhook_url.startswith("v1:")
    assert stored(engine, 7).bearer_token == ""


def test_a_channel_that_cannot_be_read_can_be_saved_anew(stage: Stage, engine: Engine) -> None:
    """Until then it is shown without where it leads, and a test fails for good."""
    put({"webhook_url": stage.feishu.webhook_url(KEY)})
    write(engine, 7, webhook_url="v1:999:damaged")
    assert show() == saved(stage, webhook_url_mask="****")
    assert call("POST", f"{CHANNEL}/test", by=jwt(7)).data["outcome"] == "permanent_fail"
    assert put({"webhook_url": stage.feishu.webhook_url(KEY)}).data["webhook_url_mask"].endswith("5678")


def test_no_answer_may_be_kept_by_a_cache(stage: Stage) -> None:
    """And each is JSON."""
    answer = call("GET", CHANNEL, by=jwt(7))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"


def test_the_row_s_way_is_the_flow_webhook(stage: Stage, engine: Engine) -> None:
    """As send looks for it."""
    put({"webhook_url": stage.feishu.webhook_url(KEY)})
    assert stored(engine, 7).channel == FLOW_WEBHOOK
