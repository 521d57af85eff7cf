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
#: Each byte becomes up to seven as text, plus one and a third in base64: 5.5 MB altogether.
_OF_A_VALUE, _OF_A_KEY, _OF_HEADERS = 512 * 1024, 64 * 1024, 64 * 1024
#: UTF-8: the most bytes of a character, and the range of its bytes after the first.
_LONGEST_CHARACTER, _CONTINUED = 4, range(0x80, 0xC0)


def fitting(page: Page) -> Page:
    """Keeps as many rows as fit, at least one. The next page begins after the last of them."""
    room = _MOST_BYTES
    for before, row in enumerate(page.rows):
        room -= len(json.dumps(json.dumps(row, default=shown)))
        if room < 0 and before:
            return Page(rows=page.rows[:before], next=_place(page.rows[before - 1]))
    return page


def value_part(value: bytes | None, *, begin: int) -> Mapping[str, Any]:
    """The part of the value that starts at `begin`. `next` is where the following part starts."""
    part = _part(value, begin, _OF_A_VALUE)
    end = begin + len(part or b"")
    return {**_told(part, value), "next": end if value is not None and end < len(value) else None}


def beginning(key: bytes | None) -> Mapping[str, Any]:
    """The start of a key. The rest is never shown; `size` tells whether there is more."""
    return _told(_part(key, 0, _OF_A_KEY), key)


def first_headers(headers: Sequence[tuple[str, bytes]]) -> Iterator[Mapping[str, Any]]:
    """As many headers as fit."""
    room = _OF_HEADERS
    for name, value in headers:
        room -= len(name.encode("utf-8", "replace")) + len(value)
        if room < 0:
            return
        yield {"name": name, **_told(value, value)}


def _place(row: Mapping[str, Any]) -> Place:
    return Place(row.get("created_at") or row["at"], row["id"])


def _part(value: bytes | None, begin: int, at_most: int) -> bytes | None:
    """Cuts between two characters if the value is text."""
    if value is None:
        return None
    end = begin + at_most
    continued = range(end, end - _LONGEST_CHARACTER, -1)
    return value[begin : next((at for at in continued if not _continues(value, at)), end)]


def _continues(value: bytes, at: int) -> bool:
    """Whether this byte continues a UTF-8 character that began earlier."""
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
