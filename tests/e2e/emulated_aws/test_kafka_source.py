"""A topic feeds a function by Lambda's rules: in order, one batch of a partition at a time, until it succeeds."""

import base64
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from local.lambda_.event_sources import kafka_partition
from local.machine.processes import running, wait_until_ready
from tests.e2e.emulated_aws.journal import Journal
from tests.e2e.emulated_aws.toy_deployment import Toys
from tests.e2e.emulated_aws.toy_template import function, kafka_mapping
from tests.waiting import until

Deploy = Callable[..., Toys]
_TOPICS = [f"toys-{number}" for number in range(20)]
_next_topic = count()


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """librdkafka's mock cluster: Kafka's protocol without its start."""
    state = tmp_path_factory.mktemp("kafka")
    address = state / "address"
    command = [sys.executable, "-m", "local.servers.mock_kafka", str(address), *(f"{topic}:2" for topic in _TOPICS)]
    with running(command, name="mock Kafka", log=state / "log") as process:
        wait_until_ready(process, address.exists)
        yield address.read_text()


@pytest.fixture
def topic() -> str:
    return _TOPICS[next(_next_topic)]


@pytest.fixture
def toys(deploy: Deploy, journal: Journal, brokers: str, topic: str) -> Callable[..., Toys]:
    """A function on a topic of two partitions, with more properties of the mapping as asked for."""

    def made(**mapping: Any) -> Toys:
        return deploy(
            {
                "Journal": function("journal", environment={"JOURNAL": str(journal.file)}),
                "Source": kafka_mapping("Journal", brokers, Topics=[topic], **mapping),
            }
        )

    return made


@pytest.fixture
def produce(brokers: str, topic: str) -> Callable[..., None]:
    def produce(*values: object, partition: int = 0, **message: Any) -> None:
        producer = Producer({"bootstrap.servers": brokers, "linger.ms": 0})
        for value in values:
            producer.produce(topic, json.dumps(value), partition=partition, **message)
        assert producer.flush(30) == 0

    return produce


def test_records_come_in_the_shape_that_lambda_gives_them(
    toys: Callable[..., Toys], produce: Callable[..., None], journal: Journal, brokers: str, topic: str
) -> None:
    """Keys and values base64, headers as lists of signed bytes."""
    produce({"number": 1}, key="7", headers=[("trace", "é".encode()), ("empty", b"")], timestamp=1_700_000_000_123)
    with toys().sources():
        until(journal.events)
    (event,) = journal.events()
    assert event == {
        "eventSource": "SelfManagedKafka",
        "bootstrapServers": brokers,
        "records": {
            f"{topic}-0": [
                {
                    "topic": topic,
                    "partition": 0,
                    "offset": 0,
                    "timestamp": 1_700_000_000_123,
                    "timestampType": "CREATE_TIME",
                    "key": base64.b64encode(b"7").decode(),
                    "value": base64.b64encode(b'{"number": 1}').decode(),
                    "headers": [{"trace": [-61, -87]}, {"empty": []}],
                }
            ]
        },
    }


def test_a_batch_is_no_larger_than_the_mapping_says(
    toys: Callable[..., Toys], produce: Callable[..., None], journal: Journal
) -> None:
    """And its order is the partition's."""
    produce(*({"number": number} for number in range(7)))
    with toys(BatchSize=3, MaximumBatchingWindowInSeconds=1).sources():
        until(lambda: len(_numbers(journal)) == 7)
    assert _numbers(journal) == list(range(7))
    assert [len(_values(event)) for event in journal.events()] == [3, 3, 1]


def test_a_record_without_a_value_keeps_its_place_in_a_batch(
    toys: Callable[..., Toys], brokers: str, topic: str, journal: Journal
) -> None:
    """First of a batch, last of one, in the middle, and alone."""
    producer = Producer({"bootstrap.servers": brokers})
    for value in (None, b"{}", None, None, b"{}", None, None):
        producer.produce(topic, value, partition=0)
    assert producer.flush(30) == 0
    with toys(BatchSize=3, MaximumBatchingWindowInSeconds=1).sources():
        until(lambda: len(_records(journal)) == 7)
    assert [record["offset"] for record in _records(journal)] == list(range(7))
    assert [record["offset"] for record in _records(journal) if "value" in record] == [1, 4]


def test_a_null_that_no_longer_fits_into_an_event_begins_the_next(
    toys: Callable[..., Toys], brokers: str, topic: str, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left over may be a record of length 0, which is no less a record."""
    monkeypatch.setattr(kafka_partition, "MAX_RECORDS_BYTES", 1_000)
    producer = Producer({"bootstrap.servers": brokers})
    for value in (b'{"ballast": "%s"}' % (b"x" * 500), None, None):
        producer.produce(topic, value, partition=0)
    assert producer.flush(30) == 0
    with toys(MaximumBatchingWindowInSeconds=1).sources():
        until(lambda: len(_records(journal)) == 3)
    assert [record["offset"] for record in _records(journal)] == [0, 1, 2]


def test_a_window_gathers_what_comes_one_after_the_other(
    toys: Callable[..., Toys], produce: Callable[..., None], journal: Journal
) -> None:
    """It is cut short when the batch is full."""
    with toys(BatchSize=4, MaximumBatchingWindowInSeconds=60).sources():
        for number in range(4):
            produce({"number": number})
        until(journal.events)
    assert [len(_values(event)) for event in journal.events()] == [4]


def test_a_batch_that_fails_comes_again_and_nothing_goes_past_it(
    toys: Callable[..., Toys], produce: Callable[..., None], journal: Journal, tmp_path: Path
) -> None:
    """The same records in the same order, until the function takes them; then the next."""
    mended = tmp_path / "mended"
    produce({"number": 0, "fails_without": str(mended)}, {"number": 1}, {"number": 2})
    with toys(BatchSize=2, MaximumBatchingWindowInSeconds=1).sources():
        until(lambda: len(journal.events()) >= 3)
        mended.touch()
        until(lambda: _values(journal.events()[-1])[0]["number"] == 2)
    *repeated, last = [[value["number"] for value in _values(event)] for event in journal.events()]
    assert set(map(tuple, repeated)) == {(0, 1)}
    assert last == [2]


def test_a_partition_does_not_wait_for_another_one(
    toys: Callable[..., Toys], produce: Callable[..., None], journal: Journal
) -> None:
    """One that fails for ever holds up nobody else."""
    produce({"number": 0, "fails_without": "/never/there"}, partition=0)
    produce({"number": 1}, {"number": 2}, partition=1)
    with toys().sources():
        until(lambda: {1, 2} <= set(_numbers(journal)))


def test_a_partition_has_one_batch_in_hand(
    toys: Callable[..., Toys], produce: Callable[..., None], journal: Journal
) -> None:
    """However many workers are free; two partitions have two."""
    for partition in (0, 1):
        produce(*({"sleep": 0.2} for _ in range(3)), partition=partition)
    with toys(BatchSize=1).sources():
        until(lambda: len(journal.events()) == 6)
    assert journal.most_at_once() == 2


def test_after_a_restart_only_what_was_not_taken_comes_again(
    toys: Callable[..., Toys], produce: Callable[..., None], journal: Journal, brokers: str, topic: str
) -> None:
    """The offset is committed after success, and not before."""
    running_toys = toys(BatchSize=1)
    produce({"number": 0})
    with running_toys.sources():
        until(lambda: _committed(brokers, topic) == 1)
    produce({"number": 1, "fails_without": "/never/there"})
    with running_toys.sources():
        until(lambda: running_toys.reports)
    assert _committed(brokers, topic) == 1
    with running_toys.sources():
        until(lambda: _numbers(journal).count(1) >= 2)
    assert _numbers(journal).count(0) == 1


def test_a_batch_never_exceeds_what_an_event_can_hold(
    toys: Callable[..., Toys], produce: Callable[..., None], journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All records arrive, in order; the one that did not fit is the first of the next event."""
    monkeypatch.setattr(kafka_partition, "MAX_RECORDS_BYTES", 100_000)  # the mock keeps less than the real 6 MB
    produce(*({"number": number, "ballast": "x" * 20_000} for number in range(9)))
    with toys(MaximumBatchingWindowInSeconds=1).sources():
        until(lambda: len(_numbers(journal)) == 9)
    assert _numbers(journal) == list(range(9))
    assert [len(_values(event)) for event in journal.events()] == [3, 3, 3]


def test_a_group_that_begins_with_the_latest_skips_what_was_there(
    toys: Callable[..., Toys], produce: Callable[..., None], journal: Journal
) -> None:
    """The mapping's starting position counts where nothing is committed."""
    produce({"number": 0})
    with toys(StartingPosition="LATEST").sources():

        def seen() -> list[int]:
            produce({"number": 1})
            return _numbers(journal)

        until(seen)
    assert set(_numbers(journal)) == {1}


def _values(event: dict[str, Any]) -> Sequence[dict[str, Any]]:
    (records,) = event["records"].values()
    return [json.loads(base64.b64decode(record["value"])) for record in records]


def _records(journal: Journal) -> list[dict[str, Any]]:
    return [record for event in journal.events() for records in event["records"].values() for record in records]


def _numbers(journal: Journal) -> list[int]:
    return [value["number"] for event in journal.events() for value in _values(event) if "number" in value]


def _committed(brokers: str, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "toys"})
    (position,) = consumer.committed([TopicPartition(topic, 0)], timeout=10)
    consumer.close()
    offset: int = position.offset
    return offset
