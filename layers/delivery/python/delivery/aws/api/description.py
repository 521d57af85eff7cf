"""Describes the API in OpenAPI: the routes and what they take as Powertools finds them, the answers as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

TITLE, VERSION = "Hongyan notifications", "1"
_BEARER = {"type": "http", "scheme": "bearer", "description": "a user's token; operators need a scope, too"}
_IAM = {"type": "apiKey", "in": "header", "name": "Authorization", "description": "AWS Signature Version 4"}
_DOORS = {"channels": "token", "backends": "iam", "operators": "token"}
_REFUSALS = {
    "400": "40004 missing param, or 40005 wrong param type",
    "401": "40009, 40011, 40012 or 40014, where the API itself answers and not API Gateway",
    "403": "without the operators' scope",
    "404": "no row has this id, or there is no such way",
    "429": "too many requests, in API Gateway's own shape",
    "500": "the log has the cause, under the request's id",
    "503": "a service that the API needs is unavailable or too slow",
}
_OF_OPERATORS = {"403", "503"}
_TEXT, _FLAG, _TIME = {"type": "string"}, {"type": "boolean"}, {"type": "string", "format": "date-time"}
_CHANNEL = {
    "channel": {"const": "feishu_webhook"},
    "enabled": _FLAG,
    "configured": _FLAG,
    "webhook_url_mask": {**_TEXT, "description": "left out where there is no channel"},
    "auth_type": {"enum": ["none", "bearer"]},
    "has_bearer_token": _FLAG,
    "last_test_status": {"enum": ["success", "failed"]},
    "last_test_error": _TEXT,
    "last_test_at": _TIME,
}
_LEFT_OUT = ("webhook_url_mask", "last_test_status", "last_test_error", "last_test_at", "message")
_TESTED = {
    "channel": {"$ref": "#/components/schemas/Channel"},
    "status": {"enum": ["success", "failed"]},
    "outcome": {"enum": ["success", "temporary_fail", "permanent_fail", "skipped"]},
    "message": {**_TEXT, "description": "left out on success"},
    "trace_id": _TEXT,
    "sent_at": _TIME,
    "skipped": _FLAG,
    "provider": {"const": "feishu"},
}


def _object(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    required = [name for name in properties if name not in _LEFT_OUT]
    return {"type": "object", "properties": properties, "required": required}


_SCHEMAS = {
    "Refusal": _object({"status": _TEXT, "info": _TEXT}),
    "Channel": _object(_CHANNEL),
    "Deleted": _object({"deleted": {"const": True}}),
    "Tested": _object(_TESTED),
    "Data": {"type": "object", "description": "see docs/api.md"},
}
_DATA = {"show_channel": "Channel", "save_channel": "Channel", "delete_channel": "Deleted", "test_channel": "Tested"}


def described(app: APIGatewayHttpResolver) -> str:
    """The OpenAPI description as JSON."""
    found = json.loads(app.get_openapi_json_schema(title=TITLE, version=VERSION))
    for operations in found["paths"].values():
        for operation in operations.values():
            operation.update(_completed(operation))
    ours = {name: it for name, it in found["components"]["schemas"].items() if not name.endswith("ValidationError")}
    found["components"] = {"schemas": {**ours, **_SCHEMAS}, "securitySchemes": {"token": _BEARER, "iam": _IAM}}
    return json.dumps(found, ensure_ascii=False)


def _completed(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    """Adds what Powertools does not know: our envelope, and that no request is answered with 422."""
    name = operation["operationId"].partition("_api_v1_")[0]
    [kind] = operation["tags"]
    refusals = {
        http: _response(words, {"$ref": "#/components/schemas/Refusal"})
        for http, words in _REFUSALS.items()
        if kind == "operators" or http not in _OF_OPERATORS
    }
    data = _DATA.get(name.removesuffix("_of"), "Data")
    success = _object(
        {"status": {"const": "10000"}, "info": {"const": "success"}, "data": {"$ref": f"#/components/schemas/{data}"}}
    )
    return {
        "operationId": name,
        "summary": name.replace("_", " "),
        "security": [{_DOORS[kind]: []}],
        "responses": {"200": _response("success", success), **refusals},
    }


def _response(description: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
