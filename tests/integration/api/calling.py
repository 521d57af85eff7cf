"""Calls the API's function as API Gateway does, in its payload format 2.0, past its two doors."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from functions.api import handler as function

ROOT = "/api/v1/notification"
CHANNEL = f"{ROOT}/channels/feishu"
OPERATE = f"{ROOT}/operate"
SCOPE = "notifications:operate"
Claims = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    http: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    #: Of what the function answers Lambda, if nothing but ASCII is written: the longest that it can be.
    size: int

    @property
    def data(self) -> Any:
        assert self.http == 200, self.body
        assert (self.body["status"], self.body["info"]) == ("10000", "success")
        return self.body["data"]

    @property
    def refusal(self) -> tuple[int, str, str]:
        """HTTP status, code and words; a refusal has nothing else."""
        assert set(self.body) == {"status", "info"}
        return self.http, self.body["status"], self.body["info"]


def jwt(user: object = 7, **claims: object) -> Claims:
    """What API Gateway hands on of a token that it checked: every claim as text."""
    return {"jwt": {"claims": {"sub": str(user), "iss": "https://issuer.example", **claims}, "scopes": None}}


def operator(**claims: object) -> Claims:
    return jwt("night-shift", scope=f"openid {SCOPE}", **claims)


def own(**context: str) -> Claims:
    """What our own authorizer hands on."""
    return {"lambda": context}


BACKEND: Claims = {"iam": {"accountId": "123456789012", "userArn": "arn:aws:sts::123456789012:assumed-role/gateway/1"}}


def call(
    method: str,
    path: str,
    body: object = None,
    *,
    by: Claims | None = None,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    millis: int = 60_000,
) -> Answer:
    """One request. A body of text goes as it is, bytes go in base64, anything else as JSON."""
    event = request(method, path, body, by=by, query=query, headers=headers)
    context: Any = SimpleNamespace(
        function_name="api",
        memory_limit_in_mb=1024,
        invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:api",
        aws_request_id="request-1",
        get_remaining_time_in_millis=lambda: millis,
    )
    told = function.handler(event, context)
    size = len(json.dumps(told))  # as Lambda writes it
    return Answer(http=told["statusCode"], body=json.loads(told["body"]), headers=told["headers"], size=size)


def request(
    method: str,
    path: str,
    body: object = None,
    *,
    by: Claims | None = None,
    query: str = "",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Source: API Gateway developer guide, "AWS Lambda proxy integrations for HTTP APIs"."""
    given = {"content-type": "application/json", "host": "api.example", "authorization": "Bearer t"}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": given if headers is None else dict(headers),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "requestId": "request-1",
            "stage": "$default",
            "timeEpoch": 1_790_000_000_000,
        },
        "isBase64Encoded": isinstance(body, bytes),
    }
    if query:
        event["queryStringParameters"] = dict(part.split("=", 1) for part in query.split("&"))
    if by is not None:
        event["requestContext"]["authorizer"] = by
    if body is not None:
        event["body"] = _written(body)
    return event


def _written(body: object) -> str:
    if isinstance(body, bytes):
        return base64.b64encode(body).decode()
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
