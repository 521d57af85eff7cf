"""Puts the rows of a set in lanes, one for each topic and key, so that a key has one message in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from delivery.domain.relaying import OutboxRow

_Lane = tuple[str, str] | int


class Lanes:
    """The rows that were not tried yet, by lane and in the order of their ids. A row without a key has its own lane."""

    def __init__(self, rows: Iterable[OutboxRow]) -> None:
        self._waiting: dict[_Lane, deque[OutboxRow]] = {}
        for row in sorted(rows, key=lambda row: row.id):
            self._waiting.setdefault(_lane_of(row), deque()).append(row)

    def heads(self) -> Sequence[OutboxRow]:
        """Takes the first row of each lane."""
        return [lane.popleft() for lane in self._waiting.values()]

    def next_after(self, row: OutboxRow) -> OutboxRow | None:
        """Takes the next row after this one in its lane."""
        lane = self._waiting[_lane_of(row)]
        return lane.popleft() if lane else None

    def behind(self, row: OutboxRow) -> Sequence[OutboxRow]:
        """Takes all rows after this one in its lane."""
        lane = self._waiting[_lane_of(row)]
        rows = list(lane)
        lane.clear()
        return rows


def _lane_of(row: OutboxRow) -> _Lane:
    return (row.topic, row.message_key) if row.message_key else row.id
