"""The Flow webhook trigger: which requests it refuses, and with which answers."""

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from local.feishu.answers import SUCCESS, WRONG_METHOD, Answer, business
from local.feishu.server.requests import Request
from local.feishu.ways.way import KEY, About, Webhook, document_of

PATH = "/flow/api/trigger-webhook/"
LONGEST_BODY = 4 * 1024 * 1024  # "Automation: webhook parameters in detail", code 800005647
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


class FlowWebhook:
    """The simulator's rules for Flow webhooks."""

    success = SUCCESS

    def key_of(self, path: str) -> str | None:
        key = path.removeprefix(PATH)
        return key if path.startswith(PATH) and KEY.fullmatch(key) else None

    def refusal(self, request: Request, webhook: Webhook) -> Answer | None:
        if request.method != "POST":
            return WRONG_METHOD
        if not webhook.enabled:
            return business(800004509)
        if self.credentials_match(request, webhook) is False:
            return business(800005649)
        return _content_refusal(request)

    def credentials_match(self, request: Request, webhook: Webhook) -> bool | None:
        if not webhook.bearer_token:
            return None
        expected = f"Bearer {webhook.bearer_token}"
        given = request.headers.get("authorization", "").encode("latin-1").decode("utf-8", "replace")
        return hmac.compare_digest(given.encode(), expected.encode())

    def about(self, document: Mapping[str, Any]) -> About:
        notification_id, user_id = document.get("notification_id"), document.get("user_id")
        return About(
            message=str(notification_id),
            notification_id=notification_id if _whole(notification_id) else None,
            user_id=user_id if _whole(user_id) else None,
        )


def _content_refusal(request: Request) -> Answer | None:
    if len(request.body) > LONGEST_BODY:
        return business(800005647)
    if not _is_json(request.headers.get("content-type", "")):
        return business(9499, "Bad Request: Content-Type should be application/json")
    document = document_of(request.body)
    if document is None:
        return business(800006003)
    if broken := _broken_rule(document):
        return business(9499, f"Bad Request: {broken}")
    return None


def _is_json(content_type: str) -> bool:
    media_type, _, parameters = content_type.lower().partition(";")
    charset = parameters.strip().removeprefix("charset=").strip('"')
    return media_type.strip() == "application/json" and charset in ("", "utf-8")


def _broken_rule(document: Mapping[str, Any]) -> str | None:
    """The first field that is not as the flow expects it, with its rule."""
    if broken := _broken_field(document, FIELDS):
        return broken
    if "trace_id" in document and not _filled(document["trace_id"]):
        return "trace_id should be a string that is not empty, or left out"
    if broken := _broken_field(document["message"], MESSAGE_FIELDS):
        return f"message.{broken}"
    return None


def _broken_field(document: Mapping[str, Any], fields: Mapping[str, "_Rule"]) -> str | None:
    for name, (holds, rule) in fields.items():
        if name not in document:
            return f"{name} is missing"
        if not holds(document[name]):
            return f"{name} should be {rule}"
    return None


def _filled(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _string(value: object) -> bool:
    return isinstance(value, str)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _positive(value: object) -> bool:
    return _whole(value) and isinstance(value, int) and value > 0


def _time(value: object) -> bool:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _link(value: object) -> bool:
    return isinstance(value, str) and re.match(r"https?://[^/\s]+", value) is not None


_Rule = tuple[Callable[[object], bool], str]

FIELDS: Mapping[str, _Rule] = {
    "event": (_filled, "a string that is not empty"),
    "version": (lambda value: value == "1", 'the string "1"'),
    "notification_id": (
        lambda value: _whole(value) and (value == 0 or _positive(value)),
        "a whole number, 0 for a test message",
    ),
    "user_id": (_positive, "a whole number above 0"),
    "preview_id": (_filled, "a string that is not empty"),
    "trigger_id": (_string, "a string"),
    "trigger_type": (_string, "a string"),
    "target_type": (_string, "a string"),
    "target_id": (_whole, "a whole number"),
    "message": (lambda value: isinstance(value, dict), "an object"),
    "sent_at": (_time, "an RFC 3339 time"),
}
"""The parameters that the flow was set up with."""

MESSAGE_FIELDS: Mapping[str, _Rule] = {
    "title": (_filled, "a string that is not empty"),
    "summary": (_filled, "a string that is not empty"),
    "action_text": (_filled, "a string that is not empty"),
    "action_url": (_link, "an http or https URL"),
}
