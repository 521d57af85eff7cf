"""Follows an event that was published until the API shows what the service made of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hongyan.door.api import Api
from hongyan.kafka import Position

_WITHIN_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.2


class Fate(StrEnum):
    RECORDED = "recorded"
    REPEATED = "repeated"
    REJECTED = "rejected"
    PASSED_OVER = "passed_over"
    NOT_TAKEN = "not_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    outcome: Fate
    row: Mapping[str, Any]

    def words(self) -> str:
        row = self.row
        match self.outcome:
            case Fate.RECORDED:
                return f"recorded as {row['id']}; see: hongyan record {row['id']}"
            case Fate.REPEATED:
                has = f"record {row['id']} has this dedupe key and is {row['status']}"
                return f"repeated: {has}; see: hongyan record {row['id']}"
            case Fate.REJECTED:
                return f"rejected as {row['code']}: {row['reason']}; see: hongyan reject {row['id']}"
            case Fate.PASSED_OVER:
                return "passed over: it is not an event for this service"
            case Fate.NOT_TAKEN:
                return f"not taken by ingest within {_WITHIN_SECONDS:.0f} s: see its log"

    def as_json(self) -> Mapping[str, Any]:
        shown = {name: self.row[name] for name in ("id", "status", "code", "reason") if name in self.row}
        return {"outcome": str(self.outcome), **shown}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    api: Api
    #: None if the event has none; then it never becomes a record.
    dedupe_key: str | None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def record(self) -> Mapping[str, Any] | None:
        return self._first("operate/records", dedupe_key=self.dedupe_key) if self.dedupe_key else None

    def follow(self, position: Position, *, known: Mapping[str, Any] | None, is_taken: Callable[[], bool]) -> Found:
        """Returns a reject or a record as soon as it exists, or another result once ingest is past the event."""
        ends = self.clock() + _WITHIN_SECONDS
        while self.clock() < ends:
            taken = is_taken()  # ask before looking, because ingest commits its offset after it has stored the event
            if found := self._stored(position, known) or (self._otherwise(known) if taken else None):
                return found
            self.sleep(_LOOK_EVERY_SECONDS)
        return Found(outcome=Fate.NOT_TAKEN, row={})

    def _stored(self, position: Position, known: Mapping[str, Any] | None) -> Found | None:
        if reject := self._reject(position):
            return Found(outcome=Fate.REJECTED, row=reject)
        record = None if known else self.record()
        return Found(outcome=Fate.RECORDED, row=record) if record else None

    def _otherwise(self, known: Mapping[str, Any] | None) -> Found:
        record = self.record() if known else None
        return Found(outcome=Fate.REPEATED, row=record) if record else Found(outcome=Fate.PASSED_OVER, row={})

    def _reject(self, position: Position) -> Mapping[str, Any] | None:
        """Looks among the newest rejects, because this one would be new."""
        here = (position.partition, position.offset, position.timestamp)
        newest = self.api.get("operate/rejects", topic=position.topic, size=100)["items"]
        found = [row for row in newest if (row["partition"], row["offset"], row["timestamp"]) == here]
        return found[0] if found else None

    def _first(self, path: str, **query: str) -> Mapping[str, Any] | None:
        items = self.api.get(path, **query, size=1)["items"]
        return items[0] if items else None


def dedupe_key_of(event: bytes) -> str | None:
    """The key as ingest would read it, or None if the event has none."""
    try:
        key: str = json.loads(event)["payload"]["dedupe_key"].strip()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return key or None
