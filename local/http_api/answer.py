"""What API Gateway answers: what a function says in payload format 2.0, or a message of its own."""

import base64
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Response

from local.lambda_.emulator import InvokeResult

_JSON = "application/json"
#: API Gateway's wording, where it differs from HTTP's.
_WORDS = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Request Entity Too Large"}


def message(status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Response:
    text = json.dumps({"message": _WORDS.get(status, status.phrase)}, separators=(",", ":"))
    return Response(text, status=status, headers=headers, content_type=_JSON)


def of_function(result: InvokeResult) -> Response:
    """Turns a function's result into an answer. A failed function's message stays in its log."""
    if result.error is not None:
        return message(HTTPStatus.INTERNAL_SERVER_ERROR)
    said = json.loads(result.payload)
    if not isinstance(said, dict) or "statusCode" not in said:
        return Response(said if isinstance(said, str) else json.dumps(said), content_type=_JSON)
    response = Response(_body(said), status=int(said["statusCode"]), content_type=_JSON)
    for name, value in (said.get("headers") or {}).items():
        response.headers[name] = str(value)
    for cookie in said.get("cookies") or ():
        response.headers.add("set-cookie", cookie)
    return response


def _body(said: Mapping[str, Any]) -> bytes:
    body = said.get("body") or ""
    return base64.b64decode(body) if said.get("isBase64Encoded") else str(body).encode()
