"""One partition of a topic in, batches of it to the function, one at a time; offsets committed after success only."""

import threading
import time

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from local.lambda_.sources.events import MAX_RECORDS_BYTES, Invoke, Patience, Report, seconds_until
from local.lambda_.sources.kafka_client import QUIET, consumer_settings
from local.lambda_.sources.kafka_event import kafka_event, kafka_record
from local.template.deployment import KafkaMapping

#: how long a wait for a record takes at most to notice that everything is to end
_GLANCE_SECONDS = 0.25


class PartitionReader:
    """Reads one partition from the group's committed offset on, and gives it to the function batch by batch."""

    def __init__(
        self, mapping: KafkaMapping, partition: int, invoke: Invoke, *, stop: threading.Event, report: Report
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
        """No group is joined: this is its only member, and joining takes seconds."""
        committed = self._committed()
        if committed.offset < 0:
            oldest = self._mapping.starting_position == "TRIM_HORIZON"
            committed.offset = OFFSET_BEGINNING if oldest else OFFSET_END
        return committed

    def _committed(self) -> TopicPartition:
        """Asked until a broker answers; below 0 when the group has not committed anything."""
        here = TopicPartition(self._mapping.topic, self._partition)
        patience = Patience(self._stop)
        while not self._stop.is_set():
            try:
                (committed,) = self._consumer.committed([here], timeout=10)
            except KafkaException:
                patience.wait()
            else:
                return committed
        return here

    def _batch(self) -> list[Message]:
        """Up to the batch size, or what came within the window after the first record, or what an event can hold."""
        first = self._next(time.monotonic() + _GLANCE_SECONDS)
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
        if self._left_over is not None:  # a message without a value has length 0, and so would count as none
            message, self._left_over = self._left_over, None
            return message
        while not self._stop.is_set():
            polled: Message | None = self._consumer.poll(min(seconds_until(deadline), _GLANCE_SECONDS))
            if polled is not None and polled.error() is None:
                return polled
            if polled is None and time.monotonic() >= deadline:
                return None
        return None

    def _deliver(self, batch: list[Message]) -> None:
        """The same event until the function takes it; nothing behind it goes first."""
        event = kafka_event(batch, bootstrap_servers=self._mapping.bootstrap_servers)
        patience = Patience(self._stop)
        while not self._stop.is_set():
            answer = self._invoke(event)
            if answer.error is None:
                self._commit(batch[-1])
                return
            self._report(f"{self._where(batch)}: {answer.error}; the batch is given again")
            patience.wait()

    def _commit(self, last: Message) -> None:
        """A commit that is lost repeats records after a restart; the next commit makes up for it."""
        done = TopicPartition(self._mapping.topic, self._partition, (last.offset() or 0) + 1)
        try:
            self._consumer.commit(offsets=[done], asynchronous=False)
        except KafkaException as error:
            self._report(f"{self._mapping.topic}-{self._partition}: offset {done.offset} not committed: {error}")

    def _where(self, batch: list[Message]) -> str:
        return f"{self._mapping.topic}-{self._partition} from offset {batch[0].offset()} ({len(batch)} records)"
