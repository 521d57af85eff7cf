"""A relay that dies after Kafka accepted: its rows are published again, and recorded once."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from sqlalchemy import Engine

from delivery.domain.intake import KafkaRecord
from tests.integration.children import killed_when_it_says
from tests.integration.clock import Clock
from tests.integration.notifications import count, event
from tests.integration.relay.broker import Broker
from tests.integration.relay.outbox_rows import add, counts
from tests.integration.relay.running import now, relayer, run
from tests.integration.sending import PointerList, ingester


def after_the_lease() -> datetime:
    return now() + timedelta(seconds=61)


def test_a_relay_killed_between_kafka_and_its_mark_publishes_twice_and_ingest_records_once(
    engine: Engine, shared_url: str, broker: Broker, topic: str, clock: Clock, queue: PointerList
) -> None:
    """Its lease ends, the next relay takes its rows; the second event of a notification changes nothing."""
    broker.make_topic(topic)
    for number in range(3):
        add(engine, now(), ["7"], topic=topic, payload=json.loads(event(f"key-{number}")))
    killed_when_it_says("accepted", "tests.integration.relay.dying_relay", shared_url, broker.servers)
    assert counts(engine) == {"pending": 3}
    assert run(relayer(engine, broker.servers)).published == 0  # still leased

    # One after the other, as they share a key. A second is too short for three on a busy machine.
    report = run(relayer(engine, broker.servers, clock=after_the_lease), seconds=5)
    assert (report.published, report.failure) == (3, None)
    arrived = broker.arrived(topic)
    assert [one.value for one in arrived[:3]] == [one.value for one in arrived[3:]]
    records = [
        KafkaRecord(topic=topic, partition=one.partition, offset=offset, key=one.key, value=one.value)
        for offset, one in enumerate(arrived)
    ]
    stored = ingester(engine, clock, queue).run(records)
    assert (stored.received, stored.duplicates) == (6, 3)
    assert count(engine) == 3
    assert counts(engine) == {"consumed": 3}
