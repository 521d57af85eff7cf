"""Lambda's SQS event source: it receives batches, invokes the function, and deletes the messages that succeeded.

The queue itself makes the other messages visible again, and moves them to its dead-letter queue in the end.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from mypy_boto3_sqs import SQSClient
from mypy_boto3_sqs.type_defs import MessageTypeDef

from local.lambda_.emulator import Invoke
from local.lambda_.event_sources.backoff import Backoff
from local.lambda_.event_sources.event_size import split_by_size
from local.lambda_.event_sources.sqs_event import failed_items, sqs_event, sqs_record
from local.servers.aws import Aws
from local.template.deployment import QueueMapping

#: SQS's own limit for one call
_MESSAGES_PER_CALL = 10
_LONG_POLL_SECONDS = 1


@contextmanager
def poll_queue(
    mapping: QueueMapping,
    invoke: Invoke,
    *,
    aws: Aws,
    workers: int,
    stop: threading.Event,
    report: Callable[[str], None],
) -> Iterator[None]:
    """Polls until `stop` is set or the block ends, then waits for the batches that are being handled."""
    poller = _Poller(mapping, invoke, aws=aws, workers=workers, stop=stop, report=report)
    poller.start()
    try:
        yield
    finally:
        poller.stop()


class _Poller:
    """One thread receives, and only when a worker is free: a message that waited here would use up its visibility."""

    def __init__(
        self,
        mapping: QueueMapping,
        invoke: Invoke,
        *,
        aws: Aws,
        workers: int,
        stop: threading.Event,
        report: Callable[[str], None],
    ) -> None:
        self._mapping = mapping
        self._invoke = invoke
        self._report = report
        self._sqs: SQSClient = aws.session.client("sqs", endpoint_url=aws.endpoint_url, config=_CLIENT_CONFIG)
        self._queue_url = self._sqs.get_queue_url(QueueName=mapping.queue_arn.rpartition(":")[2])["QueueUrl"]
        self._stop = stop
        concurrency = min(workers, mapping.max_concurrency or workers)
        self._free = threading.Semaphore(concurrency)
        self._functions = ThreadPoolExecutor(concurrency, thread_name_prefix="sqs-batch")
        self._receiver = threading.Thread(target=self._receive_batches, name="sqs-poller", daemon=True)

    def start(self) -> None:
        self._receiver.start()

    def stop(self) -> None:
        self._stop.set()
        self._receiver.join()
        self._functions.shutdown()

    def _receive_batches(self) -> None:
        backoff = Backoff(self._stop)
        while not self._stop.is_set():
            self._free.acquire()
            try:
                batch = self._batch()
            except (BotoCoreError, ClientError) as error:
                self._report(f"{self._mapping.queue_arn}: cannot receive: {error}")
                self._free.release()
                backoff.wait()
                continue
            backoff = Backoff(self._stop)
            self._functions.submit(self._handle, batch)

    def _batch(self) -> list[MessageTypeDef]:
        """Collects as many messages as the batch size and the window after the first message allow."""
        batch = self._received(self._mapping.batch_size, wait=_LONG_POLL_SECONDS)
        deadline = time.monotonic() + self._mapping.window_seconds
        while batch and len(batch) < self._mapping.batch_size and (left := max(0.0, deadline - time.monotonic())):
            more = self._received(self._mapping.batch_size - len(batch), wait=min(_LONG_POLL_SECONDS, int(left)))
            batch += more
            if self._stop.is_set():
                break
        return batch

    def _received(self, count: int, *, wait: int) -> list[MessageTypeDef]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=min(count, _MESSAGES_PER_CALL),
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def _handle(self, batch: Sequence[MessageTypeDef]) -> None:
        try:
            messages = {sqs_record(message, queue_arn=self._mapping.queue_arn): message for message in batch}
            for records in split_by_size(messages):
                self._delete(self._succeeded(records, [messages[record] for record in records]))
        except (BotoCoreError, ClientError) as error:  # the messages come again, as on Lambda
            self._report(f"{self._mapping.queue_arn}: cannot delete: {error}")
        finally:
            self._free.release()

    def _succeeded(self, records: Sequence[str], messages: Sequence[MessageTypeDef]) -> list[MessageTypeDef]:
        answer = self._invoke(sqs_event(records))
        if answer.error is not None:
            self._report(f"{self._mapping.function}: {answer.error}; {len(messages)} messages will be visible again")
            return []
        if not self._mapping.reports_item_failures:
            return list(messages)
        failed = failed_items(answer.payload, (message["MessageId"] for message in messages))
        return [message for message in messages if message["MessageId"] not in failed]

    def _delete(self, messages: Sequence[MessageTypeDef]) -> None:
        for first in range(0, len(messages), _MESSAGES_PER_CALL):
            self._sqs.delete_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                    for index, message in enumerate(messages[first : first + _MESSAGES_PER_CALL])
                ],
            )


_CLIENT_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 1})
