"""Lambda's Kafka event source: it reads a topic and invokes the function, one batch per partition at a time.

Offsets are committed only after the function has succeeded. A batch that fails is repeated without end, as Lambda does
by default.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from local.lambda_.emulator import Invoke
from local.lambda_.event_sources.kafka_partition import PartitionReader
from local.lambda_.event_sources.kafka_settings import QUIET
from local.template.deployment import KafkaMapping

#: how often to look for new partitions
_LOOK_EVERY_SECONDS = 15.0
#: how often to look for the topic until it exists
_FIRST_LOOKS_SECONDS = 0.25


@contextmanager
def poll_topic(
    mapping: KafkaMapping, invoke: Invoke, *, stop: threading.Event, report: Callable[[str], None]
) -> Iterator[None]:
    """Polls until `stop` is set or the block ends. The current batch is then finished, or given up uncommitted."""
    source = _Source(mapping, invoke, stop=stop, report=report)
    source.start()
    try:
        yield
    finally:
        source.stop()


class _Source:
    """One reader for each partition, including partitions that are added later."""

    def __init__(
        self, mapping: KafkaMapping, invoke: Invoke, *, stop: threading.Event, report: Callable[[str], None]
    ) -> None:
        self._mapping = mapping
        self._invoke = invoke
        self._report = report
        self._stop = stop
        self._readers: dict[int, threading.Thread] = {}
        self._watcher = threading.Thread(target=self._watch_partitions, name="kafka-partitions", daemon=True)

    def start(self) -> None:
        self._watcher.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in (self._watcher, *self._readers.values()):
            thread.join()

    def _watch_partitions(self) -> None:
        admin = AdminClient({"bootstrap.servers": self._mapping.bootstrap_servers}, logger=QUIET)
        while not self._stop.is_set():
            found = self._partitions(admin)
            for partition in sorted(found - self._readers.keys()):
                self._readers[partition] = self._reader(partition)
            self._stop.wait(_LOOK_EVERY_SECONDS if found else _FIRST_LOOKS_SECONDS)

    def _partitions(self, admin: AdminClient) -> set[int]:
        try:
            topic = admin.list_topics(self._mapping.topic, timeout=5).topics.get(self._mapping.topic)
        except KafkaException:  # no broker answers at the moment
            return set()
        return set(topic.partitions) if topic and topic.error is None else set()

    def _reader(self, partition: int) -> threading.Thread:
        reader = PartitionReader(self._mapping, partition, self._invoke, stop=self._stop, report=self._report)
        thread = threading.Thread(target=reader.run, name=f"kafka-{partition}", daemon=True)
        thread.start()
        return thread
