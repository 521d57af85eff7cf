"""Publishing to a topic, and the client of the simulated Feishu."""

import pytest
import urllib3
from confluent_kafka import Consumer, Message, TopicPartition

from local.demo.publishing.event_kinds import PASSED_OVER, Event, Kind, Published
from local.demo.publishing.producer import KafkaTopic
from local.feishu import FeishuSimulator
from local.feishu.client import SimulatedFeishu, calls_by_record
from local.machine.processes import CannotStartError
from local.servers.mock_kafka import MockCluster


@pytest.fixture(scope="module")
def cluster():
    cluster = MockCluster()
    cluster.create_topic("events", 2)
    return cluster


def event(
    value: bytes | None = b"{}",
    *,
    key: bytes | None = b"7",
    partition: int | None = None,
    headers: tuple[tuple[str, bytes], ...] = (),
) -> Event:
    return Event(kind=Kind.FOREIGN, expected=PASSED_OVER, key=key, value=value, partition=partition, headers=headers)


def read(cluster: MockCluster, one: Published) -> Message:
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap_servers, "group.id": "reader"})
    try:
        consumer.assign([TopicPartition("events", one.partition, one.offset)])
        message = consumer.poll(30)
        assert message is not None
        return message
    finally:
        consumer.close()


def test_what_kafka_acknowledges_is_where_it_says(cluster):
    """Key, value and headers as they were, null and broken ones too."""
    topic = KafkaTopic(bootstrap_servers=cluster.bootstrap_servers, name="events")
    events = [event(b"\xff", key=None, headers=(("h", b"\x80"),)), event(None), event(b"", partition=1)]
    published = topic.publish(events)
    assert {id(one.event) for one in published} == {id(one) for one in events}
    for one in published:
        message = read(cluster, one)
        assert (message.key(), message.value()) == (one.event.key, one.event.value)
        assert tuple(message.headers() or ()) == one.event.headers
    assert next(one.partition for one in published if one.event.value == b"") == 1


def test_a_topic_knows_its_partitions(cluster):
    """The demo ends each of them with an event of its own."""
    assert KafkaTopic(bootstrap_servers=cluster.bootstrap_servers, name="events").partitions() == 2


def test_an_event_that_kafka_does_not_take_is_an_error(cluster):
    """The account counts acknowledged events, so every event has to be one."""
    topic = KafkaTopic(bootstrap_servers=cluster.bootstrap_servers, name="events")
    with pytest.raises(CannotStartError, match=r"Kafka acknowledged 1 of 2 events: .*partition"):
        topic.publish([event(), event(partition=77)])


def test_a_client_sets_faults_and_tokens_in_a_running_simulator():
    """As the simulator itself lists them."""
    with FeishuSimulator() as simulator:
        feishu = SimulatedFeishu(simulator.url)
        feishu.set_faults([{"kind": "cut", "user_id": 7}])
        feishu.require_token("key-1", "t")
        with pytest.raises(ValueError, match=r"refused /_faults: kind: should be one of"):
            feishu.set_faults([{"kind": "none"}])
        feishu.close()
        assert urllib3.request("GET", f"{simulator.url}/_faults").json() == [{"kind": "cut", "user_id": 7}]
        webhooks = urllib3.request("GET", f"{simulator.url}/_webhooks").json()
    assert webhooks == [{"key": "key-1", "enabled": True, "asks_for_bearer": True}]


def test_calls_are_counted_for_each_notification():
    """All of them, or those whose message was seen."""
    calls = [
        {"notification_id": 1, "accepted": False},
        {"notification_id": 1, "accepted": True},
        {"notification_id": 2, "accepted": False},
    ]
    assert calls_by_record(calls) == {1: 2, 2: 1}
    assert calls_by_record(calls, accepted=True) == {1: 1}
