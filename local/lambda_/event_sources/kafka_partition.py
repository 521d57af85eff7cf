"""Reads one partition of a topic and invokes the function with its batches, one at a time and in order."""

import threading
import time
from collections.abc import Callable

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from local.lambda_.emulator import Invoke
from local.lambda_.event_sources.backoff import Backoff
from local.lambda_.event_sources.event_size import MAX_RECORDS_BYTES
from local.lambda_.event_sources.kafka_event import kafka_event, kafka_record
from local.lambda_.event_sources.kafka_settings import QUIET, consumer_settings
from local.template.deployment import KafkaMapping

#: the longest wait for a record, so that `stop` is noticed soon
_POLL_SECONDS = 0.25


class PartitionReader:
    """Reads from the group's committed offset, and commits only batches that the function has processed."""

    def __init__(
        self,
        mapping: KafkaMapping,
        partition: int,
        invoke: Invoke,
        *,
        stop: threading.Event,
        report: Callable[[str], None],
    ) -> None:
        self._mapping = mapping
        self._partition = partition
        self._invoke = invoke
        self._stop = stop
        self._report = report
        self._consumer = Consumer(consumer_settings(mapping), logger=QUIET)
        self._left_over: Message | None = None

    def run(self) -> None:
        try:
            self._consumer.assign([self._start()])
            while not self._stop.is_set():
                if batch := self._batch():
                    self._deliver(batch)
        finally:
            self._consumer.close()

    def _start(self) -> TopicPartition:
        """Assigns the partition instead of subscribing: there is no other member, and joining a group takes seconds."""
        committed = self._committed()
        if committed.offset < 0:
            oldest = self._mapping.starting_position == "TRIM_HORIZON"
            committed.offset = OFFSET_BEGINNING if oldest else OFFSET_END
        return committed

    def _committed(self) -> TopicPartition:
        """Tries until a broker answers; the offset is negative when the group has not committed anything."""
        here = TopicPartition(self._mapping.topic, self._partition)
        backoff = Backoff(self._stop)
        while not self._stop.is_set():
            try:
                (committed,) = self._consumer.committed([here], timeout=10)
            except KafkaException:
                backoff.wait()
            else:
                return committed
        return here

    def _batch(self) -> list[Message]:
        """Collects as many records as the batch size, the window after the first and an event's size allow."""
        first = self._next(time.monotonic() + _POLL_SECONDS)
        if first is None:
            return []
        batch, size = [first], len(kafka_record(first))
        deadline = time.monotonic() + self._mapping.window_seconds
        while len(batch) < self._mapping.batch_size and (message := self._next(deadline)) is not None:
            size += len(kafka_record(message))
            if size > MAX_RECORDS_BYTES:
                self._left_over = message
                break
            batch.append(message)
        return batch

    def _next(self, deadline: float) -> Message | None:
        if self._left_over is not None:  # not `if self._left_over`: a message without a value is falsy
            message, self._left_over = self._left_over, None
            return message
        while not self._stop.is_set():
            polled: Message | None = self._consumer.poll(min(max(0.0, deadline - time.monotonic()), _POLL_SECONDS))
            if polled is not None and polled.error() is None:
                return polled
            if polled is None and time.monotonic() >= deadline:
                return None
        return None

    def _deliver(self, batch: list[Message]) -> None:
        """Repeats the same event until the function succeeds: a later record must not overtake it."""
        event = kafka_event(batch, bootstrap_servers=self._mapping.bootstrap_servers)
        backoff = Backoff(self._stop)
        while not self._stop.is_set():
            answer = self._invoke(event)
            if answer.error is None:
                self._commit(batch[-1])
                return
            self._report(f"{self._where(batch)}: {answer.error}; the batch will be repeated")
            backoff.wait()

    def _commit(self, last: Message) -> None:
        """A commit that fails is only reported: the next one covers it, and until then a restart repeats records."""
        done = TopicPartition(self._mapping.topic, self._partition, (last.offset() or 0) + 1)
        try:
            self._consumer.commit(offsets=[done], asynchronous=False)
        except KafkaException as error:
            self._report(f"{self._mapping.topic}-{self._partition}: offset {done.offset} not committed: {error}")

    def _where(self, batch: list[Message]) -> str:
        return f"{self._mapping.topic}-{self._partition} from offset {batch[0].offset()} ({len(batch)} records)"
