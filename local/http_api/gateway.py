"""Answers requests to one HTTP API: the route is found, the caller asked, and the route's function invoked."""

import json
import uuid
from collections.abc import Mapping
from http import HTTPStatus

from werkzeug.wrappers import Request, Response

from local.http_api.answer import message, of_function
from local.http_api.cross_origin import allowing_headers, is_preflight, preflight_headers
from local.http_api.doors import Doors, Refused
from local.http_api.request import HttpRequest
from local.http_api.routing import find_route
from local.lambda_.emulator import Invoke
from local.lambda_.event_sources.event_size import MAX_EVENT_BYTES
from local.servers.aws import Aws
from local.template.http_api import HttpApi

#: Source: API Gateway developer guide, "Quotas for configuring and running an HTTP API", payload size.
_LONGEST_BODY = 10 * 1024 * 1024
_READ_AT_ONCE = 64 * 1024


class Gateway:
    def __init__(self, api: HttpApi, functions: Mapping[str, Invoke], *, aws: Aws) -> None:
        """`functions` is keyed by function name."""
        self._api = api
        self._functions = functions
        self._doors = Doors(api.routes, functions, aws=aws)

    def answer(self, received: Request) -> Response:
        body = _body(received)
        request = _request(received, body or b"")
        if body is None:
            response = message(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif self._api.cors and is_preflight(request):
            return Response(status=HTTPStatus.NO_CONTENT, headers=preflight_headers(self._api.cors, request))
        else:
            response = self._routed(request)
        response.headers.update(allowing_headers(self._api.cors, request) if self._api.cors else {})
        response.headers["apigw-requestid"] = uuid.uuid4().hex
        return response

    def _routed(self, request: HttpRequest) -> Response:
        found = find_route(self._api.routes, request.method, request.path)
        if found is None:
            return message(HTTPStatus.NOT_FOUND)
        verdict = self._doors.ask(request, found)
        if isinstance(verdict, Refused):
            return message(verdict.status, {"www-authenticate": verdict.challenge} if verdict.challenge else None)
        event = json.dumps(request.event(found.route.key, found.parameters, verdict.authorizer)).encode()
        if len(event) > MAX_EVENT_BYTES:
            return message(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return of_function(self._functions[found.route.function](event))


def _request(received: Request, body: bytes) -> HttpRequest:
    path, _, query = str(received.environ["REQUEST_URI"]).partition("?")
    return HttpRequest(
        method=received.method,
        path=path,
        query=query,
        headers={name.lower(): value for name, value in received.headers.items()},
        body=body,
        source=received.remote_addr or "",
    )


def _body(received: Request) -> bytes | None:
    """Returns None if the body is too long. Reads it anyway, because clients listen only after sending everything."""
    body: bytes = received.stream.read(_LONGEST_BODY + 1)
    if len(body) <= _LONGEST_BODY:
        return body
    while received.stream.read(_READ_AT_ONCE):
        pass
    return None
