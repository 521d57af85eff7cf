"""Writes the field tables of docs/events.md from the models that judge events (`make docs`).

Types and limits come from the models. Whether a field is required is found out by leaving it out of the page's example.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from delivery.aws.settings.ingest import IngestSettings
from delivery.domain.contract import EVENT_TYPE, SERVICE_NAME, Accepted, judge
from delivery.domain.event import Envelope, Payload
from delivery.domain.message import SUMMARY_LIMIT

PAGE = Path(__file__).with_name("events.md")
PREFIXES: tuple[str, ...] = IngestSettings.model_fields["allowed_url_prefixes"].default

ENVELOPE: Mapping[str, str] = {
    "outbox_id": "the row of `notification_outbox_messages` that holds this event; 0 if there is none",
    "event_id": "the producer's own name for the event; not stored",
    "event_type": f"`{EVENT_TYPE}`",
    "event_version": "`1`, which is also what an empty one means",
    "service_name": f"the service that should act on the event: `{SERVICE_NAME}` or empty",
    "aggregate_id": "the `preview_id`; not stored",
    "payload": "the fields below",
}
PAYLOAD: Mapping[str, str] = {
    "notification_id": "accepted for the Go service's producers and not used: `dedupe_key` decides which record it is",
    "user_id": "who is notified",
    "trigger_id": "what caused the notification; the user's flow receives it",
    "trigger_type": "the kind of cause, such as `schedule_conflict`; the user's flow receives it",
    "target_type": "the kind of thing that it is about; the user's flow receives it",
    "preview_id": "the preview that the notification leads to; the user's flow receives it",
    "target_id": "which thing it is about; the user's flow receives it",
    "dedupe_key": "the same key is the same notification ([how to build it](#the-dedupe-key))",
    "target_url": (
        f"a path of the site below {' or '.join(f'`{prefix}`' for prefix in PREFIXES)} (a [setting](settings.md)); no "
        "`://`; no backslash, control character or segment `.` or `..`, plain or percent-encoded; no `%2f` in the path"
    ),
    "summary_text": (
        f"what the user reads, cut to {SUMMARY_LIMIT} characters; one with a link in it is not shown; at most 65,535 "
        "bytes of UTF-8"
    ),
    "fallback_text": "what the user reads if the summary is empty or has a link; at most 65,535 bytes of UTF-8",
    "trace_id": "for following a notification through logs; the user's flow receives it",
    "requested_at": (
        "when the producer asked for it; with a time zone, not the zero time, in the years from 1000 to 9999. How much "
        "later the message was sent is the metric `Lateness`"
    ),
}


def main() -> None:
    PAGE.write_text(written(PAGE.read_text()))


def written(page: str) -> str:
    """The page with its tables as the models are now."""
    example = example_of(page)
    page = _replaced(page, "envelope", _table(Envelope, ENVELOPE, example, within=()))
    return _replaced(page, "payload", _table(Payload, PAYLOAD, example, within=("payload",)))


def example_of(page: str) -> dict[str, Any]:
    """The event that the page gives to copy."""
    found = re.search(r"^```json\n(.+?)^```$", page, re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError("docs/events.md has no example in JSON")
    event: dict[str, Any] = json.loads(found[1])
    return event


def _replaced(page: str, name: str, table: str) -> str:
    begin, end = f"<!-- {name}: written by make docs -->", f"<!-- end of {name} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


def _table(
    model: type[BaseModel], words: Mapping[str, str], example: Mapping[str, Any], *, within: tuple[str, ...]
) -> str:
    fields = model.model_json_schema()["properties"]
    if set(words) != set(fields):
        raise LookupError(f"docs/event_tables.py should explain exactly the fields of {model.__name__}: {list(fields)}")
    rows = [
        f"| `{name}` | {_kind(field)} | {'yes' if _required((*within, name), example) else 'no'} | {_limit(field)} "
        f"| {words[name]} |"
        for name, field in fields.items()
    ]
    return "\n".join(["| field | type | required | limit | meaning |", "|---|---|---|---|---|", *rows])


def _kind(field: Mapping[str, Any]) -> str:
    if field.get("format") == "date-time":
        return "RFC 3339 time"
    return "whole number" if field["type"] == "integer" else str(field["type"])


def _limit(field: Mapping[str, Any]) -> str:
    if field["type"] == "integer":
        return "above 0" if field.get("exclusiveMinimum") == 0 else "64 bits"
    if "maxLength" not in field:
        return ""
    return f"{'1 to' if field.get('minLength') else 'up to'} {field['maxLength']} characters"


def _required(path: tuple[str, ...], example: Mapping[str, Any]) -> bool:
    """Whether the example without this field is no longer accepted."""
    event = json.loads(json.dumps(example))
    *parents, name = path
    holder = event
    for parent in parents:
        holder = holder[parent]
    holder.pop(name, None)  # the example may lack an optional field
    return not isinstance(judge(json.dumps(event).encode(), url_prefixes=PREFIXES), Accepted)


if __name__ == "__main__":
    main()
