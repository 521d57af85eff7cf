"""A real broker that a test may kill, and what has arrived there."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from local.machine.make_once import make_once
from local.machine.ports import free_port
from local.machine.processes import ServerProcess
from local.servers import kafka_broker
from local.servers.find_kafka import VERSION, ApacheKafka
from local.servers.kafka import _found
from tests.integration.relay.outbox_rows import number_in
from tests.waiting import until

CACHE = Path(__file__).parents[3] / ".local" / "cache"


class Arrived(NamedTuple):
    partition: int
    key: bytes | None
    value: bytes

    @property
    def number(self) -> int:
        return number_in(self.value)


@dataclass(slots=True)
class Broker:
    """Keeps its data and its port when it is started again."""

    kafka: ApacheKafka
    state: Path
    port: int
    _running: AbstractContextManager[ServerProcess] | None = None
    _process: ServerProcess | None = None

    @property
    def servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self._running = kafka_broker._started(self.kafka, self.state, self.port)
        self._process = self._running.__enter__()

    def kill(self) -> None:
        """It gets no time to write anything."""
        assert self._process is not None
        assert self._running is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._running.__exit__(None, None, None)
        self._running = None

    def stop(self) -> None:
        if self._running:
            self._running.__exit__(None, None, None)

    def make_topic(self, name: str, *, partitions: int = 3, **config: str) -> None:
        settings = {key.replace("_", "."): value for key, value in config.items()}
        admin = self.admin()
        admin.create_topics([NewTopic(name, partitions, config=settings)])[name].result(60)
        until(lambda: name in admin.list_topics(timeout=20).topics)

    def configure(self, name: str, key: str, value: str) -> None:
        entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
        admin = self.admin()
        admin.incremental_alter_configs([resource])[resource].result(60)

    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.servers, "log_level": 0})

    def arrived(self, topic: str) -> list[Arrived]:
        """All of a topic, each partition in its order."""
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": "a test", "log_level": 0})
        partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        found = [one for number in partitions for one in _read(consumer, topic, number)]
        consumer.close()
        return found


def numbers_by_key(arrived: Sequence[Arrived]) -> dict[bytes | None, list[int]]:
    keys = sorted({one.key for one in arrived}, key=str)
    return {key: [one.number for one in arrived if one.key == key] for key in keys}


def _read(consumer: Consumer, topic: str, partition: int) -> Iterator[Arrived]:
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)
    consumer.assign([TopicPartition(topic, partition, 0)])
    position = 0
    while position < end:
        message = consumer.poll(20)
        assert message is not None, f"nothing came after {position} of {end}"
        assert message.error() is None, message.error()
        position = (message.offset() or 0) + 1
        key = message.key()
        yield Arrived(partition, key.encode() if isinstance(key, str) else key, bytes(message.value() or b""))


@contextmanager
def real_broker(state: Path) -> Iterator[Broker]:
    """Only a real one keeps what it acknowledged, and refuses what its topics do not allow."""
    found = _found(CACHE, print)
    if not isinstance(found, ApacheKafka):
        pytest.skip(f"there is no real broker here: {found}")
    _make_data(found, state)
    broker = Broker(found, state, free_port())
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def _make_data(kafka: ApacheKafka, state: Path) -> None:
    """As the local stack does before its first start."""
    prepared = kafka.jars.with_name(f"prepared-{VERSION}-java-{kafka.java.version}")
    make_once(prepared, partial(kafka_broker._prepare, kafka, print), say=print)
    make_once(state / "data", partial(kafka_broker._empty_data, prepared / "data"), say=print)
