"""Publishes an event to Kafka, for backends without an outbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, NamedTuple, Protocol

from hongyan_producer.contract.models import TOPIC
from hongyan_producer.contract.target_url import URL_PREFIXES
from hongyan_producer.event import checked_event
from hongyan_producer.partitions import partition_of

_ASK_AGAIN_SECONDS = 300.0  # the same as Java's client (metadata.max.age.ms)
_ANSWER_SECONDS = 10.0


class Producer(Protocol):
    """The caller's Producer of confluent-kafka."""

    def produce(self, topic: str, /, *, value: bytes, key: bytes, partition: int, on_delivery: Any) -> Any: ...  # noqa: ANN401

    def list_topics(self, topic: str, /, *, timeout: float) -> Any: ...  # noqa: ANN401 - its ClusterMetadata


def publish(
    producer: Producer,
    payload: Mapping[str, Any],
    *,
    on_delivery: Callable[[Any, Any], object] | None = None,
    event_id: str = "",
    topic: str = TOPIC,
    url_prefixes: Sequence[str] = URL_PREFIXES,
) -> None:
    """Produces the event. It is published once `on_delivery` was called without an error, from `poll` or `flush`.

    It goes to the partition that Java's client chooses for the user, whatever the producer's `partitioner` is, so that
    the events of a user keep their order. To keep it through retries too, set `enable.idempotence` in the producer.
    The number of partitions is read at the first event of a topic, and again after five minutes.

    Args:
        producer: A Producer of confluent-kafka. What it raises is passed on: `KafkaException` if no broker answers,
            `BufferError` if too much is waiting to be sent.
        payload: The event's payload, as for `checked_event`.
        on_delivery: Called with the error, or None, and the message.
        event_id: The producer's own name for the event.
        topic: Where the stage reads events (its setting `kafka.topic`).
        url_prefixes: The stage's setting `allowed_url_prefixes`.

    Raises:
        ContractError: The event breaks the contract.
        LookupError: There is no such topic.
    """
    event = checked_event(payload, event_id=event_id, url_prefixes=url_prefixes)
    key = event.key.encode()
    partition = partition_of(key, _partitions(producer, topic))
    producer.produce(topic, value=event.value, key=key, partition=partition, on_delivery=on_delivery)


class _Counted(NamedTuple):
    #: Keeps the producer alive, so that no other producer, perhaps of another cluster, can be taken for it.
    producer: Producer
    partitions: int
    until: float


_counted: dict[str, _Counted] = {}


def _partitions(producer: Producer, topic: str) -> int:
    known = _counted.get(topic)
    if known is None or known.producer is not producer or known.until < monotonic():
        until = monotonic() + _ASK_AGAIN_SECONDS
        known = _Counted(producer=producer, partitions=_count(producer, topic), until=until)
        _counted[topic] = known
    return known.partitions


def _count(producer: Producer, topic: str) -> int:
    found = producer.list_topics(topic, timeout=_ANSWER_SECONDS).topics[topic]
    if not found.partitions:
        raise LookupError(f"Kafka has no topic {topic}: {found.error}")
    return len(found.partitions)
