"""Cuts what would not fit into one answer of a function, which holds 6 MB.

Texts are escaped twice on their way, as a part of our JSON and as the body in Lambda's: a control character takes seven
bytes then. Source: AWS Lambda developer guide, "Lambda quotas".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from delivery.aws.api.answers import shown
from delivery.domain.operating import Page, Place

_MOST_BYTES = 5_000_000
#: Each byte takes up to seven as text, and one and a third in base64: 5.5 MB together.
_OF_A_VALUE, _OF_A_KEY, _OF_HEADERS = 512 * 1024, 64 * 1024, 64 * 1024
#: of UTF-8: how long a character may be, and the bytes behind its first
_LONGEST_CHARACTER, _CONTINUED = 4, range(0x80, 0xC0)


def fitting(page: Page) -> Page:
    """As many rows of the page as fit, one at least; the next page begins behind the last of them."""
    room = _MOST_BYTES
    for before, row in enumerate(page.rows):
        room -= len(json.dumps(json.dumps(row, default=shown)))
        if room < 0 and before:
            return Page(rows=page.rows[:before], next=_place(page.rows[before - 1]))
    return page


def value_part(value: bytes | None, *, begin: int) -> Mapping[str, Any]:
    """The value from there on; `next` is where the part behind it begins."""
    part = _part(value, begin, _OF_A_VALUE)
    end = begin + len(part or b"")
    return {**_told(part, value), "next": end if value is not None and end < len(value) else None}


def beginning(key: bytes | None) -> Mapping[str, Any]:
    """Of a key, of which no more is shown; `size` tells whether that was all."""
    return _told(_part(key, 0, _OF_A_KEY), key)


def first_headers(headers: Sequence[tuple[str, bytes]]) -> Iterator[Mapping[str, Any]]:
    """As many as fit."""
    room = _OF_HEADERS
    for name, value in headers:
        room -= len(name.encode("utf-8", "replace")) + len(value)
        if room < 0:
            return
        yield {"name": name, **_told(value, value)}


def _place(row: Mapping[str, Any]) -> Place:
    return Place(row.get("created_at") or row["at"], row["id"])


def _part(value: bytes | None, begin: int, at_most: int) -> bytes | None:
    """Ends between two characters, if the value is text."""
    if value is None:
        return None
    end = begin + at_most
    continued = range(end, end - _LONGEST_CHARACTER, -1)
    return value[begin : next((at for at in continued if not _continues(value, at)), end)]


def _continues(value: bytes, at: int) -> bool:
    """Whether a UTF-8 character that began before goes on there."""
    return at < len(value) and value[at] in _CONTINUED


def _told(part: bytes | None, whole: bytes | None) -> Mapping[str, Any]:
    if part is None or whole is None:
        return {"text": None, "base64": None, "size": None}
    return {"text": _text(part), "base64": base64.b64encode(part).decode(), "size": len(whole)}


def _text(part: bytes) -> str | None:
    try:
        return part.decode()
    except UnicodeDecodeError:
        return None
