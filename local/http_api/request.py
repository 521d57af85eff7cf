"""An HTTP request, and the event in payload format 2.0 that API Gateway makes of it.

Source: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs".
"""

import base64
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from werkzeug.datastructures import MultiDict

from local.servers.aws import ACCOUNT, REGION

API_ID = "local"
STAGE = "$default"
_TEXT = ("text/", "application/json", "application/javascript", "application/xml")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    method: str
    #: The path as it was sent, with escapes.
    path: str
    query: str
    #: names in lower case; values of a repeated header are joined by commas
    headers: Mapping[str, str]
    body: bytes
    source: str

    def event(
        self, route_key: str, parameters: Mapping[str, str], authorizer: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """The event for a route's function. `authorizer` is the authorizer's statement about the caller."""
        context = self._context(route_key)
        if authorizer is not None:
            context["authorizer"] = authorizer
        event = {**self._head(route_key, parameters), "requestContext": context}
        return {**event, **self._body()} if self.body else {**event, "isBase64Encoded": False}

    def authorizer_event(self, route_key: str, parameters: Mapping[str, str], identity: list[str]) -> dict[str, Any]:
        """The event for an authorizer function, without the body."""
        arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API_ID}/{STAGE}/{self.method}{self.path}"
        told = {"type": "REQUEST", "routeArn": arn, "identitySource": identity}
        return {**self._head(route_key, parameters), **told, "requestContext": self._context(route_key)}

    def _head(self, route_key: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        head: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route_key,
            "rawPath": unquote(self.path),
            "rawQueryString": self.query,
            "headers": {name: value for name, value in self.headers.items() if name != "cookie"},
        }
        if cookies := self.headers.get("cookie"):
            head["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
        if self.query:
            head["queryStringParameters"] = _joined(parse_qsl(self.query, keep_blank_values=True))
        return {**head, "pathParameters": dict(parameters)} if parameters else head

    def _context(self, route_key: str) -> dict[str, Any]:
        now = time.time()
        host = self.headers.get("host", "")
        return {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": self.method,
                "path": unquote(self.path),
                "protocol": "HTTP/1.1",
                "sourceIp": self.source,
                "userAgent": self.headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": route_key,
            "stage": STAGE,
            "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now * 1000),
        }

    def _body(self) -> dict[str, Any]:
        """Text unchanged, and anything else in base64."""
        if self.headers.get("content-type", "").lower().startswith(_TEXT):
            try:
                return {"body": self.body.decode(), "isBase64Encoded": False}
            except UnicodeDecodeError:
                pass
        return {"body": base64.b64encode(self.body).decode(), "isBase64Encoded": True}


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The values of a repeated name, joined by commas."""
    return {name: ",".join(values) for name, values in MultiDict(pairs).lists()}
