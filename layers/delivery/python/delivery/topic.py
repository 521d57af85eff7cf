"""Brings the Kafka topic to what the stage asks for, before it is read: a topic in, what was there before out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


class TopicError(Exception):
    """The topic cannot be as it is asked for; the text is for people, the broker's own where it refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    name: str
    partitions: int
    #: copies of each partition; None leaves it to the brokers
    replication: int | None
    retention_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """Partitions before and after; no topic has none."""

    before: int
    after: int


class Brokers(Protocol):
    """The cluster; each call raises a `TopicError` in the broker's words."""

    def partitions(self, name: str, *, until: datetime) -> int:
        """How many the topic has; none when there is no such topic."""

    def create(self, topic: Topic) -> None: ...

    def grow(self, name: str, *, partitions: int) -> None: ...

    def keep(self, name: str, *, hours: int) -> None:
        """Sets for how long records stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicMaker:
    """Creates, adds partitions, sets the retention; takes nothing away, and doing it twice changes nothing."""

    topic: Topic
    brokers: Callable[[], Brokers]

    def run(self, *, until: datetime, may_have_more: Callable[[], bool] = lambda: False) -> Brought:
        """The partitions before and after; where `may_have_more`, a topic with more of them stays as it is.

        Raises:
            TopicError: when the topic has more partitions than are asked for, or a broker refused.
        """
        topic, brokers = self.topic, self.brokers()
        before = brokers.partitions(topic.name, until=until)
        if before > topic.partitions and not may_have_more():
            raise TopicError(
                f"topic {topic.name} has {before} partitions and {topic.partitions} are asked for, "
                f"but Kafka takes none away: ask for {before} or more"
            )
        if not before:
            brokers.create(topic)
        elif before < topic.partitions:
            brokers.grow(topic.name, partitions=topic.partitions)
        if before:
            brokers.keep(topic.name, hours=topic.retention_hours)
        return Brought(before=before, after=max(before, topic.partitions))
