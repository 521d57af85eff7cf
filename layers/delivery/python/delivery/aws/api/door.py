"""Judges a request before its route does: first who asks, then whether the body is JSON that means one thing only.

Powertools judges parameters and bodies before any code of ours runs, so that a stranger would learn the rules first.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from delivery.aws.api.answers import JSON, Refusal, refused, unavailable, wrong_param
from delivery.aws.api.channels import ROOT
from delivery.aws.api.identity import Identities, TokenKeyAway

OPERATE = f"{ROOT}/operate"
_CHANNELS, _USERS = f"{ROOT}/channels/", f"{ROOT}/users/"
#: The longest useful request, with a thousand ids, has a tenth of this.
_MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The API as its function calls it."""

    identities: Identities
    app: APIGatewayHttpResolver

    def answer(self, event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:  # noqa: ANN401 - Lambda's context
        """Answers one request. Both are in API Gateway's payload format 2.0."""
        try:
            self._identify(event)
            judged = _judged(event)
        except Refusal as refusal:
            return _shown(refused(refusal))
        except TokenKeyAway:
            return _shown(refused(unavailable("Secrets Manager", to_operator=is_of_operators(event))))
        return self.app.resolve(judged, context)

    def _identify(self, event: Mapping[str, Any]) -> None:
        path = _path(event)
        if is_of_operators(event):
            self.identities.operator(event)
        elif path.startswith(_CHANNELS):
            self.identities.user(event)
        elif path.startswith(_USERS):
            self.identities.backend(event)


def is_of_operators(event: Mapping[str, Any]) -> bool:
    return _path(event).startswith(f"{OPERATE}/")


def _path(event: Mapping[str, Any]) -> str:
    return str(event.get("rawPath", ""))


def _judged(event: Mapping[str, Any]) -> dict[str, Any]:
    """The request with its body as text. Its Content-Type is ignored, because the API reads nothing but JSON."""
    if not event.get("body"):
        return {**event}
    text = _text(event)
    _check(text)
    headers = {name: value for name, value in (event.get("headers") or {}).items() if name.lower() != "content-type"}
    return {**event, "headers": {**headers, "content-type": JSON}, "body": text, "isBase64Encoded": False}


def _text(event: Mapping[str, Any]) -> str:
    body = str(event["body"])
    if len(body) > 2 * _MOST_BYTES:  # base64 makes a body a third longer
        raise wrong_param()
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        if len(raw) > _MOST_BYTES:
            raise wrong_param()
        return raw.decode()
    except (UnicodeError, binascii.Error):
        raise wrong_param() from None


def _check(text: str) -> None:
    """Refuses what `json.loads` accepts but other readers do not: NaN, and a repeated key (others take the first)."""
    try:
        json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise wrong_param() from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")


def _shown(response: Response[str]) -> Mapping[str, Any]:
    headers = {name: str(value) for name, value in response.headers.items()}
    shown = {"statusCode": response.status_code, "headers": headers, "body": response.body}
    return {**shown, "isBase64Encoded": False, "cookies": []}
