"""`records`, `record`, `counts`, `rejects`, `reject` and `audit`: what is there, and what became of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from hongyan.commands.command import Service, command
from hongyan.commands.filters import Before, Records, Rejects, Since, given
from hongyan.commands.lists import Paging, print_list
from hongyan.door.api import Api
from hongyan.shown.moments import rfc3339
from hongyan.shown.tables import Column, column, details, table, under
from hongyan.shown.text import shortened, visible

_RECORDS = (
    column("id", is_whole=True, is_number=True),
    column("made", "created_at"),
    column("user", "user_id", is_number=True),
    column("state", "status", is_whole=True),
    column("code", "last_error_code"),
    Column(name="tries", of=lambda row: f"{row['attempt_count']}/{row['max_attempts']}", is_number=True),
    column("due", "next_retry_at"),
    Column(name="text", of=lambda row: shortened(row["summary_text"])),
)
_ATTEMPTS = (
    column("attempt", is_number=True),
    column("started", "started_at"),
    column("way"),
    column("outcome", is_whole=True),
    column("code", "error_code"),
    column("http", "http_status", is_number=True),
    column("ms", "latency_ms", is_number=True),
    column("error"),
)
_COUNTS = (
    column("from", "begins_at", is_whole=True),
    column("state", "status", is_whole=True),
    column("code"),
    column("records", "number", is_number=True),
)
_REJECTS = (
    column("id", is_whole=True, is_number=True),
    column("came", "created_at"),
    column("code"),
    Column(name="where", of=lambda row: visible(f"{row['topic']}-{row['partition']}@{row['offset']}")),
    column("replayed", "replayed_at"),
    column("reason"),
)
_AUDIT = (
    column("when", "at", is_whole=True),
    column("who", "actor"),
    column("action", is_whole=True),
    column("rows", "count", is_number=True),
    Column(name="which", of=lambda row: visible(json.dumps(row["filter"], ensure_ascii=False))),
)


class Stretch(StrEnum):
    HOUR = "hour"
    DAY = "day"


def add_to(app: typer.Typer) -> None:
    for function in (records, record, counts, rejects, reject, audit):
        app.command()(command(function))


def records(which: Records, paging: Paging, service: Service) -> None:
    """List records, newest first.

    hongyan records --status dead --since 2h
    hongyan records --user 7 --code provider_timeout --limit 200
    hongyan records --status dead --all --json | jq .id
    """
    print_list(service.api(), "operate/records", given(which), paging, columns=_RECORDS, output=service.output)


def record(record_id: Annotated[int, typer.Argument(min=1)], service: Service) -> None:
    """Show a record and its attempts.

    hongyan record 4711
    hongyan record 4711 --json | jq .attempts
    """
    found = service.api().get(f"operate/records/{record_id}")
    attempts = found["attempts"]
    row = {name: value for name, value in found.items() if name != "attempts"}
    history = (under("attempts", table(attempts, _ATTEMPTS)),) if attempts else ()
    service.output.either(found, Group(details(row), *history))


def counts(
    service: Service,
    created_from: Since = None,
    created_before: Before = None,
    by: Annotated[Stretch, typer.Option(help="The length of a stretch.")] = Stretch.HOUR,
) -> None:
    """Count records by state and code over time, by default over the last day.

    hongyan counts
    hongyan counts --since 2w --by day
    """
    times = {"created_from": created_from, "created_before": created_before}
    query = {name: rfc3339(moment) for name, moment in times.items() if moment}
    found = service.api().get("operate/counts", **query, by=str(by))
    under_way = ", ".join(f"{number:,} {status}" for status, number in found["open"].items())
    service.output.either(found, Group(table(found["counts"], _COUNTS), Text(f"under way: {under_way}")))


def rejects(which: Rejects, paging: Paging, service: Service) -> None:
    """List rejects, newest first: Kafka records that could not become a notification.

    hongyan rejects --not-replayed --since 1d
    hongyan rejects --code payload_invalid --all --json
    """
    print_list(service.api(), "operate/rejects", given(which), paging, columns=_REJECTS, output=service.output)


def reject(reject_id: Annotated[int, typer.Argument(min=1)], service: Service) -> None:
    """Show a reject with its key, value and headers.

    hongyan reject 17
    hongyan reject 17 --json | jq -r .value.base64 | base64 -d
    """
    found = _whole(service.api(), f"operate/rejects/{reject_id}")
    headers = [f"{header['name']}={_bytes(header)}" for header in found["headers"]]
    more = [f"and {left} more"] if (left := found["headers_left_out"]) else []
    texts = {"key": _bytes(found["key"]), "headers": ", ".join([*headers, *more]), "value": _bytes(found["value"])}
    row = {name: value for name, value in found.items() if name not in (*texts, "headers_left_out")} | texts
    service.output.either(found, details(row))


def audit(paging: Paging, service: Service) -> None:
    """List what operators did, newest first.

    hongyan audit --limit 10
    """
    print_list(service.api(), "operate/audit", {}, paging, columns=_AUDIT, output=service.output)


def _whole(api: Api, path: str) -> Mapping[str, Any]:
    """Reads the whole value, because the API returns a long one in parts."""
    found = api.get(path)
    parts = [found["value"]]
    while (begin := parts[-1]["next"]) is not None:
        parts.append(api.get(path, value_from=begin)["value"])
    texts = [part["text"] for part in parts]
    whole = {
        "text": None if None in texts else "".join(texts),
        "base64": None if parts[0]["base64"] is None else _joined(part["base64"] for part in parts),
        "size": parts[0]["size"],
    }
    return {**found, "value": whole}


def _joined(parts: Iterable[str]) -> str:
    return base64.b64encode(b"".join(map(base64.b64decode, parts))).decode()


def _bytes(part: Mapping[str, Any]) -> str | None:
    """The bytes, as text if they are text."""
    text: str | None = part["text"] if part["text"] is not None else part["base64"]
    return text if part["text"] is not None or text is None else f"base64 {text}"
