"""Brings the Kafka topic to what the stage asks for, before anything reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from delivery.deployment.failure import DeploymentError


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedTopic:
    name: str
    partitions: int
    #: Copies of each partition; None leaves it to the brokers.
    replication: int | None
    retention_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionChange:
    """The number of partitions before and after. A topic that did not exist had none."""

    before: int
    after: int


class Brokers(Protocol):
    """The cluster. Each call raises a DeploymentError in the broker's words if it fails."""

    def partitions(self, name: str, *, until: datetime) -> int:
        """How many the topic has; 0 if it does not exist."""

    def create(self, topic: WantedTopic) -> None: ...

    def grow(self, name: str, *, partitions: int) -> None: ...

    def keep(self, name: str, *, hours: int) -> None:
        """Sets how long records stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicMaker:
    """Creates the topic, adds partitions and sets the retention. Removes nothing, so running it again is harmless."""

    topic: WantedTopic
    brokers: Callable[[], Brokers]

    def run(self, *, until: datetime, may_have_more: Callable[[], bool] = lambda: False) -> PartitionChange:
        """Makes the topic as wanted. With `may_have_more`, a topic with more partitions keeps them.

        Raises:
            DeploymentError: the topic has more partitions than are asked for, or a broker refused.
        """
        topic, brokers = self.topic, self.brokers()
        before = brokers.partitions(topic.name, until=until)
        if before > topic.partitions and not may_have_more():
            raise DeploymentError(
                f"topic {topic.name} has {before} partitions and {topic.partitions} are asked for, "
                f"but Kafka takes none away: ask for {before} or more"
            )
        if not before:
            brokers.create(topic)
        elif before < topic.partitions:
            brokers.grow(topic.name, partitions=topic.partitions)
        if before:
            brokers.keep(topic.name, hours=topic.retention_hours)
        return PartitionChange(before=before, after=max(before, topic.partitions))
