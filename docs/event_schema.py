"""Writes docs/event.schema.json, the event's contract for producers in any language (`make docs`).

Fields, types and limits come from the models that judge events. What those check in Python, stands here as patterns.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from docs.event_words import MEANINGS
from hongyan_producer.contract.models import EVENT_TYPE, SERVICE_NAME, VERSIONS, Envelope, Payload
from hongyan_producer.contract.target_url import URL_PREFIXES
from hongyan_producer.contract.times import RFC3339

FILE = Path(__file__).with_name("event.schema.json")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NOT_BLANK = r"\S"
#: Stricter than the rule, which decodes a path until nothing changes: a pattern cannot.
_PAGE = (
    r"^(?!.*://)(?![^?#]*%(?:25|2[eEfF]|5[cC]|[01][0-9a-fA-F]|7[fF]))(?![^?#]*/\.{1,2}(?:[/?#]|$))"
    rf"(?:{'|'.join(URL_PREFIXES)})[^\\\u0000-\u001f\u007f-\u00a0]*$"
)
_PATTERNS: Mapping[str, str] = {"target_url": _PAGE, "requested_at": f"^{RFC3339.pattern}$"}


def written() -> str:
    return f"{json.dumps(schema(), ensure_ascii=False, indent=2)}\n"


def schema() -> Mapping[str, Any]:
    """Of an event that is for this service: the models' own envelope fits other services' events, too."""
    envelope = _object(Envelope)
    fields = envelope["properties"]
    fields["event_type"] = {"const": EVENT_TYPE, "description": MEANINGS["event_type"]}
    fields["event_version"]["enum"] = [*VERSIONS, None]
    fields["service_name"]["enum"] = ["", SERVICE_NAME, None]
    fields["payload"] = _object(Payload)
    return {"$schema": _DIALECT, "title": EVENT_TYPE, **envelope, "required": ["event_type", "payload"]}


def _object(model: type[BaseModel]) -> dict[str, Any]:
    found = model.model_json_schema()
    required = found["required"]
    fields = {name: _field(name, it, required=name in required) for name, it in found["properties"].items()}
    return {"type": "object", "properties": fields, "required": required}


def _field(name: str, told: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    """What is not required may be null as well, as the Go service reads JSON."""
    field = {keyword: value for keyword, value in told.items() if keyword != "title"} | {"description": MEANINGS[name]}
    if not required:
        field["type"] = [field["type"], "null"]
    elif field["type"] == "string":
        field["pattern"] = _PATTERNS.get(name, _NOT_BLANK)
    return field


if __name__ == "__main__":
    FILE.write_text(written())
