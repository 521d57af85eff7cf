"""Lambda's Kafka event source: a topic in, batches to the function; a partition's next batch waits for the one before.

Offsets are committed after success only. A batch that fails is repeated, without end, as Lambda does by default.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from local.lambda_.sources.events import Invoke, Report
from local.lambda_.sources.kafka_client import QUIET
from local.lambda_.sources.kafka_partition import PartitionReader
from local.template.deployment import KafkaMapping

#: how often partitions that were added are looked for; at the beginning, how often the topic is
_LOOK_EVERY_SECONDS, _FIRST_LOOKS_SECONDS = 15.0, 0.25


@contextmanager
def polling_kafka(mapping: KafkaMapping, invoke: Invoke, *, stop: threading.Event, report: Report) -> Iterator[None]:
    """Polls until `stop` or the end of the block; a batch in hand then is finished, or given up uncommitted."""
    source = _Source(mapping, invoke, stop=stop, report=report)
    source.start()
    try:
        yield
    finally:
        source.stop()


class _Source:
    """One reader for each partition, those that are added later included."""

    def __init__(self, mapping: KafkaMapping, invoke: Invoke, *, stop: threading.Event, report: Report) -> None:
        self._mapping = mapping
        self._invoke = invoke
        self._report = report
        self._stop = stop
        self._readers: dict[int, threading.Thread] = {}
        self._lookout = threading.Thread(target=self._look_out, name="kafka-partitions", daemon=True)

    def start(self) -> None:
        self._lookout.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in (self._lookout, *self._readers.values()):
            thread.join()

    def _look_out(self) -> None:
        admin = AdminClient({"bootstrap.servers": self._mapping.bootstrap_servers}, logger=QUIET)
        while not self._stop.is_set():
            found = self._partitions(admin)
            for partition in sorted(found - self._readers.keys()):
                self._readers[partition] = self._reader(partition)
            self._stop.wait(_LOOK_EVERY_SECONDS if found else _FIRST_LOOKS_SECONDS)

    def _partitions(self, admin: AdminClient) -> set[int]:
        try:
            topic = admin.list_topics(self._mapping.topic, timeout=5).topics.get(self._mapping.topic)
        except KafkaException:  # no broker right now
            return set()
        return set(topic.partitions) if topic and topic.error is None else set()

    def _reader(self, partition: int) -> threading.Thread:
        reader = PartitionReader(self._mapping, partition, self._invoke, stop=self._stop, report=self._report)
        thread = threading.Thread(target=reader.run, name=f"kafka-{partition}", daemon=True)
        thread.start()
        return thread
