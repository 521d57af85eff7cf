"""Publishes events to Kafka, and notes where Kafka put each of them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from local.demo.publishing.event_kinds import Event, Published
from local.lambda_.event_sources.kafka_settings import QUIET
from local.machine.processes import CannotStartError

_SECONDS = 30


class KafkaTopic:
    def __init__(self, *, bootstrap_servers: str, name: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.name = name
        self._producer = Producer(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "acks": "all",
                "linger.ms": 5,
                "partitioner": "murmur2_random",
                "message.timeout.ms": _SECONDS * 1000,
                "socket.timeout.ms": _SECONDS * 1000,
            },
            logger=QUIET,  # otherwise its complaints about the ending broker would follow the demo's last line
        )

    def partitions(self) -> int:
        """The topic's number of partitions."""
        try:
            found = self._producer.list_topics(self.name, timeout=_SECONDS).topics[self.name]
        except KafkaException as error:
            raise CannotStartError(f"Kafka at {self.bootstrap_servers} does not answer: {error}") from None
        if found.error is not None:
            raise CannotStartError(f"Kafka has no topic {self.name}: {found.error}")
        return len(found.partitions)

    def publish(self, events: Sequence[Event]) -> list[Published]:
        """Publishes all events, in order within each partition, and waits for every acknowledgement.

        Raises:
            CannotStartError: an event was not acknowledged.
        """
        published: list[Published] = []
        failed: list[KafkaError] = []
        for event in events:
            try:
                self._produce(event, _on_delivery(event, published, failed))
            except KafkaException as error:  # refused before it was sent
                failed.append(error.args[0])
            self._producer.poll(0)
        left = self._producer.flush(_SECONDS)
        if failed or left:
            reason = failed[0] if failed else f"no answer in {_SECONDS} s"
            raise CannotStartError(f"Kafka acknowledged {len(published)} of {len(events)} events: {reason}")
        return published

    def _produce(self, event: Event, on_delivery: Callable[[KafkaError | None, Message], None]) -> None:
        chosen: dict[str, Any] = {} if event.partition is None else {"partition": event.partition}
        self._producer.produce(
            self.name,
            key=event.key,
            value=event.value,
            headers=list(event.headers),
            on_delivery=on_delivery,
            **chosen,
        )


def _on_delivery(
    event: Event, published: list[Published], failed: list[KafkaError]
) -> Callable[[KafkaError | None, Message], None]:
    def note(error: KafkaError | None, message: Message) -> None:
        partition, offset = message.partition(), message.offset()
        if error is not None:
            failed.append(error)
        elif partition is not None and offset is not None:  # an acknowledged event has both
            now = datetime.now(UTC)
            published.append(Published(event=event, partition=partition, offset=offset, acknowledged_at=now))

    return note
