"""What the simulated Flow webhook refuses, and in which words."""

import json
from typing import Any

import pytest

from local.feishu.receiver import Receiver, Reply
from local.feishu.server.requests import Request
from local.feishu.ways.flow_webhook import PATH
from local.feishu.ways.way import Webhook
from tests.unit.feishu_simulator.messages import body, message

WORDS = message()["message"]
JSON_TYPE = "application/json; charset=utf-8"


def request(
    *,
    method: str = "POST",
    path: str = PATH + "key-1",
    content: bytes | None = None,
    content_type: str = JSON_TYPE,
    authorization: str = "",
) -> Request:
    given = {"content-type": content_type, "authorization": authorization}
    content = body() if content is None else content
    return Request(method=method, path=path, query="", headers=given, body=content, keep_alive=True)


def received(asked: Request, webhook: Webhook | None = None) -> Reply:
    return Receiver(webhooks={"key-1": webhook} if webhook else {}).receive(asked)


def refused(asked: Request, webhook: Webhook | None = None) -> tuple[int, int | None, str]:
    reply = received(asked, webhook)
    assert not reply.accepted
    answer = reply.answer
    said = json.loads(answer.body)["msg"] if answer.code is not None else answer.body.decode().strip()
    return answer.status, answer.code, said


def test_a_good_message_is_accepted() -> None:
    """With and without trace_id, and with fields that the flow does not know."""
    assert received(request()).accepted
    assert received(request(content=body(trace_id="t-1", more={"x": 1}))).accepted


@pytest.mark.parametrize("path", ["/", "/flow/api/trigger-webhook/", "/flow/api/trigger-webhook/a/b", "/open-apis/x"])
def test_only_the_path_of_a_webhook_is_served(path: str) -> None:
    """Anything else is a page that does not exist."""
    assert refused(request(path=path)) == (404, None, "404 page not found")


@pytest.mark.parametrize("method", ["GET", "PUT", "post"])
def test_only_post_is_served(method: str) -> None:
    """Other methods are answered 405, naming the one that is allowed."""
    answer = received(request(method=method)).answer
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/xml", "application/json; charset=gbk"])
def test_only_json_in_utf_8_is_taken(content_type: str) -> None:
    """Code 9499, even if the body is JSON."""
    asked = request(content_type=content_type)
    assert refused(asked) == (200, 9499, "Bad Request: Content-Type should be application/json")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"version": NaN}', b"[" * 5000])
def test_a_body_that_is_not_a_json_object_is_refused_with_its_own_code(content: bytes) -> None:
    """Code 800006003, whatever the bytes."""
    assert refused(request(content=content))[:2] == (200, 800006003)


def test_a_body_over_4_mb_is_refused_with_its_own_code() -> None:
    """Code 800005647, although the body is not JSON either."""
    assert refused(request(content=b" " * (4 * 1024 * 1024 + 1)))[1] == 800005647


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"event": None}, "event is missing"),
        ({"event": ""}, "event should be a string that is not empty"),
        ({"version": 1}, 'version should be the string "1"'),
        ({"notification_id": "11"}, "notification_id should be a whole number, 0 for a test message"),
        ({"notification_id": -1}, "notification_id should be a whole number, 0 for a test message"),
        ({"notification_id": False}, "notification_id should be a whole number, 0 for a test message"),
        ({"user_id": True}, "user_id should be a whole number above 0"),
        ({"preview_id": " "}, "preview_id should be a string that is not empty"),
        ({"trigger_id": 5}, "trigger_id should be a string"),
        ({"target_id": 1.5}, "target_id should be a whole number"),
        ({"message": "hello"}, "message should be an object"),
        ({"message": {}}, "message.title is missing"),
        ({"message": {**message()["message"], "summary": ""}}, "message.summary should be a string that is not empty"),
        (
            {"message": {**message()["message"], "action_url": "/a"}},
            "message.action_url should be an http or https URL",
        ),
        ({"sent_at": "2026-01-31 08:00:00"}, "sent_at should be an RFC 3339 time"),
        ({"sent_at": "2026-02-31T08:00:00Z"}, "sent_at should be an RFC 3339 time"),
        ({"trace_id": ""}, "trace_id should be a string that is not empty, or left out"),
    ],
)
def test_a_field_that_breaks_its_rule_is_named(changes: dict[str, Any], rule: str) -> None:
    """HTTP 200 with code 9499; the message says which field and what it should be."""
    assert refused(request(content=body(**changes))) == (200, 9499, f"Bad Request: {rule}")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer other", "bearer secret", "secret", "Bearer secret "])
def test_a_webhook_with_a_token_refuses_any_other(authorization: str) -> None:
    """Code 800005649; `Bearer`, one space and the token are compared as they are."""
    webhook = Webhook(bearer_token="secret")
    assert refused(request(authorization=authorization), webhook) == (200, 800005649, "未通过凭证校验")


def test_a_webhook_with_a_token_takes_it() -> None:
    """The token may hold any characters."""
    asked = request(authorization="Bearer geheim-密".encode().decode("latin-1"))
    webhook = Webhook(bearer_token="geheim-密")
    assert received(asked, webhook).accepted


def test_a_webhook_without_a_token_takes_any() -> None:
    """The token is not judged at all."""
    assert received(request(authorization="Bearer x")).accepted


def test_a_disabled_webhook_refuses_everything() -> None:
    """Code 800004509, as the help centre shows it."""
    assert refused(request(), Webhook(enabled=False)) == (200, 800004509, "webhook trigger workflow is disabled")


def test_a_webhook_does_not_show_its_token() -> None:
    """Tokens do not end up in logs by way of repr."""
    assert "secret" not in repr(Webhook(bearer_token="secret"))
