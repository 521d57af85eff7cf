"""The relay between a real MySQL and a real broker: what arrives, in which order, and what Kafka refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from local.machine.ports import free_port
from tests.integration.relay.broker import Broker, numbers_by_key
from tests.integration.relay.outbox_rows import add, counts, set_columns, states, written
from tests.integration.relay.running import now, producer, relayer, run
from tests.waiting import until


def test_a_row_reaches_its_topic_under_its_key(engine: Engine, broker: Broker, topic: str) -> None:
    """As docs/events.md has it, with the row's id; the row is published then."""
    broker.make_topic(topic)
    [row_id] = add(engine, now(), ["7"], topic=topic, service_name="", payload=written(1, event_id=""))
    report = run(relayer(engine, broker.servers))
    assert (report.published, report.failure) == (1, None)
    [arrived] = broker.arrived(topic)
    assert arrived.key == b"7"
    assert json.loads(arrived.value) == {
        **written(1),
        "event_id": str(row_id),
        "outbox_id": row_id,
        "service_name": "notification",
    }
    row = states(engine)[row_id]
    assert (row.status, row.next_retry_at, row.last_error) == ("published", None, None)
    assert row.published_at is not None


def test_a_key_is_in_the_partition_where_java_s_clients_put_it(engine: Engine, broker: Broker, topic: str) -> None:
    """By murmur2, so that producers of all languages keep a user's order together. The hashes are Kafka's own."""
    broker.make_topic(topic, partitions=12)
    add(engine, now(), ["21", "foobar", "a-little-bit-long-string"], topic=topic)
    run(relayer(engine, broker.servers))
    # org.apache.kafka.common.utils.UtilsTest, testMurmur2
    hashes = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    found = {one.key: one.partition for one in broker.arrived(topic)}
    assert found == {key: (number & 0x7FFFFFFF) % 12 for key, number in hashes.items()}


def test_two_relays_at_once_publish_each_row_once(
    engine: Engine, another_engine: Callable[[], Engine], broker: Broker, topic: str
) -> None:
    """3,000 rows of 50 keys, and each key in its order."""
    broker.make_topic(topic)
    ids = add(engine, now(), [str(number % 50) for number in range(3_000)], topic=topic)
    relays = [relayer(it, broker.servers, batch_size=100) for it in (engine, another_engine())]

    def work() -> dict[str, int]:
        with ThreadPoolExecutor(2) as threads:
            reports = list(threads.map(lambda one: run(one, seconds=2), relays))
        assert [report.failure for report in reports] == [None, None]
        assert sum(report.lost for report in reports) == 0
        return dict(counts(engine))

    until(lambda: work() == {"published": 3_000})
    arrived = broker.arrived(topic)
    assert sorted(one.number for one in arrived) == ids
    assert all(numbers == sorted(numbers) for numbers in numbers_by_key(arrived).values())


def test_a_row_that_is_refused_for_the_last_time_is_dead_and_the_next_ones_go(
    engine: Engine, broker: Broker, topic: str
) -> None:
    """It says why, and holds up its key no longer."""
    broker.make_topic(topic, max_message_bytes="2000")
    ids = add(engine, now(), ["a"] * 3, topic=topic, max_retry=2)
    set_columns(engine, [ids[0]], payload=written(ids[0], aggregate_id="x" * 3_000))
    relay = relayer(engine, broker.servers)
    until(lambda: run(relay).failure is None and counts(engine) == {"dead": 1, "published": 2})
    dead = states(engine)[ids[0]]
    assert (dead.status, dead.retry_count, dead.next_retry_at) == ("dead", 2, None)
    assert dead.last_error.startswith("Kafka: MSG_SIZE_TOO_LARGE: ")
    assert [one.number for one in broker.arrived(topic)] == ids[1:]


def test_rows_that_share_a_batch_with_one_that_is_too_large_are_published(
    engine: Engine, broker: Broker, topic: str
) -> None:
    """Kafka measures whole batches: a topic of small messages would refuse every full set otherwise."""
    broker.make_topic(topic, partitions=1, max_message_bytes="4000")
    ids = add(engine, now(), [str(number) for number in range(100)], topic=topic)
    set_columns(engine, ids[:1], payload=written(ids[0], aggregate_id="x" * 5_000))
    relay = relayer(engine, producer(broker.servers, linger_ms=50))  # so that they surely share one
    until(lambda: run(relay, seconds=20).failure is None and counts(engine).get("published") == 99)
    first, *others = states(engine).values()
    assert first.retry_count > 0
    assert [row.retry_count for row in others] == [0] * 99
    assert sorted(one.number for one in broker.arrived(topic)) == ids[1:]


def test_an_unreadable_payload_is_dead_at_once(engine: Engine, broker: Broker, topic: str) -> None:
    """Nobody could read it later either; the row says what is wrong and not what stands there."""
    broker.make_topic(topic)
    bad = add(engine, now(), ["a"], topic=topic, payload=["secret"]) + add(
        engine, now(), ["a"], topic=topic, payload={}
    )
    [good] = add(engine, now(), ["a"], topic=topic)
    report = run(relayer(engine, broker.servers))
    assert (report.published, report.dead, report.failure) == (1, 2, None)
    found = states(engine)
    assert [found[it].last_error for it in bad] == [
        "payload is not a JSON object but an array",
        "payload: is missing",
    ]
    assert [one.number for one in broker.arrived(topic)] == [good]


def test_a_topic_that_is_not_there_yet_is_waited_for(engine: Engine, broker: Broker, topic: str) -> None:
    """Its rows use up nothing, and those of other topics go meanwhile."""
    broker.make_topic(f"{topic}.other")
    [waiting] = add(engine, now(), ["a"], topic=topic, max_retry=1)
    add(engine, now(), ["a"], topic=f"{topic}.other")
    relay = relayer(engine, broker.servers)
    report = run(relay, seconds=3)
    assert report.published == 1
    assert "UNKNOWN_TOPIC" in str(report.failure)
    row = states(engine)[waiting]
    assert (row.status, row.retry_count, "UNKNOWN_TOPIC" in row.last_error) == ("pending", 0, True)
    broker.make_topic(topic)
    until(lambda: run(relay).failure is None and counts(engine) == {"published": 2})
    assert [one.number for one in broker.arrived(topic)] == [waiting]


@pytest.mark.parametrize("name", ["a b", "a\0b", ""])
def test_a_topic_that_no_broker_could_have_is_refused(engine: Engine, broker: Broker, topic: str, name: str) -> None:
    """It would never be there. The rest of the set goes, even if it is the client that finds the name impossible."""
    broker.make_topic(topic)
    [first] = add(engine, now(), ["a"], topic=topic)
    [bad] = add(engine, now(), ["a"], topic=name, max_retry=1)
    [last] = add(engine, now(), ["b"], topic=topic)
    report = run(relayer(engine, broker.servers))
    assert (report.published, report.dead, report.failure) == (2, 1, None)
    assert states(engine)[bad].status == "dead"
    assert {one.number for one in broker.arrived(topic)} == {first, last}


def test_kafka_away_for_hours_kills_no_row(engine: Engine) -> None:
    """A row that one more refusal would end is as it was, but for the words of the last try."""
    ids = add(engine, now(), ["a", "a", "b"], retry_count=19)
    nobody = f"127.0.0.1:{free_port()}"
    relay = relayer(engine, producer(nobody, message_timeout_ms=500))
    for _ in range(5):
        report = run(relay, seconds=0.5)
        assert "Connection refused" in str(report.failure)
        assert (report.put_back, report.dead, report.refused, report.unanswered) == (3, 0, 0, 0)
        set_columns(engine, ids, next_retry_at=now())  # hours later
    found = states(engine)
    assert [(row.status, row.retry_count) for row in found.values()] == [("pending", 19)] * 3
    assert "Connection refused" in found[ids[0]].last_error


def test_the_same_client_serves_the_next_run(engine: Engine, broker: Broker, topic: str) -> None:
    """Lambda keeps the instance: connecting anew each minute would cost a second of it."""
    broker.make_topic(topic)
    kafka = producer(broker.servers)
    relay = relayer(engine, kafka)
    clients = []
    for _ in range(2):
        add(engine, now(), ["a"], topic=topic)
        assert run(relay).published == 1
        clients.append(kafka._client)
    assert clients[0] is clients[1] is not None


def test_a_deadline_that_is_near_leaves_all_rows_as_they_are(engine: Engine, broker: Broker, topic: str) -> None:
    """Nothing is leased and nothing produced: the next run begins where this one would have."""
    broker.make_topic(topic)
    [row_id] = add(engine, now(), ["a"], topic=topic)
    before = states(engine)[row_id]
    report = relayer(engine, broker.servers).run(until=now() + timedelta(seconds=10))
    assert (report.published, report.failure) == (0, None)
    assert states(engine)[row_id] == before
    assert broker.arrived(topic) == []
