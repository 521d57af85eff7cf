"""Produces messages and tells what came of each: idempotent, and acknowledged by all replicas that are in sync."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Sent

from delivery.aws.kafka.login import Login
from delivery.aws.kafka.verdicts import verdict_of
from delivery.domain.relaying import Accepted, Delivery, Message, Refused, Unavailable

#: How long a message may take, including all of the client's retries.
DELIVERY_SECONDS = 10

_SETTINGS: dict[str, Any] = {
    "enable.idempotence": True,
    "acks": "all",
    "message.timeout.ms": DELIVERY_SECONDS * 1000,
    "socket.timeout.ms": DELIVERY_SECONDS * 1000,
    "socket.connection.setup.timeout.ms": 5_000,
    "socket.keepalive.enable": True,
    "reconnect.backoff.max.ms": 500,
    # The same as Java's clients, so that producers in all languages put a key into the same partition.
    "partitioner": "murmur2_random",
    # A whole set is produced at once, so there is nothing to wait for.
    "linger.ms": 0,
    # The topic decides how large a message may be, not the client.
    "message.max.bytes": 16 * 1024 * 1024,
    # Otherwise the client would wait for a missing topic as long as for an unreachable broker.
    "topic.metadata.propagation.max.ms": 1_000,
    # librdkafka logs to stderr, and says no more there than in the errors that it returns.
    "log_level": 0,
}


class KafkaProducer:
    """Keeps its client between calls and replaces it after a failure: a password or an address may have changed."""

    def __init__(self, connection: Callable[[], Login], **settings: Any) -> None:  # noqa: ANN401 - librdkafka's values
        """`settings` override librdkafka's, with _ for each dot."""
        self._connection = connection
        self._settings = {**_SETTINGS, **{name.replace("_", "."): value for name, value in settings.items()}}
        self._client: Producer | None = None
        self._answers: list[tuple[int, Delivery]] = []
        self._troubled = False
        self._last_error = ""

    def prepare(self) -> None:
        """Makes the client if there is none. Call it only while nothing is in flight."""
        if self._client is None or self._troubled:
            self._last_error, self._troubled = "", False
            self._client = Producer({**self._settings, "error_cb": self._remember, **self._connection()})

    def send(self, message: Message) -> None:
        told = partial(self._told, message.row_id)
        assert self._client is not None, "prepare() comes first"  # noqa: S101
        try:
            self._client.produce(message.topic, value=message.value, key=message.key, on_delivery=told)
        except KafkaException as failure:
            self._told(message.row_id, failure.args[0])
        except ValueError as fault:  # the topic's name has a zero byte: the client refuses it by itself
            self._note(message.row_id, Refused(words=f"Kafka's client: {fault}"))
        except BufferError as full:
            self._note(message.row_id, Unavailable(words=f"Kafka's client: {full}"))

    def answers(self, *, within: float) -> Sequence[tuple[int, Delivery]]:
        assert self._client is not None, "prepare() comes first"  # noqa: S101
        self._client.poll(0 if self._answers else within)
        answers, self._answers = self._answers, []
        return answers

    def abandon(self) -> None:
        """Drops the client and everything that it has not delivered."""
        if self._client is not None:
            self._client.purge(in_queue=True, in_flight=True, blocking=False)
        self._client, self._answers = None, []

    def _told(self, row_id: int, error: KafkaError | None, _sent: Sent | None = None) -> None:
        self._note(row_id, verdict_of(error, also=self._last_error) if error else Accepted())

    def _note(self, row_id: int, delivery: Delivery) -> None:
        self._troubled = self._troubled or isinstance(delivery, Unavailable)
        self._answers.append((row_id, delivery))

    def _remember(self, error: KafkaError) -> None:
        """Keeps the reason why nothing is delivered; the messages themselves just time out."""
        if error.name() != "_ALL_BROKERS_DOWN":  # this error gives no reason
            self._last_error = error.str()
