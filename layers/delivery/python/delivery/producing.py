"""Produces a set of outbox rows: keys run side by side, and each has one message in flight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from delivery.domain.lanes import Lanes
from delivery.domain.relaying import (
    Delivery,
    Mark,
    Message,
    OutboxRow,
    Pauses,
    Refused,
    after_delivery,
    message_of,
    unreadable,
    untried,
)

_LOOK_SECONDS = 0.1


class Kafka(Protocol):
    """The brokers."""

    def prepare(self) -> None:
        """Makes the client if there is none. Raises if it cannot be made."""

    def send(self, message: Message) -> None:
        """Returns at once. The result is among the answers within Kafka's time-out."""

    def answers(self, *, within: float) -> Sequence[tuple[int, Delivery]]:
        """Row id and delivery of answered messages. Waits up to `within` seconds for the first."""

    def abandon(self) -> None:
        """Drops the messages that have no answer; none will come."""


@dataclass(slots=True, kw_only=True)
class Production:
    """Produces one set. Rows with an answer get a mark; rows without one stay leased when time is up."""

    kafka: Kafka
    pauses: Pauses
    now: Callable[[], datetime]
    #: Nothing is sent later than this, because its answer could come too late to be marked.
    send_until: datetime
    give_up_at: datetime
    marks: list[Mark] = field(default_factory=list)
    unanswered: int = 0
    _in_flight: dict[int, OutboxRow] = field(default_factory=dict)
    #: Rows refused as part of a batch, perhaps because of another row. Each is sent once more, alone.
    _suspects: list[OutboxRow] = field(default_factory=list)
    _alone: int = 0

    def run(self, rows: Sequence[OutboxRow]) -> None:
        lanes = Lanes(rows)
        for row in lanes.heads():
            self._send_next(lanes, row)
        while self._in_flight and self.now() < self.give_up_at:
            for row_id, delivery in self.kafka.answers(within=_LOOK_SECONDS):
                self._answered(lanes, self._in_flight.pop(row_id), delivery)
            while self._suspects and not self._in_flight:
                self._send_alone(lanes, self._suspects.pop())
        if self._in_flight:
            self.unanswered = len(self._in_flight)
            self.kafka.abandon()

    def _send_next(self, lanes: Lanes, row: OutboxRow | None) -> None:
        """Sends this row, or the next readable one in its lane."""
        while row:
            message = message_of(row)
            if isinstance(message, Message):
                self._send(lanes, row, message)
                return
            self.marks.append(unreadable(row, message.reason))
            row = lanes.next_after(row)

    def _send(self, lanes: Lanes, row: OutboxRow, message: Message) -> None:
        now = self.now()
        if now < self.send_until:
            self._in_flight[row.id] = row
            self.kafka.send(message)
        else:
            self.marks += [untried(it, now) for it in (row, *lanes.behind(row))]

    def _send_alone(self, lanes: Lanes, row: OutboxRow) -> None:
        self._alone = row.id
        self._send_next(lanes, row)

    def _answered(self, lanes: Lanes, row: OutboxRow, delivery: Delivery) -> None:
        if isinstance(delivery, Refused) and delivery.of_batch and row.id != self._alone:
            self._suspects.append(row)
            return
        mark = after_delivery(row, delivery, self.pauses, self.now())
        self.marks.append(mark)
        if mark.due_at is None:
            self._send_next(lanes, lanes.next_after(row))
        else:
            # Keeps a key's order: these rows are due together with the one before them, and leases go by id.
            self.marks += [untried(it, mark.due_at) for it in lanes.behind(row)]
