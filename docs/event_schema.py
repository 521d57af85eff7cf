"""Writes docs/event.schema.json, the event's contract for producers in any language (`make docs`).

The fields and their rules come from the models that judge events.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hongyan_producer.contract.models import EVENT_TYPE, SERVICE_NAME, VERSIONS, Envelope, Payload

FILE = Path(__file__).with_name("event.schema.json")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def written() -> str:
    return f"{json.dumps(schema(), ensure_ascii=False, indent=2)}\n"


def schema() -> Mapping[str, Any]:
    """Of an event that is for this service: the models' own envelope fits other services' events, too."""
    envelope = _schema_of(Envelope)
    fields = envelope["properties"]
    fields["event_type"] = {"description": "the type of this event", "const": EVENT_TYPE}
    fields["event_version"] |= {"enum": [*VERSIONS, None]}
    fields["service_name"] |= {"enum": ["", SERVICE_NAME, None]}
    fields["payload"] = _schema_of(Payload)
    return {"$schema": _DIALECT, "title": EVENT_TYPE, **envelope, "required": ["event_type", "payload"]}


def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    found = model.model_json_schema()
    for field in found["properties"].values():
        del field["title"]
    return {name: found[name] for name in ("type", "properties", "required")}


if __name__ == "__main__":
    FILE.write_text(written())
