"""`publish`: sends an event to Kafka and tells what the service made of it."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from sqlalchemy import Engine, select

from delivery.storage.lookups import Lookups
from delivery.storage.tables import rejects
from local.commands.database import opened_database
from local.machine.processes import CannotStartError

_CHANNEL = "feishu"
_TAKEN_WITHIN_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where an event is in Kafka."""

    topic: str
    partition: int
    offset: int
    #: Milliseconds since the epoch. A topic that was made anew has the same offsets again.
    timestamp: int


def example_event(user_id: int, text: str) -> bytes:
    """A valid event that was never published before."""
    name = f"local-{uuid.uuid4()}"
    event = {
        "event_id": name,
        "event_type": "notification.feishu.requested",
        "event_version": "1",
        "service_name": "notification",
        "aggregate_id": name,
        "payload": {
            "user_id": user_id,
            "preview_id": name,
            "trigger_type": "local",
            "dedupe_key": name,
            "target_url": f"/assistant/{name}",
            "summary_text": text,
            "requested_at": datetime.now(UTC).isoformat(),
        },
    }
    return json.dumps(event, ensure_ascii=False).encode()


def read_event(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CannotStartError(f"--file {file}: {error.strerror}") from None


def event_key(event: bytes, user_id: int | None) -> str:
    """The message key that a producer uses: the user's id."""
    if user_id is not None:
        return str(user_id)
    try:
        return str(json.loads(event)["payload"]["user_id"])
    except (ValueError, KeyError, TypeError):
        return "0"


def publish(endpoints: Mapping[str, Any], event: bytes, *, key: str, say: Callable[[str], None]) -> None:
    """Publishes any bytes: the service decides whether they are an event."""
    with opened_database(endpoints) as engine, _group(endpoints) as group:
        told = _Told(engine=engine, group=group, dedupe_key=_dedupe_key(event))
        known = told.record()  # now, because a repeated event may change its status
        position = _produce(endpoints, event, key)
        say(f"published to {position.topic} with key {key} (partition {position.partition}, offset {position.offset})")
        say(told.within(_TAKEN_WITHIN_SECONDS, position, known))


def _produce(endpoints: Mapping[str, Any], event: bytes, key: str) -> Position:
    delivered: list[Message] = []
    failures: list[str] = []

    def on_delivery(error: object, message: Message) -> None:
        if error:
            failures.append(str(error))
        else:
            delivered.append(message)

    producer = Producer(
        {
            "bootstrap.servers": endpoints["kafka_bootstrap_servers"],
            "linger.ms": 0,
            "partitioner": "murmur2_random",
        }
    )
    producer.produce(endpoints["topic"], event, key=key, on_delivery=on_delivery)
    if producer.flush(30) or failures:
        raise CannotStartError(f"Kafka did not take the event: {', '.join(failures) or 'no answer within 30 s'}")
    (message,) = delivered
    return Position(
        topic=endpoints["topic"],
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        timestamp=message.timestamp()[1],
    )


@contextmanager
def _group(endpoints: Mapping[str, Any]) -> Iterator[Consumer]:
    """The service's consumer group, to ask how far it is. Its coordinator is found before the event is published."""
    servers, group = endpoints["kafka_bootstrap_servers"], endpoints["consumer_group"]
    consumer = Consumer({"bootstrap.servers": servers, "group.id": group})
    try:
        _committed(consumer, TopicPartition(endpoints["topic"], 0))
        yield consumer
    finally:
        consumer.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What became of an event: a reject or a record as soon as it is there, anything else when ingest is done."""

    engine: Engine
    group: Consumer
    dedupe_key: str | None

    def within(self, seconds: float, position: Position, known: Mapping[str, Any] | None) -> str:
        deadline = time.monotonic() + seconds
        here = TopicPartition(position.topic, position.partition)
        while time.monotonic() < deadline:
            taken = _committed(self.group, here) > position.offset  # before the look: ingest commits after storing
            if words := self._stored(position, known) or (self._otherwise(known) if taken else ""):
                return words
            time.sleep(_LOOK_EVERY_SECONDS)
        return f"not taken by ingest within {seconds:.0f} s: see its log"

    def record(self) -> Mapping[str, Any] | None:
        return Lookups(engine=self.engine).by_key(_CHANNEL, self.dedupe_key) if self.dedupe_key else None

    def _stored(self, position: Position, known: Mapping[str, Any] | None) -> str:
        if reject := self._reject(position):
            return f"rejected as {reject['code']}: {reject['reason']}"
        record = None if known else self.record()
        return f"recorded as {record['id']}; {_show(record)}" if record else ""

    def _otherwise(self, known: Mapping[str, Any] | None) -> str:
        record = self.record() if known else None
        if record is None:
            return "passed over: it is not an event for this service"
        return f"repeated: record {record['id']} has this dedupe key and is {record['status']}; {_show(record)}"

    def _reject(self, position: Position) -> Mapping[str, Any] | None:
        here = (
            rejects.c.topic == position.topic,
            rejects.c.partition == position.partition,
            rejects.c.offset == position.offset,
            rejects.c.timestamp == position.timestamp,
        )
        with self.engine.connect() as connection:
            found = connection.execute(select(rejects.c.code, rejects.c.reason).where(*here)).mappings().one_or_none()
        return dict(found) if found else None


def _committed(group: Consumer, here: TopicPartition) -> int:
    """The offset that the group goes on from. Below 0 if it has none, or if no broker answers at the moment."""
    try:
        (committed,) = group.committed([here], timeout=5)
    except KafkaException:
        return -1
    offset: int = committed.offset
    return offset


def _show(record: Mapping[str, Any]) -> str:
    return f"read it with: .venv/bin/python -m local show {record['id']}"


def _dedupe_key(event: bytes) -> str | None:
    try:
        key: str = json.loads(event)["payload"]["dedupe_key"].strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return key
