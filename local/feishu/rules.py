"""What Feishu refuses: a request and the settings of its webhook in; the refusing answer, or nothing, out. Pure."""

import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Never

from local.feishu.answers import NO_SUCH_PAGE, WRONG_METHOD, Answer, business
from local.feishu.wire import Request

PATH = "/flow/api/trigger-webhook/"
LONGEST_BODY = 4 * 1024 * 1024  # "Automation: webhook parameters in detail", code 800005647
_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """What its owner has set for one webhook key."""

    enabled: bool = True
    #: empty: no credential is asked for
    bearer_token: str = ""

    def __repr__(self) -> str:
        return f"Webhook(enabled={self.enabled}, bearer={bool(self.bearer_token)})"


def key_of(path: str) -> str | None:
    """The webhook key that a path names; None if it is no webhook's path."""
    key = path.removeprefix(PATH)
    return key if path.startswith(PATH) and _KEY.fullmatch(key) else None


def refusal(request: Request, webhook: Webhook) -> Answer | None:
    """Feishu's answer to a request that breaks a rule; None for a good one."""
    if key_of(request.path) is None:
        return NO_SUCH_PAGE
    if request.method != "POST":
        return WRONG_METHOD
    if not webhook.enabled:
        return business(800004509)
    if bearer_matches(request, webhook) is False:
        return business(800005649)
    return _content_refusal(request)


def bearer_matches(request: Request, webhook: Webhook) -> bool | None:
    """Whether the request carries the webhook's token; None when the webhook asks for none."""
    if not webhook.bearer_token:
        return None
    expected = f"Bearer {webhook.bearer_token}"
    given = request.headers.get("authorization", "").encode("latin-1").decode("utf-8", "replace")
    return hmac.compare_digest(given.encode(), expected.encode())


def document_of(body: bytes) -> Mapping[str, Any] | None:
    """The JSON object of a body; None if it is none."""
    try:
        document = json.loads(body, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _no_json(constant: str) -> Never:
    raise ValueError(f"{constant} is no JSON, whatever Python's reader says")


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
    "notification_id": (_positive, "a whole number above 0"),
    "user_id": (_positive, "a whole number above 0"),
    "preview_id": (_filled, "a string that is not empty"),
    "trigger_id": (_string, "a string"),
    "trigger_type": (_string, "a string"),
    "target_type": (_string, "a string"),
    "target_id": (_whole, "a whole number"),
    "message": (lambda value: isinstance(value, dict), "an object"),
    "sent_at": (_time, "an RFC 3339 time"),
}
"""The parameters that the flow was set up with (DESIGN section 8)."""

MESSAGE_FIELDS: Mapping[str, _Rule] = {
    "title": (_filled, "a string that is not empty"),
    "summary": (_filled, "a string that is not empty"),
    "action_text": (_filled, "a string that is not empty"),
    "action_url": (_link, "an http or https URL"),
}
