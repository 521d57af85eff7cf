"""A key's order and every row survive a broker that is killed and a row that is refused for a while; both take long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from threading import Event

from sqlalchemy import Engine

from delivery.relay import KafkaTrouble, Relayer, RelayReport
from tests.integration.relay.broker import Broker, numbers_by_key
from tests.integration.relay.outbox_rows import add, counts, set_columns, states, written
from tests.integration.relay.running import now, relayer, run
from tests.waiting import until

_ROWS, _KEYS = 10_000, 200
_LONGEST = 600.0


def without_repetitions(numbers: list[int]) -> list[int]:
    """Those that stand side by side: what Kafka took without an answer is produced again before anything else is."""
    return [number for number, _ in groupby(numbers)]


def run_until(ended: Event, relay: Relayer) -> list[RelayReport]:
    reports = []
    while not ended.is_set():
        reports.append(run(relay, seconds=2))
    return reports


def test_a_broker_killed_in_the_middle_of_ten_thousand_rows_loses_none(
    engine: Engine, broker: Broker, topic: str
) -> None:
    """It is started again while the relay goes on: all arrive, each key in its order, and no retry is used up."""
    broker.make_topic(topic)
    ids = add(engine, now(), [str(number % _KEYS) for number in range(_ROWS)], topic=topic)
    relay, ended = relayer(engine, broker.servers), Event()
    with ThreadPoolExecutor(1) as thread:
        reports = thread.submit(run_until, ended, relay)
        try:
            until(lambda: counts(engine).get("published", 0) > _ROWS // 5, within=_LONGEST)
            broker.kill()
            assert counts(engine)["published"] < _ROWS
            until(lambda: any(row.last_error for row in states(engine).values()), within=60)
            broker.start()
            until(lambda: counts(engine) == {"published": _ROWS}, within=_LONGEST)
        finally:
            ended.set()
    assert {type(report.failure) for report in reports.result()} <= {type(None), KafkaTrouble}
    assert {row.retry_count for row in states(engine).values()} == {0}
    arrived = numbers_by_key(broker.arrived(topic))
    expected = {str(key).encode(): ids[key::_KEYS] for key in range(_KEYS)}
    assert {key: without_repetitions(numbers) for key, numbers in arrived.items()} == expected


def test_four_thousand_rows_of_a_key_keep_their_order_while_one_is_refused(
    engine: Engine, broker: Broker, topic: str
) -> None:
    """The topic takes no message of that size: the rows behind it wait, until it takes it."""
    broker.make_topic(topic, max_message_bytes="2000")
    ids = add(engine, now(), ["a"] * 4_000, topic=topic)
    [other] = add(engine, now(), ["b"], topic=topic)
    large = ids[1_500]
    set_columns(engine, [large], payload=written(large, aggregate_id="x" * 3_000))
    relay = relayer(engine, broker.servers)
    until(lambda: run(relay, seconds=20).failure is None and states(engine)[large].retry_count >= 2, within=_LONGEST)
    refused = states(engine)[large]
    assert (refused.status, "MSG_SIZE_TOO_LARGE" in refused.last_error) == ("pending", True)
    assert numbers_by_key(broker.arrived(topic)) == {b"a": ids[:1_500], b"b": [other]}

    broker.configure(topic, "max.message.bytes", "1000000")
    until(lambda: run(relay, seconds=20).failure is None and counts(engine) == {"published": 4_001}, within=_LONGEST)
    assert numbers_by_key(broker.arrived(topic)) == {b"a": ids, b"b": [other]}
