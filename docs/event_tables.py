"""Writes the field tables of docs/events.md from the models that judge events (`make docs`).

Types and limits come from the models. Whether a field is required is found out by leaving it out of the page's example.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from delivery.domain.contract import Accepted, judge
from delivery.domain.message import SUMMARY_LIMIT
from hongyan_producer.contract.models import Envelope, Payload
from hongyan_producer.contract.target_url import URL_PREFIXES as PREFIXES

PAGE = Path(__file__).with_name("events.md")

_PREFIXES = " or ".join(f"`{prefix}`" for prefix in PREFIXES)
#: What the page says beyond the models' own words.
MORE: Mapping[str, str] = {
    "dedupe_key": " ([how to build it](#the-dedupe-key))",
    "target_url": f"; by default the prefix is {_PREFIXES} (a [setting](settings.md))",
    "summary_text": f"; its first {SUMMARY_LIMIT} characters are shown",
    "requested_at": ". How much later the message was sent is the metric `Lateness`",
}


def main() -> None:
    PAGE.write_text(written(PAGE.read_text()))


def written(page: str) -> str:
    """The page with its tables as the models are now."""
    example = example_of(page)
    page = _replaced(page, "envelope", _table(Envelope, example, within=()))
    return _replaced(page, "payload", _table(Payload, example, within=("payload",)))


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


def _table(model: type[BaseModel], example: Mapping[str, Any], *, within: tuple[str, ...]) -> str:
    rows = [
        f"| `{name}` | {_kind(field)} | {'yes' if _required((*within, name), example) else 'no'} | {_limit(field)} "
        f"| {field['description']}{MORE.get(name, '')} |"
        for name, field in model.model_json_schema()["properties"].items()
    ]
    return "\n".join(["| field | type | required | limit | meaning |", "|---|---|---|---|---|", *rows])


def _kind(field: Mapping[str, Any]) -> str:
    if field.get("format") == "date-time":
        return "RFC 3339 time"
    return {"integer": "whole number"}.get(_type(field), _type(field))


def _type(field: Mapping[str, Any]) -> str:
    """Null is as good as absent, which the page says once for all fields."""
    types = field["type"]
    return str(types if isinstance(types, str) else types[0])


def _limit(field: Mapping[str, Any]) -> str:
    if _type(field) == "integer":
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
