"""Publishing to a topic, and what the demo asks of the simulated Feishu."""

import pytest
import urllib3
from confluent_kafka import Consumer, Message, TopicPartition

from local.demo.kinds import PASSED_OVER, Event, Kind, Published
from local.demo.producer import KafkaTopic
from local.demo.scenario import build_scenario
from local.feishu import FeishuSimulator
from local.feishu.client import SimulatedFeishu, calls_by_record
from local.machine.processes import CannotStartError
from local.servers.mock_kafka import MockCluster
from tests.unit.demo.accounts import NOW


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
    """Counting goes by what was acknowledged, so all has to be."""
    topic = KafkaTopic(bootstrap_servers=cluster.bootstrap_servers, name="events")
    with pytest.raises(CannotStartError, match=r"Kafka acknowledged 1 of 2 events: .*partition"):
        topic.publish([event(), event(partition=77)])


def test_the_simulator_takes_the_faults_of_a_scenario_and_tokens():
    """One fault for each user that has one; a webhook whose token is asked for is listed so."""
    users = build_scenario(run="run-1", first_user_id=5000, partitions=1, now=NOW).users
    with FeishuSimulator() as simulator:
        feishu = SimulatedFeishu(simulator.url)
        feishu.set_faults([user.fault_document for user in users if user.fault])
        feishu.require_token("key-1", "t")
        feishu.close()
        faults = urllib3.request("GET", f"{simulator.url}/_faults").json()
        webhooks = urllib3.request("GET", f"{simulator.url}/_webhooks").json()
    assert [fault["user_id"] for fault in faults] == [user.user_id for user in users if user.fault]
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
