"""The paths by which tests and people control the simulator: `/_faults`, `/_webhooks`, `/_calls`, `/_calls/summary`."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from local.feishu.answers import Answer, as_json, as_json_lines, complaint
from local.feishu.calls import summary
from local.feishu.fault_form import FaultError, as_document, parse_fault
from local.feishu.receiver import Receiver
from local.feishu.server.requests import Request
from local.feishu.ways.way import KEY, Webhook

_WEBHOOK_RULES: Mapping[str, tuple[type, str]] = {
    "key": (str, "the webhook's key"),
    "enabled": (bool, "true or false"),
    "bearer_token": (str, "a string; an empty one means that no token is asked for"),
}


class _RefusedError(Exception):
    """The text is one line for the person who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    receiver: Receiver

    def answer(self, request: Request) -> Answer:
        methods = self._routes().get(request.path)
        if methods is None:
            return complaint(f"{request.path}: no such page; there are {', '.join(self._routes())}", status=404)
        if request.method not in methods:
            return complaint(f"{request.path} takes {', '.join(methods)}", status=405)
        try:
            return methods[request.method](request)
        except (_RefusedError, FaultError) as error:
            return complaint(str(error))

    def _routes(self) -> Mapping[str, Mapping[str, Callable[[Request], Answer]]]:
        return {
            "/_faults": {"GET": self._list_faults, "POST": self._add_faults, "DELETE": self._clear_faults},
            "/_webhooks": {"GET": self._list_webhooks, "POST": self._set_webhook},
            "/_calls": {"GET": self._list_calls, "DELETE": self._clear_calls},
            "/_calls/summary": {"GET": lambda request: as_json(summary(self.receiver.log.calls(**_only(request))))},
        }

    def _list_faults(self, _request: Request) -> Answer:
        return as_json([as_document(fault) for fault in self.receiver.faults.faults])

    def _add_faults(self, request: Request) -> Answer:
        """Sets one fault, or all or none of a list."""
        given = _json(request)
        faults = [parse_fault(document) for document in (given if isinstance(given, list) else [given])]
        self.receiver.faults.add(*faults)
        return self._list_faults(request)

    def _clear_faults(self, request: Request) -> Answer:
        self.receiver.faults.clear()
        return self._list_faults(request)

    def _list_webhooks(self, _request: Request) -> Answer:
        return as_json(
            [
                {"key": key, "enabled": webhook.enabled, "asks_for_bearer": bool(webhook.bearer_token)}
                for key, webhook in self.receiver.webhooks.items()
            ]
        )

    def _set_webhook(self, request: Request) -> Answer:
        given = _json(request)
        _check_webhook(given)
        self.receiver.webhooks[given["key"]] = Webhook(
            enabled=given.get("enabled", True), bearer_token=given.get("bearer_token", "")
        )
        return self._list_webhooks(request)

    def _list_calls(self, request: Request) -> Answer:
        return as_json_lines(call.as_document() for call in self.receiver.log.calls(**_only(request)))

    def _clear_calls(self, _request: Request) -> Answer:
        self.receiver.log.clear()
        return as_json({"calls": 0})


def _json(request: Request) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise _RefusedError(f"the body should be JSON: {error}") from None


def _check_webhook(given: object) -> None:
    if not isinstance(given, dict) or "key" not in given:
        raise _RefusedError("key: should be given; a webhook is a JSON object with `key`, `enabled`, `bearer_token`")
    for name, value in given.items():
        if name not in _WEBHOOK_RULES:
            raise _RefusedError(f"{name}: no such field; there are {', '.join(_WEBHOOK_RULES)}")
        kind, rule = _WEBHOOK_RULES[name]
        if not isinstance(value, kind):
            raise _RefusedError(f"{name}: should be {rule}")
    if not KEY.fullmatch(given["key"]):
        raise _RefusedError("key: should hold letters, digits, - and _ only")


def _only(request: Request) -> dict[str, object]:
    """The filter for calls to list or count, as in `?notification_id=7&user_id=8&key=k`."""
    only: dict[str, object] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        if name in ("notification_id", "user_id"):
            only[name] = _id(name, value)
        elif name == "key":
            only[name] = value
        else:
            raise _RefusedError(f"{name}: no such filter; there are notification_id, user_id, key")
    return only


def _id(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 20):
        raise _RefusedError(f"{name}: should be a whole number")
    return int(value)
