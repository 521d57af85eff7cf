"""Publishes to Kafka, and asks how far ingest's consumer group is. librdkafka is loaded only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from hongyan.failure import Failure

_WITHIN_SECONDS = 30.0
_GROUP_WITHIN_SECONDS = 5.0
#: The partitioner that every other producer uses, so that a key always has the same partition.
_PRODUCER = {
    "linger.ms": 0,
    "message.timeout.ms": int(_WITHIN_SECONDS * 1_000),
    "partitioner": "murmur2_random",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """An event's place in Kafka."""

    topic: str
    partition: int
    offset: int
    #: Milliseconds since the epoch. It tells events apart when a topic that was made anew repeats its offsets.
    timestamp: int
    key: str

    def as_json(self) -> Mapping[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    servers: str
    topic: str
    #: Ingest's consumer group, if it is known.
    group: str | None
    config: Mapping[str, str] = field(default_factory=dict, repr=False)

    def publish(self, value: bytes, *, key: str) -> Position:
        """Publishes any bytes; the service decides whether they are an event."""
        delivered: list[Any] = []
        failures: list[str] = []

        def on_delivery(error: object, message: object) -> None:
            if error:
                failures.append(str(error))
            else:
                delivered.append(message)

        producer = self._made("Producer", _PRODUCER)
        try:
            producer.produce(self.topic, value, key=key, on_delivery=on_delivery)
        except (_confluent_kafka().KafkaException, BufferError) as error:  # the message is too large
            raise Failure(f"Kafka did not take the event: {error}") from None
        if producer.flush(_WITHIN_SECONDS + 1) or failures or not delivered:
            why = ", ".join(failures) or f"no answer within {_WITHIN_SECONDS:.0f} s"
            raise Failure(f"Kafka did not take the event: {why}; is --bootstrap-servers {self.servers} right?")
        return self._position(delivered[0], key)

    @contextmanager
    def group_progress(self) -> Iterator[Callable[[Position], bool]]:
        """Tells whether ingest is past a position. Without a group it never is."""
        if self.group is None:
            yield lambda _position: False
            return
        consumer = self._made("Consumer", {"group.id": self.group})
        try:
            yield lambda position: _committed(consumer, position) > position.offset
        finally:
            consumer.close()

    def _made(self, kind: str, settings: Mapping[str, object]) -> Any:  # noqa: ANN401 - librdkafka's stubs are missing
        kafka = _confluent_kafka()
        try:
            return getattr(kafka, kind)({"bootstrap.servers": self.servers, "log_level": 2, **settings, **self.config})
        except kafka.KafkaException as error:
            raise Failure(f"--kafka-config: {error.args[0].str()}") from None

    def _position(self, message: Any, key: str) -> Position:  # noqa: ANN401 - librdkafka's
        return Position(
            topic=self.topic,
            partition=message.partition() or 0,
            offset=message.offset() or 0,
            timestamp=message.timestamp()[1],
            key=key,
        )


def _committed(consumer: Any, position: Position) -> int:  # noqa: ANN401 - librdkafka's
    """The group's next offset. Negative if it has none, or if no broker answers at the moment."""
    kafka = _confluent_kafka()
    try:
        (committed,) = consumer.committed(
            [kafka.TopicPartition(position.topic, position.partition)], timeout=_GROUP_WITHIN_SECONDS
        )
    except kafka.KafkaException:
        return -1
    offset: int = committed.offset
    return offset


def _confluent_kafka() -> Any:  # noqa: ANN401 - a module
    try:
        import confluent_kafka  # noqa: PLC0415 - only publish needs it, and it may be missing
    except ImportError:
        raise Failure("publish needs the package confluent-kafka: pip install confluent-kafka") from None
    return confluent_kafka
