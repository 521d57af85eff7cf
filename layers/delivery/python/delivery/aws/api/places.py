"""Writes where a list goes on as a word that callers pass back unread."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from delivery.aws.api.answers import moment, wrong_param
from delivery.domain.operating import Place, Redriven


def word_of(place: Place | None, *, due_at: datetime | None = None) -> str | None:
    if place is None:
        return None
    parts = [moment(place.created_at), place.id, *([moment(due_at)] if due_at else [])]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def place_of(word: str | None) -> Place | None:
    """The place that the `next` of an earlier answer stands for."""
    parts = _parts(word)
    return Place(_moment(parts[0]), parts[1]) if parts else None


def redriven_to(word: str | None) -> Redriven | None:
    """How far the redrive that answered with this `next` had come."""
    parts = _parts(word)
    if not parts:
        return None
    return Redriven(due_at=_moment(parts[-1]), next=Place(_moment(parts[0]), parts[1]))


def _parts(word: str | None) -> list[Any]:
    if not word:
        return []
    try:
        parts = json.loads(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)))
    except (ValueError, binascii.Error):
        raise wrong_param("next is not what an answer held") from None
    if not isinstance(parts, list) or len(parts) not in (2, 3) or not isinstance(parts[1], int):
        raise wrong_param("next is not what an answer held")
    return parts


def _moment(value: object) -> datetime:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise wrong_param("next is not what an answer held") from None
