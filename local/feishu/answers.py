"""Feishu's answers as data. A business error comes with HTTP 200 and a `code` in the body.

Sources: Feishu help centre, "Automation: webhook parameters in detail" (articles/383585269199) for the shape and the
8000… codes; Feishu open platform, "Custom bot usage guide" for 9499, 11232, 19001 and 19021, and "Frequency control"
for HTTP 429. The Flow trigger's own error table is not published: it answers in the same shape.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"

MESSAGES: Mapping[int, str] = {
    0: "success",
    1663: "internal error",
    2200: "internal error",
    9499: "Bad Request",
    11232: "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]",
    19001: "param invalid: incoming webhook access token invalid",
    19021: "sign match fail or timestamp is not within one hour from current time",
    19022: "Ip Not Allowed",
    300000: "internal error",
    99991400: "request trigger frequency limit",
    800004509: "webhook trigger workflow is disabled",
    800005647: "请求内容大小超出上限，请减少内容",
    800005649: "未通过凭证校验",
    800005650: "IP 地址不在白名单中，请检查",
    800005652: "请求过于频繁，请稍后再试",
    800006003: "请求体不符合 JSON 格式规范，请修改后重新请求",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON
    body: bytes = b""
    #: the business code in the body, if it has one
    code: int | None = None


def business(code: int, message: str | None = None, *, status: int = 200) -> Answer:
    """Feishu's answer for a business code. `message` replaces the usual text of that code."""
    said = MESSAGES.get(code, "unknown error") if message is None else message
    body = json.dumps({"code": code, "msg": said, "data": {}}, ensure_ascii=False, separators=(",", ":"))
    return Answer(status=status, body=body.encode("utf-8", "replace"), code=code)


SUCCESS = business(0)
NO_SUCH_PAGE = Answer(status=404, content_type=TEXT, body=b"404 page not found\n")
WRONG_METHOD = Answer(status=405, headers={"Allow": "POST"}, content_type=TEXT, body=b"405 method not allowed\n")
NO_JSON = Answer(content_type="text/html; charset=utf-8", body=b"<html><body>\xe7\xb3\xbb\xe7\xbb\x9f</body></html>")
ENDLESS = Answer(body=b'{"code":0,"msg":"')  # only the beginning


def too_many_requests(seconds: int | None, header: str) -> Answer:
    """The gateway's rate limit: HTTP 429, with how long to wait in the header that it uses."""
    waits = {} if seconds is None else {header: str(seconds)}
    return replace(business(99991400, status=429), headers=waits)


def http_error(status: int) -> Answer:
    return Answer(status=status, content_type="text/html", body=b"<html><h1>upstream error</h1></html>")


def falsely_encoded(answer: Answer, encoding: str) -> Answer:
    """The same answer with a header that claims an encoding which the body does not have."""
    return replace(answer, headers={**answer.headers, "Content-Encoding": encoding})


def redirect(location: str) -> Answer:
    return Answer(status=302, headers={"Location": location}, content_type=TEXT)


def as_json(document: Any) -> Answer:  # noqa: ANN401 - any JSON
    """An answer of the simulator itself, not of Feishu."""
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    return Answer(body=text.encode("utf-8", "replace"))


def as_json_lines(documents: Iterable[Any]) -> Answer:
    lines = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
    return Answer(content_type="application/x-ndjson; charset=utf-8", body=lines.encode("utf-8", "replace"))


def complaint(line: str, *, status: int = 400) -> Answer:
    """One line for a person whose request to the simulator is invalid."""
    return Answer(status=status, content_type=TEXT, body=f"{line}\n".encode("utf-8", "replace"))
