"""The options that say which records or rejects are meant, and how much of a list is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from hongyan.shown.moments import moment_of, rfc3339

_WHICH = "Which"


class State(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    FAILED = "failed"
    SENT = "sent"
    DEAD = "dead"
    SKIPPED = "skipped"


def _which(*names: str, text: str) -> Any:  # noqa: ANN401 - a typer type
    return typer.Option(*names, help=text, rich_help_panel=_WHICH)


Since = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        parser=moment_of,
        metavar="TIME",
        help="Made then or later: 2h, 3d, 2026-11-26T08:30.",
        rich_help_panel=_WHICH,
    ),
]
Before = Annotated[
    datetime | None,
    typer.Option("--before", parser=moment_of, metavar="TIME", help="Made before then.", rich_help_panel=_WHICH),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Selects records. Every given option must match."""

    user_id: Annotated[int | None, _which("--user", text="Of this user.")] = None
    status: Annotated[list[State], _which("--status", text="In this state; may be repeated.")] = field(
        default_factory=list
    )
    code: Annotated[str | None, _which("--code", text="With this last error code.")] = None
    way: Annotated[str | None, _which("--way", text="Tried over this way, such as feishu_webhook.")] = None
    trigger_id: Annotated[str | None, _which("--trigger", text="With this trigger_id.")] = None
    trigger_type: Annotated[str | None, _which("--trigger-type", text="With this trigger_type.")] = None
    preview_id: Annotated[str | None, _which("--preview", text="With this preview_id.")] = None
    dedupe_key: Annotated[str | None, _which("--dedupe-key", text="With this dedupe_key.")] = None
    created_from: Since = None
    created_before: Before = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejects:
    """Selects rejects. Every given option must match."""

    code: Annotated[str | None, _which("--code", text="Rejected with this code.")] = None
    topic: Annotated[str | None, _which("--topic", text="Of this topic.")] = None
    replayed: Annotated[
        bool | None, _which("--replayed/--not-replayed", text="Those that were accepted by a replay, or the others.")
    ] = None
    created_from: Since = None
    created_before: Before = None


def given(which: Records | Rejects) -> Mapping[str, Any]:
    """The given parts, as the API takes them."""
    parts = {one.name: getattr(which, one.name) for one in fields(which)}
    return {name: _sent(value) for name, value in parts.items() if value not in (None, [])}


def as_query(parts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Writes a value for a URL's query, where true and false are words."""
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in parts.items()}


def _sent(value: object) -> object:
    match value:
        case datetime():
            return rfc3339(value)
        case list():
            return [str(one) for one in value]
        case _:
            return value
