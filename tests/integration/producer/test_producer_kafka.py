"""Events that a backend publishes itself, on a broker: whoever produces, a user's events are in one partition."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from delivery.domain.contract import Accepted
from hongyan_producer import ContractError, checked_event, kafka, partition_of, publish
from hongyan_producer.contract.models import TOPIC
from local.machine.ports import free_port
from local.servers.kafka import KafkaCluster, kafka_cluster
from local.servers.mock_kafka import MockCluster
from tests.producer_pages import block
from tests.unit.samples import judge, payload
from tests.waiting import until

CACHE = Path(__file__).parents[3] / ".local" / "cache"
TOPICS = {TOPIC: 6, "mixed": 6, "growing": 6, "other": 6}
USERS = range(1, 121)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """A real one wherever Java or its package is to be had."""
    with kafka_cluster(tmp_path_factory.mktemp("kafka"), cache=CACHE, topics=TOPICS) as cluster:
        yield cluster


def producer(servers: str, **options: Any) -> Producer:
    """It may outlive its broker, which it would complain about."""
    return Producer({"bootstrap.servers": servers, "log_level": 0, **options})


def messages(servers: str, topic: str, partitions: int = 6) -> Mapping[int, Sequence[Message]]:
    """All that the topic holds, by partition and in order."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": uuid4().hex})
    try:
        return {it: list(_of_partition(consumer, TopicPartition(topic, it, 0))) for it in range(partitions)}
    finally:
        consumer.close()


def _of_partition(consumer: Consumer, begin: TopicPartition) -> Iterator[Message]:
    _, end = consumer.get_watermark_offsets(begin, timeout=20)
    consumer.assign([begin])
    position = 0
    while position < end:
        message = consumer.poll(20)
        assert message is not None
        assert message.error() is None
        position = (message.offset() or 0) + 1
        yield message


def partition_by_key(servers: str, topic: str) -> Mapping[bytes, set[int]]:
    found: dict[bytes, set[int]] = {}
    for partition, there in messages(servers, topic).items():
        for message in there:
            found.setdefault(message.key() or b"", set()).add(partition)
    return found


def test_a_user_s_events_are_in_one_partition_and_in_order_whoever_produces_them(cluster: KafkaCluster) -> None:
    """`publish`, with a producer whose own partitioner is another, and librdkafka's murmur2 as in other languages."""
    ours, theirs = (
        producer(cluster.bootstrap_servers),
        producer(cluster.bootstrap_servers, partitioner="murmur2_random"),
    )
    for turn in ("1", "2", "3"):
        for user_id in USERS:
            event = payload(user_id=user_id, dedupe_key=turn)
            if (user_id + int(turn)) % 2:
                publish(ours, event, topic="mixed")
            else:
                theirs.produce("mixed", checked_event(event).value, key=str(user_id))
        assert (ours.flush(30), theirs.flush(30)) == (0, 0)
    found = messages(cluster.bootstrap_servers, "mixed")
    turns: dict[int, dict[bytes, list[str]]] = {partition: {} for partition in found}
    for partition, there in found.items():
        for message in there:
            verdict = judge(message.value())
            assert isinstance(verdict, Accepted)
            turns[partition].setdefault(message.key() or b"", []).append(verdict.record.dedupe_key)
    assert {key for keys in turns.values() for key in keys} == {str(user_id).encode() for user_id in USERS}
    assert all(order == ["1", "2", "3"] for keys in turns.values() for order in keys.values())


def test_without_the_package_librdkafka_chooses_another_partition(cluster: KafkaCluster) -> None:
    """Which is why `publish` chooses it, and what the test above would notice."""
    default = producer(cluster.bootstrap_servers)
    for user_id in USERS:
        default.produce("other", b"", key=str(user_id))
    assert default.flush(30) == 0
    chosen = partition_by_key(cluster.bootstrap_servers, "other")
    assert any(chosen[key] != {partition_of(key, 6)} for key in chosen)


def test_the_delivery_callback_is_the_caller_s(cluster: KafkaCluster) -> None:
    """Called from the caller's own `flush`, with what librdkafka says."""
    told: list[tuple[Any, Message]] = []
    mine = producer(cluster.bootstrap_servers)
    publish(mine, payload(), on_delivery=lambda error, message: told.append((error, message)), event_id="ev-1")
    assert told == []
    assert mine.flush(30) == 0
    [(error, message)] = told
    assert error is None
    assert (message.topic(), message.key(), message.partition()) == (TOPIC, b"7", partition_of(b"7", 6))
    assert isinstance(judge(message.value()), Accepted)
    assert b'"event_id": "ev-1"' in (message.value() or b"")


def test_an_event_that_nobody_named_has_an_empty_name(cluster: KafkaCluster) -> None:
    """As in `checked_event` and in the outbox."""
    told: list[Message] = []
    mine = producer(cluster.bootstrap_servers)
    publish(mine, payload(), on_delivery=lambda _, message: told.append(message))
    assert mine.flush(30) == 0
    [message] = told
    assert json.loads(message.value() or b"")["event_id"] == ""


def test_a_payload_that_breaks_the_contract_produces_nothing(cluster: KafkaCluster) -> None:
    mine = producer(cluster.bootstrap_servers)
    with pytest.raises(ContractError, match="user_id: should be greater than 0"):
        publish(mine, payload(user_id=0))
    assert len(mine) == 0


def test_a_topic_that_there_is_not_is_named(cluster: KafkaCluster) -> None:
    """A mistyped name would otherwise wait in the producer for five minutes."""
    with pytest.raises(LookupError, match=r"^Kafka has no topic mistyped: "):
        publish(producer(cluster.bootstrap_servers), payload(), topic="mistyped")


def test_a_broker_that_is_away_raises_what_the_client_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the partitions are not known yet."""
    monkeypatch.setattr(kafka, "_ANSWER_SECONDS", 0.5)
    nowhere = producer(f"127.0.0.1:{free_port()}")
    with pytest.raises(KafkaException):
        publish(nowhere, payload())


def test_partitions_are_asked_for_once_in_five_minutes(cluster: KafkaCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Java's client does; when the topic has grown, both then go by the new number."""
    if not cluster.program.startswith("Apache Kafka"):
        pytest.skip(f"only a real broker lets a topic grow, and here runs {cluster.program}")
    mine, seconds, partitions = producer(cluster.bootstrap_servers), [0.0], []
    monkeypatch.setattr(kafka, "monotonic", lambda: seconds[0])

    def published_to() -> int:
        publish(mine, payload(), topic="growing", on_delivery=lambda _, message: partitions.append(message.partition()))
        assert mine.flush(30) == 0
        return int(partitions[-1])

    assert published_to() == partition_of(b"7", 6)
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap_servers})
    admin.create_partitions([NewPartitions("growing", 13)])["growing"].result(20)
    until(lambda: len(mine.list_topics("growing", timeout=20).topics["growing"].partitions) == 13)
    seconds[0] = 299.0
    assert published_to() == partition_of(b"7", 6)
    seconds[0] = 301.0
    assert published_to() == partition_of(b"7", 13) != partition_of(b"7", 6)


def test_each_producer_goes_by_its_own_cluster_s_partitions(cluster: KafkaCluster) -> None:
    """Two clusters may have a topic of one name."""
    elsewhere, told = MockCluster(), []
    elsewhere.create_topic(TOPIC, 13)
    here, there = producer(cluster.bootstrap_servers), producer(elsewhere.bootstrap_servers)
    for one in (here, there, here):
        publish(one, payload(), on_delivery=lambda _, message: told.append(message.partition()))
        assert one.flush(30) == 0
    assert told == [partition_of(b"7", 6), partition_of(b"7", 13), partition_of(b"7", 6)]


def test_the_pages_example_publishes_an_event(cluster: KafkaCluster) -> None:
    """As it stands there, in a process of its own."""
    before = sum(map(len, messages(cluster.bootstrap_servers, TOPIC).values()))
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap_servers}
    subprocess.run([sys.executable, "-c", block("Producer(")], env=environment, check=True)
    found = [it for there in messages(cluster.bootstrap_servers, TOPIC).values() for it in there]
    assert len(found) == before + 1
    assert any(b"/assistant/sg-1" in (it.value() or b"") and isinstance(judge(it.value()), Accepted) for it in found)
