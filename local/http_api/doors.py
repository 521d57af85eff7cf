"""Says who may pass a route: asks for a token, a signature or a function's word, as the template declares."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from local.http_api.request import HttpRequest
from local.http_api.routing import Found
from local.http_api.signatures import signer
from local.http_api.tokens import TokenCheck, as_texts, scopes_of
from local.lambda_.emulator import Invoke
from local.servers.aws import Aws
from local.template.http_api import FunctionAuthorizer, IamAuthorizer, JwtAuthorizer, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    #: What the route's function learns about the caller.
    authorizer: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    status: HTTPStatus
    challenge: str | None = None


_NO_TOKEN = Refused(status=HTTPStatus.UNAUTHORIZED, challenge="Bearer")
_FORBIDDEN = Refused(status=HTTPStatus.FORBIDDEN)


class Doors:
    """Checks the callers of all routes of an API."""

    def __init__(self, routes: Sequence[Route], functions: Mapping[str, Invoke], *, aws: Aws) -> None:
        self._tokens = {
            route.authorizer: TokenCheck(route.authorizer)
            for route in routes
            if isinstance(route.authorizer, JwtAuthorizer)
        }
        self._functions = functions
        self._aws = aws

    def ask(self, request: HttpRequest, found: Found) -> Admitted | Refused:
        match found.route.authorizer:
            case None:
                return Admitted()
            case JwtAuthorizer() as asked:
                return self._by_token(request, self._tokens[asked], found.route.scopes)
            case IamAuthorizer():
                who = signer(request, self._aws, now=datetime.now(UTC))
                return Admitted(authorizer={"iam": who}) if who else _FORBIDDEN
            case FunctionAuthorizer() as asked:
                return _by_function(request, found, asked, self._functions[asked.function])

    def _by_token(self, request: HttpRequest, check: TokenCheck, wanted: Sequence[str]) -> Admitted | Refused:
        claims = check.claims(request.headers.get("authorization", ""))
        if claims is None:
            return _NO_TOKEN
        if wanted and scopes_of(claims).isdisjoint(wanted):
            challenge = f'Bearer scope="{" ".join(wanted)}" error="insufficient_scope"'
            return Refused(status=HTTPStatus.FORBIDDEN, challenge=challenge)
        scopes = sorted(scopes_of(claims)) if wanted else None
        return Admitted(authorizer={"jwt": {"claims": as_texts(claims), "scopes": scopes}})


def _by_function(request: HttpRequest, found: Found, asked: FunctionAuthorizer, invoke: Invoke) -> Admitted | Refused:
    identity = [request.headers.get(name, "") for name in asked.headers]
    if not all(identity):
        return Refused(status=HTTPStatus.UNAUTHORIZED)
    event = request.authorizer_event(found.route.key, found.parameters, identity)
    answer = invoke(json.dumps(event).encode())
    said = json.loads(answer.payload) if answer.error is None else None
    if not isinstance(said, dict) or not isinstance(said.get("isAuthorized"), bool):
        return Refused(status=HTTPStatus.INTERNAL_SERVER_ERROR)
    return Admitted(authorizer={"lambda": said.get("context") or {}}) if said["isAuthorized"] else _FORBIDDEN
