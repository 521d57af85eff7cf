"""`publish`: sends an event to Kafka and tells what the service made of it."""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
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
_TAKEN_WITHIN_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where an event is in Kafka."""

    topic: str
    partition: int
    offset: int


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
    dedupe_key = _dedupe_key(event)
    with opened_database(endpoints) as engine:
        lookups = Lookups(engine=engine)
        known = lookups.by_key(_CHANNEL, dedupe_key) if dedupe_key else None
        position = _produce(endpoints, event, key)
        say(f"published to {position.topic} with key {key} (partition {position.partition}, offset {position.offset})")
        if not _taken(endpoints, position):
            say(f"not taken by ingest within {_TAKEN_WITHIN_SECONDS:.0f} s: see its log")
            return
        for line in _outcome(event, _rejects_at(engine, position), known, dedupe_key, lookups):
            say(line)


def _produce(endpoints: Mapping[str, Any], event: bytes, key: str) -> Position:
    delivered: list[Message] = []
    failures: list[str] = []

    def on_delivery(error: object, message: Message) -> None:
        if error:
            failures.append(str(error))
        else:
            delivered.append(message)

    producer = Producer({"bootstrap.servers": endpoints["kafka_bootstrap_servers"]})
    producer.produce(endpoints["topic"], event, key=key, on_delivery=on_delivery)
    if producer.flush(30) or failures:
        raise CannotStartError(f"Kafka did not take the event: {', '.join(failures) or 'no answer within 30 s'}")
    (message,) = delivered
    return Position(topic=endpoints["topic"], partition=message.partition() or 0, offset=message.offset() or 0)


def _taken(endpoints: Mapping[str, Any], position: Position) -> bool:
    """Waits until the service's consumer group has committed the event, which it does after storing the result."""
    consumer = Consumer(
        {"bootstrap.servers": endpoints["kafka_bootstrap_servers"], "group.id": endpoints["consumer_group"]}
    )
    deadline = time.monotonic() + _TAKEN_WITHIN_SECONDS
    try:
        while time.monotonic() < deadline:
            if _committed(consumer, position) > position.offset:
                return True
            time.sleep(0.1)
    finally:
        consumer.close()
    return False


def _committed(consumer: Consumer, position: Position) -> int:
    try:
        (committed,) = consumer.committed([TopicPartition(position.topic, position.partition)], timeout=5)
    except KafkaException:
        return -1
    offset: int = committed.offset
    return offset


def _rejects_at(engine: Engine, position: Position) -> list[Mapping[str, Any]]:
    here = (
        rejects.c.topic == position.topic,
        rejects.c.partition == position.partition,
        rejects.c.offset == position.offset,
    )
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(rejects).where(*here)).mappings()]


def _outcome(
    event: bytes,
    stored_rejects: Iterable[Mapping[str, Any]],
    known: Mapping[str, Any] | None,
    dedupe_key: str | None,
    lookups: Lookups,
) -> list[str]:
    """What became of an event that ingest has read."""
    # Compares the value too: a Kafka whose data was removed reuses offsets that old rejects have.
    if told := [f"rejected as {row['code']}: {row['reason']}" for row in stored_rejects if row["value"] == event]:
        return told
    record = lookups.by_key(_CHANNEL, dedupe_key) if dedupe_key else None
    if record is None:
        return ["passed over: it is not an event for this service"]
    show = f"read it with: .venv/bin/python -m local show {record['id']}"
    if known:
        return [f"repeated: record {record['id']} has this dedupe key and is {record['status']}; {show}"]
    return [f"recorded as {record['id']}; {show}"]


def _dedupe_key(event: bytes) -> str | None:
    try:
        key: str = json.loads(event)["payload"]["dedupe_key"].strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return key
