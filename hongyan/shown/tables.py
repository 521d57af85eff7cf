"""Tables of rows, and one row at length."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hongyan.shown.moments import here
from hongyan.shown.text import visible

_STYLES = {"sent": "green", "dead": "red", "failed": "yellow", "skipped": "magenta"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    of: Callable[[Mapping[str, Any]], object]
    #: Whether the column stays whole on a narrow terminal.
    is_whole: bool = False
    is_number: bool = False


def column(name: str, key: str | None = None, *, is_whole: bool = False, is_number: bool = False) -> Column:
    """A column for a field of the row. Times are shown in this machine's zone."""
    key = key or name
    return Column(name=name, of=lambda row: shown(key, row.get(key)), is_whole=is_whole, is_number=is_number)


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[Column]) -> Table:
    made = Table(box=None, pad_edge=False, header_style="bold")
    for one in columns:
        made.add_column(
            one.name,
            justify="right" if one.is_number else "left",
            no_wrap=one.is_whole,
            overflow="fold",
        )
    for row in rows:
        made.add_row(*(_cell(one.of(row)) for one in columns))
    return made


def details(row: Mapping[str, Any]) -> Table:
    """Lists the row's fields, except those without a value."""
    made = Table(box=None, pad_edge=False, show_header=False)
    made.add_column(no_wrap=True, style="bold")
    made.add_column(overflow="fold")
    for name, value in row.items():
        if value not in (None, ""):
            made.add_row(Text(name), _cell(shown(name, value)))
    return made


def under(heading: str, shown_below: RenderableType) -> Group:
    return Group(Text(), Text(heading, style="bold"), shown_below)


def shown(name: str, value: object) -> str:
    """The text for a field's value."""
    if value is not None and (name == "at" or name.endswith("_at")):
        return here(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return visible(json.dumps(value, ensure_ascii=False))
    return visible(value)


def _cell(value: object) -> Text:
    text = str(value)
    return Text(text, style=_STYLES.get(text, ""))
