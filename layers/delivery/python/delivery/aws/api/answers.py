"""The answers' envelope, as the front ends of the Go service know it: status, info and, if all went well, data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

SUCCESS = "10000"
JSON = "application/json"
_TOKENS = {"40009": "missing token", "40011": "invalid token", "40012": "invalid claims"}


class Refusal(Exception):  # noqa: N818 - it is an answer
    """The request is refused. `info` repeats nothing from the request."""

    def __init__(self, http: HTTPStatus, status: str, info: str) -> None:
        super().__init__(info)
        self.http, self.status, self.info = http, status, info


def wrong_param(info: str = "wrong param type") -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, "40005", info)


def missing_param() -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, "40004", "missing param")


def unauthorized() -> Refusal:
    return Refusal(HTTPStatus.UNAUTHORIZED, "40014", "unauthorized")


def refused_token(status: str) -> Refusal:
    """Uses the code and words of the Go gateway."""
    return Refusal(HTTPStatus.UNAUTHORIZED, status, _TOKENS.get(status, "unauthorized"))


def forbidden(info: str = "forbidden") -> Refusal:
    return Refusal(HTTPStatus.FORBIDDEN, "403", info)


def not_found(info: str = "not found") -> Refusal:
    return Refusal(HTTPStatus.NOT_FOUND, "404", info)


def unavailable(what: str, *, to_operator: bool) -> Refusal:
    """Operators' programs retry after a 503. The Go service's front ends only know 500."""
    if to_operator:
        return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "503", f"{what} is down or too slow; try again later")
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "500", "not available now; try again later")


def answered(data: object) -> Response[str]:
    return _response(HTTPStatus.OK, {"status": SUCCESS, "info": "success", "data": data})


def refused(refusal: Refusal) -> Response[str]:
    return _response(refusal.http, {"status": refusal.status, "info": refusal.info})


def broken() -> Response[str]:
    """Leaves out the error's text, which may hold anything. The log has it under the request's id."""
    return _response(HTTPStatus.INTERNAL_SERVER_ERROR, {"status": "500", "info": "internal error"})


def moment(value: datetime) -> str:
    """RFC 3339 in UTC, with milliseconds only if they are not zero."""
    utc = value.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")


def shown(value: Any) -> object:  # noqa: ANN401 - any value that json cannot write
    match value:
        case datetime():
            return moment(value)
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case _:
            return str(value)


def _response(http: HTTPStatus, body: Mapping[str, object]) -> Response[str]:
    text = json.dumps(body, ensure_ascii=False, default=shown)
    return Response(status_code=http.value, content_type=JSON, body=text, headers={"Cache-Control": "no-store"})
